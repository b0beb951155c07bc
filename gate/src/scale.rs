//! The tenant's scale: one GET, and one PATCH if it differs.
//!
//! Sources: the scale subresource of built-in kinds
//! (<https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/deployment-v1/>,
//! patch partially update scale) and of custom resources
//! (<https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#scale-subresource>),
//! JSON merge patch (RFC 7386).

use std::time::{Duration, Instant};

use serde_json::Value;
use ureq::Agent;
use ureq::http::Request;
use vram_gate::settings::{Key, SettingError, Target};

use crate::http::{self, Answer};
use crate::mounted;
use crate::stop::Stop;

/// The limit of one request; the server's own limit is longer.
const MAX_REQUEST_TIME: Duration = Duration::from_secs(10);

/// The first pause between attempts. Each further pause is twice as long, up to [`MAX_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const MAX_PAUSE: Duration = Duration::from_secs(8);

/// The attempts after which a token that is not accepted counts as refused. One server of several may not
/// have seen a renewed token yet.
const MAX_UNAUTHORIZED: u32 = 3;

/// The most bytes that are read of an answer; a Scale has under a thousand.
const MAX_ANSWER: u64 = 1 << 20;

/// The longest mounted token, in bytes.
const MAX_TOKEN: usize = 64 << 10;

/// The reason why the scale could not be read or changed.
#[derive(Debug)]
pub(crate) enum ScaleError {
    /// The service account's files are invalid.
    Setting(SettingError),
    /// SIGTERM arrived before the PATCH.
    Stopped,
    /// The server refused, or the time was over.
    Failed(String),
}

/// The result of scaling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scaled {
    /// The replicas before; `None` if they could not be read.
    pub(crate) before: Option<i64>,
    /// True if a PATCH was sent.
    pub(crate) patched: bool,
}

/// The error of one attempt.
struct AttemptError {
    problem: String,
    kind: AttemptErrorKind,
}

/// The classes of attempt errors, by the chance of the next attempt.
enum AttemptErrorKind {
    /// The server can't be reached or is not healthy. Retry, after this long at least.
    Unreachable(Duration),
    /// The server asks for a retry, after this long at least.
    Retry(Duration),
    /// The token is not accepted. The next attempt reads it again.
    Unauthorized,
    /// The Role does not allow it. A server that has just started answers so too, until it has read its
    /// Roles and service accounts (observed with kube-apiserver 1.37).
    Forbidden,
    /// Every attempt would fail.
    Fatal,
}

/// The client of one object's scale.
pub(crate) struct ScaleClient<'a> {
    target: &'a Target,
    agent: Agent,
    url: String,
    /// True once the server could not be reached in this run.
    was_unreachable: bool,
    /// The latest problem.
    problem: Option<String>,
}

impl<'a> ScaleClient<'a> {
    /// # Errors
    /// The host is not set, or the mounted `ca.crt` is missing or holds no certificate.
    pub(crate) fn new(target: &'a Target) -> Result<Self, SettingError> {
        let host = target.host.as_deref().ok_or_else(|| {
            setting_error(Key::KubernetesServiceHost, "not set, so this is not a Pod".to_owned())
        })?;
        let host = match host.contains(':') && !host.starts_with('[') {
            true => format!("[{host}]"),
            false => host.to_owned(),
        };
        let trusted = http::read_certificates(&target.service_account.join("ca.crt"))
            .map_err(|problem| setting_error(Key::ServiceAccountDir, problem))?;
        let url = format!("https://{host}:{}{}", target.port, scale_path(target));
        Ok(Self {
            target,
            agent: http::new_agent(trusted),
            url,
            was_unreachable: false,
            problem: None,
        })
    }

