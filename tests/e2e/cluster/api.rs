//! Plain HTTP to the API server, as one user.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use ureq::http::Request;
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};

/// The media type of a server-side apply.
pub const APPLY: &str = "application/apply-patch+yaml";
/// The media type of a JSON merge patch.
pub const MERGE: &str = "application/merge-patch+json";
const JSON: &str = "application/json";

/// The server's answer.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    /// The texts of its `Warning` headers.
    pub warnings: Vec<String>,
    /// The object or the Status; a string if it is not JSON.
    pub body: Value,
}

impl Answer {
    /// Returns true if the request succeeded.
    pub fn done(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The message of a Status.
    pub fn message(&self) -> &str {
        self.body["message"].as_str().unwrap_or_default()
    }

    /// The object; fails the test if the server refused.
    #[track_caller]
    pub fn object(self) -> Value {
        assert!(self.done(), "{}: {}", self.status, self.body);
        self.body
    }
}

/// Kinds, each with its plural and true if it is namespaced.
type Kinds = HashMap<String, (String, bool)>;

/// A client of the server, as one user.
#[derive(Debug)]
pub struct Api {
    server: String,
    agent: ureq::Agent,
    token: Option<String>,
    /// The user agent.
    client: String,
    /// The resources of each API version that was requested.
    resources: Mutex<HashMap<String, Kinds>>,
}

impl Api {
    /// With the certificate `NAME.crt` of the cluster's folder.
    pub fn with_certificate(server: &str, folder: &Path, name: &str) -> Self {
        let read = |file: String| std::fs::read(folder.join(file)).unwrap();
        let certificate = Certificate::from_pem(&read(format!("{name}.crt"))).unwrap();
        let key = PrivateKey::from_pem(&read(format!("{name}.key"))).unwrap();
        Api::new(server, folder, Some(ClientCert::new_with_certs(&[certificate], key)), None)
    }

    /// With a bearer token.
    pub fn with_token(server: &str, folder: &Path, token: &str) -> Self {
        Api::new(server, folder, None, Some(token.to_owned()))
    }

    fn new(server: &str, folder: &Path, user: Option<ClientCert>, token: Option<String>) -> Self {
        let authority = std::fs::read(folder.join("ca.crt")).unwrap();
        let authority = Certificate::from_pem(&authority).unwrap();
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::new_with_certs(&[authority]))
            .client_cert(user)
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .build();
        let agent = ureq::Agent::config_builder()
            .tls_config(tls)
            .proxy(None)
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(90)))
            .build()
            .new_agent();
        let client = "tts-render-e2e/1.0".to_owned();
        Api { server: server.to_owned(), agent, token, client, resources: Mutex::default() }
    }

    /// Sets the user agent, from which the server derives a field manager if a request has none.
    pub fn named(self, client: &str) -> Self {
        Api { client: client.to_owned(), ..self }
    }

    /// One request; an error is a connection that failed.
    pub fn send(
        &self,
        method: &str,
        path: &str,
        media_type: &str,
        body: &str,
    ) -> Result<Answer, ureq::Error> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.server));
        request = request.header("accept", JSON).header("user-agent", &self.client);
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let mut response = if body.is_empty() {
            self.agent.run(request.body(())?)?
        } else {
            self.agent.run(request.header("content-type", media_type).body(body.to_owned())?)?
        };
        let warnings = response.headers().get_all("warning").iter();
        let warnings = warnings.filter_map(|value| {
            let (_, text) = value.to_str().ok()?.split_once('"')?;
            Some(text.trim_end_matches('"').to_owned())
        });
        let warnings = warnings.collect();
        let text = response.body_mut().read_to_string()?;
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Ok(Answer { status: response.status().as_u16(), warnings, body })
    }

    /// Reads a path.
    #[track_caller]
    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, JSON, "").unwrap()
    }

    /// Creates an object, with a query such as `fieldManager=Terraform`.
    #[track_caller]
    pub fn create(&self, object: &Value, query: &str) -> Answer {
        let path = self.collection(object);
        self.send("POST", &format!("{path}?{query}"), JSON, &object.to_string()).unwrap()
    }

    /// Replaces an object.
    #[track_caller]
    pub fn replace(&self, object: &Value, query: &str) -> Answer {
        let path = self.path(object);
        self.send("PUT", &format!("{path}?{query}"), JSON, &object.to_string()).unwrap()
    }

    /// Applies an object, server-side.
    #[track_caller]
    pub fn apply(&self, object: &Value, query: &str) -> Answer {
        self.patch(&self.path(object), APPLY, object, query)
    }

    /// Patches a path.
    #[track_caller]
    pub fn patch(&self, path: &str, media_type: &str, patch: &Value, query: &str) -> Answer {
        self.send("PATCH", &format!("{path}?{query}"), media_type, &patch.to_string()).unwrap()
    }

    /// The live object with this identity.
    #[track_caller]
    pub fn live(&self, object: &Value) -> Value {
        self.get(&self.path(object)).object()
    }

    /// Creates a namespace, unless it exists.
    #[track_caller]
    pub fn namespace(&self, name: &str) {
        let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        let answer = self.create(&object, "");
        assert!(answer.done() || answer.status == 409, "{answer:?}");
    }

    /// The path of an object.
    #[track_caller]
    pub fn path(&self, object: &Value) -> String {
        let name = object["metadata"]["name"].as_str().unwrap();
        format!("{}/{name}", self.collection(object))
    }

    /// The path of the objects of its kind and namespace.
    #[track_caller]
    pub fn collection(&self, object: &Value) -> String {
        let version = object["apiVersion"].as_str().unwrap();
        let kind = object["kind"].as_str().unwrap();
        let (plural, namespaced) = self
            .resource(version, kind)
            .unwrap_or_else(|| panic!("the server knows no {kind} of {version}"));
        let root = root(version);
        match object["metadata"]["namespace"].as_str().filter(|_| namespaced) {
            Some(namespace) => format!("{root}/namespaces/{namespace}/{plural}"),
            None if namespaced => format!("{root}/namespaces/default/{plural}"),
            None => format!("{root}/{plural}"),
        }
    }

    /// The plural of a kind, and true if it is namespaced.
    #[track_caller]
    pub fn resource(&self, version: &str, kind: &str) -> Option<(String, bool)> {
        let cached =
            self.resources.lock().unwrap().get(version).and_then(|kinds| kinds.get(kind).cloned());
        // A kind that is not cached may have been defined since.
        cached.or_else(|| {
            let list = self.get(&root(version)).body;
            let resources = list["resources"].as_array().cloned().unwrap_or_default();
            let kinds: Kinds = resources
                .iter()
                .filter(|resource| !resource["name"].as_str().unwrap().contains('/'))
                .map(|resource| {
                    let text = |key: &str| resource[key].as_str().unwrap().to_owned();
                    (text("kind"), (text("name"), resource["namespaced"] == true))
                })
                .collect();
            let found = kinds.get(kind).cloned();
            self.resources.lock().unwrap().insert(version.to_owned(), kinds);
            found
        })
    }
}

fn root(version: &str) -> String {
    let root = if version.contains('/') { "apis" } else { "api" };
    format!("/{root}/{version}")
}
