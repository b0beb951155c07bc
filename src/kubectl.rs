//! The user's own `kubectl`, called without a shell and without input.

use std::io::{self, Read};
use std::process::{Command, Stdio};
use std::thread;

use yaml_spans::diagnostic::Diagnostic;

/// The most bytes that are read of one answer.
const MAX_OUTPUT_BYTES: u64 = 32 << 20;
/// The most bytes that are read of its errors.
const MAX_ERROR_BYTES: u64 = 64 << 10;

/// The longest time that the API server may take for an answer.
const TIMEOUT: &str = "--request-timeout=20s";

/// A program that is called like `kubectl`.
#[derive(Debug, Clone)]
pub struct Kubectl {
    /// The context of its configuration; `None`: the current one.
    pub context: Option<String>,
}

/// The end of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// It exited with 0.
    pub succeeded: bool,
    /// Its output; bytes that are not UTF-8 are replaced.
    pub output: String,
    /// Its errors.
    pub errors: String,
}

impl Answer {
    /// The reason of a failure: the last line of the errors; `kubectl` writes warnings before it.
    pub fn reason(&self) -> &str {
        let mut lines = self.errors.lines().map(str::trim);
        lines.rfind(|line| !line.is_empty()).unwrap_or("it printed no reason")
    }
}

/// The error of an API server that does not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`kubectl` can't reach the cluster: {0}")]
pub struct NotReached(pub String);

impl From<NotReached> for Diagnostic {
    fn from(error: NotReached) -> Self {
        Diagnostic::new(error.to_string())
            .note("`kubectl config current-context` names the cluster that is asked")
    }
}

impl Kubectl {
    /// Calls `kubectl` and waits for its end.
    ///
    /// # Errors
    /// It can't be started, or writes more than 32 MiB.
    pub fn call(&self, arguments: &[String]) -> io::Result<Answer> {
        let mut command = Command::new("kubectl");
        if let Some(context) = &self.context {
            command.arg(format!("--context={context}"));
        }
        let mut child = command
            .arg(TIMEOUT)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let stderr = child.stderr.take();
        let errors = thread::spawn(move || read_errors(stderr));
        // A byte more than the limit shows that there is more.
        let output = read_text(child.stdout.take(), MAX_OUTPUT_BYTES + 1);
        let is_too_long = output.as_ref().is_ok_and(|text| text.len() as u64 > MAX_OUTPUT_BYTES);
        if is_too_long || output.is_err() {
            // It may wait for a reader.
            child.kill()?;
        }
        let status = child.wait()?;
        let errors = errors.join().unwrap_or_else(|_| Ok(String::new()))?;
        match is_too_long {
            true => Err(io::Error::other(format!("more than {} MiB", MAX_OUTPUT_BYTES >> 20))),
            false => Ok(Answer { succeeded: status.success(), output: output?, errors }),
        }
    }
}

/// The beginning of the errors. The rest is read too, or it would block the program, but not kept.
fn read_errors(mut from: Option<impl Read>) -> io::Result<String> {
    let text = read_text(from.as_mut(), MAX_ERROR_BYTES)?;
    if let Some(mut rest) = from {
        io::copy(&mut rest, &mut io::sink())?;
    }
    Ok(text)
}

/// At most so many bytes of a text.
fn read_text(from: Option<impl Read>, most: u64) -> io::Result<String> {
    let mut bytes = Vec::new();
    if let Some(from) = from {
        from.take(most).read_to_end(&mut bytes)?;
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_of_long_errors_is_read_and_not_kept() {
        let most = MAX_ERROR_BYTES as usize;
        let mut long = io::Cursor::new("x".repeat(most + 10));
        assert_eq!(read_errors(Some(&mut long)).unwrap().len(), most);
        assert_eq!(long.position() as usize, most + 10);
        assert_eq!(read_text(Some("text".as_bytes()), 3).unwrap(), "tex");
    }
}
