//! A registry, or somebody on the way to it, that wants the login, the memory, or a digest of its own.

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::thread;

use oci_scratch::Digest;

use crate::common;
use crate::common::http::{Request, Response, Server, serve, serve_tls};
use crate::common::output::CommandOutput;
use crate::http_server::read_head;
use crate::test_env::TestEnv;

const MANIFEST: &str = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{},"layers":[]}"#;
const VALUES: &str = "gate:\n  image: {repository: a/b}\n";
/// `ann:s3cret-pass`.
const BASIC: &str = "Basic YW5uOnMzY3JldC1wYXNz";

/// A folder with a login for the registries at these addresses, and a values file.
fn environment(addresses: &[&str]) -> TestEnv {
    let env = TestEnv::new();
    let auth = common::run(&["base64", "-w0"], "ann:s3cret-pass");
    let logins = addresses.iter().map(|address| format!("\"{address}\": {{\"auth\": \"{auth}\"}}"));
    let logins = logins.collect::<Vec<_>>().join(", ");
    env.write("docker/config.json", format!("{{\"auths\": {{{logins}}}}}"));
    env.write("values.yaml", VALUES);
    env
}

fn run(env: &TestEnv, arguments: &[&str]) -> CommandOutput {
    let mut command = env.command();
    command.env("DOCKER_CONFIG", env.path("docker"));
    if env.path("trusted.pem").exists() {
        command.env("SSL_CERT_FILE", env.path("trusted.pem"));
    }
    let output = CommandOutput::run(command.args(arguments));
    assert!(!output.stderr.contains("s3cret-pass"), "{}", output.stderr);
    output
}

/// Pins over HTTP; the values file must stay as it is.
fn refused_pin(address: &str) -> CommandOutput {
    let env = environment(&[]);
    let of = format!("{address}/a/b:1");
    let output = run(&env, &["image", "pin", "--plain-http", &of, "values.yaml"]);
    output.refusal();
    assert_eq!(fs::read_to_string(env.path("values.yaml")).unwrap(), VALUES);
    output
}

/// Pins over HTTPS, with the login for the first server; the certificates of all are trusted.
fn pin_with_tls(servers: &[&(Server, String)]) -> CommandOutput {
    let env = environment(&[&servers[0].0.address]);
    let certificates: String = servers.iter().map(|(_, pem)| pem.as_str()).collect();
    env.write("trusted.pem", certificates);
    let of = format!("{}/a/b:1", servers[0].0.address);
    let output = run(&env, &["image", "pin", &of, "values.yaml"]);
    let is_pinned = fs::read_to_string(env.path("values.yaml")).unwrap() != VALUES;
    assert_eq!(is_pinned, output.code == 0, "{}", output.stderr);
    output
}

/// A registry that answers a manifest's request with this, and anything else with 200.
fn answer_manifests(response: Response) -> impl Fn(&Request) -> Response + Send + 'static {
    move |request| match request.target.contains("/manifests/") {
        true => response.clone(),
        false => Response::new(200, ""),
    }
}

/// A registry that wants a token of this realm, and has the manifest.
fn require_token(realm: String) -> impl Fn(&Request) -> Response + Send + 'static {
    move |request| {
        if request.headers.get("authorization").is_some_and(|value| value == "Bearer tok-en") {
            return Response::new(200, MANIFEST);
        }
        let challenge = format!("WWW-Authenticate: Bearer realm=\"{realm}\",service=\"s\"");
        Response::new(401, "").with_header(challenge)
    }
}

fn authorizations(server: &Server) -> Vec<Option<String>> {
    let requests = server.requests();
    requests.iter().map(|request| request.headers.get("authorization").cloned()).collect()
}

