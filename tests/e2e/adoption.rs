//! What Terraform made, adopted as Flux and as Argo CD do it.

use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::apply::{applied, name};
use crate::cluster::{Cluster, until};
use crate::common::terraform::live_stack;
use crate::common::tool::{generate, objects};
use crate::compare::{added, changed, differences};
use crate::flux;

/// A cluster in which the stack was Terraform's and is now ours.
pub struct Adopted {
    pub cluster: Cluster,
    /// Terraform's objects, as they were held.
    before: Vec<Value>,
    /// What a first sync would change of them.
    first: String,
    /// Ours, as they were rendered.
    pub sent: Vec<Value>,
    /// The same, as they were held after the first sync.
    after: Vec<Value>,
}

/// What Terraform's provider calls itself; the server makes the field manager `HashiCorp` of it.
const PROVIDER: &str = "HashiCorp/1.0 Terraform/1.11.4";

/// Adopted by Flux' own library, with the Kustomization that we print.
pub fn by_flux() -> &'static Adopted {
    static ADOPTED: OnceLock<Adopted> = OnceLock::new();
    ADOPTED.get_or_init(|| {
        adopted(|cluster, manifests| {
            let changes = flux::apply(cluster, manifests);
            assert!(changes.iter().all(|change| !change.ends_with(" created")), "{changes:?}");
        })
    })
}

/// Adopted by `kubectl apply`, as Argo CD calls it: client-side, three-way.
pub fn by_argo() -> &'static Adopted {
    static ADOPTED: OnceLock<Adopted> = OnceLock::new();
    ADOPTED.get_or_init(|| {
        adopted(|cluster, manifests| {
            let ran = cluster
                .kubectl(&["apply", "--field-manager=argocd-controller", "-f", "-"], manifests);
            assert_eq!(ran.code, 0, "{}", ran.err);
            let warned = "Warning: resource ";
            assert!(ran.err.lines().all(|line| line.starts_with(warned)), "{}", ran.err);
        })
    })
}

fn adopted(apply: impl Fn(&Cluster, &str)) -> Adopted {
    let cluster = Cluster::start();
    let terraform = cluster.as_client(PROVIDER);
    let made = live_stack();
    for object in &made {
        terraform.create(object, "").object();
    }
    cluster.start_controllers(&["persistentvolume-binder-controller"]);
    until("a bound claim", || is_bound(&cluster).then_some(()));
    let live = |objects: &[Value]| -> Vec<Value> {
        objects.iter().map(|object| cluster.admin().live(object)).collect()
    };
    let before = live(&made);
    let manifests = generate(&["tts"]);
    let sent = objects(&manifests);
    let first = sent.iter().map(|object| would_change(&cluster, object)).collect();
    apply(&cluster, &manifests);
    let after = live(&sent);
    Adopted { before, first, after, sent, cluster }
}

/// Which fields a server-side apply of an object would change, a line each; lists and security settings
/// as one.
fn would_change(cluster: &Cluster, object: &Value) -> String {
    let force = "fieldManager=kustomize-controller&force=true&dryRun=All";
    let after = cluster.admin().apply(object, force).object();
    let mut paths: Vec<String> = differences(&cluster.admin().live(object), &after)
        .into_iter()
        .map(|line| line.split_once(": ").unwrap().0.to_owned())
        .map(|path| {
            match ["env", "command", "securityContext"].iter().find(|key| path.contains(**key)) {
                Some(key) => path[..path.find(key).unwrap() + key.len()].to_owned(),
                None => path,
            }
        })
        .collect();
    paths.dedup();
    match paths.is_empty() {
        true => String::new(),
        false => format!("{}\n  {}\n", name(object), paths.join("\n  ")),
    }
}

const VOLUME: &str = "/api/v1/persistentvolumes/chatterbox-models";
const CLAIM: &str = "/api/v1/namespaces/tts/persistentvolumeclaims/chatterbox-models";

fn is_bound(cluster: &Cluster) -> bool {
    [VOLUME, CLAIM]
        .iter()
        .all(|path| cluster.admin().get(path).object()["status"]["phase"] == "Bound")
}

/// Every field that we render is as we render it, whoever wrote it before.
fn holds_what_was_sent(adopted: &Adopted) {
    for (sent, held) in adopted.sent.iter().zip(&adopted.after) {
        assert_eq!(changed(sent, held), [""; 0], "{}", name(sent));
    }
}

