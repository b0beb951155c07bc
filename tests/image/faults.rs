//! A registry with faults that a test chooses.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::common;
use crate::common::output::CommandOutput;
use crate::http_server::read_head;
use crate::test_env::TestEnv;

/// A fault in the answers to requests of a method whose path contains a text.
struct Fault {
    method: &'static str,
    path: &'static str,
    /// The number of answers with the fault; later ones are good.
    times: usize,
    answer: Answer,
}

#[derive(Clone)]
enum Answer {
    Status(u16, &'static str),
    /// A status with a header.
    Header(u16, String),
    /// The connection is closed without an answer.
    Close,
    /// A good answer with this body.
    Body(&'static str),
}

#[derive(Default)]
struct State {
    faults: Vec<Fault>,
    blobs: BTreeMap<String, Vec<u8>>,
    manifest: Vec<u8>,
    /// `METHOD path` and the Authorization header, if there was one.
    requests: Vec<(String, Option<String>)>,
    /// The realm of a Bearer challenge, if a login is required.
    bearer: Option<String>,
}

struct Registry {
    address: String,
    state: Arc<Mutex<State>>,
}

impl Registry {
    fn start(faults: Vec<Fault>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let state = Arc::new(Mutex::new(State { faults, ..State::default() }));
        let shared = state.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = shared.clone();
                thread::spawn(move || serve(stream, &state));
            }
        });
        Registry { address, state }
    }

    fn with(method: &'static str, path: &'static str, times: usize, answer: Answer) -> Self {
        Self::start(vec![Fault { method, path, times, answer }])
    }

    fn push(&self, env: &TestEnv) -> CommandOutput {
        let to = format!("{}/gate:1", self.address);
        let mut command = env.command();
        command.args(["image", "push", "--from", "image", "--plain-http", &to]);
        CommandOutput::run(command.env("DOCKER_CONFIG", env.path("docker")))
    }

    fn count(&self, request: &str) -> usize {
        let state = self.state.lock().unwrap();
        state.requests.iter().filter(|(line, _)| line.starts_with(request)).count()
    }

    fn login(&self, env: &TestEnv) {
        let auth = common::run(&["base64", "-w0"], "ann:s3cret-pass");
        let config = format!("{{\"auths\": {{\"{}\": {{\"auth\": \"{auth}\"}}}}}}", self.address);
        env.write("docker/config.json", config);
    }
}

fn serve(mut stream: TcpStream, state: &Mutex<State>) {
    let head = read_head(&mut stream);
    let header = |name: &str| {
        head.lines().find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then(|| value.to_owned())
        })
    };
    let mut body = vec![0; header("content-length").map_or(0, |n| n.parse().unwrap())];
    if stream.read_exact(&mut body).is_err() || head.is_empty() {
        return;
    }
    let mut words = head.split(' ');
    let (method, path) = (words.next().unwrap_or(""), words.next().unwrap_or("").to_owned());
    let mut state = state.lock().unwrap();
    state.requests.push((format!("{method} {path}"), header("authorization")));
    let fault = state
        .faults
        .iter_mut()
        .find(|fault| fault.times > 0 && fault.method == method && path.contains(fault.path));
    let answer = fault.map(|fault| {
        fault.times -= 1;
        fault.answer.clone()
    });
    let (status, header, body) = match answer {
        Some(Answer::Close) => return,
        Some(Answer::Status(status, body)) => (status, String::new(), body.as_bytes().to_vec()),
        Some(Answer::Header(status, header)) => (status, header, Vec::new()),
        Some(Answer::Body(body)) => (200, String::new(), body.as_bytes().to_vec()),
        None => state.answer(method, &path, header("authorization"), body),
    };
    let length = if method == "HEAD" { 0 } else { body.len() };
    let end = if header.is_empty() { "" } else { "\r\n" };
    let head = format!(
        "HTTP/1.1 {status} x\r\nConnection: close\r\nContent-Length: {length}\r\n{header}{end}\r\n"
    );
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body[..length]));
}

