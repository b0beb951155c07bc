//! The same faults through `watch`, which is `up` while the tenant is stopped and the guard while it runs.

use std::time::{Duration, Instant};

use crate::support::test_env::{CommandOutput, Running, TOKEN, TestEnv, kill};
use crate::{Case, Effect, Fault, To, Untouched};

/// The time after which a watch that has changed nothing is taken to change nothing.
const UNTOUCHED_AFTER: Duration = Duration::from_secs(3);

/// The most time for a change that is expected.
const MAX_TIME: Duration = Duration::from_secs(40);

/// A difference from `up` or the guard, which decide once.
struct Exception {
    fault: &'static str,
    /// The action whose case is the other way round.
    action: &'static str,
    effect: Effect,
}

const EXCEPTIONS: &[Exception] = &[
    // The later looks find enough free memory.
    Exception { fault: "more in use in the first answer", action: "up", effect: To(1) },
    // A watch has no deadline.
    Exception {
        fault: "`unknown` bytes break the floor, and the deadline leaves no time for a second sample",
        action: "guard",
        effect: Untouched,
    },
];

/// Returns the expected effect of a watch, by the case of the action that it takes the place of; `None` if it
/// has no place for that action. An `up` that refuses its settings is a watch that has nothing to release.
pub(crate) fn expected(fault: &Fault, case: &Case) -> Option<Effect> {
    let exception = EXCEPTIONS.iter().find(|it| it.fault == fault.name && it.action == case.action);
    match case.action {
        _ if exception.is_some() => exception.map(|it| it.effect),
        "up" if case.exit != 2 => Some(case.effect),
        "guard" => Some(case.effect),
        _ => None,
    }
}

/// Returns the cell of the documentation's table, for a watch in place of an action.
pub(crate) fn table_cell(fault: &Fault, action: &str) -> &'static str {
    let case = fault.cases.iter().find(|case| case.action == action);
    match (action, case.and_then(|case| expected(fault, case))) {
        (_, None) => "",
        ("up", Some(To(_))) => "starts it",
        ("up", Some(Untouched)) => "does not start it",
        (_, Some(To(_))) => "stops it",
        (_, Some(Untouched)) => "leaves it",
    }
}

/// Runs a watch in place of the action of a case.
pub(crate) fn run(fault: &Fault, case: &Case) -> Result<(), String> {
    let Some(expected) = expected(fault, case) else { return Ok(()) };
    let mut env = TestEnv::new(case.action);
    let watch = TestEnv::new("watch");
    env.env.extend(
        watch.env.into_iter().filter(|(name, _)| ["ACTION", "JOB_NAME", "WINDOW"].contains(name)),
    );
    env.set("INTERVAL", "500ms");
    env.set("STALE", "6s");
    (fault.inject)(&mut env);
    let before = env.api.replicas;
    let stderr_read = env.stderr_read;
    let mut effect = Untouched;
    let output = env.run_by(&[], |running| effect = observe(running, before, expected));
    let problem = if effect != expected {
        format!("{effect:?}, not {expected:?}")
    } else {
        match check_end(&output, case, stderr_read) {
            Ok(()) => return Ok(()),
            Err(problem) => problem,
        }
    };
    Err(format!("{} (watch for {}): {problem}\n    {}", fault.name, case.action, output.stderr))
}

/// Waits for the expected effect; returns the one that was seen. Ends the watch, unless it has ended.
fn observe(running: &Running<'_>, before: i64, expected: Effect) -> Effect {
    let start = Instant::now();
    let limit = if expected == Untouched { UNTOUCHED_AFTER } else { MAX_TIME };
    let seen = || match running.api.replicas() {
        replicas if replicas == before => Untouched,
        replicas => To(replicas),
    };
    while start.elapsed() < limit && seen() == Untouched {
        std::thread::sleep(Duration::from_millis(20));
    }
    let effect = seen();
    if is_running(running.process) {
        kill(running.process, "-TERM");
    }
    effect
}

/// Returns true unless a process has ended; it stays a zombie until it is waited for.
fn is_running(process: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| !rest.trim_start().starts_with('Z'))
}

/// Checks the exit and the report.
fn check_end(output: &CommandOutput, case: &Case, stderr_read: bool) -> Result<(), String> {
    let message = output.message.clone().unwrap_or_default();
    let line = if stderr_read { &output.stderr } else { &message };
    let was_stopped = line.contains("SIGTERM") || line.contains("the watch ended");
    let exit = if was_stopped { 1 } else { case.exit };
    if output.code != exit {
        Err(format!("exit {}, not {exit}", output.code))
    } else if message.len() > 4096 || message.trim_end().lines().count() > 1 {
        Err("is not a termination message".to_owned())
    } else if format!("{line}{}{message}", output.stdout).contains(TOKEN) {
        Err("shows the token".to_owned())
    } else {
        Ok(())
    }
}
