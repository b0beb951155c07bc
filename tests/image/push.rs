//! `image push` and `image pin` against a real registry.

use std::fs;

use crate::common::output::CommandOutput;
use crate::common::{self, require, write_program};
use crate::registry::{Options, PASSWORD, RealRegistry, USER};
use crate::test_env::{TestEnv, program};

#[test]
fn a_push_returns_the_same_digest() {
    let Some(registry) = RealRegistry::start(&Options::default()) else { return };
    let env = TestEnv::new();
    let digest = env.image();
    let to = format!("{}/viktor/vram-gate:2.0", registry.address);
    let push = ["image", "push", "--from", "image", "--plain-http", &to];
    let first = env.run(&push);
    let pinned = format!("{}/viktor/vram-gate@{digest}", registry.address);
    assert_eq!(first.result(), pinned);
    assert_eq!(first.stderr.matches("sent sha256:").count(), 3, "{}", first.stderr);
    assert!(registry.has("repositories/viktor/vram-gate/_manifests/tags/2.0/current/link"));

    let second = env.run(&push);
    assert_eq!(second.result(), pinned);
    let kept = second.stderr.matches("already in the registry").count();
    assert_eq!((kept, second.stderr.matches("sent sha256:").count()), (2, 1), "{}", second.stderr);

    assert_eq!(env.run(&["-q", "image", "pin", "--plain-http", &to]).result(), pinned);
    if require(&["skopeo", "--version"]) {
        let image = format!("docker://{to}");
        let shown = common::run(&["skopeo", "inspect", "--tls-verify=false", &image], "");
        let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
        assert_eq!(shown["Digest"], *digest);
    }
}

#[test]
fn the_default_tag_is_the_images_own_name() {
    let Some(registry) = RealRegistry::start(&Options::default()) else { return };
    let env = TestEnv::new();
    env.image();
    let to = format!("{}/gate", registry.address);
    env.run(&["image", "push", "--from", "image", "--plain-http", &to]).result();
    assert!(registry.has("repositories/gate/_manifests/tags/1.0/current/link"));
    let by_digest = format!("{to}@sha256:{}", "0".repeat(64));
    let refused = env.run(&["image", "push", "--from", "image", "--plain-http", &by_digest]);
    assert!(refused.refusal().contains("a push needs a tag"), "{}", refused.stderr);
}

#[test]
fn a_push_and_a_pin_write_the_digest_into_the_values() {
    let Some(registry) = RealRegistry::start(&Options::default()) else { return };
    let env = TestEnv::new();
    let digest = env.image();
    let repository = format!("{}/gate", registry.address);
    let values = format!(
        "gate:\n  image: {{repository: \"{repository}\"}} # own\nserver:\n  image: {{repository: other, tag: latest}}\n"
    );
    env.write("values.yaml", &values);
    let to = format!("{repository}:1");
    let push = ["image", "push", "--from", "image", "--plain-http", &to, "--pin", "values.yaml"];
    let pushed = env.run(&push);
    pushed.result();
    assert!(!pushed.stderr.contains("warning"), "{}", pushed.stderr);
    let pinned = values.replace("\"} # own", &format!("\", digest: \"{digest}\"}} # own"));
    assert_eq!(fs::read_to_string(env.path("values.yaml")).unwrap(), pinned);

    // `--pin FILE`, as for `push`, is the same.
    let pin = [
        "image",
        "pin",
        "--plain-http",
        &to,
        "--pin",
        "values.yaml",
        "--path",
        "server.image.digest",
    ];
    let server = env.run(&pin);
    assert_eq!(server.result(), format!("{repository}@{digest}"));
    assert!(server.stderr.contains("in `values.yaml` is `other`"), "{}", server.stderr);
    let both = pinned.replace("latest}", &format!("latest, digest: \"{digest}\"}}"));
    assert_eq!(fs::read_to_string(env.path("values.yaml")).unwrap(), both);
}

