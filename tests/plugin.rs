//! The config management plugin, called as Argo CD's server calls it: in the Application's folder of
//! a fresh read-only copy, as a process group of its own, without input, with only its own
//! environment, and with both outputs read to the end.

#![cfg(test)]
#![cfg(unix)]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::tool::{self, CommandOutput, Sandbox};
use serde_json::{Value, json};

/// A call of the plugin that is not started yet.
struct Call {
    folder: String,
    arguments: Vec<String>,
    environment: BTreeMap<String, String>,
}

impl Call {
    fn new(source_path: &str) -> Self {
        let environment = [
            ("ARGOCD_APP_NAME", "tts"),
            ("ARGOCD_APP_NAMESPACE", "tts"),
            ("ARGOCD_APP_PROJECT_NAME", "default"),
            ("ARGOCD_APP_REVISION", "8a1b2c3d"),
            ("ARGOCD_APP_SOURCE_REPO_URL", "https://git.example/infra.git"),
            ("ARGOCD_APP_SOURCE_PATH", source_path),
            ("ARGOCD_APP_SOURCE_TARGET_REVISION", "main"),
            ("KUBE_VERSION", "1.34.2"),
            ("KUBE_API_VERSIONS", "v1,apps/v1,batch/v1"),
            // Only the JSON counts; this contradicts it on purpose.
            ("PARAM_GATE_FLOOR", "nonsense"),
            ("GIT_PASSWORD", "s3cr3t-of-the-server"),
        ];
        Call {
            folder: source_path.to_owned(),
            arguments: vec!["generate".to_owned()],
            environment: environment.map(|(name, text)| (name.to_owned(), text.to_owned())).into(),
        }
    }

    fn with(mut self, name: &str, text: impl ToString) -> Self {
        self.environment.insert(name.to_owned(), text.to_string());
        self
    }

    fn parameters(self, parameters: &Value) -> Self {
        self.with("ARGOCD_APP_PARAMETERS", parameters)
    }

    fn arguments(mut self, arguments: &[&str]) -> Self {
        self.arguments = arguments.iter().map(|&word| word.to_owned()).collect();
        self
    }

    /// Starts it in a copy, without root's rights, so that the copy really is read-only.
    fn start(&self, project: &Sandbox) -> Child {
        let binary = Path::new(env!("CARGO_BIN_EXE_tts-render"));
        let mut command = Command::new(binary);
        command
            .current_dir(project.path(&self.folder))
            .args(&self.arguments)
            .env_clear()
            .envs(&self.environment)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        command.spawn().expect("the plugin starts")
    }

    fn run(&self, project: &Sandbox) -> CommandOutput {
        read_only(&project.path(""), true);
        let output = CommandOutput::from(self.start(project).wait_with_output().expect("it ends"));
        read_only(&project.path(""), false);
        output
    }

    /// It must print manifests, and nothing on standard error.
    #[track_caller]
    fn manifests(&self, project: &Sandbox) -> Vec<Value> {
        let output = self.run(project);
        assert_eq!((output.code, output.stderr.as_str()), (0, ""));
        tool::objects(&output.stdout)
    }

    /// Runs a call that must fail without a byte of manifests; returns the message.
    #[track_caller]
    fn refused(&self, project: &Sandbox) -> String {
        let output = self.run(project);
        assert_eq!((output.code, output.stdout.as_str()), (2, ""), "{}", output.stderr);
        assert!(!output.stderr.contains("s3cr3t"), "{}", output.stderr);
        output.stderr
    }
}

/// Sets the modes of a checkout that belongs to another user.
fn read_only(folder: &Path, locked: bool) {
    let (folder_mode, file_mode) = if locked { (0o555, 0o444) } else { (0o755, 0o644) };
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let kind = path.symlink_metadata().unwrap().file_type();
        if kind.is_dir() {
            read_only(&path, locked);
        } else if kind.is_file() {
            fs::set_permissions(&path, fs::Permissions::from_mode(file_mode)).unwrap();
        }
    }
    fs::set_permissions(folder, fs::Permissions::from_mode(folder_mode)).unwrap();
}

