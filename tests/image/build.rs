//! `image build` and `image inspect`; skopeo and umoci read the folder.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::Command;

use serde_json::Value;

use crate::common::output::CommandOutput;
use crate::common::{self, require};
use crate::test_env::{TestEnv, program, tree};

#[test]
fn the_bytes_do_not_depend_on_the_surroundings() {
    let (one, other) = (TestEnv::new(), TestEnv::new());
    let digest = one.image();

    let odd = other.write("some/where/else.bin", program(0));
    fs::set_permissions(&odd, fs::Permissions::from_mode(0o600)).unwrap();
    let away = other.path("away");
    fs::create_dir(&away).unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", "umask 077; exec \"$0\" \"$@\""]);
    command.arg(env!("CARGO_BIN_EXE_tts-render")).current_dir(&away);
    command.env("TZ", "Pacific/Kiritimati").env("LC_ALL", "de_DE.UTF-8").env("USER", "nobody");
    command.env_remove("SOURCE_DATE_EPOCH");
    command.args(["-C", "../some", "image", "build", "--binary", "where/else.bin"]);
    command.args(["--out", "../image", "--tag", "1.0"]);
    assert_eq!(CommandOutput::run(&mut command).result(), digest);
    assert_eq!(tree(&other.path("image")), tree(&one.path("image")));
}

#[test]
fn a_given_time_or_revision_changes_the_digest() {
    let env = TestEnv::new();
    let plain = env.image();
    let build = ["image", "build", "--binary", "program", "--out", "image", "--tag", "1.0"];
    let dated =
        CommandOutput::run(env.command().args(build).env("SOURCE_DATE_EPOCH", "1764000000"));
    assert_ne!(dated.result(), plain);
    let shown = env.run(&["image", "inspect", "image"]);
    assert!(shown.result().contains("2025-11-24T16:00:00Z"), "{}", shown.stdout);
    let revised = [&build[..], &["--revision", "0123abc"]].concat();
    assert_ne!(env.run(&revised).result(), plain);
    let shown = env.run(&["image", "inspect", "image"]);
    assert!(shown.result().contains("org.opencontainers.image.revision"), "{}", shown.stdout);
    for wrong in ["x", "-1", "99999999999"] {
        let refused = CommandOutput::run(env.command().args(build).env("SOURCE_DATE_EPOCH", wrong));
        assert_eq!((refused.code, &*refused.stdout), (2, ""), "{wrong}: {}", refused.stderr);
    }
}

#[test]
fn without_the_sources_the_way_out_is_named() {
    let env = TestEnv::new();
    let output = env.run(&["image", "build"]);
    assert!(
        output.refusal().contains("a release's static program with `--binary`"),
        "{}",
        output.stderr
    );
    assert!(output.stderr.starts_with("compiling `vram-gate` with Cargo"), "{}", output.stderr);
}

#[test]
fn a_program_that_would_not_run_is_refused_before_anything_is_written() {
    let env = TestEnv::new();
    env.write("script", "#!/bin/sh\n");
    env.write("cut", &program(0)[..100]);
    let dynamic = std::env::current_exe().unwrap();
    for (file, reason) in [
        ("script", "expected an ELF file"),
        ("cut", "cut short"),
        ("missing", "can't read `missing`"),
        (".", "is not a file"),
        (dynamic.to_str().unwrap(), "linked dynamically (it asks for `/lib"),
    ] {
        let output = env.run(&["image", "build", "--binary", file, "--out", "image"]);
        assert!(output.refusal().contains(reason), "{file}: {}", output.stderr);
        assert!(output.stderr.contains(&format!("`{file}`")) || file == dynamic.to_str().unwrap());
    }
    assert!(!env.path("image").exists());
}

#[test]
fn skopeo_inspects_and_copies_it() {
    if !require(&["skopeo", "--version"]) {
        return;
    }
    let env = TestEnv::new();
    let digest = env.image();
    let at = |name: &str| format!("oci:{}:1.0", env.path(name).display());
    let shown = common::run(&["skopeo", "inspect", &at("image")], "");
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["Digest"], *digest);
    assert_eq!((&shown["Os"], &shown["Architecture"]), (&"linux".into(), &"amd64".into()));
    assert_eq!(shown["Labels"]["org.opencontainers.image.title"], "vram-gate");
    assert_eq!(shown["Created"], "1970-01-01T00:00:00Z");
    let copy = ["skopeo", "--insecure-policy", "copy", "--preserve-digests"];
    common::run(&[&copy[..], &[&*at("image"), &*at("copy")]].concat(), "");
    assert_eq!(tree(&env.path("copy/blobs")), tree(&env.path("image/blobs")));
}

