//! `gitops`: the files that wire a repository to its controllers, as those read them.

#![cfg(test)]

mod common;

use std::fs;
use std::process::Command;

use common::tool::{self, Sandbox};
use serde_json::{Value, json};

const URL: &str = "gitops.repoURL=https://git.example/me/infra.git";
const ACTION: &str = "gitops.ci.action=me/tts-render@0123456789012345678901234567890123456789";

/// The objects that `gitops` prints for this repository's project, with the URL set.
#[track_caller]
fn gitops(args: &[&str]) -> Vec<Value> {
    let output = tool::run_in(tool::repository(), &[&["gitops"], args, &["--set", URL]].concat());
    assert_eq!((output.code, output.stderr.as_str()), (0, ""));
    // All of it is valid, except the patch, which is a part of an object.
    let manifests: Vec<&str> = output
        .stdout
        .split("---\n")
        .filter(|document| !document.trim().is_empty() && !document.contains("argocd-repo-server"))
        .collect();
    let sandbox = Sandbox::empty();
    sandbox.write("wiring.yaml", manifests.join("---\n"));
    sandbox.ok(&["validate", "wiring.yaml"]);
    tool::objects(&output.stdout)
}

#[track_caller]
fn find<'a>(objects: &'a [Value], kind: &str, name: &str) -> &'a Value {
    let is_it = |object: &&Value| object["kind"] == kind && object["metadata"]["name"] == name;
    objects.iter().find(is_it).unwrap_or_else(|| panic!("no {kind} {name}"))
}

fn kinds_and_names(objects: &[Value]) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    objects
        .iter()
        .map(|object| format!("{} {}", text(&object["kind"]), text(&object["metadata"]["name"])))
        .collect()
}

#[test]
fn argo_cd_gets_an_application_for_each_folder() {
    let objects = gitops(&["argocd"]);
    assert_eq!(
        kinds_and_names(&objects),
        [
            "AppProject tts-render",
            "Application tts-render-kyverno",
            "Application tts-render-tripit",
            "Application tts"
        ]
    );
    let tts = &find(&objects, "Application", "tts")["spec"];
    assert_eq!(
        tts["source"],
        json!({"repoURL": "https://git.example/me/infra.git", "targetRevision": "main", "path": "rendered/tts"})
    );
    assert_eq!(tts["destination"]["namespace"], "tts");
    let replicas = json!([{"group": "apps", "kind": "Deployment", "name": "chatterbox-tts", "namespace": "tts", "jsonPointers": ["/spec/replicas"]}]);
    assert_eq!(
        tts["ignoreDifferences"], replicas,
        "and no image, unless the values say that Keel owns it"
    );
    assert!(
        tts["syncPolicy"]["syncOptions"]
            .as_array()
            .unwrap()
            .contains(&json!("RespectIgnoreDifferences=true"))
    );
    assert_eq!(tts["syncPolicy"]["automated"], json!({"prune": false, "selfHeal": true}));
    // A finalizer would delete the stack with its Application.
    assert!(objects.iter().all(|object| object["metadata"].get("finalizers").is_none()));
}

#[test]
fn only_policies_are_compared_on_the_server() {
    let objects = gitops(&["argocd"]);
    let compare = |name: &str| {
        let annotations = &find(&objects, "Application", name)["metadata"]["annotations"];
        annotations["argocd.argoproj.io/compare-options"].as_str().map(str::to_owned)
    };
    assert_eq!(
        compare("tts-render-kyverno").as_deref(),
        Some("ServerSideDiff=true,IncludeMutationWebhook=true")
    );
    assert_eq!((compare("tts"), compare("tts-render-tripit")), (None, None));
}