/// This repository's project with one more, small stack.
fn two_stacks() -> Sandbox {
    let project = Sandbox::repository();
    project.ok(&["init", "demo"]);
    fs::create_dir_all(project.path("rendered/tts")).unwrap();
    fs::create_dir_all(project.path("rendered/tripit")).unwrap();
    project
}

fn kinds(objects: &[Value]) -> Vec<String> {
    objects.iter().map(|object| object["kind"].as_str().unwrap().to_owned()).collect()
}

fn namespaces(objects: &[Value]) -> Vec<&str> {
    let mut found: Vec<_> =
        objects.iter().filter_map(|object| object["metadata"]["namespace"].as_str()).collect();
    found.sort_unstable();
    found.dedup();
    found
}

fn floor(objects: &[Value]) -> &str {
    let job = objects.iter().find(|object| object["kind"] == "CronJob").expect("a CronJob");
    let container = &job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0];
    let env = container["env"].as_array().unwrap();
    env.iter().find(|variable| variable["name"] == "FLOOR").unwrap()["value"].as_str().unwrap()
}

#[test]
fn the_stack_is_named_by_the_environment_or_by_the_path() {
    let project = two_stacks();
    let by_environment = Call::new(".").with("ARGOCD_ENV_STACK", "tts").manifests(&project);
    assert_eq!(namespaces(&by_environment), ["tts"]);
    assert_eq!(kinds(&by_environment)[0], "Namespace");
    assert_eq!(Call::new("rendered/tts").manifests(&project), by_environment);
    // The environment is stronger than the path, an argument than both.
    let demo = Call::new("rendered/tts").with("ARGOCD_ENV_STACK", "demo").manifests(&project);
    assert_eq!(namespaces(&demo), ["demo"]);
    let argument =
        Call::new("rendered/tts").with("ARGOCD_ENV_STACK", "tts").arguments(&["generate", "demo"]);
    assert_eq!(argument.manifests(&project), demo);
}

#[test]
fn a_shared_folder_is_an_app_of_its_own() {
    let project = two_stacks();
    let client = Call::new(".").with("ARGOCD_ENV_APP", "tripit").manifests(&project);
    assert_eq!(
        (kinds(&client), namespaces(&client)),
        (vec!["ConfigMap".to_owned()], vec!["tripit"])
    );
    assert_eq!(Call::new("rendered/tripit").manifests(&project), client);
    assert_eq!(
        Call::new(".").arguments(&["generate", "--app", "tripit"]).manifests(&project),
        client
    );
}

#[test]
fn an_empty_output_is_a_failure() {
    let project = two_stacks();
    let message = Call::new(".").with("ARGOCD_ENV_APP", "nobody").refused(&project);
    assert!(message.contains("there are no objects in `nobody`"), "{message}");
    let message = Call::new(".").with("ARGOCD_ENV_STACK", "ttz").refused(&project);
    assert!(
        message.contains("there is no stack `ttz`") && message.contains("did you mean `tts`?"),
        "{message}"
    );
    let empty = Sandbox::empty();
    let message = Call::new(".").refused(&empty);
    assert!(message.contains("there is no values file in `values/`"), "{message}");
}