/// Answers each request with a head and then with 3 GB in chunks, to a client that reads so much.
/// Returns the address, and the bytes that were sent in the last answer.
fn serve_without_end(status: &'static str) -> (String, std::sync::mpsc::Receiver<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (sender, receiver) = std::sync::mpsc::channel();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let head = read_head(&mut stream);
            if head.starts_with("GET /v2/ ") {
                let empty = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
                let _ = stream.write_all(empty.as_bytes());
                continue;
            }
            let head = format!("HTTP/1.1 {status}\r\nTransfer-Encoding: chunked\r\n\r\n");
            let _ = stream.write_all(head.as_bytes());
            let mut chunk = b"10000\r\n".to_vec();
            chunk.extend([b' '; 0x10000]);
            chunk.extend(b"\r\n");
            let chunks = (3usize << 30) / 0x10000;
            let sent = (0..chunks).take_while(|_| stream.write_all(&chunk).is_ok()).count();
            let _ = sender.send(sent * 0x10000);
        }
    });
    (address, receiver)
}

#[test]
fn an_answer_is_read_up_to_its_limit() {
    for (status, reason) in [
        ("200 OK", "the manifest has more than 4 MiB"),
        ("403 Forbidden", "does not allow an anonymous user to read `a/b`"),
    ] {
        let (address, sent) = serve_without_end(status);
        let output = refused_pin(&address);
        assert!(output.stderr.contains(reason), "{}", output.stderr);
        // The system's buffers hold a few MiB.
        let sent = sent.recv().unwrap();
        assert!(sent < 64 << 20, "{sent} bytes were read");
    }
}

#[test]
fn an_answer_that_is_not_a_manifest_is_shown_and_not_pinned() {
    let other = Digest::of(b"other").to_string();
    let html = "\n  <html>captive \u{1b}[31mportal</html>\nmore";
    let untyped = r#"{"schemaVersion":2,"config":{}}"#;
    for (response, reason) in [
        (Response::new(200, html), "its first line is `<html>captive [31mportal</html>`"),
        (Response::new(200, ""), "the manifest is empty"),
        (Response::new(204, ""), "it answers 204 to GET"),
        (Response::new(200, "[]"), "not JSON of an image: its first line is `[]`"),
        (Response::new(200, untyped), "the manifest has no media type"),
        (
            Response::new(200, untyped).with_header("Content-Type: application/json"),
            "the unknown media type `application/json`",
        ),
        (
            Response::new(200, MANIFEST).with_header(format!("Docker-Content-Digest: {other}")),
            &format!("expected `{other}`"),
        ),
    ] {
        let server = serve(answer_manifests(response));
        let output = refused_pin(&server.address);
        assert!(output.stderr.contains(reason), "{reason}: {}", output.stderr);
    }
}

#[test]
fn a_manifest_of_another_digest_than_the_one_asked_for_is_refused() {
    let server = serve(answer_manifests(Response::new(200, MANIFEST)));
    let env = environment(&[]);
    let pin = |digest: &Digest| {
        let of = format!("{}/a/b@{digest}", server.address);
        run(&env, &["image", "pin", "--plain-http", &of])
    };
    let right = Digest::of(MANIFEST.as_bytes());
    assert_eq!(pin(&right).result(), format!("{}/a/b@{right}", server.address));
    let output = pin(&Digest::of(b"other"));
    assert!(output.refusal().contains(&format!("has the digest `{right}`")), "{}", output.stderr);
}

#[test]
fn no_redirect_leads_from_https_to_http() {
    let plain = serve(|_| Response::new(200, MANIFEST));
    let away = format!("Location: http://{}/v2/a/b/manifests/1?token=secret", plain.address);
    let redirect = Response::new(307, "").with_header(away);
    let server = serve_tls(answer_manifests(redirect));
    let output = pin_with_tls(&[&server]);
    let reason = format!(
        "the redirect of `{}` leads from HTTPS to `http://{}`",
        server.0.address, plain.address
    );
    assert!(output.refusal().contains(&reason), "{}", output.stderr);
    assert_eq!(plain.requests().len(), 0);
}