#[test]
fn a_password_is_read_from_dockers_configuration_and_never_shown() {
    let Some(registry) = RealRegistry::start(&Options { password: true, ..Options::default() })
    else {
        return;
    };
    let env = TestEnv::new();
    let digest = env.image();
    let to = format!("{}/gate:1", registry.address);
    let push = || {
        let mut command = env.command();
        command.args(["image", "push", "--from", "image", "--plain-http", &to]);
        command
    };
    let config = |auths: &str| env.write("docker/config.json", format!("{{{auths}}}"));

    let none = CommandOutput::run(&mut push());
    assert!(none.refusal().contains("requires a login for `gate`"), "{}", none.stderr);

    let basic = |text: &str| common::run(&["base64", "-w0"], text);
    let auths = |text: &str| {
        format!("\"auths\": {{\"{}\": {{\"auth\": \"{}\"}}}}", registry.address, basic(text))
    };
    config(&auths(&format!("{USER}:wrong-{PASSWORD}")));
    let wrong = CommandOutput::run(push().env("DOCKER_CONFIG", "docker"));
    assert!(wrong.refusal().contains("rejects the login of `ann`"), "{}", wrong.stderr);
    assert!(!wrong.stderr.contains(PASSWORD), "{}", wrong.stderr);

    config(&auths(&format!("{USER}:{PASSWORD}")));
    let right = CommandOutput::run(push().env("DOCKER_CONFIG", "docker"));
    assert!(right.result().ends_with(&digest), "{}", right.stdout);
    assert!(!right.stderr.contains(PASSWORD), "{}", right.stderr);

    // A credential helper, which looks the registry up by name.
    let helper = env.path("bin/docker-credential-test");
    write_program(
        &helper,
        &format!(
            "#!/bin/sh\nread name\ntest \"$1 $name\" = 'get {}' || exit 1\n\
             echo '{{\"Username\":\"{USER}\",\"Secret\":\"{PASSWORD}\"}}'\n",
            registry.address
        ),
    );
    config(&format!("\"credHelpers\": {{\"{}\": \"test\"}}", registry.address));
    let path = format!("{}:{}", env.path("bin").display(), std::env::var("PATH").unwrap());
    let helped = CommandOutput::run(push().env("DOCKER_CONFIG", "docker").env("PATH", &path));
    assert!(helped.result().ends_with(&digest), "{}", helped.stdout);
    assert!(!helped.stderr.contains(PASSWORD), "{}", helped.stderr);

    // A helper without a login for the registry.
    let text = "#!/bin/sh\nread name\necho 'credentials not found in native keychain'\nexit 1\n";
    write_program(&helper, text);
    let unknown = CommandOutput::run(push().env("DOCKER_CONFIG", "docker").env("PATH", &path));
    assert!(unknown.refusal().contains("requires a login"), "{}", unknown.stderr);
    write_program(&helper, &format!("#!/bin/sh\nread name\necho {PASSWORD}\nexit 1\n"));
    let broken = CommandOutput::run(push().env("DOCKER_CONFIG", "docker").env("PATH", &path));
    assert!(broken.refusal().contains("`docker-credential-test` failed"), "{}", broken.stderr);
    assert!(!broken.stderr.contains(PASSWORD), "{}", broken.stderr);
}

#[test]
fn tls_is_checked_against_the_trusted_certificates() {
    let Some(registry) = RealRegistry::start(&Options { tls: true, ..Options::default() }) else {
        return;
    };
    let env = TestEnv::new();
    let digest = env.image();
    let to = format!("{}/gate:1", registry.address);
    let push = || {
        let mut command = env.command();
        command.args(["image", "push", "--from", "image", &to]);
        command
    };
    let unknown = CommandOutput::run(&mut push());
    assert!(unknown.refusal().contains("certificate"), "{}", unknown.stderr);
    assert!(unknown.stderr.contains("`SSL_CERT_FILE` names a file"), "{}", unknown.stderr);
    let trusted = CommandOutput::run(push().env("SSL_CERT_FILE", &registry.certificate));
    assert!(trusted.result().ends_with(&digest), "{}", trusted.stdout);
}

#[test]
fn a_registry_without_tls_is_recognized() {
    let Some(registry) = RealRegistry::start(&Options::default()) else { return };
    let env = TestEnv::new();
    env.image();
    let to = format!("{}/gate:1", registry.address);
    let output = env.run(&["image", "push", "--from", "image", &to]);
    assert!(output.refusal().contains("add `--plain-http`"), "{}", output.stderr);
}

#[test]
fn a_registry_whose_disk_is_full_says_so() {
    let Some(registry) = RealRegistry::start(&Options { small_disk: true, ..Options::default() })
    else {
        return;
    };
    let env = TestEnv::new();
    env.image_of(&program(3 << 20));
    let to = format!("{}/gate:1", registry.address);
    let output = env.run(&["image", "push", "--from", "image", "--plain-http", &to]);
    let full = format!("the disk of `{}` is full", registry.address);
    assert!(output.refusal().contains(&full), "{}", output.stderr);
}

#[test]
fn a_damaged_image_is_not_sent() {
    let Some(registry) = RealRegistry::start(&Options::default()) else { return };
    let env = TestEnv::new();
    let digest = env.image();
    let manifest = env.path("image/blobs/sha256").join(&digest["sha256:".len()..]);
    let text = fs::read_to_string(&manifest).unwrap().replace("vram-gate", "vram-gatf");
    fs::write(manifest, text).unwrap();
    let to = format!("{}/gate:1", registry.address);
    let output = env.run(&["image", "push", "--from", "image", "--plain-http", &to]);
    assert!(output.refusal().contains("is damaged"), "{}", output.stderr);
    assert!(!registry.has("repositories/gate"));
}
