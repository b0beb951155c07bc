//! The classes, drivers and directories of volumes.

use super::check::{Check, Expected, NO_INPUT};
use super::references::NOT_MOUNTED;
use super::{RenderedStack, Requirements};
use crate::model::object::node_at;
use crate::shell::shell_quote;
use kube_validate::Object;
use yaml_spans::Node;

impl RenderedStack<'_> {
    pub(super) fn require_storage(&self, found: &mut Requirements<'_>) {
        for object in &self.objects {
            if object.kind == "PersistentVolumeClaim" {
                self.require_storage_class(object, found);
            }
            let Some(csi) = node_at(&object.node, &["spec", "csi"]) else { continue };
            let Some(driver) = csi.get("driver").and_then(Node::as_str) else { continue };
            found.add(
                format!("CSIDriver {driver}"),
                format!("it mounts {}: {NOT_MOUNTED}", object.id()),
                Check::object(None, "csidriver", driver),
            );
            let attributes =
                ["server", "share"].map(|key| node_at(csi, &["volumeAttributes", key]));
            if let [Some(server), Some(share)] = attributes.map(|node| node.and_then(Node::as_str))
            {
                found.add(
                    format!("the directory {share} on the NFS server {server}"),
                    format!("nothing creates it: {NOT_MOUNTED}"),
                    Check::Pod { command: nfs_command(server, share) },
                );
            }
        }
    }

    pub(super) fn require_storage_class(&self, claim: &Object, found: &mut Requirements<'_>) {
        let class = node_at(&claim.node, &["spec", "storageClassName"]).and_then(Node::as_str);
        let Some(class) = class else {
            let columns = "custom-columns=DEFAULT:.metadata.annotations.storageclass\\.kubernetes\\.io/is-default-class";
            return found.add(
                "a default StorageClass",
                format!(
                    "it makes the volume of {}: without it, the claim stays `Pending`",
                    claim.id()
                ),
                Check::kubectl(
                    &["get", "storageclass", "-o", columns],
                    Expected::Text("true".to_owned()),
                ),
            );
        };
        if class.is_empty() {
            return;
        }
        if self.renders("StorageClass", class) {
            return;
        }
        let reason = match node_at(&claim.node, &["spec", "volumeName"]) {
            Some(_) => {
                "the claim is bound by name, so claim and volume need only name the same class; quotas and other tools look for it"
            }
            None => "it makes the volume: without it, the claim stays `Pending`",
        };
        found.add(
            format!("StorageClass {class}"),
            reason,
            Check::object(None, "storageclass", class),
        );
    }
}

/// A command that mounts an NFS directory in a Pod and lists it.
fn nfs_command(server: &str, share: &str) -> String {
    let image = "busybox:1.37";
    let overrides = serde_json::json!({"spec": {
        "containers": [{
            "name": "nfs-check", "image": image, "command": ["ls", "-ld", "/share"],
            "volumeMounts": [{"name": "share", "mountPath": "/share", "readOnly": true}],
        }],
        "volumes": [{"name": "share", "nfs": {"server": server, "path": share, "readOnly": true}}],
    }});
    let run = format!(
        "kubectl -n default run nfs-check --rm --attach --quiet --restart=Never --image={image} --overrides="
    );
    run + &shell_quote(&overrides.to_string()) + NO_INPUT
}
