//! The gate's own image, compiled as users compile it: its figures, its packages, and a decision
//! that it makes in its empty root as its own user.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::api_server::{self, Certificate, Plan};
use crate::common::output::CommandOutput;
use crate::common::{self, require};
use crate::http_server;
use crate::test_env::TestEnv;

/// The image of the gate from this workspace; compiled once a test run, and again only when the
/// sources changed.
fn gate_image() -> &'static (PathBuf, String) {
    static IMAGE: OnceLock<(PathBuf, String)> = OnceLock::new();
    IMAGE.get_or_init(|| {
        let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("gate-image");
        let digest = build(Path::new(env!("CARGO_MANIFEST_DIR")), &out);
        (out, digest)
    })
}

fn build(workspace: &Path, out: &Path) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tts-render"));
    command.arg("-q").arg("-C").arg(workspace).args(["image", "build", "--out"]).arg(out);
    command.env_remove("SOURCE_DATE_EPOCH").env_remove("CARGO_TARGET_DIR");
    CommandOutput::run(&mut command).result().to_owned()
}

#[test]
fn the_gates_image_is_at_most_2_mib() {
    let (image, _) = gate_image();
    let bytes: u64 = fs::read_dir(image.join("blobs/sha256"))
        .unwrap()
        .map(|blob| blob.unwrap().metadata().unwrap().len())
        .sum();
    assert!(bytes <= 2 << 20, "{bytes} bytes");
}

#[test]
fn inspect_lists_the_packages_linked_in() {
    let (image, digest) = gate_image();
    let env = TestEnv::new();
    let shown = env.run(&["image", "inspect", image.to_str().unwrap()]);
    let shown = shown.result();
    assert!(shown.contains(digest), "{shown}");
    let notices =
        fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/image/notices/vram-gate.txt"))
            .unwrap();
    let mut packages = shown.lines().skip_while(|line| !line.starts_with("PACKAGE")).skip(1);
    for line in packages.by_ref().take_while(|line| !line.is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (name, version) = (words[0], words[1]);
        let own = ["vram-gate", "kube-formats"].contains(&name);
        assert!(own || notices.contains(&format!("\n{name} {version}, ")), "{name} {version}");
    }
    for package in ["vram-gate", "ring", "rustls", "ureq"] {
        assert!(shown.lines().any(|line| line.starts_with(&format!("{package} "))), "{package}");
    }
    for build_only in ["cc ", "serde_derive", "rcgen", "tempfile"] {
        assert!(!shown.lines().any(|line| line.starts_with(build_only)), "{build_only}");
    }
}

#[test]
fn another_folder_gives_the_same_digest() {
    let slow = std::env::var_os("CI").is_some() || std::env::var_os("TTS_RENDER_SLOW").is_some();
    if !slow {
        eprintln!("SKIPPED: compiles the gate twice; set TTS_RENDER_SLOW=1");
        return;
    }
    let (_, digest) = gate_image();
    let env = TestEnv::new();
    let elsewhere = env.path("some/other folder");
    fs::create_dir_all(&elsewhere).unwrap();
    for entry in fs::read_dir(env!("CARGO_MANIFEST_DIR")).unwrap() {
        let entry = entry.unwrap();
        if ["target", ".git", "dist"].iter().any(|name| entry.file_name() == *name) {
            continue;
        }
        let from = entry.path();
        common::run(&["cp", "-r", from.to_str().unwrap(), elsewhere.to_str().unwrap()], "");
    }
    assert_eq!(build(&elsewhere, &env.path("image")), *digest);
}

/// The mount, the exporter and the API server are the world of the gate's own tests; the program is
/// the image's, alone in its root, as the user that the image names.
#[test]
fn unpacked_and_chrooted_it_decides_and_scales() {
    let tools: [&[&str]; 2] = [&["umoci", "--version"], &["chroot", "/", "true"]];
    if !tools.into_iter().all(require) {
        return;
    }
    let (image, _) = gate_image();
    let env = TestEnv::new();
    let bundle = env.path("bundle");
    let named = format!("{}:{}", image.display(), env!("CARGO_PKG_VERSION"));
    common::run(&["umoci", "unpack", "--image", &named, bundle.to_str().unwrap()], "");
    let root = bundle.join("rootfs");
    let account = "var/run/secrets/kubernetes.io/serviceaccount";
    fs::create_dir_all(root.join(account)).unwrap();
    for (name, text) in
        [("token", "test-token"), ("ca.crt", &*api_server::authority().pem), ("namespace", "tts")]
    {
        fs::write(root.join(account).join(name), text).unwrap();
    }

    let gib = 1u64 << 30;
    for (action, used, before, after) in [("up", 8, 0, 1), ("guard", 12, 1, 0)] {
        let page = format!("gpu_pod_memory_used_bytes{{namespace=\"other\"}} {}\n", used * gib);
        let exporter = http_server::serve(vec![http_server::ok(page)]);
        let server = api_server::start(plan(before), "test-token");
        let environment = environment(action, exporter.address, server.address);
        let mut command = Command::new("chroot");
        command.arg("--userspec=65532:65532").arg(&root).arg("/vram-gate").env_clear();
        let output = CommandOutput::run(command.envs(environment));
        assert_eq!(output.code, 0, "{}", output.stderr);
        assert_eq!(server.replicas(), after, "{action}: {}", output.stderr);
        assert!(output.stderr.contains(&format!("used={used}Gi ")), "{}", output.stderr);
    }
}

fn plan(replicas: i64) -> Plan {
    Plan {
        get: Vec::new(),
        patch: Vec::new(),
        certificate: Certificate::Good,
        address: "127.0.0.1:0",
        replicas,
        write_zero: false,
    }
}

fn environment(action: &str, exporter: SocketAddr, api: SocketAddr) -> [(&'static str, String); 9] {
    [
        // chroot itself is looked for here.
        ("PATH", "/usr/sbin:/usr/bin:/sbin:/bin".to_owned()),
        ("ACTION", action.to_owned()),
        ("FLOOR", (6u64 << 30).to_string()),
        ("GPU_TOTAL", (16u64 << 30).to_string()),
        ("DEPLOYMENT", "chatterbox-tts".to_owned()),
        ("SAMPLES", "1".to_owned()),
        ("METRICS_URL", format!("http://{exporter}/metrics")),
        ("KUBERNETES_SERVICE_HOST", api.ip().to_string()),
        ("KUBERNETES_SERVICE_PORT", api.port().to_string()),
    ]
}
