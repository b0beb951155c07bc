//! `vram-gate up|guard|down`: the program that runs in the cluster.
//!
//! In: arguments, environment, a page, the API server. Out: at most one PATCH,
//! one line, an exit code. The decision itself is the library's.
//!
//! Files: `run` is the order of things, `scrape` gets the page, `scale` moves
//! the Deployment, `http` is what both have in common, `report` says it.

mod http;
mod report;
mod run;
mod scale;
mod scrape;

use std::process::ExitCode;
use std::time::Instant;

use vram_gate::settings::{self, Ask, Raw, SettingError, Voice};

use report::{Outcome, Report};

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exit {
    /// Decided and done, leaving the tenant alone on purpose included: a
    /// failed Job would show the stack as degraded.
    Done = 0,
    /// It had to scale and could not.
    Failed = 1,
    /// It is set up wrongly.
    Misconfigured = 2,
}

fn main() -> ExitCode {
    let start = Instant::now();
    let args = std::env::args_os().skip(1);
    let (report, voice) = match Raw::gather(args, |name| std::env::var_os(name)) {
        Ok(Ask::Help) => return print(&settings::help()),
        Ok(Ask::Version) => return print(&format!("vram-gate {}\n", env!("CARGO_PKG_VERSION"))),
        Ok(Ask::Run(raw)) => match settings::check(&raw, |path| std::fs::read_to_string(path).ok())
        {
            Ok(settings) => (run::run(&settings, start), settings.voice),
            Err(errors) => misconfigured(&errors, &raw),
        },
        Err((raw, errors)) => misconfigured(&errors, &raw),
    };
    report.say(&voice);
    ExitCode::from(report.exit() as u8)
}

fn misconfigured(errors: &[SettingError], raw: &Raw) -> (Report, Voice) {
    let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
    (Report::new(None, Outcome::Misconfigured(errors.join("; "))), raw.voice())
}

/// What was asked for goes to stdout; a reader who has left is no failure.
fn print(text: &str) -> ExitCode {
    let _ = std::io::Write::write_all(&mut std::io::stdout(), text.as_bytes());
    ExitCode::SUCCESS
}
