//! docs/quickstart.md: every command of the page, in its order, with a registry on loopback and a real Git
//! remote. kubectl only records what it is given; tests/e2e/quickstart.rs has an API server.

#![cfg(test)]
#![cfg(unix)]

#[path = "../common/mod.rs"]
mod common;
#[allow(dead_code, reason = "shared with the tests of `image`")]
#[path = "../image/registry.rs"]
mod registry;
mod scenario;
#[allow(dead_code, reason = "shared with the tests of `image`")]
#[path = "../image/test_env.rs"]
mod test_env;

use std::fs;

use common::git::git;
use common::guide::{self, assert_success, find};
use common::tool::objects;
use scenario::{CONTROLLERS_REMOTE, Scenario};
use serde_json::json;

#[test]
fn every_command_works_in_its_order() {
    let Some(scenario) = Scenario::prepare() else { return };
    let log = scenario.path("kubectl.log").display().to_string();
    scenario.add_program(
        "kubectl",
        &format!("#!/bin/sh\necho \"$*\" >>'{log}'\ncase $* in *'-f -') exec cat ;; esac\n"),
    );
    let ran = scenario.run(&scenario.commands(), &[]);
    assert_success(&ran);

    // Step 4: both images are pinned, to what the registry has.
    let values = fs::read_to_string(scenario.path("tenants/values/whisper.yaml")).unwrap();
    let pushed = find(&ran, "image push").output.stdout.trim().to_owned();
    let (repository, digest) = pushed.split_once('@').unwrap();
    assert_eq!(repository, format!("{}/me/vram-gate", scenario.registry_address()));
    assert!(values.contains(digest), "{values}");
    assert_eq!(values.matches("sha256:").count(), 2, "{values}");

    // Steps 5 and 7: the remote has what the values say, with the Secret's name in all Pods.
    let tree = scenario.path("remote.git");
    let file = |path: &str| git(&tree, &["show", &format!("main:{path}")]);
    for (object, pod) in [
        ("cronjob-whisper-window-up", "/spec/jobTemplate/spec/template/spec"),
        ("deployment-whisper", "/spec/template/spec"),
    ] {
        let object = objects(&file(&format!("rendered/whisper/{object}.yaml"))).remove(0);
        let pod = object.pointer(pod).unwrap();
        assert_eq!(pod["imagePullSecrets"], json!([{"name": "registry"}]));
        assert!(pod["containers"][0]["image"].as_str().unwrap().contains("@sha256:"), "{pod}");
    }
    let subjects = git(&tree, &["log", "--format=%s", "main"]);
    let first = subjects.lines().last().unwrap();
    assert_eq!((subjects.lines().count(), first), (4, "Add whisper"), "{subjects}");

    // Step 8: the wiring that kubectl got.
    let wiring = objects(&find(&ran, "gitops argocd").output.stdout);
    let kinds: Vec<&str> = wiring.iter().map(|object| object["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["AppProject", "Application"]);
    assert_eq!(wiring[1]["metadata"]["name"], "whisper");
    assert_eq!(wiring[1]["spec"]["source"]["repoURL"], CONTROLLERS_REMOTE);

    // Step 9: the report names the one change, and the window is open now.
    let report = &find(&ran, "tts-render diff").output.stdout;
    assert!(report.contains("offPeak.suspend: true → false"), "{report}");
    let up = objects(&file("rendered/whisper/cronjob-whisper-window-up.yaml")).remove(0);
    assert_eq!(up["spec"]["suspend"], false);
    let message = git(&tree, &["log", "-1", "--format=%B", "main"]);
    assert!(message.starts_with("Render whisper: 1 changed\n\n0 critical"), "{message}");

    // Nothing is left to commit.
    assert_eq!(git(&scenario.path("tenants"), &["status", "--porcelain"]), "");
}

/// The commands in the page's prose, which has one controller's commands only, work too.
#[test]
fn the_page_names_the_steps() {
    let text = fs::read_to_string(common::tool::repository().join("docs/quickstart.md")).unwrap();
    let steps: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    assert_eq!(steps.len(), 10);
    for (number, step) in steps.iter().enumerate() {
        assert!(step.starts_with(&format!("{}. ", number + 1)), "{step}");
    }
    let readme = fs::read_to_string(common::tool::repository().join("README.md")).unwrap();
    let first_link = readme.split("](").nth(1).unwrap();
    assert!(first_link.starts_with("docs/quickstart.md)"), "{first_link}");
    assert!(guide::commands("docs/quickstart.md").iter().all(|line| !line.contains('…')));
}
