//! `.ci/release`: the files that a release consists of, and the job that publishes them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::common::http::{self, Request, Response, Server};
use crate::common::output::CommandOutput;
use crate::common::{self, require};
use crate::registry::{Options, PASSWORD, RealRegistry, USER};
use crate::test_env::{TestEnv, program, tree};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A folder as `.ci/release build` leaves it after compiling, and the digests of its images.
fn compiled() -> (TestEnv, BTreeMap<&'static str, String>) {
    let env = TestEnv::new();
    let mut digests = BTreeMap::new();
    for (name, image) in [("tts-render", "renderer"), ("vram-gate", "gate")] {
        let file = format!("dist/programs/{name}");
        env.write(&file, program(0));
        let out = format!("dist/{image}");
        let build = ["image", "build", "--of", image, "--binary", &file, "--out", &out];
        digests.insert(name, env.run(&build).result().to_owned());
    }
    (env, digests)
}

fn release(env: &TestEnv, step: &str, environment: &[(&str, &str)]) -> CommandOutput {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(".ci/release");
    let mut command = Command::new(script);
    command.arg(step).env("TAG", format!("v{VERSION}")).env("DIST", env.path("dist"));
    CommandOutput::run(command.envs(environment.iter().copied()))
}

/// The programs that both steps use, where the test runs.
fn tools_are_there() -> bool {
    let tools: [&[&str]; 4] = [
        &["skopeo", "--version"],
        &["jq", "--version"],
        &["curl", "--version"],
        &["python3", "-c", "import tomllib"],
    ];
    tools.into_iter().all(require)
}

#[test]
fn packaging_twice_gives_the_same_files() {
    if !tools_are_there() {
        return;
    }
    let (env, _) = compiled();
    release(&env, "package", &[]).result();
    let files = tree(&env.path("dist/release"));
    let names: Vec<String> = files.keys().map(|path| path.display().to_string()).collect();
    assert_eq!(
        names,
        [
            "SHA256SUMS".to_owned(),
            format!("gate-image-{VERSION}.tar"),
            format!("renderer-image-{VERSION}.tar"),
            format!("tts-render-{VERSION}-x86_64-linux.tar.gz"),
            format!("tts-render-{VERSION}.cdx.json"),
            format!("vram-gate-{VERSION}-x86_64-linux.tar.gz"),
            format!("vram-gate-{VERSION}.cdx.json"),
        ]
    );
    // Times and modes of the files do not count.
    env.write("dist/programs/vram-gate", program(0));
    release(&env, "package", &[]).result();
    assert_eq!(tree(&env.path("dist/release")), files);

    let archive = env.path("dist/release").join(&names[5]);
    let list = common::run(&["tar", "-tzf", archive.to_str().unwrap()], "");
    assert_eq!(list, "vram-gate\nLICENSE\nTHIRD-PARTY-NOTICES\n");
    let sbom: Value = serde_json::from_slice(&files[Path::new(&names[6])]).unwrap();
    assert_eq!(sbom["bomFormat"], "CycloneDX");
    let components: Vec<&str> = sbom["components"]
        .as_array()
        .unwrap()
        .iter()
        .map(|component| component["name"].as_str().unwrap())
        .collect();
    for linked in ["ring", "rustls", "ureq", "glibc", "rust-std"] {
        assert!(components.contains(&linked), "{linked}: {components:?}");
    }
    for other in ["cc", "serde_derive", "rcgen", "clap"] {
        assert!(!components.contains(&other), "{other}: {components:?}");
    }
}

/// A forge's API that has these releases and takes another one. `upload_url` is GitHub's.
fn forge(releases: Value) -> Server {
    http::serve(move |request| {
        let host = &request.headers["host"];
        let upload_url = format!("http://{host}/upload/7/assets{{?name,label}}");
        let answer = json!({"id": 7, "upload_url": upload_url});
        match request.method.as_str() {
            "GET" => Response::new(200, releases.to_string()),
            "DELETE" => Response::new(204, ""),
            "PATCH" => Response::new(200, answer.to_string()),
            _ => Response::new(201, answer.to_string()),
        }
    })
}

fn publish(
    env: &TestEnv,
    forge: &Server,
    api: &str,
    registry: &str,
    certificate: &Path,
) -> CommandOutput {
    release(
        env,
        "publish",
        &[
            ("API", &format!("http://{}{api}", forge.address)),
            ("REPOSITORY", "Me/infra"),
            ("TOKEN", "t0k3n"),
            ("REGISTRY", registry),
            ("REGISTRY_USER", USER),
            ("REGISTRY_TOKEN", PASSWORD),
            ("SSL_CERT_FILE", certificate.to_str().unwrap()),
        ],
    )
}

/// The request that lists the releases of `Me/infra`.
const LIST: &str = "GET /repos/Me/infra/releases?per_page=100&limit=100";

fn lines(requests: &[Request]) -> Vec<String> {
    requests.iter().map(|request| format!("{} {}", request.method, request.target)).collect()
}

