//! The gate when all is well: what it sends, says and leaves behind.

// A test fails by panicking; clippy knows that of `#[test]` functions alone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod support;

use std::process::Command;

use serde_json::{Value, json};
use support::api::Reply;
use support::gate::{GI, TOKEN, World, gate, page_of, roomy};
use support::plain::page;

#[test]
fn up_starts_the_tenant_on_a_card_with_room() {
    let ran = World::new("up").run();
    assert_eq!((ran.code, ran.api.replicas()), (Some(0), 1), "{}", ran.line);
    assert_eq!(
        ran.line,
        "vram-gate up: scaled tts/chatterbox-tts to 1: the floor is free used=8589934592 free=8589934592 \
         floor=6442450944 total=17179869184 reserve=536870912 others=8589934592 unknown=0 tenant=0 series=2 \
         looks=1 before=0 after=1\n"
    );
    assert_eq!(ran.message.as_deref(), Some(ran.line.as_str()));
    assert_eq!(ran.stdout, "");
}

#[test]
fn the_api_server_gets_one_get_and_one_patch_of_the_replicas_alone() {
    let ran = World::new("guard").run();
    let requests = ran.api.requests();
    let methods: Vec<&str> = requests.iter().map(|request| request.method.as_str()).collect();
    assert_eq!(methods, ["GET", "PATCH"]);
    assert_eq!(requests[1].body, r#"{"spec":{"replicas":0}}"#);
    assert_eq!(ran.api.replicas(), 0);
}

#[test]
fn the_page_is_asked_for_plainly() {
    let ran = World::new("up").run();
    let heads = ran.exporter.heads.lock().unwrap();
    let head = heads[0].to_ascii_lowercase();
    assert!(head.starts_with("get /metrics http/1.1\r\n"), "{head}");
    assert!(head.contains("accept: text/plain;version=0.0.4\r\n"), "{head}");
    for never in ["accept-encoding", "authorization", "cookie", &TOKEN.to_ascii_lowercase()] {
        assert!(!head.contains(never), "{head}");
    }
}

#[test]
fn json_is_one_object_with_the_numbers() {
    let mut world = World::new("guard");
    world.set("LOG_FORMAT", "json");
    let ran = world.run();
    let line: Value = serde_json::from_str(&ran.line).unwrap();
    let expected = json!({
        "level": "info", "action": "guard", "outcome": "scaled", "reason": "floor-broken",
        "message": "scaled tts/chatterbox-tts to 0: others leave less than the floor",
        "namespace": "tts", "deployment": "chatterbox-tts", "dryRun": false, "exit": 0,
        "used": 12 * GI, "free": 4 * GI, "floor": 6 * GI, "total": 16 * GI, "reserve": GI / 2,
        "others": 12 * GI, "unknown": 0, "tenant": 0, "series": 2, "looks": 1, "before": 1, "after": 0,
    });
    assert_eq!(line, expected);
    assert_eq!(ran.message.as_deref(), Some(ran.line.as_str()));
}

#[test]
fn json_is_json_when_it_is_set_up_wrongly() {
    let mut world = World::new("up");
    world.set("LOG_FORMAT", "json");
    world.set("FLOOR", "\"\u{1}");
    let ran = world.run();
    let line: Value = serde_json::from_str(&ran.line).unwrap();
    assert_eq!((line["outcome"].as_str(), line["exit"].as_u64()), (Some("misconfigured"), Some(2)));
    assert!(line["message"].as_str().unwrap().contains("FLOOR"));
}

#[test]
fn more_in_use_than_the_card_has_shows_as_less_than_nothing_free() {
    let mut world = World::new("guard");
    world.exporter = vec![page(page_of(&[("immich", 20 * GI)]))];
    let ran = world.run();
    assert!(ran.line.contains(" free=-4294967296 "), "{}", ran.line);
    assert_eq!(ran.api.replicas(), 0);
}

#[test]
fn guard_leaves_the_tenant_its_own_model() {
    let mut world = World::new("guard");
    world.exporter = vec![page(page_of(&[("immich", 8 * GI), ("tts", 4 * GI)]))];
    let ran = world.run();
    assert_eq!((ran.code, ran.api.replicas(), ran.api.requests().len()), (Some(0), 1, 0));
    assert!(ran.line.contains("left tts/chatterbox-tts alone: the floor is free"), "{}", ran.line);
}

#[test]
fn down_never_reads_the_page() {
    let mut world = World::new("down");
    world.exporter = vec![page(roomy())];
    let ran = world.run();
    assert_eq!((ran.code, ran.api.replicas()), (Some(0), 0));
    assert_eq!(ran.exporter.heads.lock().unwrap().len(), 0);
    assert_eq!(
        ran.line,
        "vram-gate down: scaled tts/chatterbox-tts to 0: the window ends before=1 after=0\n"
    );
}

#[test]
fn flags_do_what_variables_do() {
    let mut world = World::new("up");
    world.env.clear();
    let args = "up --floor 6Gi --gpu-total=16Gi --deployment chatterbox-tts --samples 2 --sample-interval=0";
    world.args = args.split(' ').map(Into::into).collect();
    let ran = world.run();
    assert_eq!((ran.code, ran.api.replicas()), (Some(0), 1), "{}", ran.line);
    assert!(ran.line.contains(" looks=2 "), "{}", ran.line);
}

#[test]
fn a_dry_run_says_what_it_would_do() {
    let mut world = World::new("guard");
    world.args = vec!["--dry-run".into()];
    let ran = world.run();
    assert_eq!((ran.code, ran.api.replicas(), ran.api.patches()), (Some(0), 1, 0));
    assert!(ran.line.contains("would scale tts/chatterbox-tts to 0"), "{}", ran.line);
    assert!(ran.line.contains(" before=1"), "{}", ran.line);
}

#[test]
fn help_and_version() {
    let say = |arg: &str| Command::new(gate()).env_clear().arg(arg).output().unwrap();
    let help = say("--help");
    assert!(help.status.success() && help.stderr.is_empty());
    assert_eq!(String::from_utf8(help.stdout).unwrap(), vram_gate::settings::help());
    let version = say("--version");
    assert_eq!(version.stdout, concat!("vram-gate ", env!("CARGO_PKG_VERSION"), "\n").as_bytes());
}

/// What runs in the cluster can be audited in a sitting: under 35 packages,
/// the build's own included.
#[test]
fn the_dependencies_are_few() {
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--offline",
            "-p",
            "vram-gate",
            "-e",
            "normal,build",
            "--prefix",
            "none",
            "--no-dedupe",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let packages: std::collections::BTreeSet<&str> = text.lines().collect();
    assert!((10..35).contains(&packages.len()), "{packages:#?}");
}

#[test]
fn the_termination_messages_file_is_never_created() {
    let mut world = World::new("up");
    world.termination_log = false;
    assert_eq!(world.run().message, None);
}

#[test]
fn a_retry_after_past_the_budget_ends_the_run_at_once() {
    let mut world = World::new("up");
    world.api.get = vec![Reply::Say(429, "Retry-After: 3600\r\n", "{}".into())];
    let ran = world.run();
    assert_eq!((ran.code, ran.api.requests().len()), (Some(1), 1), "{}", ran.line);
}