#[test]
fn umoci_unpacks_it_to_the_program_and_its_licences() {
    if !require(&["umoci", "--version"]) {
        return;
    }
    let env = TestEnv::new();
    env.image();
    let image = format!("{}:1.0", env.path("image").display());
    let bundle = env.path("bundle");
    common::run(&["umoci", "unpack", "--image", &image, bundle.to_str().unwrap()], "");
    let rootfs = bundle.join("rootfs");
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    assert_eq!(
        tree(&rootfs).into_iter().collect::<Vec<_>>(),
        [
            ("licenses/LICENSE".into(), fs::read(root.join("LICENSE")).unwrap()),
            (
                "licenses/THIRD-PARTY-NOTICES".into(),
                fs::read(root.join("src/image/notices/vram-gate.txt")).unwrap()
            ),
            ("vram-gate".into(), program(0)),
        ]
    );
    let meta = fs::metadata(rootfs.join("vram-gate")).unwrap();
    assert_eq!((meta.mode() & 0o7777, meta.uid(), meta.gid(), meta.mtime()), (0o755, 0, 0, 0));
    let config: Value =
        serde_json::from_slice(&fs::read(bundle.join("config.json")).unwrap()).unwrap();
    let process = &config["process"];
    assert_eq!((&process["user"]["uid"], &process["user"]["gid"]), (&65532.into(), &65532.into()));
    assert_eq!(process["args"], serde_json::json!(["/vram-gate"]));
}

#[test]
fn the_renderers_image_is_argo_cds_sidecar() {
    if !require(&["umoci", "--version"]) {
        return;
    }
    let env = TestEnv::new();
    env.write("program", program(0));
    let build = ["image", "build", "--of", "renderer", "--binary", "program", "--out", "image"];
    env.run(&[&build[..], &["--tag", "r"]].concat()).result();
    let image = format!("{}:r", env.path("image").display());
    let bundle = env.path("bundle");
    common::run(&["umoci", "unpack", "--image", &image, bundle.to_str().unwrap()], "");
    let rootfs = bundle.join("rootfs");
    let mode = |path: &str| fs::metadata(rootfs.join(path)).unwrap().mode() & 0o7777;
    assert_eq!(mode("usr/local/bin/tts-render"), 0o755);
    assert_eq!(mode("home/argocd/cmp-server/config/plugin.yaml"), 0o644);
    assert_eq!(mode("licenses/LICENSE"), 0o644);
    let notices = fs::read_to_string(rootfs.join("licenses/THIRD-PARTY-NOTICES")).unwrap();
    assert!(notices.starts_with("tts-render is licensed"), "{notices:.80}");
    assert_eq!(mode("home/argocd"), 0o755);
    let config: Value =
        serde_json::from_slice(&fs::read(bundle.join("config.json")).unwrap()).unwrap();
    assert_eq!(config["process"]["user"]["uid"], 999);
    assert_eq!(config["process"]["cwd"], "/home/argocd");
}

#[test]
fn inspect_lists_files_digests_and_configuration() {
    let env = TestEnv::new();
    let digest = env.image();
    let shown = env.run(&["image", "inspect", "image"]);
    let shown = shown.result();
    for part in [&*digest, "linux/amd64", "/vram-gate", "65532:65532", "0755", "0:0", "not known"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    fs::remove_file(env.path("image/index.json")).unwrap();
    let output = env.run(&["image", "inspect", "image"]);
    assert!(output.refusal().contains("`image` is not an OCI image layout"), "{}", output.stderr);
}

#[test]
fn a_full_disk_is_named_and_leaves_the_old_image() {
    let mount = ["unshare", "-m", "sh", "-c", "mount -t tmpfs none /tmp"];
    if !require(&mount) {
        return;
    }
    let env = TestEnv::new();
    env.write("large", program(1 << 20));
    env.write("small", program(0));
    env.write("disk/here", "");
    // The small image fits on a disk of 256 KiB, the large one does not.
    let script = "mount -t tmpfs -o size=256k none disk && \
        \"$0\" image build --binary small --out disk/image && cp -r disk/image before && \
        if \"$0\" image build --binary large --out disk/image; then exit 1; fi; \
        cp -r disk/image after; ls -A disk";
    let mut command = Command::new("unshare");
    command.args(["-m", "sh", "-ec", script, env!("CARGO_BIN_EXE_tts-render")]);
    let output = CommandOutput::run(command.current_dir(env.path("")));
    assert!(
        output.stderr.contains("the disk that holds `disk/image` is full"),
        "{}",
        output.stderr
    );
    assert_eq!(tree(&env.path("after")), tree(&env.path("before")));
    assert_eq!(output.stdout.lines().last(), Some("image"), "nothing is left over");
}

#[test]
fn without_sources_the_way_out_is_named() {
    let env = TestEnv::new();
    let message = env.run(&["image", "build"]).refusal().to_owned();
    assert!(message.contains("give a release's static program with `--binary`"), "{message}");
}