#[test]
fn the_project_allows_only_what_is_rendered() {
    let objects = gitops(&["argocd"]);
    let project = &find(&objects, "AppProject", "tts-render")["spec"];
    let namespaces: Vec<_> = project["destinations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["namespace"].as_str().unwrap())
        .collect();
    assert_eq!(namespaces, ["kyverno", "tripit", "tts"]);
    assert_eq!(
        project["clusterResourceWhitelist"],
        json!([{"group": "", "kind": "Namespace"}, {"group": "", "kind": "PersistentVolume"}, {"group": "kyverno.io", "kind": "ClusterPolicy"}])
    );
    let namespaced: Vec<_> = project["namespaceResourceWhitelist"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["kind"].as_str().unwrap())
        .collect();
    assert_eq!(
        namespaced,
        [
            "ConfigMap",
            "PersistentVolumeClaim",
            "Service",
            "ServiceAccount",
            "Deployment",
            "CronJob",
            "Role",
            "RoleBinding"
        ]
    );
    assert_eq!(project["sourceRepos"], json!(["https://git.example/me/infra.git"]));
}

#[test]
fn images_that_keel_owns_are_ignored() {
    let argocd = gitops(&["argocd", "--set", "gitops.images=keel"]);
    let rules =
        find(&argocd, "Application", "tts")["spec"]["ignoreDifferences"].as_array().unwrap();
    let expressions: Vec<String> = rules
        .iter()
        .filter_map(|rule| {
            Some(format!(
                "{}/{} {}",
                rule["group"].as_str()?,
                rule["name"].as_str()?,
                rule["jqPathExpressions"][0].as_str()?
            ))
        })
        .collect();
    let job = r#".spec.jobTemplate.spec.template.spec.containers[] | select(.name=="vram-gate") | .image"#;
    let mut expected = vec![format!(
        r#"apps/chatterbox-tts .spec.template.spec.containers[] | select(.name=="chatterbox-tts") | .image"#
    )];
    expected.extend(
        ["chatterbox-vram-guard", "chatterbox-window-down", "chatterbox-window-up"]
            .map(|name| format!("batch/{name} {job}")),
    );
    let mut expressions = expressions;
    expressions.sort();
    assert_eq!(expressions, expected);
    let flux = gitops(&["flux", "--set", "gitops.images=keel"]);
    let ignored = find(&flux, "Kustomization", "tts")["spec"]["ignore"].as_array().unwrap();
    let ignored_paths = |name: &str| {
        ignored
            .iter()
            .filter(|rule| rule["target"]["name"] == name)
            .map(|rule| rule["paths"][0].as_str().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        ignored_paths("^chatterbox-tts$"),
        ["/spec/replicas", "/spec/template/spec/containers/0/image"]
    );
    assert_eq!(
        ignored_paths("^chatterbox-window-up$"),
        ["/spec/jobTemplate/spec/template/spec/containers/0/image"]
    );
}

const PLUGIN: [&str; 4] = [
    "--set",
    "gitops.argocd.pluginImage.repository=reg.example/tts-render",
    "--set",
    "gitops.argocd.pluginImage.tag=1.0",
];

#[test]
fn the_plugin_is_a_sidecar_that_applications_name_with_its_version() {
    let objects = gitops(&[&["argocd", "--from", "plugin"][..], &PLUGIN].concat());
    let config = find(&objects, "ConfigMap", "tts-render-plugin");
    let plugin: Value =
        serde_yaml::from_str(config["data"]["plugin.yaml"].as_str().unwrap()).unwrap();
    let version = plugin["spec"]["version"].as_str().unwrap();
    assert_eq!(version, concat!("v", env!("CARGO_PKG_VERSION")));
    assert_eq!(plugin["spec"]["generate"]["command"], json!(["tts-render", "generate"]));
    assert_eq!(
        plugin["spec"]["parameters"]["dynamic"]["command"],
        json!(["tts-render", "parameters"])
    );
    assert_eq!(plugin["spec"].get("discover"), None);
    let source = |name: &str| find(&objects, "Application", name)["spec"]["source"].clone();
    assert_eq!(source("tts")["path"], ".");
    let named = format!("tts-render-{version}");
    assert_eq!(
        source("tts")["plugin"],
        json!({"name": named, "env": [{"name": "STACK", "value": "tts"}]})
    );
    assert_eq!(
        source("tts-render-kyverno")["plugin"],
        json!({"name": named, "env": [{"name": "APP", "value": "kyverno"}]})
    );
}

/// kubectl merges the patch into the stock repo-server, and the result is a valid Deployment.
#[test]
fn the_sidecar_fits_the_stock_repo_server() {
    if !common::require(&["kubectl", "version", "--client"]) {
        return;
    }
    let objects = gitops(&[&["argocd", "--from", "plugin"][..], &PLUGIN].concat());
    let patch = find(&objects, "Deployment", "argocd-repo-server");
    let stock = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "argocd-repo-server", "namespace": "argocd"},
        "spec": {
            "selector": {"matchLabels": {"app": "repo-server"}},
            "template": {
                "metadata": {"labels": {"app": "repo-server"}},
                "spec": {
                    "initContainers": [{"name": "copyutil", "image": "argocd", "volumeMounts": [{"name": "var-files", "mountPath": "/var/run/argocd"}]}],
                    "containers": [{"name": "argocd-repo-server", "image": "argocd", "volumeMounts": [{"name": "plugins", "mountPath": "/home/argocd/cmp-server/plugins"}]}],
                    "volumes": [{"name": "var-files", "emptyDir": {}}, {"name": "plugins", "emptyDir": {}}],
                },
            },
        },
    });
    let sandbox = Sandbox::empty();
    sandbox.write("stock.json", stock.to_string());
    let file = sandbox.path("stock.json");
    let merged = common::run(
        &[
            "kubectl",
            "patch",
            "--local",
            "-f",
            file.to_str().unwrap(),
            "--type",
            "strategic",
            "-p",
            &patch.to_string(),
            "-o",
            "json",
        ],
        "",
    );
    sandbox.write("merged.json", &merged);
    sandbox.ok(&["validate", "merged.json"]);
    let merged: Value = serde_json::from_str(&merged).unwrap();
    let pod = &merged["spec"]["template"]["spec"];
    let names = |list: &Value| {
        list.as_array()
            .unwrap()
            .iter()
            .map(|one| one["name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let mut containers = names(&pod["containers"]);
    containers.sort();
    assert_eq!(containers, ["argocd-repo-server", "tts-render"]);
    let sidecar = pod["containers"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["name"] == "tts-render")
        .unwrap();
    let volumes = names(&pod["volumes"]);
    for mount in names(&sidecar["volumeMounts"]) {
        assert!(volumes.contains(&mount), "{mount}");
    }
    assert_eq!(sidecar["securityContext"]["readOnlyRootFilesystem"], true);
    assert_eq!(sidecar["securityContext"]["runAsUser"], 999);
}

#[test]
fn an_application_set_reads_the_values_files() {
    let objects = gitops(&["argocd", "--application-set"]);
    assert_eq!(
        kinds_and_names(&objects),
        [
            "AppProject tts-render",
            "ApplicationSet tts-render",
            "Application tts-render-kyverno",
            "Application tts-render-tripit"
        ]
    );
    let spec = &find(&objects, "ApplicationSet", "tts-render")["spec"];
    assert_eq!(spec["generators"][0]["git"]["files"], json!([{"path": "values/*.yaml"}]));
    assert_eq!(spec["goTemplateOptions"], json!(["missingkey=error"]));
    let template = &spec["template"];
    // Filled in from the values file, the template is the stack's own Application.
    let values: Value = serde_yaml::from_str(
        &fs::read_to_string(tool::repository().join("values/tts.yaml")).unwrap(),
    )
    .unwrap();
    let mut filled = template.to_string();
    for (key, path) in [
        ("{{ .name }}", "/name"),
        ("{{ .namespace.name }}", "/namespace/name"),
        ("{{ .server.name }}", "/server/name"),
    ] {
        assert!(filled.contains(key), "{key}");
        filled = filled.replace(key, values.pointer(path).unwrap().as_str().unwrap());
    }
    let mut filled: Value = serde_json::from_str(&filled).unwrap();
    filled["spec"]["ignoreDifferences"][0]["namespace"] = json!("tts");
    let single = gitops(&["argocd"]);
    assert_eq!(filled["spec"], find(&single, "Application", "tts")["spec"]);
}

#[test]
fn flux_gets_a_source_and_a_kustomization_for_each_folder() {
    let objects = gitops(&["flux"]);
    assert_eq!(
        kinds_and_names(&objects),
        [
            "GitRepository tts-render",
            "Kustomization tts-render-kyverno",
            "Kustomization tts-render-tripit",
            "Kustomization tts"
        ]
    );
    let tts = &find(&objects, "Kustomization", "tts")["spec"];
    let replicas = json!([{"paths": ["/spec/replicas"], "target": {"group": "apps", "kind": "Deployment", "name": "^chatterbox-tts$", "namespace": "^tts$"}}]);
    assert_eq!(tts["ignore"], replicas);
    assert_eq!(
        (&tts["path"], &tts["wait"], &tts["prune"]),
        (&json!("./rendered/tts"), &json!(false), &json!(false))
    );
    assert_eq!(tts["deletionPolicy"], "Orphan");
    assert_eq!(tts.get("force"), None);
    assert_eq!(find(&objects, "Kustomization", "tts-render-kyverno")["spec"].get("ignore"), None);
    let artifact = gitops(&["flux", "--set", "gitops.flux.artifact=oci://reg.example/me/tenants"]);
    assert_eq!(
        find(&artifact, "OCIRepository", "tts-render")["spec"]["url"],
        "oci://reg.example/me/tenants"
    );
    let tts = &find(&artifact, "Kustomization", "tts")["spec"];
    assert_eq!(
        (&tts["path"], &tts["sourceRef"]["kind"]),
        (&json!("./tts"), &json!("OCIRepository"))
    );
}

#[test]
fn flux_replaces_no_variables_of_the_stack() {
    assert!(
        gitops(&["flux"]).iter().all(|object| object["spec"].get("patches").is_none()),
        "there is nothing to protect"
    );
    let project = Sandbox::repository();
    project.replace(
        "values/tts.yaml",
        "    TTS_BF16: \"off\"\n",
        "    TTS_BF16: \"off\"\n    GREETING: \"hello ${NAME}\"\n",
    );
    let objects = tool::objects(&project.ok(&["gitops", "flux", "--set", URL]).stdout);
    let patches = find(&objects, "Kustomization", "tts")["spec"]["patches"].as_array().unwrap();
    assert_eq!(patches.len(), 1);
    assert_eq!(
        patches[0]["target"],
        json!({"group": "apps", "kind": "Deployment", "name": "^chatterbox-tts$", "namespace": "^tts$"})
    );
    let patch: Value = serde_yaml::from_str(patches[0]["patch"].as_str().unwrap()).unwrap();
    assert_eq!(
        patch["metadata"]["annotations"]["kustomize.toolkit.fluxcd.io/substitute"],
        "disabled"
    );
}

#[test]
fn objects_with_data_are_protected_from_pruning() {
    let objects = tool::objects(&tool::generate(&["tts"]));
    for kind in ["Namespace", "PersistentVolume", "PersistentVolumeClaim"] {
        let object = objects.iter().find(|object| object["kind"] == kind).unwrap();
        let annotations = &object["metadata"]["annotations"];
        assert_eq!(
            annotations["argocd.argoproj.io/sync-options"], "Prune=confirm,Delete=confirm",
            "{kind}"
        );
        assert_eq!(annotations["kustomize.toolkit.fluxcd.io/prune"], "disabled", "{kind}");
    }
}

#[test]
fn a_missing_setting_is_named() {
    let refused = |args: &[&str]| {
        let output = tool::run_in(tool::repository(), &[&["gitops"], args].concat());
        assert_eq!((output.code, output.stdout.as_str()), (2, ""));
        output.stderr
    };
    assert!(refused(&["argocd"]).contains("`values/tts.yaml` has no `gitops`"));
    assert!(
        refused(&["argocd", "--from", "plugin", "--set", URL])
            .contains("`gitops.argocd.pluginImage` is not set")
    );
    assert!(refused(&["github", "--set", URL]).contains("`gitops.ci.action` is not set"));
    assert!(refused(&["client", "tripi"]).contains("did you mean `tripit`?"));
    assert!(
        refused(&["flux", "--set", "gitops.repoURL=https://me:secret@git.example/a"])
            .contains("invalid Git URL: expected no credentials")
    );
    assert!(
        refused(&["flux", "--set", URL, "--set", "gitops.flux.interval=often"])
            .contains("invalid duration `often`")
    );
}

#[test]
fn stacks_that_contradict_one_another_are_refused() {
    let project = Sandbox::repository();
    project.ok(&["init", "demo"]);
    for (stack, branch) in [("tts", "main"), ("demo", "other")] {
        let file = format!("values/{stack}.yaml");
        let text = project.read(&file)
            + &format!(
                "\ngitops:\n  repoURL: https://git.example/me/infra.git\n  branch: {branch}\n"
            );
        project.write(&file, &text);
    }
    let message = project.refused(&["gitops", "argocd"]);
    assert!(
        message.contains("`gitops.branch` of `values/tts.yaml` is not that of `values/demo.yaml`"),
        "{message}"
    );
    // The images' owner may differ between stacks, but not in one ApplicationSet.
    project.replace("values/demo.yaml", "branch: other", "images: keel");
    project.ok(&["gitops", "argocd"]);
    let message = project.refused(&["gitops", "argocd", "--application-set"]);
    assert!(message.contains("`gitops.images` is not the same"), "{message}");
    assert!(message.contains("omit `--application-set`"), "{message}");
}

/// kubectl merges the patch into the client's Deployment, and its Pods see the settings.
#[test]
fn the_client_s_patch_gives_its_pods_the_settings() {
    if !common::require(&["kubectl", "version", "--client"]) {
        return;
    }
    let patch = |args: &[&str]| {
        tool::run_in(tool::repository(), &[&["gitops", "client", "tripit"], args].concat())
    };
    let printed = patch(&[]);
    assert_eq!((printed.code, printed.stderr.as_str()), (0, ""));
    let merge: Value = serde_yaml::from_str(&printed.stdout).unwrap();
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "tripit", "namespace": "tripit"},
        "spec": {
            "selector": {"matchLabels": {"app": "tripit"}},
            "template": {
                "metadata": {"labels": {"app": "tripit"}, "annotations": {"kept": "yes"}},
                "spec": {"containers": [{"name": "tripit", "image": "tripit:1", "env": [{"name": "KEPT", "value": "1"}]}]},
            },
        },
    });
    let sandbox = Sandbox::empty();
    sandbox.write("deployment.json", deployment.to_string());
    let file = sandbox.path("deployment.json");
    let merged = common::run(
        &[
            "kubectl",
            "patch",
            "--local",
            "-f",
            file.to_str().unwrap(),
            "--type",
            "strategic",
            "-p",
            &merge.to_string(),
            "-o",
            "json",
        ],
        "",
    );
    let merged: Value = serde_json::from_str(&merged).unwrap();
    let template = &merged["spec"]["template"];
    let container = &template["spec"]["containers"][0];
    assert_eq!(
        (&container["image"], &container["env"][0]["name"]),
        (&json!("tripit:1"), &json!("KEPT"))
    );
    assert_eq!(template["metadata"]["annotations"]["kept"], "yes");
    let config_map = container["envFrom"][0]["configMapRef"]["name"].as_str().unwrap();
    let rendered = tool::objects(&tool::generate(&["--app", "tripit"]));
    let data = &find(&rendered, "ConfigMap", config_map)["data"];
    assert_eq!(data["TTS_MODE"], "openai_compatible");
    assert_eq!(data.as_object().unwrap().len(), 3);
    // A changed setting changes the checksum, which restarts the Pods.
    let checksum =
        |text: &str| text.lines().find(|line| line.contains("checksum/")).unwrap().to_owned();
    let project = Sandbox::repository();
    project.replace("values/tts.yaml", "TTS_MODEL: chatterbox", "TTS_MODEL: other");
    let changed = project.ok(&["gitops", "client", "tripit/tripit", "--container", "main"]).stdout;
    assert_ne!(checksum(&changed), checksum(&printed.stdout));
    assert!(changed.contains("- name: main\n"), "{changed}");
}

