//! An API server on loopback with real TLS, one Deployment's scale, and scripted faults.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::http_server::read_head;

/// The server's reaction to one request.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// The real API server's reaction.
    Work,
    /// The change is made, but the answer gets lost.
    WorkAndClose,
    /// The change is made, and answered with this body.
    WorkAndAnswer(String),
    /// An answer without any change: status, further headers, body.
    Answer(u16, &'static str, String),
    /// A Status, as the API server answers an error.
    Status(u16, &'static str),
    /// The connection is closed without an answer.
    Close,
    /// No answer for longer than any timeout.
    Hang,
}

/// The server's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Certificate {
    Good,
    OfAnotherCa,
    OfAnotherHost,
    Expired,
    /// No TLS at all.
    None,
}

/// The server's script: replies to the first GET, the second, and so on, and likewise for PATCH. The last
/// reply is repeated; an empty list means [`Reply::Work`].
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) get: Vec<Reply>,
    pub(crate) patch: Vec<Reply>,
    pub(crate) certificate: Certificate,
    pub(crate) address: &'static str,
    pub(crate) replicas: i64,
    /// Write out replicas of 0; the real server omits them.
    pub(crate) write_zero: bool,
}

/// A received request.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) head: String,
    pub(crate) body: String,
    /// The time at which it was received.
    pub(crate) at: Instant,
}

impl Request {
    /// Returns true for a PATCH to this many replicas.
    pub(crate) fn scales_to(&self, replicas: u32) -> bool {
        self.method == "PATCH" && self.body == format!("{{\"spec\":{{\"replicas\":{replicas}}}}}")
    }
}

/// A running server, with its record of what happened.
pub(crate) struct ApiServer {
    pub(crate) address: SocketAddr,
    state: Arc<Mutex<State>>,
}

struct State {
    plan: Plan,
    replicas: i64,
    requests: Vec<Request>,
    gets: usize,
    patches: usize,
    token: String,
}

impl ApiServer {
    pub(crate) fn replicas(&self) -> i64 {
        self.state.lock().unwrap().replicas
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.state.lock().unwrap().requests.clone()
    }

    pub(crate) fn patches(&self) -> usize {
        self.state.lock().unwrap().patches
    }

    /// Returns the number of requests that only read.
    pub(crate) fn gets(&self) -> usize {
        self.state.lock().unwrap().gets
    }

    /// Scales the Deployment, as somebody else does.
    pub(crate) fn scale(&self, replicas: i64) {
        self.state.lock().unwrap().replicas = replicas;
    }
}

/// Returns the certificate authority that the gate trusts.
pub(crate) fn authority() -> &'static Authority {
    static AUTHORITY: OnceLock<Authority> = OnceLock::new();
    AUTHORITY.get_or_init(Authority::new)
}

/// Returns an authority that the gate does not trust.
pub(crate) fn another_authority() -> &'static Authority {
    static AUTHORITY: OnceLock<Authority> = OnceLock::new();
    AUTHORITY.get_or_init(Authority::new)
}

/// The validity of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Validity {
    Current,
    Expired,
}

/// A certificate authority of the test's process.
pub(crate) struct Authority {
    pub(crate) pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap();
        Self { pem: certificate.pem(), issuer: Issuer::new(params, key) }
    }

    /// Returns a TLS server's configuration with a certificate for these hosts.
    pub(crate) fn server_config(&self, hosts: &[&str], validity: Validity) -> Arc<ServerConfig> {
        let key = KeyPair::generate().unwrap();
        let hosts: Vec<String> = hosts.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(hosts).unwrap();
        if validity == Validity::Expired {
            params.not_before = date_time_ymd(2019, 1, 1);
            params.not_after = date_time_ymd(2020, 1, 1);
        }
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config =
            ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(vec![certificate.der().clone()], key)
                .unwrap();
        Arc::new(config)
    }
}

trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

/// Starts the server. Requests must carry the token.
pub(crate) fn start(plan: Plan, token: &str) -> ApiServer {
    let listener = TcpListener::bind(plan.address).unwrap();
    let address = listener.local_addr().unwrap();
    let hosts = ["127.0.0.1", "::1"];
    let tls = match plan.certificate {
        Certificate::None => None,
        Certificate::Good => Some(authority().server_config(&hosts, Validity::Current)),
        Certificate::OfAnotherCa => {
            Some(another_authority().server_config(&hosts, Validity::Current))
        }
        Certificate::OfAnotherHost => {
            Some(authority().server_config(&["10.9.8.7"], Validity::Current))
        }
        Certificate::Expired => Some(authority().server_config(&hosts, Validity::Expired)),
    };
    let replicas = plan.replicas;
    let token = token.to_owned();
    let state = State { plan, replicas, requests: Vec::new(), gets: 0, patches: 0, token };
    let state = Arc::new(Mutex::new(state));
    let shared = state.clone();
    thread::spawn(move || {
        for tcp in listener.incoming().flatten() {
            // As Go's server. Otherwise each answer waits 40 ms for the client's acknowledgement.
            let _ = tcp.set_nodelay(true);
            let (tls, state) = (tls.clone(), shared.clone());
            thread::spawn(move || serve_connection(&mut *wrap(tcp, tls), &state));
        }
    });
    ApiServer { address, state }
}