#[test]
fn parameters_are_laid_over_the_values() {
    let project = two_stacks();
    let call = || Call::new(".").with("ARGOCD_ENV_STACK", "tts");
    let plain = call().manifests(&project);
    for none in ["", "null", "[]", "  "] {
        assert_eq!(
            call().with("ARGOCD_APP_PARAMETERS", none).manifests(&project),
            plain,
            "{none:?}"
        );
    }
    assert_eq!(floor(&plain), "6Gi");
    let changed = call().parameters(&json!([
        {"name": "gate.floor", "string": "7Gi"},
        {"name": "offPeak.suspendAll", "string": "true"},
        {"name": "storage.accessModes", "array": ["ReadWriteOnce"]},
        {"name": "server.env", "map": {"TTS_BF16": "on", "EXTRA": "1"}},
        {"name": "namespace.labels[\"keel.sh/enrolled\"]", "string": "false"},
    ]));
    let objects = changed.manifests(&project);
    let find = |kind: &str| objects.iter().find(|object| object["kind"] == kind).unwrap();
    assert_eq!(floor(&objects), "7Gi");
    assert_eq!(find("CronJob")["spec"]["suspend"], true);
    assert_eq!(find("PersistentVolumeClaim")["spec"]["accessModes"], json!(["ReadWriteOnce"]));
    assert_eq!(find("Namespace")["metadata"]["labels"]["keel.sh/enrolled"], "false");
    let container = &find("Deployment")["spec"]["template"]["spec"]["containers"][0];
    let env = container["env"].as_array().unwrap();
    let value =
        |name: &str| env.iter().find(|one| one["name"] == name).map(|one| one["value"].clone());
    // Strings of a map stay strings.
    assert_eq!((value("TTS_BF16"), value("EXTRA")), (Some(json!("on")), Some(json!("1"))));
}

/// Argo CD's user interface sends the whole map: what somebody deleted there is gone.
#[test]
fn a_map_takes_the_place_of_the_strings_that_were_there() {
    let project = two_stacks();
    project.replace(
        "values/tts.yaml",
        "    TTS_BF16: \"off\"\n",
        "    TTS_BF16: \"off\"\n    TOKEN:\n      valueFrom:\n        secretKeyRef: {name: hub, key: token}\n",
    );
    let names = |map: Value| -> Vec<String> {
        let call = Call::new(".").with("ARGOCD_ENV_STACK", "tts");
        let objects =
            call.parameters(&json!([{"name": "server.env", "map": map}])).manifests(&project);
        let server = objects.iter().find(|object| object["kind"] == "Deployment").unwrap();
        let env = &server["spec"]["template"]["spec"]["containers"][0]["env"];
        let env = env.as_array().unwrap().iter();
        env.map(|one| one["name"].as_str().unwrap().to_owned()).collect()
    };
    // Argo CD sorts the keys; a variable keeps its place. A map of strings can't hold the token.
    let sorted = json!({"EXTRA": "1", "HF_HOME": "/data/hf", "TTS_BF16": "on"});
    assert_eq!(names(sorted), ["TTS_BF16", "TOKEN", "HF_HOME", "EXTRA"]);
    assert_eq!(names(json!({})), ["TOKEN"]);
}

#[test]
fn a_parameter_with_nothing_but_a_name_leaves_the_value_alone() {
    let project = two_stacks();
    let call = || Call::new(".").with("ARGOCD_ENV_STACK", "tts");
    let plain = call().manifests(&project);
    for parameter in [json!({"name": "gate.floor"}), json!({"name": "gate.floor", "string": null})]
    {
        assert_eq!(call().parameters(&json!([parameter])).manifests(&project), plain);
    }
}

#[test]
fn wrong_parameters_are_refused_by_name() {
    let project = two_stacks();
    let refused = |parameters: Value| {
        Call::new(".").with("ARGOCD_ENV_STACK", "tts").parameters(&parameters).refused(&project)
    };
    let message = refused(json!([{"name": "gate.flor", "string": "7Gi"}]));
    assert!(
        message.contains("ARGOCD_APP_PARAMETERS") && message.contains("did you mean `floor`?"),
        "{message}"
    );
    let message = refused(json!([{"name": "gate.floor", "string": "much"}]));
    assert!(message.contains("gate.floor") && message.contains("much"), "{message}");
    let message = refused(json!([{"name": "offPeak.suspend", "string": "yes"}]));
    assert!(message.contains("`true` or `false`"), "{message}");
    let message = refused(json!([{"name": "gate.floor", "array": ["7Gi"]}]));
    assert!(message.contains("gate.floor"), "{message}");
    let message = refused(json!({"gate.floor": "7Gi"}));
    assert!(message.contains("invalid `ARGOCD_APP_PARAMETERS`"), "{message}");
    let message = refused(
        json!([{"name": "gate.floor", "string": "7Gi"}, {"name": "gate.floor", "string": "8Gi"}]),
    );
    assert!(message.contains("the parameter `gate.floor` is given twice"), "{message}");
}