impl State {
    /// The answer of a registry (distribution-spec).
    fn answer(
        &mut self,
        method: &str,
        path: &str,
        authorization: Option<String>,
        body: Vec<u8>,
    ) -> (u16, String, Vec<u8>) {
        let plain = |status| (status, String::new(), Vec::new());
        if path.starts_with("/token") {
            let good = authorization.is_some_and(|value| value.starts_with("Basic "))
                && path.contains("scope=repository%3Agate%3Apull%2Cpush");
            let token = br#"{"token": "tok-en"}"#.to_vec();
            return if good { (200, String::new(), token) } else { plain(401) };
        }
        if let Some(realm) =
            self.bearer.as_ref().filter(|_| authorization.as_deref() != Some("Bearer tok-en"))
        {
            let challenge = format!("WWW-Authenticate: Bearer realm=\"{realm}\",service=\"s\"");
            return (401, challenge, Vec::new());
        }
        let location = |path: &str| format!("Location: {path}");
        let name = path.rsplit('/').next().unwrap_or("");
        match method {
            "GET" if path == "/v2/" => plain(200),
            "HEAD" if path.contains("/blobs/") => {
                plain(if self.blobs.contains_key(name) { 200 } else { 404 })
            }
            "POST" => (202, location("/v2/gate/blobs/uploads/1?state=x"), Vec::new()),
            "PUT" if path.contains("/uploads/") => {
                let digest = path.split("digest=").nth(1).unwrap().replace("%3A", ":");
                self.blobs.insert(digest.clone(), body);
                (201, location(&format!("/v2/gate/blobs/{digest}")), Vec::new())
            }
            "PUT" => {
                self.manifest = body;
                (201, location("/v2/gate/manifests/1"), Vec::new())
            }
            "GET" if path.contains("/manifests/") => (200, String::new(), self.manifest.clone()),
            _ => plain(404),
        }
    }
}

/// Pushes an image to a registry with one fault.
fn push(
    method: &'static str,
    path: &'static str,
    times: usize,
    answer: Answer,
) -> (Registry, CommandOutput) {
    let env = TestEnv::new();
    env.image();
    let registry = Registry::with(method, path, times, answer);
    let output = registry.push(&env);
    (registry, output)
}

#[test]
fn a_push_without_a_fault_succeeds() {
    let env = TestEnv::new();
    let digest = env.image();
    let registry = Registry::start(Vec::new());
    let output = registry.push(&env);
    assert_eq!(output.result(), format!("{}/gate@{digest}", registry.address));
    assert_eq!(registry.count("POST"), 2);
    assert_eq!(registry.state.lock().unwrap().blobs.len(), 2);
}

#[test]
fn a_refusal_is_named_and_not_retried() {
    let denied = r#"{"errors":[{"code":"DENIED","message":"read only","detail":null}]}"#;
    for (status, body, reason) in [
        (401, "", "requires a login for `gate`, and neither Docker's nor Podman's"),
        (403, denied, "does not allow an anonymous user to push to `gate`: read only"),
        (404, "<html>", "has no repository `gate`, and does not create it: <html>"),
        (413, "too big", "answered 413: too big"),
        (507, "", "is full: it answered 507"),
        (500, "open: no space left on device", "is full: it answered 500"),
    ] {
        let (registry, output) = push("POST", "/uploads/", 9, Answer::Status(status, body));
        assert!(output.refusal().contains(reason), "{status}: {}", output.stderr);
        assert!(output.stderr.contains(&registry.address), "{}", output.stderr);
        assert_eq!(registry.count("POST"), 1, "{status}");
    }
    for (status, reason) in [(401, "requires a login"), (403, "does not allow")] {
        let (_, output) = push("HEAD", "/blobs/", 9, Answer::Status(status, ""));
        assert!(output.refusal().contains(reason), "HEAD {status}: {}", output.stderr);
        let (_, output) = push("PUT", "/manifests/", 9, Answer::Status(status, ""));
        assert!(output.refusal().contains(reason), "PUT {status}: {}", output.stderr);
    }
}

#[test]
fn transient_failures_are_retried() {
    let places = [
        ("HEAD", "/blobs/"),
        ("POST", "/uploads/"),
        ("PUT", "/manifests/"),
        ("GET", "/manifests/"),
    ];
    for (method, path) in places {
        for answer in [Answer::Status(503, "busy"), Answer::Close] {
            let (_, output) = push(method, path, 2, answer);
            output.result();
            assert_eq!(
                output.stderr.matches("retrying: ").count(),
                2,
                "{method}: {}",
                output.stderr
            );
        }
    }
    let (_, output) = push("POST", "/uploads/", 1, Answer::Status(429, "slow down"));
    output.result();
}

#[test]
fn a_push_fails_after_three_attempts() {
    let (registry, output) = push("POST", "/uploads/", 9, Answer::Status(503, "busy"));
    assert!(
        output.refusal().contains("answered 503 to each of 3 attempts: busy"),
        "{}",
        output.stderr
    );
    assert_eq!(registry.count("POST"), 3);
    let (registry, output) = push("PUT", "/uploads/", 9, Answer::Close);
    assert!(
        output.refusal().contains("the connection broke in each of 3 attempts"),
        "{}",
        output.stderr
    );
    assert_eq!(registry.count("PUT"), 3);
}

#[test]
fn a_closed_port_is_reported() {
    let env = TestEnv::new();
    env.image();
    let registry = Registry::start(Vec::new());
    // Nothing listens on port 1 of loopback.
    let output = Registry { address: "127.0.0.1:1".to_owned(), ..registry }.push(&env);
    let refusal = output.refusal();
    assert!(refusal.contains("`127.0.0.1:1` can't be reached"), "{refusal}");
    assert!(refusal.contains("Connection refused"), "{refusal}");
}

