//! The Deployment's scale: one GET, and one PATCH if it differs.
//!
//! Sources: the scale subresource
//! (<https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/deployment-v1/>,
//! patch partially update scale), JSON merge patch (RFC 7386).

use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;
use ureq::Agent;
use ureq::http::Request;
use vram_gate::settings::{Key, SettingError, Target};

use crate::http::{self, Answer};

/// One request, at most; the server's own limit is longer.
const TRY: Duration = Duration::from_secs(10);

/// The first pause between tries; each further one is twice as long, up to
/// [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(8);

/// The most that is read of an answer, in bytes; a Scale has under a thousand.
const ANSWER_LIMIT: u64 = 1 << 20;

/// Where the mounted token ends being one, in bytes.
const TOKEN_LIMIT: usize = 64 << 10;

/// Why the scale could not be read or changed.
#[derive(Debug)]
pub(crate) enum ScaleError {
    /// The service account's files are wrong.
    Setting(SettingError),
    /// The server refused, or the time was over.
    Failed(String),
}

/// What scaling came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scaled {
    /// The replicas before; `None` when they could not be read.
    pub(crate) before: Option<i64>,
    /// Whether a PATCH was sent.
    pub(crate) patched: bool,
}

/// One try that failed.
struct Trouble {
    problem: String,
    kind: Kind,
}

/// Whether another try may do better.
enum Kind {
    /// The server is not there, or not well: it may be, after this long at least.
    Away(Duration),
    /// The server is there, and asks to be asked again, after this long at least.
    Busy(Duration),
    /// The token or the Role does not do. A server that has just started says so, too, until it has
    /// read its Roles and service accounts (seen of kube-apiserver 1.37).
    Denied,
    /// It will not.
    Final,
}

/// The way to one Deployment's scale.
pub(crate) struct Scale<'a> {
    target: &'a Target,
    agent: Agent,
    url: String,
    /// Whether the server was away at any time of this run.
    was_away: bool,
    /// What went wrong last.
    problem: Option<String>,
}

impl<'a> Scale<'a> {
    /// # Errors
    /// The host is not known, or the mounted `ca.crt` is missing or empty.
    pub(crate) fn new(target: &'a Target) -> Result<Self, SettingError> {
        let host = target.host.as_deref().ok_or_else(|| {
            setting(Key::KubernetesServiceHost, "is not set: is this a Pod?".to_owned())
        })?;
        let host = match host.contains(':') && !host.starts_with('[') {
            true => format!("[{host}]"),
            false => host.to_owned(),
        };
        let trusted = http::certificates(&target.service_account.join("ca.crt"))
            .map_err(|problem| setting(Key::ServiceAccountDir, problem))?;
        let url = format!(
            "https://{host}:{}/apis/apps/v1/namespaces/{}/deployments/{}/scale",
            target.port, target.namespace, target.deployment
        );
        Ok(Self { target, agent: http::agent(trusted), url, was_away: false, problem: None })
    }

