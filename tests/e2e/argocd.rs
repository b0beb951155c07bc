//! The plugin in Argo CD's own plugin server: `argocd-cmp-server` with the sidecar's `plugin.yaml` and
//! binary. Argo CD's own client (tests/tools/argocd) calls it, with the whole repository as a stream.

mod server;

use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use self::server::{Asked, CmpServer, Refused, plugin_wiring};
use crate::common::git::git;
use crate::common::tool::{self, Sandbox, generate, objects, repository, run_in};

/// A clone of this repository, `.git` included, with the files of the working tree: Argo CD packs such a
/// folder.
fn checkout() -> Sandbox {
    let checkout = Sandbox::empty();
    let root = checkout.path("");
    let clone = ["clone", "--quiet", "--no-checkout", ".", root.to_str().unwrap()];
    git(repository(), &clone);
    let list = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let listed = git(repository(), &list);
    for file in listed.split('\0').filter(|file| !file.is_empty()) {
        let from = repository().join(file);
        // Deleted here, and not yet committed.
        if from.symlink_metadata().is_err() {
            continue;
        }
        let to = root.join(file);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(from, to).unwrap();
    }
    assert!(root.join(".git").is_dir() && root.join("values/tts.yaml").is_file());
    checkout
}

/// The objects of an answer, in its order.
#[track_caller]
fn manifests(answer: &Value) -> Vec<Value> {
    let texts = answer["manifests"].as_array().unwrap_or_else(|| panic!("no manifests: {answer}"));
    texts.iter().map(|text| serde_json::from_str(text.as_str().unwrap()).unwrap()).collect()
}

/// The objects in an order that does not matter.
fn sorted(mut objects: Vec<Value>) -> Vec<Value> {
    objects.sort_by_key(Value::to_string);
    objects
}

#[test]
#[ignore = "tests/e2e/run"]
fn the_server_accepts_the_plugin_file() {
    let server = CmpServer::start();
    let checkout = checkout();
    // Neither discovery nor credentials: the answer omits false.
    assert_eq!(server.ask("CheckPluginConfiguration", &Asked::of(&checkout)), Ok(json!({})));
    // Without discovery, it matches no repository.
    assert_eq!(server.ask("MatchRepository", &Asked::of(&checkout)), Ok(json!({})));
    // Every Application uses the name of its socket.
    let socket = server.socket().file_stem().unwrap().to_string_lossy().into_owned();
    let applications = applications(&[]);
    assert!(applications.iter().all(|one| one["spec"]["source"]["plugin"]["name"] == *socket));
    server.holds_nothing();
}

/// The Applications that `gitops argocd --from plugin` makes for this repository.
fn applications(set: &[&str]) -> Vec<Value> {
    let mut wiring = plugin_wiring(set);
    wiring.retain(|object| object["kind"] == "Application");
    assert_eq!(wiring.len(), 3, "kyverno, tripit, tts");
    wiring
}

/// Requests each Application's objects, and compares them with the output of `generate`.
fn every_application_gets_what_is_printed(checkout: &Sandbox, set: &[&str]) {
    let server = CmpServer::start();
    let mut all = Vec::new();
    for application in applications(set) {
        let source = &application["spec"]["source"];
        let mut asked = Asked::of(checkout).at(source["path"].as_str().unwrap());
        for variable in source["plugin"]["env"].as_array().unwrap() {
            let text = |key: &str| variable[key].as_str().unwrap();
            asked = asked.with(&format!("ARGOCD_ENV_{}", text("name")), text("value"));
        }
        let answer = server.ask("GenerateManifest", &asked).unwrap();
        let folder = source["plugin"]["env"][0]["value"].as_str().unwrap();
        let printed = objects(&generate(&["--app", folder]));
        assert_eq!(manifests(&answer), printed, "{folder}");
        all.extend(printed);
    }
    assert_eq!(sorted(all), sorted(objects(&generate(&[]))));
    server.holds_nothing();
}

#[test]
#[ignore = "tests/e2e/run"]
fn every_application_gets_exactly_what_generate_prints() {
    every_application_gets_what_is_printed(&checkout(), &[]);
}

#[test]
#[ignore = "tests/e2e/run"]
fn a_project_in_a_folder_of_the_repository_is_found() {
    let checkout = checkout();
    std::fs::create_dir_all(checkout.path("infra/gpu")).unwrap();
    for folder in ["values", "templates", "policies", "rendered"] {
        let below = checkout.path("infra/gpu").join(folder);
        std::fs::rename(checkout.path(folder), below).unwrap();
    }
    every_application_gets_what_is_printed(&checkout, &["gitops.path=infra/gpu"]);
    // The path can name the folder too.
    let server = CmpServer::start();
    let by_path = Asked::of(&checkout).at("infra/gpu/rendered/tts");
    let answer = server.ask("GenerateManifest", &by_path).unwrap();
    assert_eq!(manifests(&answer), objects(&generate(&["tts"])));
    server.holds_nothing();
}

