//! `--pin`: writes the digest into the values and changes nothing else.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::test_env::TestEnv;

const VALUES: &str = "# The gate.\ngate:\r\n    image:   # built by hand\n        repository: a/b\n        tag: \"1.0\"\n    floor: 6Gi # why 6\n";

#[test]
fn build_writes_the_digest_and_nothing_else() {
    let env = TestEnv::new();
    let values = env.write("values/a.yaml", VALUES);
    fs::set_permissions(&values, fs::Permissions::from_mode(0o640)).unwrap();
    env.write("program", crate::test_env::program(0));
    let build =
        ["image", "build", "--binary", "program", "--out", "image", "--pin", "values/a.yaml"];
    let digest = env.run(&build).result().to_owned();
    let want = VALUES.replace("\"1.0\"\n", &format!("\"1.0\"\n        digest: \"{digest}\"\n"));
    assert_eq!(fs::read_to_string(&values).unwrap(), want);
    assert_eq!(fs::metadata(&values).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(fs::read_dir(env.path("values")).unwrap().count(), 1, "nothing is left over");
    // A second run changes nothing.
    assert_eq!(env.run(&build).result(), digest);
    assert_eq!(fs::read_to_string(&values).unwrap(), want);
}

#[test]
fn nothing_is_built_if_the_file_cant_be_pinned() {
    let env = TestEnv::new();
    env.write("program", crate::test_env::program(0));
    env.write("a.yaml", VALUES);
    env.write("broken.yaml", "gate: [\n");
    let build = ["image", "build", "--binary", "program", "--out", "image", "--pin"];
    for (rest, reason) in [
        (
            &["a.yaml", "--path", "gaet.image.digest"][..],
            "there is no map `gaet.image` to write a digest into",
        ),
        (&["a.yaml", "--path", "gate..x"][..], "invalid path `gate..x`: a key is missing"),
        (&["broken.yaml"][..], "broken.yaml:"),
        (&["missing.yaml"][..], "can't read `missing.yaml`"),
    ] {
        let output = env.run(&[&build[..], rest].concat());
        assert!(output.refusal().contains(reason), "{}", output.stderr);
    }
    let near = env.run(&[&build[..], &["a.yaml", "--path", "gate.imaeg.digest"]].concat());
    for part in ["a.yaml:3:5", "did you mean `image`?"] {
        assert!(near.refusal().contains(part), "{}", near.stderr);
    }
    assert!(!env.path("image").exists());
    assert_eq!(fs::read_to_string(env.path("a.yaml")).unwrap(), VALUES);
}

#[test]
fn the_renderers_digest_is_pinned_for_the_plugin() {
    let env = TestEnv::new();
    env.write("program", crate::test_env::program(0));
    let text = format!("{VALUES}gitops:\n    argocd:\n        pluginImage:\n            tag: a\n");
    let values = env.write("a.yaml", &text);
    let build = ["image", "build", "--of", "renderer", "--binary", "program", "--pin", "a.yaml"];
    let digest = env.run(&build);
    let want = format!("{text}            digest: \"{}\"\n", digest.result());
    assert_eq!(fs::read_to_string(&values).unwrap(), want);
    let other = env.run(&[&build[..], &["--path", "gate.image.x"]].concat());
    assert_eq!(other.result(), digest.result());
    let want = format!("        x: \"{}\"\n", digest.result());
    assert!(fs::read_to_string(&values).unwrap().contains(&want));
}

#[test]
fn a_path_that_the_file_does_not_have_is_refused_before_the_registry_is_asked() {
    let env = TestEnv::new();
    env.write("a.yaml", VALUES);
    // Nothing listens there.
    let pin = ["image", "pin", "localhost:1/a:1", "a.yaml", "--path", "gate.imge.digest"];
    let output = env.run(&pin);
    assert_eq!(output.code, 2, "{}", output.stderr);
    assert!(output.stderr.contains("did you mean `image`?"), "{}", output.stderr);
    assert!(!output.stderr.contains("localhost:1"), "{}", output.stderr);
}

#[test]
fn a_push_without_an_image_names_the_command_that_builds_one() {
    let env = TestEnv::new();
    for command in [&["image", "push", "localhost:1/a:1"][..], &["image", "inspect"]] {
        let output = env.run(command);
        assert_eq!(output.code, 2, "{}", output.stderr);
        assert!(output.stderr.contains("`tts-render image build`"), "{}", output.stderr);
    }
    // The reference is checked first.
    let output = env.run(&["image", "push", "https://localhost:1/a:1"]);
    assert!(!output.stderr.contains("image build"), "{}", output.stderr);
}
