//! A claim without a volume that it could bind to.

use kube_formats::quantity::Quantity;

use super::{Check, Rule};
use crate::lint::context::{RuleContext, Violation};
use crate::model::object::strings_at;
use crate::model::{Message, Object, Severity};
use yaml_spans::{Node, Path};

pub(super) const RULE: Rule = Rule {
    id: "claim-cannot-bind",
    severity: Severity::Critical,
    summary: "A PersistentVolumeClaim can't bind to the volume that it names, or its class can't make one",
    rationale: "The claim stays `Pending`, and so does every Pod that mounts it: `up` scales the server, and it never starts.",
    fix: "Give claim and volume the same class, an access mode of both, enough capacity and no other claim. For a class that makes volumes for one node, use `ReadWriteOnce`.",
    source: "https://kubernetes.io/docs/concepts/storage/persistent-volumes/#binding; pkg/controller/volume/persistentvolume (checkVolumeSatisfyClaim) of Kubernetes; the classes' documentation, named in src/lint/rules/claim_cannot_bind.rs",
    check: Check::Stack(claim_cannot_bind),
};

/// Classes that make volumes for one node at a time, by the names that their installations give them.
const SINGLE_NODE_CLASSES: [(&str, &str); 13] = [
    // <https://github.com/rancher/local-path-provisioner>: provisioner.go accepts no other mode.
    ("local-path", "Rancher's local-path-provisioner"),
    // <https://docs.aws.amazon.com/eks/latest/userguide/ebs-csi.html>
    ("gp2", "AWS' EBS"),
    ("gp3", "AWS' EBS"),
    // <https://cloud.google.com/kubernetes-engine/docs/concepts/persistent-volumes>
    ("standard-rwo", "Google's Persistent Disk"),
    ("premium-rwo", "Google's Persistent Disk"),
    // <https://learn.microsoft.com/azure/aks/azure-csi-disk-storage-provision>
    ("managed-csi", "Azure Disk"),
    ("managed-csi-premium", "Azure Disk"),
    ("managed-premium", "Azure Disk"),
    // <https://docs.digitalocean.com/products/kubernetes/how-to/add-volumes/>
    ("do-block-storage", "DigitalOcean's block storage"),
    // <https://github.com/hetznercloud/csi-driver>
    ("hcloud-volumes", "Hetzner's volumes"),
    // <https://openebs.io/docs/user-guides/local-storage-user-guide/local-pv-hostpath/hostpath-overview>
    ("openebs-hostpath", "OpenEBS' local volumes"),
    // <https://techdocs.akamai.com/cloud-computing/docs/persistent-volumes>
    ("linode-block-storage", "Akamai's block storage"),
    ("linode-block-storage-retain", "Akamai's block storage"),
];

/// The modes in which several nodes use one volume.
const SEVERAL_NODES: [&str; 2] = ["ReadWriteMany", "ReadOnlyMany"];

const CLASS: [&str; 2] = ["spec", "storageClassName"];
const MODES: [&str; 2] = ["spec", "accessModes"];
const REQUEST: [&str; 4] = ["spec", "resources", "requests", "storage"];

fn claim_cannot_bind(context: &RuleContext<'_>) -> Vec<Violation> {
    let mut violations = Vec::new();
    for claim in context.objects.of_kind("", "PersistentVolumeClaim") {
        let Some(name) = claim.text_at(&["spec", "volumeName"]).filter(|name| !name.is_empty())
        else {
            violations.extend(check_class(claim));
            continue;
        };
        // A volume that nothing renders may have anything.
        if let Some(volume) = context.objects.find("", "PersistentVolume", None, name) {
            violations.extend(check_volume(claim, volume));
        }
    }
    violations
}

/// A claim whose volume has yet to be made.
fn check_class(claim: &Object) -> Option<Violation> {
    let class = claim.text_at(&CLASS)?;
    let (_, owner) = SINGLE_NODE_CLASSES.iter().find(|(name, _)| *name == class)?;
    let modes = strings_at(&claim.node, &MODES);
    let mode = modes.iter().find(|mode| SEVERAL_NODES.contains(mode))?;
    let message = Message::of(format!("{owner} makes volumes for one node at a time: the class "))
        .code(class)
        .and(" makes none with ")
        .code(*mode);
    Some(Violation::at_field(claim, Path::of_keys(MODES), message))
}

/// A claim and the volume that it names.
fn check_volume(claim: &Object, volume: &Object) -> Vec<Violation> {
    let mut violations = Vec::new();
    let name = volume.id.name.as_str();
    let mut report = |keys: &[&str], message: Message| {
        violations.push(Violation::at_field(claim, Path::of_keys(keys.iter().copied()), message));
    };
    let text = |object: &Object, keys: &[&str]| object.text_at(keys).unwrap_or("").to_owned();
    let (wanted, offered) = (text(claim, &CLASS), text(volume, &CLASS));
    if wanted != offered {
        report(&CLASS, differ("class", &wanted, name, &offered));
    }
    let mode = |object: &Object| match text(object, &["spec", "volumeMode"]) {
        mode if mode.is_empty() => "Filesystem".to_owned(),
        mode => mode,
    };
    if mode(claim) != mode(volume) {
        let message = differ("volume mode", &mode(claim), name, &mode(volume));
        report(&["spec", "volumeMode"], message);
    }
    let offered = strings_at(&volume.node, &MODES);
    let wanted = strings_at(&claim.node, &MODES);
    if let Some(missing) = wanted.into_iter().find(|mode| !offered.contains(mode)) {
        report(&MODES, differ("access mode", missing, name, &offered.join(", ")));
    }
    let size = |object: &Object, keys: &[&str]| object.text_at(keys).and_then(Quantity::parse);
    let capacity = ["spec", "capacity", "storage"];
    if let (Some(wanted), Some(offered)) = (size(claim, &REQUEST), size(volume, &capacity))
        && wanted.compare(&offered).is_gt()
    {
        let message = differ("size", &text(claim, &REQUEST), name, &text(volume, &capacity));
        report(&REQUEST, message);
    }
    let owner = ["namespace", "name"].map(|key| text(volume, &["spec", "claimRef", key]));
    let this = [claim.id.namespace.as_deref().unwrap_or(""), &claim.id.name];
    if volume.node_at(&["spec", "claimRef"]).is_some() && owner != this {
        let message = Message::of("The volume ")
            .code(name)
            .and(" is bound to the claim ")
            .code(owner.join("/"))
            .and(", not to ")
            .code(this.join("/"));
        report(&["spec", "volumeName"], message);
    }
    let labels = volume.node_at(&["metadata", "labels"]);
    let wanted = claim.node_at(&["spec", "selector", "matchLabels"]).and_then(Node::as_mapping);
    for (key, entry) in wanted.into_iter().flatten() {
        let label = labels.and_then(|labels| labels.get(key)).and_then(Node::as_str);
        if label != entry.node.as_str() {
            let value = entry.node.as_str().unwrap_or_default();
            let wanted = format!("{key}={value}");
            let offered = label.map_or_else(String::new, |label| format!("{key}={label}"));
            report(
                &["spec", "selector", "matchLabels", key],
                differ("label", &wanted, name, &offered),
            );
        }
    }
    violations
}

/// A difference between a claim and its volume.
fn differ(what: &str, wanted: &str, volume: &str, offered: &str) -> Message {
    let of = |message: Message, text: &str| match text {
        "" => message.and("none"),
        text => message.code(text),
    };
    let message = of(Message::of(format!("The claim has the {what} ")), wanted)
        .and(", and the volume ")
        .code(volume)
        .and(" has ");
    of(message, offered)
}