/// The announcements for a stack.
fn announced(project: &Sandbox, stack: &str) -> Vec<Value> {
    let call = Call::new(".").with("ARGOCD_ENV_STACK", stack).arguments(&["parameters"]);
    let output = call.run(project);
    assert_eq!((output.code, output.stderr.as_str()), (0, ""));
    serde_json::from_str(&output.stdout).expect("a JSON list")
}

#[test]
fn announced_parameters_sent_back_change_nothing() {
    let project = two_stacks();
    // Strings in an application's own tree that YAML would read as another type.
    project.replace("values/tts.yaml", "        device: cuda\n", "        device: cuda\n        odd: [\"1\", \"no\"]\n        text: \"007\"\n        five: \"5\"\n        nothing: \"null\"\n        truth: \"true\"\n        ratio: 0.5\n        long: \"a\\nb\\n\"\n        none: null\n");
    for stack in ["tts", "demo"] {
        let plain = Call::new(".").with("ARGOCD_ENV_STACK", stack).manifests(&project);
        let list = announced(&project, stack);
        let sent: Vec<Value> = list
            .iter()
            .filter_map(|one| {
                let kind = one["collectionType"].as_str().unwrap();
                let value = one.get(kind)?;
                Some(json!({"name": one["name"], kind: value}))
            })
            .collect();
        assert!(sent.len() > 40, "{stack}: {}", sent.len());
        let all = Call::new(".").with("ARGOCD_ENV_STACK", stack).parameters(&json!(sent));
        assert_eq!(all.manifests(&project), plain, "{stack}");
    }
}

/// Otherwise a bad value, which only the user interface can correct, would take the user interface away.
#[test]
fn the_announcement_has_the_values_own_defaults_whatever_was_sent() {
    let project = two_stacks();
    let plain = announced(&project, "tts");
    for sent in [
        json!([{"name": "gate.floor", "string": "7Gi"}]),
        json!([{"name": "gate.floor", "string": "much"}]),
        json!("nonsense"),
    ] {
        let call = Call::new(".").with("ARGOCD_ENV_STACK", "tts").arguments(&["parameters"]);
        let output = call.parameters(&sent).run(&project);
        assert_eq!((output.code, output.stderr.as_str()), (0, ""));
        assert_eq!(serde_json::from_str::<Vec<Value>>(&output.stdout).unwrap(), plain);
    }
}

#[test]
fn nothing_is_announced_for_several_stacks_or_a_shared_folder() {
    let project = two_stacks();
    for call in [Call::new("."), Call::new(".").with("ARGOCD_ENV_APP", "tripit")] {
        let output = call.arguments(&["parameters"]).run(&project);
        assert_eq!((output.code, output.stdout.trim()), (0, "[]"));
    }
}

#[test]
fn no_git_no_home_and_another_user_are_enough() {
    let project = two_stacks();
    fs::set_permissions(project.path(""), fs::Permissions::from_mode(0o755)).unwrap();
    // Only root can become another user.
    let is_root = fs::metadata("/proc/self")
        .is_ok_and(|meta| std::os::unix::fs::MetadataExt::uid(&meta) == 0);
    let call = Call::new(".").with("ARGOCD_ENV_STACK", "tts").with("PATH", "/nowhere");
    let expected = call.manifests(&project);
    if !is_root {
        return;
    }
    // The binary's own folder may be closed to others: it is copied beside the project. Another
    // process copies it: a test thread that forks meanwhile would inherit this process's handle on
    // the copy, and a file that is open for writing can't be executed (ETXTBSY).
    let binary = project.path("plugin");
    let copied = Command::new("install")
        .args(["-m", "555", env!("CARGO_BIN_EXE_tts-render")])
        .arg(&binary)
        .status()
        .unwrap();
    assert!(copied.success());
    let mut command = Command::new(&binary);
    command
        .current_dir(project.path(""))
        .arg("generate")
        .env_clear()
        .envs(&call.environment)
        .uid(999)
        .gid(999)
        .stdin(Stdio::null());
    let output = CommandOutput::run(&mut command);
    assert_eq!((output.code, output.stderr.as_str()), (0, ""));
    assert_eq!(tool::objects(&output.stdout), expected);
}