    /// Ensures that the target has this many replicas.
    ///
    /// # Errors
    /// [`ScaleError`]. A scale that can't be read stops a scale-up, but not a scale-down.
    pub(crate) fn ensure_replicas(
        &mut self,
        replicas: u32,
        until: Instant,
        stop: &Stop,
    ) -> Result<Scaled, ScaleError> {
        let wanted = i64::from(replicas);
        // Even if the server hangs on every GET, there must be time for the PATCH.
        let left = until.saturating_duration_since(Instant::now());
        let until_read = if replicas == 0 { until - left / 2 } else { until };
        let before = match self.request_with_retries(until_read, "GET", None, stop) {
            Ok(before) if before == wanted => {
                return Ok(Scaled { before: Some(before), patched: false });
            }
            Ok(before) => Some(before),
            Err(ScaleError::Failed(_)) if replicas == 0 => None,
            Err(error) => return Err(error),
        };
        let body =
            if replicas == 0 { r#"{"spec":{"replicas":0}}"# } else { r#"{"spec":{"replicas":1}}"# };
        let after = self.request_with_retries(until, "PATCH", Some(body), stop)?;
        if after != wanted {
            return Err(ScaleError::Failed(format!(
                "the API server set {after} replicas instead of {wanted}"
            )));
        }
        Ok(Scaled { before, patched: true })
    }

    /// Returns the target's replicas.
    ///
    /// # Errors
    /// [`ScaleError`].
    pub(crate) fn read_replicas(&mut self, until: Instant, stop: &Stop) -> Result<i64, ScaleError> {
        self.request_with_retries(until, "GET", None, stop)
    }

    fn request_with_retries(
        &mut self,
        until: Instant,
        method: &str,
        body: Option<&'static str>,
        stop: &Stop,
    ) -> Result<i64, ScaleError> {
        let mut pause = FIRST_PAUSE;
        let mut unauthorized = 0;
        loop {
            // Read for each attempt: the kubelet renews it, and an expired one would fail them all.
            let token = self.read_token()?;
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(self.out_of_time());
            }
            if stop.is_requested() {
                return Err(ScaleError::Stopped);
            }
            let error = match self.send_request(method, body, &token, left.min(MAX_REQUEST_TIME)) {
                Ok(replicas) => {
                    self.problem = None;
                    return Ok(replicas);
                }
                Err(error) => error,
            };
            // The server may echo the token.
            let problem = error.problem.replace(&token, "(token)");
            self.problem = Some(problem.clone());
            let min_pause = match error.kind {
                AttemptErrorKind::Unreachable(min_pause) => {
                    self.was_unreachable = true;
                    min_pause
                }
                AttemptErrorKind::Retry(min_pause) => min_pause,
                AttemptErrorKind::Unauthorized | AttemptErrorKind::Forbidden
                    if self.was_unreachable =>
                {
                    Duration::ZERO
                }
                AttemptErrorKind::Unauthorized if unauthorized + 1 < MAX_UNAUTHORIZED => {
                    unauthorized += 1;
                    Duration::ZERO
                }
                AttemptErrorKind::Unauthorized
                | AttemptErrorKind::Forbidden
                | AttemptErrorKind::Fatal => return Err(ScaleError::Failed(problem)),
            };
            let wait = pause.max(min_pause);
            let left = until.saturating_duration_since(Instant::now());
            if wait >= left {
                return Err(self.out_of_time());
            }
            stop.sleep(wait);
            pause = (pause * 2).min(MAX_PAUSE);
        }
    }

    /// Returns the error for a spent time budget, with the latest problem.
    fn out_of_time(&self) -> ScaleError {
        ScaleError::Failed(match &self.problem {
            Some(problem) => format!("{problem}; no time is left for another attempt"),
            None => "no time was left to scale".to_owned(),
        })
    }

    fn send_request(
        &self,
        method: &str,
        body: Option<&'static str>,
        token: &str,
        time: Duration,
    ) -> Result<i64, AttemptError> {
        let url = match body {
            Some(_) => format!("{}?fieldManager=vram-gate", self.url),
            None => self.url.clone(),
        };
        let mut request = Request::builder()
            .method(method)
            .uri(url)
            .header("accept", "application/json")
            .header("authorization", format!("Bearer {token}"));
        if body.is_some() {
            request = request.header("content-type", "application/merge-patch+json");
        }
        let request = request.body(body).map_err(|error| AttemptError {
            problem: format!("{method} scale: {error}"),
            kind: AttemptErrorKind::Fatal,
        })?;
        match http::send(&self.agent, request, time, MAX_ANSWER) {
            Ok(answer) => parse_answer(method, &answer, self.target),
            Err(error) => Err(AttemptError {
                problem: format!("{method} scale: {error}"),
                kind: match error.is_temporary() {
                    true => AttemptErrorKind::Unreachable(Duration::ZERO),
                    false => AttemptErrorKind::Fatal,
                },
            }),
        }
    }

    fn read_token(&self) -> Result<String, ScaleError> {
        let file = self.target.service_account.join("token");
        let text = mounted::read_text(&file);
        text.and_then(|text| check_token(text.trim())).map_err(|problem| {
            let problem = format!("`{}`: {problem}", file.display());
            ScaleError::Setting(setting_error(Key::ServiceAccountDir, problem))
        })
    }
}

/// Returns the path of a target's scale on the API server.
fn scale_path(target: &Target) -> String {
    let Target { api_version, resource, namespace, name, .. } = target;
    // The core group is the only one without a name.
    let root = if api_version.contains('/') { "apis" } else { "api" };
    format!("/{root}/{api_version}/namespaces/{namespace}/{resource}/{name}/scale")
}

/// Returns the token if it can be sent in a header.
fn check_token(token: &str) -> Result<String, String> {
    let sendable = token.bytes().all(|byte| byte.is_ascii_graphic());
    if token.is_empty() || token.len() > MAX_TOKEN || !sendable {
        return Err("holds no token".to_owned());
    }
    Ok(token.to_owned())
}