#[test]
fn a_changed_manifest_is_detected() {
    let other = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{}}"#;
    let (registry, output) = push("GET", "/manifests/", 1, Answer::Body(other));
    assert!(output.refusal().contains("do not use the image it holds"), "{}", output.stderr);
    assert_eq!(registry.count("GET /v2/gate/manifests/1"), 1);
}

#[test]
fn invalid_answers_are_refused() {
    for location in ["::no url::", "", "http://[", "mailto:a@b", "\u{e9}"] {
        let header = Answer::Header(202, format!("Location: {location}"));
        let (_, output) = push("POST", "/uploads/", 9, header);
        assert!(!output.refusal().contains("panicked"), "{location:?}: {}", output.stderr);
    }
    let (_, output) = push("POST", "/uploads/", 9, Answer::Status(202, ""));
    assert!(output.refusal().contains("does not answer like an OCI registry"), "{}", output.stderr);
    let (_, output) = push("POST", "/uploads/", 9, Answer::Status(200, ""));
    assert!(output.refusal().contains("does not answer like an OCI registry"), "{}", output.stderr);
}

#[test]
fn a_bearer_token_is_fetched_with_the_login() {
    let env = TestEnv::new();
    let digest = env.image();
    let registry = Registry::start(Vec::new());
    let realm = format!("http://{}/token", registry.address);
    registry.state.lock().unwrap().bearer = Some(realm);

    let none = registry.push(&env);
    assert!(none.refusal().contains("requires a login"), "{}", none.stderr);
    registry.login(&env);
    let output = registry.push(&env);
    assert!(output.result().ends_with(&digest));
    assert!(!output.stderr.contains("s3cret-pass") && !output.stderr.contains("tok-en"));
    let state = registry.state.lock().unwrap();
    let basic = |auth: &Option<String>| auth.as_ref().is_some_and(|a| a.starts_with("Basic "));
    let with_password: Vec<&str> =
        state.requests.iter().filter(|(_, auth)| basic(auth)).map(|(line, _)| &**line).collect();
    assert_eq!(with_password.len(), 1, "only the token server gets the password");
    assert!(with_password[0].starts_with("GET /token"));
}

#[test]
fn an_invalid_token_is_refused() {
    for token in [r#"{"token": "a\nb"}"#, r#"{"token": ""}"#, "[]", r#"{"token": "é"}"#] {
        let env = TestEnv::new();
        env.image();
        let registry = Registry::with("GET", "/token", 9, Answer::Body(token));
        let realm = format!("http://{}/token", registry.address);
        registry.state.lock().unwrap().bearer = Some(realm);
        registry.login(&env);
        let output = registry.push(&env);
        let reason = "does not answer like an OCI registry";
        assert!(output.refusal().contains(reason), "{token}: {}", output.stderr);
    }
}

#[test]
fn a_password_in_an_answer_is_not_shown() {
    let env = TestEnv::new();
    env.image();
    let echo = Answer::Status(403, "no push for ann:s3cret-pass (YW5uOnMzY3JldC1wYXNz)");
    let registry = Registry::with("POST", "/uploads/", 9, echo);
    registry.login(&env);
    let output = registry.push(&env);
    assert!(output.refusal().contains("does not allow `ann` to push"), "{}", output.stderr);
    for secret in ["s3cret-pass", "YW5uOnMzY3JldC1wYXNz"] {
        assert!(!output.stderr.contains(secret), "{}", output.stderr);
    }
}

#[test]
fn an_upload_elsewhere_gets_no_password() {
    let elsewhere = Registry::start(Vec::new());
    let away = format!("Location: http://{}/v2/gate/blobs/uploads/1", elsewhere.address);
    let env = TestEnv::new();
    env.image();
    let registry = Registry::with("POST", "/uploads/", 1, Answer::Header(202, away));
    registry.login(&env);
    registry.state.lock().unwrap().bearer = Some(format!("http://{}/token", registry.address));
    // The first blob goes elsewhere, so the tag refers to a blob that this registry does not have. Only
    // the requests matter here.
    registry.push(&env);
    let requests = &elsewhere.state.lock().unwrap().requests;
    assert!(requests.iter().any(|(line, _)| line.starts_with("PUT")), "{requests:?}");
    assert!(requests.iter().all(|(_, authorization)| authorization.is_none()), "{requests:?}");
}

#[test]
fn a_pin_of_a_missing_image_names_it() {
    let env = TestEnv::new();
    let registry = Registry::with("GET", "/manifests/", 9, Answer::Status(404, ""));
    let of = format!("{}/gate:2", registry.address);
    let output = env.run(&["image", "pin", "--plain-http", &of]);
    assert!(output.refusal().contains(&format!("has no image `{of}`")), "{}", output.stderr);
}