#[test]
fn the_documents_are_written_as_files() {
    let project = Sandbox::repository();
    let printed = project.ok(&["gitops", "flux", "--set", URL]).stdout;
    project.ok(&["gitops", "flux", "--set", URL, "--out", "clusters/home"]);
    let mut files: Vec<_> = fs::read_dir(project.path("clusters/home"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    assert_eq!(
        files,
        [
            "gitrepository-tts-render.yaml",
            "kustomization-tts-render-kyverno.yaml",
            "kustomization-tts-render-tripit.yaml",
            "kustomization-tts.yaml"
        ]
    );
    for file in files {
        assert!(printed.contains(&project.read(&format!("clusters/home/{file}"))), "{file}");
    }
}

/// A project with the workflows of both forges, in the forges' own folders.
fn workflows() -> Sandbox {
    let project = Sandbox::repository();
    for forge in ["github", "forgejo"] {
        project.ok(&["gitops", forge, "--set", URL, "--set", ACTION, "--out", "."]);
    }
    project
}

#[test]
fn workflows_name_the_branch_the_action_and_this_version() {
    let project = workflows();
    for file in [".github/workflows/rendered.yaml", ".forgejo/workflows/rendered.yaml"] {
        let text = project.read(file);
        let workflow: Value = serde_yaml::from_str(&text).unwrap();
        assert_eq!(workflow["on"]["push"]["branches"], json!(["main"]));
        assert!(text.contains("uses: me/tts-render@0123456789012345678901234567890123456789\n"));
        assert_eq!(
            text.matches(concat!("version: \"", env!("CARGO_PKG_VERSION"), "\"")).count(),
            2
        );
        // A pull request's own code never runs with write permission.
        assert!(workflow["on"].get("pull_request_target").is_none());
        let comment = &workflow["jobs"]["comment"];
        assert!(comment["steps"].as_array().unwrap().iter().all(|step| step.get("uses").is_none()));
        assert_eq!(workflow["jobs"]["check"]["permissions"], json!({"contents": "read"}));
        assert!(!text.contains('@') || !text.contains("@BRANCH@") && !text.contains("@ROOT@"));
    }
    let nested = Sandbox::repository();
    let more = ["--set", "gitops.path=infra/tenants", "--set", "gitops.branch=trunk"];
    let text = nested
        .ok(&[&["gitops", "github", "--set", URL, "--set", ACTION][..], &more].concat())
        .stdout;
    assert!(
        text.contains("paths-ignore: [\"infra/tenants/rendered/**\"]")
            && text.contains("-C 'infra/tenants' commit --push"),
        "{text}"
    );
}

#[test]
fn zizmor_finds_nothing_in_workflows_and_action() {
    if !common::require(&["zizmor", "--version"]) {
        return;
    }
    let project = workflows();
    for file in ["action.yml", ".pre-commit-hooks.yaml"] {
        fs::copy(tool::repository().join(file), project.path(file)).unwrap();
    }
    let folder = project.path("");
    for file in
        [".github/workflows/rendered.yaml", ".forgejo/workflows/rendered.yaml", "action.yml"]
    {
        let output = Command::new("zizmor")
            .args([
                "--offline",
                "--no-progress",
                "--persona",
                "pedantic",
                "--strict-collection",
                file,
            ])
            .current_dir(&folder)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{file}: {said}");
    }
}

#[test]
fn actionlint_finds_nothing_in_the_workflows() {
    if !common::require(&["actionlint", "-version"]) {
        return;
    }
    let project = workflows();
    let lint = |args: &[&str]| {
        let output =
            Command::new("actionlint").args(args).current_dir(project.path("")).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    };
    lint(&[".github/workflows/rendered.yaml"]);
    // Forgejo names actions by URL, and its runners `docker`.
    lint(&[
        "-ignore",
        "specifying action .https://",
        "-ignore",
        "label .docker. is unknown",
        ".forgejo/workflows/rendered.yaml",
    ]);
    // It does find a mistake.
    project.replace(".github/workflows/rendered.yaml", "needs: check", "needs: chekc");
    let output = Command::new("actionlint")
        .arg(".github/workflows/rendered.yaml")
        .current_dir(project.path(""))
        .output()
        .unwrap();
    assert!(!output.status.success());
}
