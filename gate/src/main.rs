//! `vram-gate up|guard|down|admit|watch`: the program that runs in the cluster.
//!
//! In: arguments, environment, a scrape, the API server. Out: at most one PATCH, one line, an exit code.
//! The decision itself is the library's.

mod admit;
mod heartbeat;
mod http;
mod mounted;
mod probe;
mod prometheus;
mod report;
mod run;
mod scale;
mod scrape;
mod stop;
mod watcher;

use std::process::ExitCode;
use std::time::Instant;

use vram_gate::settings::{self, Invocation, Output, Raw, Runnable, SettingError};

use report::{Outcome, Report};

/// The exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exit {
    /// Decided and done. Leaving the tenant alone counts as done: a failed Job would show the stack as
    /// degraded.
    Done = 0,
    /// The tenant had to be scaled and could not be, a Pod was not admitted, SIGTERM cut a guard or a watch
    /// short, or a watch is not alive.
    Failed = 1,
    /// Invalid configuration, and nothing was done.
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
        Ok(Invocation::Alive(raw)) => return check_heartbeat(&raw),
        Ok(Invocation::Run(raw)) => check_and_run(&raw, Vec::new(), start),
        Err((raw, errors)) => check_and_run(&raw, errors, start),
    };
    report.write(&output, start.elapsed());
    ExitCode::from(report.exit() as u8)
}

/// Runs, unless the settings are invalid; also returns the report's format and place.
fn check_and_run(raw: &Raw, collected: Vec<SettingError>, start: Instant) -> (Report, Output) {
    match settings::check_for_run(raw, collected, |path| mounted::read_text(path).ok()) {
        Ok(Runnable { settings, errors }) => (run::run(&settings, errors, start), settings.output),
        Err(errors) => {
            let outcome = Outcome::Misconfigured(settings::describe_errors(&errors));
            (Report::new(None, outcome), raw.output())
        }
    }
}

/// Checks the heartbeat of a watch, for a liveness probe.
fn check_heartbeat(raw: &Raw) -> ExitCode {
    let (exit, problem) = match settings::check_alive(raw) {
        Err(errors) => (Exit::Misconfigured, settings::describe_errors(&errors)),
        Ok(alive) => match heartbeat::find_problem(&alive) {
            None => return ExitCode::SUCCESS,
            Some(problem) => (Exit::Failed, problem),
        },
    };
    let _ = std::io::Write::write_fmt(
        &mut std::io::stderr(),
        format_args!("vram-gate alive: {problem}\n"),
    );
    ExitCode::from(exit as u8)
}

/// Prints the help or the version to stdout. A closed pipe is not an error.
fn print(text: &str) -> ExitCode {
    let _ = std::io::Write::write_all(&mut std::io::stdout(), text.as_bytes());
    ExitCode::SUCCESS
}