    /// Sees to it that the Deployment has this many replicas.
    ///
    /// # Errors
    /// [`ScaleError`]. A scale that can't be read stops a scale-up: what is
    /// not known is not switched on. It does not stop a scale-down.
    pub(crate) fn set(&mut self, replicas: u32, until: Instant) -> Result<Scaled, ScaleError> {
        let wanted = i64::from(replicas);
        // A server that hangs on every GET must leave time for the PATCH.
        let left = until.saturating_duration_since(Instant::now());
        let until_read = if replicas == 0 { until - left / 2 } else { until };
        let before = match self.get(until_read) {
            Ok(before) if before == wanted => {
                return Ok(Scaled { before: Some(before), patched: false });
            }
            Ok(before) => Some(before),
            Err(ScaleError::Failed(_)) if replicas == 0 => None,
            Err(error) => return Err(error),
        };
        let body =
            if replicas == 0 { r#"{"spec":{"replicas":0}}"# } else { r#"{"spec":{"replicas":1}}"# };
        let after = self.tries(until, "PATCH", Some(body))?;
        if after != wanted {
            return Err(ScaleError::Failed(format!(
                "the API server made {after} replicas of {wanted}"
            )));
        }
        Ok(Scaled { before, patched: true })
    }

    /// The replicas the Deployment has.
    ///
    /// # Errors
    /// [`ScaleError`].
    pub(crate) fn get(&mut self, until: Instant) -> Result<i64, ScaleError> {
        self.tries(until, "GET", None)
    }

    fn tries(
        &mut self,
        until: Instant,
        method: &str,
        body: Option<&'static str>,
    ) -> Result<i64, ScaleError> {
        let mut pause = FIRST_PAUSE;
        loop {
            // Read each time: the kubelet renews it, and a 401 in between
            // would otherwise last.
            let token = self.token()?;
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(self.too_late());
            }
            let trouble = match self.once(method, body, &token, left.min(TRY)) {
                Ok(replicas) => {
                    self.problem = None;
                    return Ok(replicas);
                }
                Err(trouble) => trouble,
            };
            // The server may have sent back what it was sent.
            let problem = trouble.problem.replace(&token, "(token)");
            self.problem = Some(problem.clone());
            let asked = match trouble.kind {
                Kind::Away(asked) => {
                    self.was_away = true;
                    asked
                }
                Kind::Busy(asked) => asked,
                Kind::Denied if self.was_away => Duration::ZERO,
                Kind::Denied | Kind::Final => return Err(ScaleError::Failed(problem)),
            };
            let wait = pause.max(asked);
            let left = until.saturating_duration_since(Instant::now());
            if wait >= left {
                return Err(self.too_late());
            }
            sleep(wait);
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// The end of the time, with what went wrong until then.
    fn too_late(&self) -> ScaleError {
        ScaleError::Failed(match &self.problem {
            Some(problem) => format!("{problem}; no time is left to try again"),
            None => "no time was left to scale".to_owned(),
        })
    }

    fn once(
        &self,
        method: &str,
        body: Option<&'static str>,
        token: &str,
        time: Duration,
    ) -> Result<i64, Trouble> {
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
        let request = request
            .body(body)
            .map_err(|_| Trouble::last("the request can't be made".to_owned()))?;
        match http::send(&self.agent, request, time, ANSWER_LIMIT) {
            Ok(answer) => read(method, &answer),
            Err(error) => Err(Trouble {
                problem: format!("{method} scale: {error}"),
                kind: if error.may_pass() { Kind::Away(Duration::ZERO) } else { Kind::Final },
            }),
        }
    }

    fn token(&self) -> Result<String, ScaleError> {
        let file = self.target.service_account.join("token");
        let wrong = |problem: String| {
            let problem = format!("{}: {problem}", file.display());
            ScaleError::Setting(setting(Key::ServiceAccountDir, problem))
        };
        let text = std::fs::read_to_string(&file).map_err(|error| wrong(error.to_string()))?;
        let token = text.trim();
        let sendable = token.bytes().all(|byte| byte.is_ascii_graphic());
        if token.is_empty() || token.len() > TOKEN_LIMIT || !sendable {
            return Err(wrong("holds no token".to_owned()));
        }
        Ok(token.to_owned())
    }
}

impl Trouble {
    fn last(problem: String) -> Self {
        Self { problem, kind: Kind::Final }
    }
}

/// The replicas of a Scale, or what the server says instead.
fn read(method: &str, answer: &Answer) -> Result<i64, Trouble> {
    let value: Option<Value> = serde_json::from_slice(&answer.body).ok();
    let status = answer.status;
    if (200..=201).contains(&status) {
        // An answer that is cut or not the API server's: the next may be.
        return value.as_ref().and_then(replicas).ok_or_else(|| Trouble {
            problem: format!(
                "{method} scale: answered {status} with something that is not a Scale"
            ),
            kind: Kind::Busy(Duration::ZERO),
        });
    }
    let message = value.as_ref().and_then(|value| value.get("message")).and_then(Value::as_str);
    let problem = match message {
        Some(message) => format!("{method} scale: answered {status}: {message}"),
        None => format!("{method} scale: answered {status}"),
    };
    let asked = answer.retry_after.unwrap_or_default();
    let kind = match status {
        401 | 403 => Kind::Denied,
        409 | 429 => Kind::Busy(asked),
        500..=599 => Kind::Away(asked),
        _ => Kind::Final,
    };
    Err(Trouble { problem, kind })
}

/// `spec.replicas` of a Scale. The field is left out when it is 0
/// (`omitempty` in `k8s.io/api/autoscaling/v1`).
fn replicas(scale: &Value) -> Option<i64> {
    if scale.get("kind")?.as_str()? != "Scale" {
        return None;
    }
    match scale.get("spec")?.as_object()?.get("replicas") {
        None | Some(Value::Null) => Some(0),
        Some(number) => number.as_i64().filter(|number| *number >= 0),
    }
}

fn setting(key: Key, problem: String) -> SettingError {
    SettingError { setting: key.row().env.to_owned(), problem }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_is_read_and_nothing_else() {
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
            assert_eq!(replicas(&value), expected, "{text}");
        }
    }
}