/// In what the adopted objects differ from those of a fresh install.
fn left_over(adopted: &Adopted) -> String {
    let (fresh, _) = applied();
    let mut lines = String::new();
    for (sent, held) in adopted.sent.iter().zip(&adopted.after) {
        let found = differences(&comparable(held), &comparable(&fresh.admin().live(sent)));
        if !found.is_empty() {
            lines += &format!("{}\n  {}\n", name(sent), found.join("\n  "));
        }
    }
    lines
}

/// An object less what the volume's binding, the address of a Service and the way of applying write.
fn comparable(object: &Value) -> Value {
    let mut object = object.clone();
    let written = [
        "pv.kubernetes.io/",
        "volume.kubernetes.io/",
        "kubectl.kubernetes.io/last-applied-configuration",
        "kustomize.toolkit.fluxcd.io/name",
    ];
    for key in ["annotations", "labels"] {
        let mut texts = object["metadata"][key].as_object().cloned().unwrap_or_default();
        texts.retain(|key, _| !written.iter().any(|prefix| key.starts_with(prefix)));
        object["metadata"][key] = Value::Object(texts);
    }
    object.as_object_mut().unwrap().remove("status");
    if let Some(spec) = object["spec"].as_object_mut() {
        spec.retain(|key, _| !["claimRef", "clusterIP", "clusterIPs"].contains(&key.as_str()));
    }
    object
}

/// The rows of docs/departures.md, less the defaults that only the provider writes out.
#[test]
#[ignore = "tests/e2e/run"]
fn the_first_sync_changes_what_the_guide_says() {
    insta::assert_snapshot!("what_the_first_sync_changes", by_flux().first);
}

#[test]
#[ignore = "tests/e2e/run"]
fn flux_leaves_behind_what_is_listed() {
    let adopted = by_flux();
    holds_what_was_sent(adopted);
    insta::assert_snapshot!("what_terraform_leaves_behind", left_over(adopted));
}

#[test]
#[ignore = "tests/e2e/run"]
fn argo_cd_leaves_behind_the_same() {
    let adopted = by_argo();
    holds_what_was_sent(adopted);
    insta::assert_snapshot!("what_terraform_leaves_behind", left_over(adopted));
}

#[test]
#[ignore = "tests/e2e/run"]
fn a_bound_volume_stays_bound_and_nothing_is_made_anew() {
    for adopted in [by_flux(), by_argo()] {
        assert_eq!(adopted.before.len(), adopted.after.len());
        for before in &adopted.before {
            let after = adopted.after.iter().find(|after| name(after) == name(before)).unwrap();
            assert_eq!(after["metadata"]["uid"], before["metadata"]["uid"], "{}", name(before));
        }
        assert!(is_bound(&adopted.cluster));
        let volume = adopted.cluster.admin().get(VOLUME).object();
        let claim = adopted.cluster.admin().get(CLAIM).object();
        assert_eq!(volume["spec"]["claimRef"]["uid"], claim["metadata"]["uid"]);
    }
}

#[test]
#[ignore = "tests/e2e/run"]
fn the_cron_jobs_run_our_command_as_our_account() {
    for adopted in [by_flux(), by_argo()] {
        let jobs = adopted.after.iter().filter(|object| object["kind"] == "CronJob");
        let mut commands: Vec<String> = jobs
            .map(|job| {
                let pod = &job["spec"]["jobTemplate"]["spec"]["template"]["spec"];
                assert_eq!(pod["containers"].as_array().unwrap().len(), 1, "{pod}");
                assert_eq!(pod["serviceAccountName"], "chatterbox-offpeak");
                pod["containers"][0]["command"].to_string()
            })
            .collect();
        commands.sort();
        let ours = ["down", "guard", "up"].map(|action| format!(r#"["/vram-gate","{action}"]"#));
        assert_eq!(commands, ours);
    }
}

#[test]
#[ignore = "tests/e2e/run"]
fn the_provider_is_known_as_hashicorp() {
    let adopted = by_flux();
    for before in &adopted.before {
        let managers = before["metadata"]["managedFields"].as_array().unwrap();
        let first = &managers[0];
        assert_eq!(
            (&first["manager"], &first["operation"]),
            (&json!("HashiCorp"), &json!("Update"))
        );
    }
    // What is added to what Terraform sent is the server's, nothing of the fixture was dropped.
    for (sent, held) in live_stack().iter().zip(&adopted.before) {
        assert_eq!(changed(sent, held), [""; 0], "{}", name(sent));
        assert!(added(sent, held).len() < 25, "{}", name(sent));
    }
}