#[test]
#[ignore = "tests/e2e/run"]
fn the_announcement_is_what_parameters_prints() {
    let server = CmpServer::start();
    let checkout = checkout();
    let asked = Asked::of(&checkout).with("ARGOCD_ENV_STACK", "tts");
    let answer = server.ask("GetParametersAnnouncement", &asked).unwrap();
    let printed = run_in(repository(), &["parameters", "tts"]);
    assert_eq!((printed.code, printed.stderr.as_str()), (0, ""));
    let printed: Vec<Value> = serde_json::from_str(&printed.stdout).unwrap();
    assert!(printed.len() > 40, "{}", printed.len());
    let announced = answer["parameterAnnouncements"].as_array().unwrap();
    assert_eq!(
        announced.iter().map(as_sent).collect::<Vec<_>>(),
        printed.iter().map(as_sent).collect::<Vec<_>>()
    );
    server.holds_nothing();
}

/// A parameter without what is empty: a message leaves that out.
fn as_sent(parameter: &Value) -> Value {
    let mut parameter = parameter.clone();
    let said = |value: &Value| match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        _ => true,
    };
    parameter.as_object_mut().unwrap().retain(|_, value| said(value));
    parameter
}

#[test]
#[ignore = "tests/e2e/run"]
fn parameters_change_what_set_changes() {
    let server = CmpServer::start();
    let checkout = checkout();
    let tts = || Asked::of(&checkout).with("ARGOCD_ENV_STACK", "tts");
    let plain = objects(&generate(&["tts"]));
    // As the repo-server writes a list that is not there.
    let null = tts().with("ARGOCD_APP_PARAMETERS", "null");
    assert_eq!(manifests(&server.ask("GenerateManifest", &null).unwrap()), plain);
    let parameters = json!([
        {"name": "gate.floor", "string": "7Gi"},
        {"name": "offPeak.suspend", "string": "true"},
        {"name": "storage.accessModes", "array": ["ReadWriteOnce"]},
        {"name": "server.env", "map": {"TTS_BF16": "on", "EXTRA": "1"}},
    ]);
    // The repo-server sends each a second time under a name of its own.
    let asked = tts()
        .with("ARGOCD_APP_PARAMETERS", &parameters.to_string())
        .with("PARAM_GATE_FLOOR", "7Gi")
        .with("PARAM_STORAGE_ACCESSMODES_0", "ReadWriteOnce");
    let changed = manifests(&server.ask("GenerateManifest", &asked).unwrap());
    let set = [
        "gate.floor=7Gi",
        "offPeak.suspend=true",
        "storage.accessModes=[ReadWriteOnce]",
        "server.env.TTS_BF16=on",
        "server.env.EXTRA=1",
        // A map replaces.
        "server.env.HF_HOME=null",
        "server.env.HF_HUB_CACHE=null",
    ];
    let arguments: Vec<&str> = set.iter().flat_map(|one| ["--set", one]).collect();
    let expected = objects(&generate(&[&["tts"], &arguments[..]].concat()));
    assert_ne!(expected, plain);
    assert_eq!(changed, expected);
    let wrong = json!([{"name": "gate.flor", "string": "7Gi"}]);
    let asked = tts().with("ARGOCD_APP_PARAMETERS", &wrong.to_string());
    let refused = server.ask("GenerateManifest", &asked).unwrap_err();
    assert!(
        refused.says("ARGOCD_APP_PARAMETERS") && refused.says("did you mean `floor`?"),
        "{refused:?}"
    );
    server.holds_nothing();
}

#[test]
#[ignore = "tests/e2e/run"]
fn the_user_reads_what_is_wrong_and_where() {
    let server = CmpServer::start();
    let broken = [
        ("values/tts.yaml", "  floor: 6Gi", "  flor: 6Gi", "did you mean `floor`?"),
        ("values/tts.yaml", "  floor: 6Gi", "  floor: much", "much"),
        ("templates/deployment.yaml.j2", "containers:", "continers:", "did you mean `containers`?"),
    ];
    for (file, from, to, cure) in broken {
        let checkout = checkout();
        checkout.replace(file, from, to);
        let line = 1 + checkout.read(file).lines().position(|line| line.contains(to)).unwrap();
        let asked = Asked::of(&checkout).with("ARGOCD_ENV_STACK", "tts");
        let refused = server.ask("GenerateManifest", &asked).unwrap_err();
        assert_eq!(refused.code, "Unknown", "{refused:?}");
        for said in ["`tts-render generate` failed exit status 2", cure, &format!("{file}:{line}")]
        {
            assert!(refused.says(said), "{said}: {refused:?}");
        }
        assert!(!refused.says("\u{1b}"), "no colours: {refused:?}");
    }
    // Nothing to apply is a failure too: for Argo CD an empty answer would mean "delete all".
    let checkout = checkout();
    let asked = Asked::of(&checkout).with("ARGOCD_ENV_APP", "nobody");
    let refused = server.ask("GenerateManifest", &asked).unwrap_err();
    assert!(refused.says("there are no objects in `nobody`"), "{refused:?}");
    server.holds_nothing();
}

