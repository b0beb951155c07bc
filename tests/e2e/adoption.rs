//! Adopts Terraform's objects as Flux and Argo CD do.

use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::apply::{applied, name};
use crate::cluster::{Cluster, until};
use crate::common::terraform::live_stack;
use crate::common::tool::{generate, objects, repository};
use crate::compare::{added, changed, differences};
use crate::flux;

/// A cluster whose stack Terraform created, and that this project's manifests then adopted.
pub struct Adopted {
    pub cluster: Cluster,
    /// Terraform's objects, as they were on the server.
    before: Vec<Value>,
    /// The changes of a first sync, as text.
    first: String,
    /// The rendered objects.
    pub sent: Vec<Value>,
    /// The same objects on the server after the first sync.
    after: Vec<Value>,
}

/// The user agent of Terraform's provider, from which the server derives the field manager `HashiCorp`.
const PROVIDER: &str = "HashiCorp/1.0 Terraform/1.11.4";

/// Adopts with Flux' own library and the printed Kustomization.
pub fn by_flux() -> &'static Adopted {
    static ADOPTED: OnceLock<Adopted> = OnceLock::new();
    ADOPTED.get_or_init(|| {
        adopted(|cluster, manifests| {
            let changes = flux::apply(cluster, manifests);
            assert!(changes.iter().all(|change| !change.ends_with(" created")), "{changes:?}");
        })
    })
}

/// Adopts with `kubectl apply`, as Argo CD calls it: client-side, three-way.
pub fn by_argo() -> &'static Adopted {
    static ADOPTED: OnceLock<Adopted> = OnceLock::new();
    ADOPTED.get_or_init(|| {
        adopted(|cluster, manifests| {
            let output = cluster
                .kubectl(&["apply", "--field-manager=argocd-controller", "-f", "-"], manifests);
            assert_eq!(output.code, 0, "{}", output.stderr);
            let warned = "Warning: resource ";
            assert!(
                output.stderr.lines().all(|line| line.starts_with(warned)),
                "{}",
                output.stderr
            );
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
    replace_probes(&cluster, &sent);
    let first = sent.iter().map(|object| fields_changed_by_apply(&cluster, object)).collect();
    apply(&cluster, &manifests);
    let after = live(&sent);
    Adopted { before, first, after, sent, cluster }
}

/// Runs the first command of docs/migrate.md. Without it, the first sync is refused.
fn replace_probes(cluster: &Cluster, rendered: &[Value]) {
    let server = rendered.iter().find(|object| object["kind"] == "Deployment").unwrap();
    let refused = cluster.admin().apply(server, DRY_RUN);
    assert!(refused.message().contains("more than 1 handler type"), "{}", refused.message());
    let guide = std::fs::read_to_string(repository().join("docs/migrate.md")).unwrap();
    let command = "kubectl -n tts patch deployment chatterbox-tts --type=json -p='";
    let (_, rest) = guide.split_once(command).expect(command);
    let (patch, _) = rest.split_once('\'').unwrap();
    let words: Vec<&str> = command.trim_end_matches("='").split(' ').skip(1).collect();
    cluster.kubectl_ok(&[&words[..], &[patch]].concat(), "");
}

/// The query of Flux' apply, as a dry run.
const DRY_RUN: &str = "fieldManager=kustomize-controller&force=true&dryRun=All";

/// The fields that a server-side apply of an object would change, one on each line; lists and security
/// settings as one.
fn fields_changed_by_apply(cluster: &Cluster, object: &Value) -> String {
    let after = cluster.admin().apply(object, DRY_RUN).object();
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

/// Asserts that every rendered field has its rendered value, whoever wrote it before.
fn assert_rendered_values(adopted: &Adopted) {
    for (sent, held) in adopted.sent.iter().zip(&adopted.after) {
        assert_eq!(changed(sent, held), [""; 0], "{}", name(sent));
    }
}

/// The differences between the adopted objects and those of a fresh install.
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

/// An object without the fields that depend on the volume's binding, on the Service's address and on the way
/// of applying.
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

/// The rows of docs/departures.md, without the defaults that only the provider writes.
#[test]
#[ignore = "tests/e2e/run"]
fn the_first_sync_changes_the_documented_fields() {
    insta::assert_snapshot!("changed_by_first_sync", by_flux().first);
}

#[test]
#[ignore = "tests/e2e/run"]
fn flux_leaves_only_the_listed_fields() {
    let adopted = by_flux();
    assert_rendered_values(adopted);
    insta::assert_snapshot!("left_by_terraform", left_over(adopted));
}

#[test]
#[ignore = "tests/e2e/run"]
fn argo_cd_leaves_the_same_fields() {
    let adopted = by_argo();
    assert_rendered_values(adopted);
    insta::assert_snapshot!("left_by_terraform", left_over(adopted));
}

#[test]
#[ignore = "tests/e2e/run"]
fn a_bound_volume_stays_bound_and_nothing_is_recreated() {
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
fn the_cron_jobs_run_the_gate_with_its_account() {
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
        let expected =
            ["down", "guard", "up"].map(|action| format!(r#"["/vram-gate","{action}"]"#));
        assert_eq!(commands, expected);
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
    // The server only added fields, and dropped nothing of the fixture.
    for (sent, held) in live_stack().iter().zip(&adopted.before) {
        assert_eq!(changed(sent, held), [""; 0], "{}", name(sent));
        assert!(added(sent, held).len() < 25, "{}", name(sent));
    }
}