#[test]
fn no_upload_leads_from_https_to_http() {
    let plain = serve(|_| Response::new(201, ""));
    let away = format!("Location: http://{}/upload", plain.address);
    let server = serve_tls(move |request| match &*request.method {
        "POST" => Response::new(202, "").with_header(away.clone()),
        _ => Response::new(404, ""),
    });
    let env = environment(&[&server.0.address]);
    env.write("trusted.pem", &server.1);
    env.image();
    let output =
        run(&env, &["image", "push", "--from", "image", &format!("{}/a", server.0.address)]);
    let reason = "the upload address of";
    assert!(output.refusal().contains(reason), "{}", output.stderr);
    assert_eq!(plain.requests().len(), 0);
}

#[test]
fn a_redirect_to_another_host_gets_no_login() {
    // It asks for the login, too.
    let mirror =
        serve_tls(|_| Response::new(401, "").with_header("WWW-Authenticate: Basic realm=x"));
    let away = format!("Location: https://{}/x", mirror.0.address);
    let server = serve_tls(move |request| match request.headers.get("authorization") {
        None => Response::new(401, "").with_header("WWW-Authenticate: Basic realm=x"),
        Some(_) => Response::new(302, "").with_header(away.clone()),
    });
    let output = pin_with_tls(&[&server, &mirror]);
    output.refusal();
    assert!(authorizations(&server.0).contains(&Some(BASIC.to_owned())));
    let seen = authorizations(&mirror.0);
    assert!(!seen.is_empty() && seen.iter().all(Option::is_none), "{seen:?}");
}

#[test]
fn redirects_end() {
    let server = serve(|request| {
        Response::new(307, "").with_header(format!("Location: {}", request.target))
    });
    let output = refused_pin(&server.address);
    assert!(output.stderr.contains("it redirects more than 5 times"), "{}", output.stderr);
}

#[test]
fn no_login_goes_to_a_token_server_on_http() {
    let plain = serve(|_| Response::new(200, r#"{"token": "tok-en"}"#));
    let server = serve_tls(require_token(format!("http://{}/token", plain.address)));
    let output = pin_with_tls(&[&server]);
    let reason = format!(
        "the token server of `{}` leads from HTTPS to `http://{}`",
        server.0.address, plain.address
    );
    assert!(output.refusal().contains(&reason), "{}", output.stderr);
    assert_eq!(plain.requests().len(), 0);
}

#[test]
fn a_token_server_elsewhere_is_named() {
    let elsewhere = serve_tls(|_| Response::new(200, r#"{"token": "tok-en"}"#));
    let server = serve_tls(require_token(format!("https://{}/token", elsewhere.0.address)));
    let output = pin_with_tls(&[&server, &elsewhere]);
    let digest = Digest::of(MANIFEST.as_bytes());
    assert_eq!(output.result(), format!("{}/a/b@{digest}", server.0.address));
    let line = format!(
        "sending the login to `{}`, the token server that `{}` names",
        elsewhere.0.address, server.0.address
    );
    assert!(output.stderr.contains(&line), "{}", output.stderr);
    assert_eq!(authorizations(&elsewhere.0), [Some(BASIC.to_owned())]);
    // The registry itself gets the token alone.
    assert!(!authorizations(&server.0).contains(&Some(BASIC.to_owned())));
}

#[test]
fn a_redirect_of_the_token_server_gets_no_login() {
    let third = serve_tls(|_| Response::new(200, r#"{"token": "tok-en"}"#));
    let away = format!("Location: https://{}/token", third.0.address);
    let elsewhere = serve_tls(move |_| Response::new(307, "").with_header(away.clone()));
    let server = serve_tls(require_token(format!("https://{}/token", elsewhere.0.address)));
    pin_with_tls(&[&server, &elsewhere, &third]).result();
    assert_eq!(authorizations(&third.0), [None]);
}