#[test]
fn the_job_that_publishes_needs_only_the_files_of_the_release() {
    if !tools_are_there() {
        return;
    }
    let options = Options { password: true, tls: true, ..Options::default() };
    let Some(registry) = RealRegistry::start(&options) else { return };
    let (env, digests) = compiled();
    release(&env, "package", &[]).result();
    let files: Vec<_> = tree(&env.path("dist/release")).into_keys().collect();
    // What was built stays in the other job.
    for built in ["programs", "archives", "gate", "renderer"] {
        fs::remove_dir_all(env.path("dist").join(built)).unwrap();
    }
    for (api, assets) in
        [("", "/upload/7/assets"), ("/api/v1", "/api/v1/repos/Me/infra/releases/7/assets")]
    {
        let releases = json!([{"id": 1, "tag_name": "v0.0.9", "draft": false, "body": "Notes"}]);
        let forge = forge(releases);
        publish(&env, &forge, api, &registry.address, &registry.certificate).result();
        let requests = forge.requests();
        let mut expected = vec![
            LIST.replace(" /", &format!(" {api}/")),
            format!("POST {api}/repos/Me/infra/releases"),
        ];
        expected.extend(files.iter().map(|file| format!("POST {assets}?name={}", file.display())));
        expected.push(format!("PATCH {api}/repos/Me/infra/releases/7"));
        assert_eq!(lines(&requests), expected);
        assert!(requests.iter().all(|request| request.headers["authorization"] == "token t0k3n"));
        let created: Value = serde_json::from_slice(&requests[1].body).unwrap();
        assert_eq!(
            (&created["draft"], &created["tag_name"]),
            (&true.into(), &format!("v{VERSION}").into())
        );
        let address = &registry.address;
        for (name, digest) in &digests {
            let reference = format!("{address}/me/{name}@{digest}\n");
            assert!(created["body"].as_str().unwrap().contains(&reference), "{created}");
            assert!(registry.has(&format!("repositories/me/{name}/_manifests/tags/{VERSION}")));
        }
        assert_eq!(requests.last().unwrap().text(), r#"{"draft": false}"#);
    }
}

#[test]
fn a_file_that_changed_between_the_jobs_is_not_published() {
    if !tools_are_there() {
        return;
    }
    let (env, _) = compiled();
    release(&env, "package", &[]).result();
    let image = env.path(&format!("dist/release/gate-image-{VERSION}.tar"));
    let mut bytes = fs::read(&image).unwrap();
    bytes[1000] ^= 1;
    fs::write(&image, bytes).unwrap();
    let forge = forge(json!([]));
    let output = publish(&env, &forge, "", "127.0.0.1:1", Path::new("/none"));
    assert_eq!(output.code, 1, "{}", output.stderr);
    assert!(
        output.stdout.contains("gate-image") && output.stdout.contains("FAILED"),
        "{}",
        output.stdout
    );
    assert_eq!(lines(&forge.requests()), [""; 0]);
}

#[test]
fn a_published_release_is_not_changed() {
    if !tools_are_there() {
        return;
    }
    let (env, _) = compiled();
    release(&env, "package", &[]).result();
    for (draft, body) in
        [(false, json!("Images:\n\n")), (true, json!("By hand")), (true, json!(null))]
    {
        let tag = format!("v{VERSION}");
        let forge = forge(json!([{"id": 5, "tag_name": tag, "draft": draft, "body": body}]));
        let output = publish(&env, &forge, "", "127.0.0.1:1", Path::new("/none"));
        assert_eq!(output.code, 1, "{}", output.stderr);
        let message =
            format!("error: a release of `{tag}` exists: delete it to publish it again\n");
        assert_eq!(output.stderr, message);
        assert_eq!(lines(&forge.requests()), [LIST]);
    }
}

#[test]
fn a_draft_that_a_failed_run_left_is_replaced() {
    if !tools_are_there() {
        return;
    }
    let (env, _) = compiled();
    release(&env, "package", &[]).result();
    let body = "Images:\n\nregistry/me/vram-gate@sha256:1\n";
    let releases =
        json!([{"id": 5, "tag_name": format!("v{VERSION}"), "draft": true, "body": body}]);
    let forge = forge(releases);
    // The registry fails: the draft is deleted before anything is pushed.
    let output = publish(&env, &forge, "", "127.0.0.1:1", Path::new("/none"));
    assert_eq!(output.code, 1, "{}", output.stderr);
    let message = format!(
        "error: pushing `127.0.0.1:1/me/tts-render:{VERSION}` failed: `REGISTRY_TOKEN` must be able to \
         write packages of `Me`\n"
    );
    assert!(output.stderr.ends_with(&message), "{}", output.stderr);
    assert_eq!(lines(&forge.requests()), [LIST, "DELETE /repos/Me/infra/releases/5"]);
}

#[test]
fn an_error_of_the_forge_is_shown_without_the_token() {
    if !tools_are_there() {
        return;
    }
    let (env, _) = compiled();
    release(&env, "package", &[]).result();
    let forge = http::serve(|_| Response::new(403, "{\"message\": \"token has no scope\"}"));
    let output = publish(&env, &forge, "", "127.0.0.1:1", Path::new("/none"));
    assert_eq!(output.code, 1, "{}", output.stderr);
    assert!(output.stderr.contains("error: 403"), "{}", output.stderr);
    assert!(
        output.stderr.ends_with("{\"message\": \"token has no scope\"}\n"),
        "{}",
        output.stderr
    );
    for secret in ["t0k3n", PASSWORD] {
        assert!(!output.stderr.contains(secret) && !output.stdout.contains(secret), "{secret}");
    }
}

#[test]
fn a_secret_that_is_not_set_is_named() {
    if !tools_are_there() {
        return;
    }
    let env = TestEnv::new();
    let given = ["API", "REPOSITORY", "TOKEN", "REGISTRY", "REGISTRY_USER"].map(|name| (name, "x"));
    let output = release(&env, "publish", &[&given[..], &[("REGISTRY_TOKEN", "")]].concat());
    assert_eq!((output.code, &*output.stderr), (1, "error: `REGISTRY_TOKEN` is empty\n"));
}
