//! Sends the queries of a plan, and joins the answers.

use bounded_http::{
    Answer, Call, Client, Credential, Failure, Method, Roots, Uri, parse_url, percent_encode,
};
use jiff::Timestamp;
use yaml_spans::diagnostic::Diagnostic;
use yaml_spans::truncate;

use super::Plan;
use crate::window::history::{FetchedSpan, History, HistoryError, MAX_FILE_BYTES, MAX_SAMPLES};

/// A Prometheus, or a server with its interface.
#[derive(Debug, Clone, Default)]
pub struct Server {
    /// Its URL, without `/api/v1`.
    pub url: String,
    /// The token to send.
    pub token: Option<String>,
    /// The certificates to trust, as PEM; the system's if there are none.
    pub ca: Option<Vec<u8>>,
}

/// A step, for progress messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// The number of the query, from 1.
    pub query: usize,
    /// The number of queries.
    pub queries: usize,
}

/// A history that was fetched.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// The file.
    pub file: Vec<u8>,
    /// The number of series.
    pub series: usize,
    /// The number of samples.
    pub samples: usize,
    /// The parts of windows without a sample of any series, in order.
    pub holes: Vec<Hole>,
    /// The warnings and notes of Prometheus.
    pub remarks: Vec<String>,
}

/// A part of a window without a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hole {
    /// The window.
    pub window: FetchedSpan,
    /// The start of the part.
    pub start: Timestamp,
    /// Its end.
    pub end: Timestamp,
}

/// The reason why nothing was fetched.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum FetchError {
    /// The URL can't be used.
    #[error(
        "invalid URL `{0}`: expected one such as `http://localhost:9090`, without a user, a query or a fragment"
    )]
    Url(String),
    /// A token would be sent in the clear.
    #[error("a token is sent by HTTPS only, or to this machine: `{0}` is neither")]
    PlainToken(String),
    /// The token is not one.
    #[error("invalid token: expected one line of visible ASCII")]
    Token,
    /// The certificates can't be used.
    #[error("can't use the certificates: {0}")]
    Certificates(String),
    /// There is no answer.
    #[error("`{url}` can't be read: {reason}")]
    Connection {
        /// The server.
        url: String,
        /// The reason.
        reason: String,
    },
    /// Prometheus refuses.
    #[error("Prometheus answers with status {status}: {text}")]
    Refused {
        /// The status.
        status: u16,
        /// Its error, or the start of another answer.
        text: String,
    },
    /// The answer is not a whole history.
    #[error("the answer for the window of {window} can't be used: {error}")]
    Answer {
        /// The start of the window.
        window: Timestamp,
        /// The reason.
        error: HistoryError,
    },
    /// There is nothing.
    #[error("Prometheus has no sample of `{expression}` in {windows} windows")]
    Nothing {
        /// The expression.
        expression: String,
        /// The number of windows.
        windows: usize,
    },
    /// The answers can't be joined or written.
    #[error("the answers can't be joined: {0}")]
    Join(String),
}

impl FetchError {
    /// Returns true if nothing was asked, because the server was not given as it must be.
    pub fn is_misuse(&self) -> bool {
        use FetchError::{Certificates, PlainToken, Token, Url};
        matches!(self, Url(_) | PlainToken(_) | Token | Certificates(_))
    }

    /// The error as a message, with its fix.
    pub fn diagnostic(&self) -> Diagnostic {
        self.hint().into_iter().fold(Diagnostic::new(self.to_string()), Diagnostic::note)
    }

    /// A fix, if there is a usual one.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            FetchError::Refused { status: 401 | 403, .. } => {
                Some("`--token-file` names a file with a token")
            }
            FetchError::Nothing { .. } => {
                Some("the query is that of the gate: see `gate.metric` and `gate.select`")
            }
            FetchError::Answer { error: HistoryError::TooManySamples, .. } => {
                Some("choose fewer `--nights`, or a longer `--step`")
            }
            _ => None,
        }
    }
}

/// Sends the queries one after the other, and joins the answers to one file.
///
/// # Errors
/// The first answer that can't be used: nothing is fetched in part.
pub fn send(
    plan: &Plan,
    server: &Server,
    watch: &mut dyn FnMut(Step),
) -> Result<Fetched, FetchError> {
    let connection = Connection::new(server)?;
    let history = connection.fetch(plan, watch)?;
    let header = plan.header(&connection.shown, plan.windows.clone());
    let file = history.to_file(&header).map_err(|error| FetchError::Join(error.to_string()))?;
    if file.len() as u64 > MAX_FILE_BYTES {
        return Err(FetchError::Join(HistoryError::TooLarge.to_string()));
    }
    Ok(Fetched {
        series: history.series().len(),
        samples: history.len(),
        holes: find_holes(plan, &history),
        remarks: history.remarks,
        file,
    })
}

/// Sends the queries one after the other, and returns what was recorded.
///
/// # Errors
/// The first answer that can't be used.
pub(crate) fn fetch_history(plan: &Plan, server: &Server) -> Result<History, FetchError> {
    Connection::new(server)?.fetch(plan, &mut |_| {})
}

/// A server and the way to it.
struct Connection {
    client: Client,
    base: String,
    /// The server as messages and the file name it.
    shown: String,
    credential: Option<Credential>,
}