/// Forty stacks with so much in them that to render them takes a while.
fn heavy() -> Sandbox {
    let project = Sandbox::demo();
    let lines: String = (0..5_000).map(|key| format!("      key-{key}: value {key}\n")).collect();
    let config =
        format!("  config:\n    name: settings\n    mountPath: /settings.yaml\n    data:\n{lines}");
    project.replace("values/demo.yaml", "  port: 8000 # <-\n", &format!("  port: 8000\n{config}"));
    let demo = project.read("values/demo.yaml");
    for number in 0..40 {
        let name = format!("demo-{number}");
        project.write(&format!("values/{name}.yaml"), demo.replace("demo", &name));
    }
    project
}

#[test]
#[ignore = "tests/e2e/run"]
fn what_takes_too_long_is_ended_and_leaves_nobody_behind() {
    let server = CmpServer::start();
    let heavy = heavy();
    let started = Instant::now();
    let alone = tool::run_in(&heavy.path(""), &["generate"]);
    assert_eq!(alone.code, 0, "{}", alone.stderr);
    let deadline = started.elapsed() / 3;
    let asked = Asked::of(&heavy).within(deadline);
    let (refused, seen) = thread::scope(|scope| {
        let answer = scope.spawn(|| server.ask("GenerateManifest", &asked));
        let mut seen = 0;
        while !answer.is_finished() {
            seen = seen.max(server.plugins().len());
            thread::sleep(Duration::from_millis(5));
        }
        (answer.join().unwrap().unwrap_err(), seen)
    });
    assert_eq!(seen, 1, "it was at work: {refused:?}");
    // The server's word, if it still came in time, or the client's own.
    let killed = ["`tts-render generate` failed signal: ", "DeadlineExceeded"];
    assert!(killed.iter().any(|word| refused.says(word)), "{refused:?}");
    // The server kills it at the deadline, and its group by SIGTERM and SIGKILL.
    server.waits_until("no plugin is left", || server.plugins().is_empty());
    server.waits_until("the copy is gone", || server.work().is_empty());
    // It serves the next.
    let checkout = checkout();
    let asked = Asked::of(&checkout).with("ARGOCD_ENV_STACK", "tts");
    let answer = server.ask("GenerateManifest", &asked).unwrap();
    assert_eq!(manifests(&answer), objects(&generate(&["tts"])));
    server.holds_nothing();
}

#[test]
#[ignore = "tests/e2e/run"]
fn fifty_calls_side_by_side_are_answered_alike() {
    let server = CmpServer::start();
    let checkout = checkout();
    let floors: Vec<String> = (0..50).map(|call| format!("{}Mi", 4097 + call)).collect();
    let answers: Vec<Result<Value, Refused>> = thread::scope(|scope| {
        let calls: Vec<_> = floors
            .iter()
            .map(|floor| {
                let parameters = json!([{"name": "gate.floor", "string": floor}]);
                let asked = Asked::of(&checkout)
                    .with("ARGOCD_ENV_STACK", "tts")
                    .with("ARGOCD_APP_PARAMETERS", &parameters.to_string())
                    .within(Duration::from_secs(300));
                let server = &server;
                scope.spawn(move || server.ask("GenerateManifest", &asked))
            })
            .collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    });
    let plain = objects(&generate(&["tts"]));
    for (floor, answer) in floors.iter().zip(answers) {
        // Each has its own floor; in all else they are the same.
        let expected = with_floor(plain.clone(), floor);
        assert_eq!(manifests(&answer.unwrap()), expected, "{floor}");
    }
    server.holds_nothing();
}

/// The objects with another floor in every CronJob.
fn with_floor(mut objects: Vec<Value>, floor: &str) -> Vec<Value> {
    let mut changed = 0;
    for job in objects.iter_mut().filter(|object| object["kind"] == "CronJob") {
        let pod = &mut job["spec"]["jobTemplate"]["spec"]["template"]["spec"];
        for variable in pod["containers"][0]["env"].as_array_mut().unwrap() {
            if variable["name"] == "FLOOR" {
                variable["value"] = json!(floor);
                changed += 1;
            }
        }
    }
    assert_eq!(changed, 3);
    objects
}