#[test]
fn a_link_out_of_the_copy_does_not_reveal_its_target() {
    let project = two_stacks();
    let outside = Sandbox::empty();
    outside.write("token", "s3cr3t: of the server\n");
    symlink(outside.path("token"), project.path("values/stolen.yaml")).unwrap();
    let message = Call::new(".").with("ARGOCD_ENV_STACK", "stolen").refused(&project);
    assert!(message.contains("`values/stolen.yaml` leads out of the project"), "{message}");
}

#[test]
fn a_name_that_is_a_path_is_not_read() {
    let project = two_stacks();
    let outside = Sandbox::empty();
    outside.write("token", "s3cr3t: of the server\n");
    project.write("rendered/x/keep", "");
    symlink(outside.path("token"), project.path("x.yaml")).unwrap();
    symlink(outside.path("token"), project.path("rendered/x/x.yaml")).unwrap();
    for stack in ["x.yaml", "./x.yaml", "rendered/x/x.yaml", "../x.yaml"] {
        let message = Call::new(".").with("ARGOCD_ENV_STACK", stack).refused(&project);
        assert!(message.contains("expected a name, not a path"), "{stack}: {message}");
        assert!(!message.contains("s3cr3t"), "{stack}: {message}");
    }
    // The last part of the Application's path.
    std::fs::create_dir_all(project.path("apps/x.yaml")).unwrap();
    let message = Call::new("apps/x.yaml").refused(&project);
    assert!(message.contains("there are no objects in `x.yaml`"), "{message}");
}

#[test]
fn a_link_in_the_applications_path_does_not_lead_above_the_copy() {
    let above = Sandbox::demo();
    std::fs::create_dir_all(above.path("copy/deep")).unwrap();
    symlink("..", above.path("copy/deep/x")).unwrap();
    let mut command = tool::tts_render(&above.path("copy/deep/x"));
    let output = command
        .arg("generate")
        .env("ARGOCD_APP_SOURCE_PATH", "deep/x")
        .env("ARGOCD_ENV_STACK", "demo")
        .output()
        .unwrap();
    let ran = tool::CommandOutput::from(output);
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{}", ran.stderr);
    assert!(ran.stderr.contains("expected folders, not a link"), "{}", ran.stderr);
}

/// A project whose manifests are more than a pipe holds.
fn large() -> Sandbox {
    let project = Sandbox::empty();
    project.ok(&["init", "demo"]);
    let demo = project.read("values/demo.yaml");
    for number in 0..40 {
        project.write(
            &format!("values/demo-{number}.yaml"),
            demo.replace("demo", &format!("demo-{number}")),
        );
    }
    project
}

#[test]
fn sigterm_ends_it_at_once() {
    let project = large();
    // Without a reader, it writes until the pipe is full, and blocks.
    let mut child = Call::new(".").start(&project);
    let started = Instant::now();
    while !waits_to_write(child.id()) {
        assert!(started.elapsed() < Duration::from_secs(60), "it did not start to write");
        std::thread::sleep(Duration::from_millis(5));
    }
    let sent =
        Command::new("kill").args(["-TERM", "--", &format!("-{}", child.id())]).status().unwrap();
    assert!(sent.success());
    let status = child.wait().unwrap();
    assert_eq!(status.signal(), Some(15), "{status:?}");
    // The server drops the partial output, since the exit is not a success.
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(said, "");
}

/// Returns true if a process is blocked in a write to a pipe.
fn waits_to_write(id: u32) -> bool {
    let state = fs::read_to_string(format!("/proc/{id}/wchan")).unwrap_or_default();
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    let sleeps = stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('S'));
    sleeps && (state.contains("pipe") || state == "0" || state.is_empty())
}

#[test]
fn a_closed_pipe_does_not_cause_a_panic() {
    let project = large();
    let mut child = Call::new(".").start(&project);
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}