impl Connection {
    fn new(server: &Server) -> Result<Self, FetchError> {
        let base = server.url.trim_end_matches('/').to_owned();
        let url = parse_url(&base)
            .filter(|_| !base.contains(['?', '#']))
            .ok_or_else(|| FetchError::Url(truncate(&server.url)))?;
        let credential =
            server.token.as_deref().map(|token| token_credential(token, &url)).transpose()?;
        let roots = server.ca.as_deref().map_or(Roots::System, Roots::Pem);
        let client = Client::new(roots).map_err(FetchError::Certificates)?;
        Ok(Connection { client, shown: base.clone(), base, credential })
    }

    /// Sends all queries of a plan, and joins the answers.
    fn fetch(&self, plan: &Plan, watch: &mut dyn FnMut(Step)) -> Result<History, FetchError> {
        let queries = plan.queries().count();
        let mut answers: Vec<(String, History)> = Vec::new();
        let mut samples = 0;
        for (index, (expression, span)) in plan.queries().enumerate() {
            watch(Step { query: index + 1, queries });
            let unusable = |error| FetchError::Answer { window: span.start, error };
            let text = self.query(expression, span, plan.step)?;
            match History::parse(&text) {
                Ok(history) => {
                    samples += history.len();
                    if samples > MAX_SAMPLES {
                        return Err(unusable(HistoryError::TooManySamples));
                    }
                    answers.push((span.start.to_string(), history));
                }
                // Nothing was scraped then: a hole.
                Err(HistoryError::Empty) => {}
                Err(error) => return Err(unusable(error)),
            }
        }
        if answers.is_empty() {
            let expression = plan.expressions.join("`, `");
            return Err(FetchError::Nothing { expression, windows: plan.windows.len() });
        }
        let mut history =
            History::join(answers).map_err(|error| FetchError::Join(error.to_string()))?;
        if plan.reads_exporter {
            history.restore_exporter_labels();
        }
        Ok(history)
    }

    /// The body of the answer to a range query.
    fn query(&self, expression: &str, span: FetchedSpan, step: u32) -> Result<String, FetchError> {
        let url = format!(
            "{}/api/v1/query_range?query={}&start={}&end={}&step={step}",
            self.base,
            percent_encode(expression),
            span.start,
            span.end
        );
        let url = parse_url(&url).ok_or_else(|| FetchError::Url(truncate(&self.base)))?;
        let limit = usize::try_from(MAX_FILE_BYTES).unwrap_or(usize::MAX);
        let call =
            Call { method: Method::GET, url, accept: &["application/json"], body: None, limit };
        let answer = self
            .client
            .send(&call, self.credential.as_ref())
            .map_err(|failure| self.describe(failure))?;
        if answer.is_truncated {
            return Err(FetchError::Answer { window: span.start, error: HistoryError::TooLarge });
        }
        match answer.status {
            200 => Ok(answer.text()),
            status => Err(FetchError::Refused { status, text: describe_refusal(&answer) }),
        }
    }

    fn describe(&self, failure: Failure) -> FetchError {
        let reason = match failure {
            Failure::Status(status, text) => {
                return FetchError::Refused { status, text: truncate(&text) };
            }
            Failure::Connection(reason) | Failure::Protocol(reason) => truncate(&reason),
            Failure::Downgrade(step, to) => {
                format!("a {step} leads from HTTPS to HTTP, to `{}`", truncate(&to))
            }
        };
        FetchError::Connection { url: self.shown.clone(), reason }
    }
}

/// The token as a header for a server.
fn token_credential(token: &str, url: &Uri) -> Result<Credential, FetchError> {
    let is_visible = |token: &str| !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic());
    if !is_visible(token) {
        return Err(FetchError::Token);
    }
    let host = url.host().unwrap_or_default().trim_matches(['[', ']']);
    let is_here = host == "localhost"
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    if url.scheme_str() != Some("https") && !is_here {
        return Err(FetchError::PlainToken(truncate(host)));
    }
    Ok(Credential { to: url.clone(), value: format!("Bearer {token}") })
}

/// The error of Prometheus, or the first line of another answer.
fn describe_refusal(answer: &Answer) -> String {
    #[derive(serde::Deserialize)]
    struct Refusal {
        error: String,
    }
    let text = answer.text();
    match serde_json::from_str::<Refusal>(&text) {
        Ok(refusal) => truncate_long(&refusal.error),
        Err(_) => truncate(text.lines().next().unwrap_or_default()),
    }
}

/// An error of Prometheus: it may name the place in a long expression. Whoever prints it writes hidden
/// characters out.
fn truncate_long(text: &str) -> String {
    const MAX: usize = 500;
    match text.char_indices().nth(MAX) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

/// The parts of the windows in which no series has a sample.
fn find_holes(plan: &Plan, history: &History) -> Vec<Hole> {
    let mut times: Vec<i64> = history.series().iter().flat_map(|series| series.times()).collect();
    times.sort_unstable();
    times.dedup();
    let max_age = i64::from(plan.step) * 2000;
    let mut holes = Vec::new();
    for window in &plan.windows {
        let (start, end) = (window.start.as_millisecond(), window.end.as_millisecond());
        let first = times.partition_point(|time| *time < start);
        let last = times.partition_point(|time| *time <= end);
        let inside = times.get(first..last).unwrap_or_default();
        let mut before = start;
        for time in inside.iter().copied().chain([end]) {
            if time - before > max_age {
                let instant = |ms| Timestamp::from_millisecond(ms).unwrap_or_default();
                let (start, end) = (instant(before), instant(time));
                holes.push(Hole { window: *window, start, end });
            }
            before = time;
        }
    }
    holes
}