/// Returns the replicas of an answer that is a Scale, or the server's error.
fn parse_answer(method: &str, answer: &Answer, target: &Target) -> Result<i64, AttemptError> {
    let value: Option<Value> = serde_json::from_slice(&answer.body).ok();
    let status = answer.status;
    if (200..=201).contains(&status) {
        if value.as_ref().is_some_and(|scale| is_of_another(scale, target)) {
            let problem = format!("{method} scale: answered {status} with another object's Scale");
            return Err(AttemptError { problem, kind: AttemptErrorKind::Fatal });
        }
        // Cut off, or from something else than the API server; the next answer may be whole.
        return value.as_ref().and_then(scale_replicas).ok_or_else(|| AttemptError {
            problem: format!(
                "{method} scale: answered {status} with something that is not a Scale"
            ),
            kind: AttemptErrorKind::Retry(Duration::ZERO),
        });
    }
    let message = value.as_ref().and_then(|value| value.get("message")).and_then(Value::as_str);
    let mut problem = match message {
        Some(message) => format!("{method} scale: answered {status}: {message}"),
        None => format!("{method} scale: answered {status}"),
    };
    if status == 404 {
        // The server's message does not say whether the kind or the object is missing.
        let path = scale_path(target);
        problem = format!("{problem}; there is no `{path}`");
    }
    let min_pause = answer.retry_after.unwrap_or_default();
    let kind = match status {
        401 => AttemptErrorKind::Unauthorized,
        403 => AttemptErrorKind::Forbidden,
        409 | 429 => AttemptErrorKind::Retry(min_pause),
        500..=599 => AttemptErrorKind::Unreachable(min_pause),
        _ => AttemptErrorKind::Fatal,
    };
    Err(AttemptError { problem, kind })
}

/// Returns true if a Scale names another object than the target.
fn is_of_another(scale: &Value, target: &Target) -> bool {
    let metadata = |key: &str| scale.get("metadata").and_then(|metadata| metadata.get(key));
    [("name", &target.name), ("namespace", &target.namespace)]
        .into_iter()
        .any(|(key, wanted)| metadata(key).is_some_and(|found| found.as_str() != Some(wanted)))
}

/// Returns `spec.replicas` of a Scale. The API server omits the field if it is 0 (`omitempty` in
/// `k8s.io/api/autoscaling/v1`).
fn scale_replicas(scale: &Value) -> Option<i64> {
    if scale.get("kind")?.as_str()? != "Scale" {
        return None;
    }
    match scale.get("spec")?.as_object()?.get("replicas") {
        None | Some(Value::Null) => Some(0),
        Some(number) => number.as_i64().filter(|number| *number >= 0),
    }
}

fn setting_error(key: Key, problem: String) -> SettingError {
    SettingError { setting: key.row().env.to_owned(), problem }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_a_scale_follows_the_kind() {
        for (api_version, resource, path) in [
            ("apps/v1", "deployments", "/apis/apps/v1/namespaces/speech/deployments/web/scale"),
            ("apps/v1", "statefulsets", "/apis/apps/v1/namespaces/speech/statefulsets/web/scale"),
            (
                "argoproj.io/v1alpha1",
                "rollouts",
                "/apis/argoproj.io/v1alpha1/namespaces/speech/rollouts/web/scale",
            ),
            (
                "v1",
                "replicationcontrollers",
                "/api/v1/namespaces/speech/replicationcontrollers/web/scale",
            ),
        ] {
            let target = Target {
                api_version: api_version.to_owned(),
                kind: "Any".to_owned(),
                resource: resource.to_owned(),
                namespace: "speech".to_owned(),
                name: "web".to_owned(),
                host: None,
                port: 443,
                service_account: "".into(),
                budget: Duration::ZERO,
            };
            assert_eq!(scale_path(&target), path);
        }
    }

    #[test]
    fn only_a_scale_has_replicas() {
        for (text, expected) in [
            (r#"{"kind":"Scale","spec":{"replicas":1}}"#, Some(1)),
            (r#"{"kind":"Scale","spec":{}}"#, Some(0)),
            (r#"{"kind":"Scale","spec":{"replicas":-1}}"#, None),
            (r#"{"kind":"Scale","spec":{"replicas":"1"}}"#, None),
            (r#"{"kind":"Scale","spec":{"replicas":1.5}}"#, None),
            (r#"{"kind":"Scale"}"#, None),
            (r#"{"kind":"Deployment","spec":{"replicas":1}}"#, None),
            ("[]", None),
        ] {
            let value: Value = serde_json::from_str(text).unwrap();
            assert_eq!(scale_replicas(&value), expected, "{text}");
        }
    }
}