fn wrap(tcp: TcpStream, tls: Option<Arc<ServerConfig>>) -> Box<dyn Stream> {
    match tls {
        Some(config) => Box::new(StreamOwned::new(ServerConnection::new(config).unwrap(), tcp)),
        None => Box::new(tcp),
    }
}

/// Answers the requests of one connection until it ends.
fn serve_connection(stream: &mut dyn Stream, state: &Mutex<State>) {
    let mut stream = stream;
    loop {
        let head = read_head(&mut stream);
        if !head.ends_with("\r\n\r\n") {
            return;
        }
        let length = find_header(&head, "content-length")
            .and_then(|length| length.parse().ok())
            .unwrap_or(0);
        let mut body = vec![0; length];
        if stream.read_exact(&mut body).is_err() {
            return;
        }
        let method = head.split(' ').next().unwrap().to_owned();
        let body = String::from_utf8(body).unwrap();
        let request = Request { method, head, body, at: Instant::now() };
        let Some(answer) = reply_to(request, state) else {
            return;
        };
        if stream.write_all(answer.as_bytes()).and_then(|()| stream.flush()).is_err() {
            return;
        }
    }
}

fn reply_to(request: Request, state: &Mutex<State>) -> Option<String> {
    let mut state = state.lock().unwrap();
    let (list, index) = match request.method.as_str() {
        "GET" => (&state.plan.get, state.gets),
        _ => (&state.plan.patch, state.patches),
    };
    let reply = list.get(index.min(list.len().saturating_sub(1))).cloned().unwrap_or(Reply::Work);
    match request.method.as_str() {
        "GET" => state.gets += 1,
        _ => state.patches += 1,
    }
    state.requests.push(request.clone());
    if let Reply::Hang = reply {
        drop(state); // Other connections are served meanwhile.
        thread::sleep(Duration::from_secs(60));
        return None;
    }
    match reply {
        Reply::Close | Reply::Hang => None,
        Reply::Answer(status, headers, body) => Some(http_response(status, headers, &body)),
        Reply::Status(code, message) => Some(status_response(code, message)),
        Reply::Work => Some(work(&request, &mut state)),
        Reply::WorkAndClose => {
            work(&request, &mut state);
            None
        }
        Reply::WorkAndAnswer(body) => {
            work(&request, &mut state);
            Some(http_response(200, "", &body))
        }
    }
}

/// Does what the API server does for the requests that the gate may send.
fn work(request: &Request, state: &mut State) -> String {
    let path = "/apis/apps/v1/namespaces/tts/deployments/chatterbox-tts/scale";
    if find_header(&request.head, "authorization") != Some(&format!("Bearer {}", state.token)) {
        return status_response(401, "Unauthorized");
    }
    let target = request.head.split(' ').nth(1).unwrap();
    match (request.method.as_str(), target.split_once('?').unwrap_or((target, ""))) {
        ("GET", (found, "")) if found == path => {}
        ("PATCH", (found, "fieldManager=vram-gate")) if found == path => {
            if find_header(&request.head, "content-type") != Some("application/merge-patch+json") {
                return status_response(415, "unsupported media type");
            }
            let patch: serde_json::Value = serde_json::from_str(&request.body).unwrap();
            assert_eq!(
                patch.as_object().unwrap().len(),
                1,
                "the patch must change the replicas only"
            );
            state.replicas = patch["spec"]["replicas"].as_i64().unwrap();
        }
        _ => return status_response(404, "the server could not find the requested resource"),
    }
    http_response(200, "", &scale_json(state.replicas, state.plan.write_zero))
}

fn scale_json(replicas: i64, write_zero: bool) -> String {
    let spec = match replicas {
        0 if !write_zero => "{}".to_owned(),
        _ => format!("{{\"replicas\":{replicas}}}"),
    };
    format!(
        "{{\"kind\":\"Scale\",\"apiVersion\":\"autoscaling/v1\",\"metadata\":{{\"name\":\"chatterbox-tts\"}},\
         \"spec\":{spec},\"status\":{{\"replicas\":{replicas},\"selector\":\"app=chatterbox-tts\"}}}}"
    )
}

fn status_response(code: u16, message: &str) -> String {
    let body = format!(
        "{{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\",\"message\":\"{message}\",\"code\":{code}}}"
    );
    http_response(code, "", &body)
}

fn http_response(status: u16, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status} Status\r\nContent-Type: application/json\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
    )
}

fn find_header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then_some(value.trim())
    })
}
