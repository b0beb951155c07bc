//! `gitops`: the files that wire a repository to its controllers, as those read them.

#![cfg(test)]

mod common;

use std::fs;
use std::process::Command;

use common::tool::{self, Sandbox};
use serde_json::{Value, json};

const URL: &str = "gitops.repoURL=https://git.example/me/infra.git";
const ACTION: &str = "gitops.ci.action=me/tts-render@0123456789012345678901234567890123456789";

const POLICIES: [&str; 2] = ["--set", "gitops.policies=true"];

/// The objects that `gitops` prints for this repository's project, with the URL set, and with the policies.
#[track_caller]
fn gitops(args: &[&str]) -> Vec<Value> {
    let set = [&["--set", URL][..], &POLICIES].concat();
    let output = tool::run_in(tool::repository(), &[&["gitops"], args, &set].concat());
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

/// The ApplicationSet controller would take back what somebody set in the user interface (argo-cd 3.6,
/// docs/operator-manual/applicationset/Controlling-Resource-Modification.md).
#[test]
fn an_application_set_keeps_the_plugin_s_parameters() {
    let plain = gitops(&["argocd", "--application-set"]);
    let spec = |objects: &[Value]| find(objects, "ApplicationSet", "tts-render")["spec"].clone();
    assert!(spec(&plain).get("ignoreApplicationDifferences").is_none());
    let plugin =
        gitops(&[&["argocd", "--application-set", "--from", "plugin"][..], &PLUGIN].concat());
    assert_eq!(
        spec(&plugin)["ignoreApplicationDifferences"],
        json!([{"jsonPointers": ["/spec/source/plugin/parameters"]}])
    );
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
    assert!(
        refused(&["argocd", "--from", "plugin", "--set", URL])
            .contains("`gitops.argocd.pluginImage` is not set in `values/tts.yaml`")
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

/// One error asks for all settings, and the block that it shows is what was missing.
#[test]
fn all_missing_settings_are_asked_for_at_once() {
    let project = Sandbox::two_stacks();
    for (args, paths) in [
        (&["argocd"][..], &["gitops.repoURL"][..]),
        (&["flux"], &["gitops.repoURL"]),
        (&["github"], &["gitops.repoURL", "gitops.ci.action"]),
        (&["forgejo"], &["gitops.repoURL", "gitops.ci.action"]),
        (&["argocd", "--from", "plugin"], &["gitops.repoURL", "gitops.argocd.pluginImage"]),
    ] {
        let message = project.refused(&[&["gitops"], args].concat());
        assert_eq!(message.matches("error:").count(), 1, "{message}");
        let named: Vec<String> = paths.iter().map(|path| format!("`{path}`")).collect();
        let verb = if paths.len() == 1 { "is" } else { "are" };
        let title = format!(
            "error: {} {verb} not set in `values/tts.yaml`, `values/whisper.yaml`\n",
            named.join(", ")
        );
        assert!(message.starts_with(&title), "{message}");
        // The example, without the frame around the message.
        let (_, block) = message.split_once("an example:\n").unwrap();
        let lines: Vec<&str> = block
            .lines()
            .map(|line| line.trim_start_matches(['│', ' ']))
            .zip(block.lines())
            .take_while(|(text, _)| text.contains(": ") || text.ends_with(':'))
            .map(|(_, line)| line)
            .filter(|line| !line.contains("note:"))
            .collect();
        let indent =
            lines.iter().map(|line| line.find(|c| !"│ ".contains(c)).unwrap()).min().unwrap();
        let yaml: String = lines.iter().map(|line| format!("{}\n", &line[indent..])).collect();
        let example: Value = serde_yaml::from_str(&yaml).unwrap();
        for path in paths {
            let pointer = format!("/{}", path.replace('.', "/"));
            assert!(example.pointer(&pointer).is_some(), "{path} in {yaml}");
        }
        // Pasted into an overlay, it is all that was missing.
        let yaml = yaml.replace("OWNER/REPOSITORY@COMMIT", &ACTION["gitops.ci.action=".len()..]);
        project.write("overlays/pasted.yaml", yaml);
        project.ok(&[&["gitops"], args, &["-f", "overlays/pasted.yaml"]].concat());
    }
}

/// The policies have another owner: nothing of them is printed until the values ask for it.
#[test]
fn another_owner_s_policies_are_wired_only_on_request() {
    for controller in ["argocd", "flux"] {
        let run = |more: &[&str]| {
            let args = [&["gitops", controller, "--set", URL], more].concat();
            tool::run_in(tool::repository(), &args)
        };
        let output = run(&[]);
        assert_eq!(output.code, 0, "{}", output.stderr);
        assert!(!output.stdout.to_lowercase().contains("kyverno"), "{}", output.stdout);
        assert!(
            output.stderr.starts_with("omitted `kyverno`: its policies belong to another owner"),
            "{}",
            output.stderr
        );
        assert_eq!(run(&["-q"]).stderr, "");
        let refused = run(&["--only", "kyverno"]);
        assert_eq!((refused.code, refused.stdout.as_str()), (2, ""));
        assert!(refused.stderr.contains("set `gitops.policies: true`"), "{}", refused.stderr);
        let asked = run(&POLICIES);
        assert_eq!((asked.code, asked.stderr.as_str()), (0, ""));
        assert!(asked.stdout.contains("tts-render-kyverno"), "{}", asked.stdout);
    }
    // The workflows have no apps.
    let args = ["gitops", "github", "--set", URL, "--set", ACTION];
    assert_eq!(tool::run_in(tool::repository(), &args).stderr, "");
    // An exception in the policies' namespace is the stack's own.
    let exception =
        ["--set", "kyverno.mode=exception", "--set", "kyverno.exceptionNamespace=kyverno"];
    let args = [&["gitops", "argocd", "--set", URL], &exception[..]].concat();
    let output = tool::run_in(tool::repository(), &args);
    assert_eq!((output.code, output.stderr.as_str()), (0, ""));
    assert!(output.stdout.contains("name: tts-render-kyverno"), "{}", output.stdout);
}

#[test]
fn apps_can_be_chosen_and_the_shared_objects_cover_all() {
    let all = gitops(&["argocd"]);
    for (args, expected) in [
        (&["--only", "tts"][..], &["Application tts"][..]),
        (
            &["--only", "tts", "--only", "tts-render-tripit"],
            &["Application tts-render-tripit", "Application tts"],
        ),
        (&["--without", "tripit"], &["Application tts-render-kyverno", "Application tts"]),
    ] {
        let objects = gitops(&[&["argocd"], args].concat());
        assert_eq!(kinds_and_names(&objects), [&["AppProject tts-render"], expected].concat());
        assert_eq!(objects[0], all[0]);
        let flux = kinds_and_names(&gitops(&[&["flux"], args].concat()));
        let kustomizations: Vec<String> =
            expected.iter().map(|name| name.replace("Application", "Kustomization")).collect();
        assert_eq!(flux[0], "GitRepository tts-render");
        assert_eq!(flux[1..], kustomizations);
    }
    let refused = |args: &[&str]| {
        let output =
            tool::run_in(tool::repository(), &[&["gitops"], args, &["--set", URL]].concat());
        assert_eq!((output.code, output.stdout.as_str()), (2, ""));
        output.stderr
    };
    let message = refused(&["flux", "--only", "tripi"]);
    assert!(message.contains("there is no app `tripi`: did you mean `tripit`?"), "{message}");
    assert!(message.contains("the apps are `tripit`, `tts`"), "{message}");
    assert!(
        refused(&["flux", "--without", "tts", "--without", "tripit"]).contains("no app is left")
    );
    let message = refused(&["argocd", "--application-set", "--without", "tts"]);
    assert!(message.contains("can't omit `tts`"), "{message}");
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
    let files = names_in(&project, "clusters/home");
    assert_eq!(
        files,
        [
            ".provenance",
            "gitrepository-tts-render.yaml",
            "kustomization-tts-render-tripit.yaml",
            "kustomization-tts.yaml"
        ]
    );
    for file in &files[1..] {
        assert!(printed.contains(&project.read(&format!("clusters/home/{file}"))), "{file}");
    }
}

/// The names in a folder, with `.provenance`.
fn names_in(project: &Sandbox, folder: &str) -> Vec<String> {
    let entries = fs::read_dir(project.path(folder)).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// A client that is no longer there would otherwise be synced for ever.
#[test]
fn files_that_are_no_longer_written_are_removed() {
    let project = Sandbox::repository();
    let flux = |more: &[&str]| {
        project.ok(&[&["gitops", "flux", "--set", URL, "--out", "clusters/home"], more].concat())
    };
    project.write("clusters/home/kustomization-mine.yaml", "mine: true\n");
    project.write("clusters/home/README.md", "mine\n");
    flux(&[]);
    // Other wiring in the same folder has files of its own.
    project.ok(&["gitops", "argocd", "--set", URL, "--out", "clusters/home"]);
    project.ok(&["gitops", "client", "tripit", "--out", "clusters/home"]);
    let before = names_in(&project, "clusters/home");
    assert!(before.contains(&"kustomization-tts-render-tripit.yaml".to_owned()), "{before:?}");
    let output = flux(&["--set", "clients=[]"]);
    let removed = "removed `clusters/home/kustomization-tts-render-tripit.yaml`\n";
    assert!(output.stderr.contains(removed), "{}", output.stderr);
    let after = names_in(&project, "clusters/home");
    let expected: Vec<String> =
        before.into_iter().filter(|name| name != "kustomization-tts-render-tripit.yaml").collect();
    assert_eq!(after, expected);
    // And `--without` leaves nothing behind that an earlier run wrote.
    project.ok(&[
        "gitops",
        "argocd",
        "--set",
        URL,
        "--without",
        "tripit",
        "--out",
        "clusters/home",
    ]);
    let after = names_in(&project, "clusters/home");
    assert!(!after.contains(&"application-tts-render-tripit.yaml".to_owned()), "{after:?}");
    assert!(after.contains(&"patch-tripit.yaml".to_owned()), "{after:?}");
    assert!(after.contains(&"kustomization-tts.yaml".to_owned()), "{after:?}");
    // A second run changes nothing.
    assert!(flux(&["--set", "clients=[]"]).stderr.ends_with("2 unchanged in `clusters/home`\n"));
}

#[test]
fn a_file_that_was_edited_is_overwritten_only_with_force() {
    let project = Sandbox::repository();
    let args = ["gitops", "github", "--set", URL, "--set", ACTION, "--out", "."];
    project.ok(&args);
    let file = ".github/workflows/rendered.yaml";
    project.replace(file, "ubuntu-latest", "my-runner");
    let edited = project.read(file);
    let message = project.refused(&args);
    assert!(message.contains("`./.github/workflows/rendered.yaml` was edited"), "{message}");
    assert_eq!(project.read(file), edited);
    project.ok(&[&args[..], &["--force"]].concat());
    assert!(project.read(file).contains("ubuntu-latest"));
    // Likewise a file that was there before.
    project.write("clusters/kustomization-tts.yaml", "mine: true\n");
    let args = ["gitops", "flux", "--set", URL, "--out", "clusters"];
    assert!(project.refused(&args).contains("was not written by tts-render"));
    assert_eq!(names_in(&project, "clusters"), ["kustomization-tts.yaml"]);
}

/// The lines of a document that start with a command of `gitops`, without their comments.
fn gitops_commands(document: &str) -> Vec<Vec<String>> {
    let text = fs::read_to_string(tool::repository().join(document)).unwrap();
    let starts = text.match_indices("tts-render gitops ").map(|(at, _)| &text[at..]);
    starts
        .map(|rest| {
            let end = rest.find(['`', '\n', '|', '#', '&', ',']).unwrap_or(rest.len());
            rest[..end].split_whitespace().skip(1).map(str::to_owned).collect()
        })
        .collect()
}

/// Every command of the documents works as it is written, here with `overlays/gitops.yaml`.
#[test]
fn the_commands_of_the_documents_work() {
    let mut count = 0;
    let documents = fs::read_dir(tool::repository().join("docs")).unwrap();
    let documents = documents.map(|entry| format!("docs/{}", entry.unwrap().file_name().display()));
    for document in documents.chain(["README.md".to_owned()]) {
        if !document.ends_with(".md") {
            continue;
        }
        let is_readme = document == "README.md";
        for command in gitops_commands(&document) {
            let project = Sandbox::repository();
            let mut args: Vec<&str> = command.iter().map(String::as_str).collect();
            args.retain(|arg| !arg.contains('…'));
            // Prose that names a command without its target.
            if args.len() < 2 {
                continue;
            }
            // The README's commands are complete; the guides' come after the block in the values.
            if !is_readme && !args.contains(&"-f") {
                args.extend(["-f", "overlays/gitops.yaml"]);
            }
            let output = project.run(&args);
            assert_eq!(output.code, 0, "{document}: {args:?}: {}", output.stderr);
            count += 1;
        }
    }
    assert!(count >= 10, "{count}");
}

/// The indented command of a document that starts with `first`, with its continuation lines.
fn shell_command(document: &str, first: &str) -> String {
    let text = fs::read_to_string(tool::repository().join(document)).unwrap();
    let (_, rest) = text.split_once(first).unwrap_or_else(|| panic!("{document}: {first}"));
    let mut command = first.to_owned();
    for line in rest.lines() {
        command.push_str(line);
        command.push('\n');
        if !line.ends_with('\\') {
            break;
        }
    }
    command
}

/// The Secrets of the guides, made by kubectl without a server.
#[test]
fn the_credentials_of_the_guides_are_what_the_controllers_read() {
    if !common::require(&["kubectl", "version", "--client"]) {
        return;
    }
    let secret = |document: &str| {
        let command = shell_command(document, "printf %s \"$TOKEN\" | kubectl ").trim().to_owned();
        let script = format!("TOKEN=t0k3n\n{command} --dry-run=client -o json");
        let text = common::run(&["bash", "-euc", &script], "");
        serde_json::from_str::<Value>(&text).unwrap()
    };
    let encoded = |secret: &Value| secret["data"].as_object().unwrap().clone();
    let argocd = secret("docs/argocd.md");
    assert_eq!(argocd["metadata"]["namespace"], "argocd");
    let data = encoded(&argocd);
    // The keys of argo-cd's docs/operator-manual/declarative-setup.md, in base64.
    assert_eq!(data["type"], "Z2l0");
    assert_eq!(data["url"], "aHR0cHM6Ly9naXQuZXhhbXBsZS9tZS9pbmZyYS5naXQ=");
    assert_eq!((&data["username"], &data["password"]), (&json!("bWU="), &json!("dDBrM24=")));
    let label = shell_command("docs/argocd.md", "kubectl -n argocd label ");
    assert!(label.contains("secret infra argocd.argoproj.io/secret-type=repository"), "{label}");
    let flux = secret("docs/flux.md");
    assert_eq!(flux["metadata"]["namespace"], "flux-system");
    // The keys of source-controller's docs/spec/v1/gitrepositories.md, "Basic access authentication".
    assert_eq!(Value::Object(encoded(&flux)), json!({"username": "bWU=", "password": "dDBrM24="}));
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
