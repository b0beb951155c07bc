//! `vram-gate up|guard|down`: the program that runs in the cluster.
//!
//! In: arguments, environment, a scrape, the API server. Out: at most one PATCH, one line, an exit code.
//! The decision itself is the library's.

mod http;
mod mounted;
mod prometheus;
mod report;
mod run;
mod scale;
mod scrape;
mod stop;

use std::process::ExitCode;
use std::time::Instant;

use vram_gate::settings::{self, Invocation, Output, Raw, SettingError};

use report::{Outcome, Report};

/// The exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exit {
    /// Decided and done. Leaving the tenant alone counts as done: a failed Job would show the stack as
    /// degraded.
    Done = 0,
    /// The Deployment had to be scaled and could not be.
    Failed = 1,
    /// Invalid configuration.
    Misconfigured = 2,
}

fn main() -> ExitCode {
    let start = Instant::now();
    let args = std::env::args_os().skip(1);
    let (report, output) = match Raw::collect(args, |name| std::env::var_os(name)) {
        Ok(Invocation::Help) => return print(&settings::help()),
        Ok(Invocation::Version) => {
            return print(&format!("vram-gate {}\n", env!("CARGO_PKG_VERSION")));
        }
        Ok(Invocation::Run(raw)) => {
            match settings::check(&raw, |path| mounted::read_text(path).ok()) {
                Ok(settings) => (run::run(&settings, start), settings.output),
                Err(errors) => report_misconfigured(&errors, &raw),
            }
        }
        Err((raw, errors)) => report_misconfigured(&errors, &raw),
    };
    report.write(&output);
    ExitCode::from(report.exit() as u8)
}

fn report_misconfigured(errors: &[SettingError], raw: &Raw) -> (Report, Output) {
    let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
    (Report::new(None, Outcome::Misconfigured(errors.join("; "))), raw.output())
}

/// Prints the help or the version to stdout. A closed pipe is not an error.
fn print(text: &str) -> ExitCode {
    let _ = std::io::Write::write_all(&mut std::io::stdout(), text.as_bytes());
    ExitCode::SUCCESS
}
