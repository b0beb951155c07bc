//! SIGTERM at each phase of a run, for an ordinary process and for process 1, whose unhandled signals the
//! kernel ignores.

#![cfg(test)]
#![cfg(unix)]

mod support;

use std::process::Command;
use std::sync::atomic::Ordering;
use std::thread::sleep;
use std::time::{Duration, Instant};

use support::api_server::Reply;
use support::http_server::{Step, ok};
use support::test_env::{CommandOutput, GI, Running, TestEnv, exposition_of, full_gpu, roomy_gpu};

/// The program that makes the gate process 1 of a new namespace.
const UNSHARE: &[&str] = &["/usr/bin/unshare", "--pid", "--fork", "--kill-child"];

/// The moment of the signal.
#[derive(Clone, Copy, Debug)]
enum Phase {
    /// This many connections to the exporter were accepted.
    Scrapes(usize),
    /// This many PATCHes were received.
    Patches(usize),
}

/// One signal, and the expected end.
struct Case {
    name: &'static str,
    action: &'static str,
    prepare: fn(&mut TestEnv),
    phase: Phase,
    exit: i32,
    replicas: i64,
    /// A part of the report line.
    line_part: &'static str,
}

/// A failed attempt that ends when its time is over.
fn hanging() -> Step {
    Step::SendAndHang(Vec::new())
}

/// Returns an exposition in which `unknown` bytes alone break the floor.
fn floor_broken_by_unknown() -> String {
    exposition_of(&[("immich", 8 * GI), ("unknown", 4 * GI)])
}

/// Lets the guard recheck after a time that only a signal can shorten.
fn recheck(env: &mut TestEnv, second: Step) {
    env.set("RECHECK_DELAY", "60s");
    env.exporter = vec![ok(floor_broken_by_unknown()), second];
}

/// Lets each attempt to change the scale fail three times.
fn conflicts(env: &mut TestEnv) {
    env.api.patch = vec![Reply::Status(409, "conflict"); 3];
    env.api.patch.push(Reply::Work);
}

fn pause_between_samples(env: &mut TestEnv) {
    env.set("SAMPLES", "2");
    env.set("SAMPLE_INTERVAL", "60s");
}

const CASES: &[Case] = &[
    Case {
        name: "up, in a scrape",
        action: "up",
        prepare: |env| {
            env.set("SCRAPE_TIMEOUT", "2s");
            env.exporter = vec![hanging(), ok(roomy_gpu())];
        },
        phase: Phase::Scrapes(1),
        exit: 0,
        replicas: 0,
        line_part: "stopped by SIGTERM",
    },
    Case {
        name: "up, between its samples",
        action: "up",
        prepare: pause_between_samples,
        phase: Phase::Scrapes(1),
        exit: 0,
        replicas: 0,
        line_part: "stopped by SIGTERM",
    },
    Case {
        name: "up, between two attempts to scale",
        action: "up",
        prepare: conflicts,
        phase: Phase::Patches(1),
        exit: 0,
        replicas: 0,
        line_part: "stopped by SIGTERM",
    },
    Case {
        name: "guard, in a scrape; the next one says yield",
        action: "guard",
        prepare: |env| {
            env.set("SCRAPE_TIMEOUT", "2s");
            env.exporter = vec![hanging(), ok(full_gpu())];
        },
        phase: Phase::Scrapes(1),
        exit: 0,
        replicas: 0,
        line_part: "others leave less than the floor",
    },
    Case {
        name: "guard, in a scrape; the next one says stay",
        action: "guard",
        prepare: |env| {
            env.set("SCRAPE_TIMEOUT", "2s");
            env.exporter = vec![hanging(), ok(roomy_gpu())];
        },
        phase: Phase::Scrapes(1),
        exit: 1,
        replicas: 1,
        line_part: "stopped by SIGTERM, left tts/chatterbox-tts to the Job's next attempt: the floor and",
    },
    Case {
        name: "guard, in a scrape; the next one fails",
        action: "guard",
        prepare: |env| {
            env.set("SCRAPE_TIMEOUT", "2s");
            env.exporter = vec![hanging(), Step::Close];
        },
        phase: Phase::Scrapes(1),
        exit: 0,
        replicas: 0,
        line_part: "could not be read",
    },
    Case {
        name: "guard, in the pause between two attempts to scrape",
        action: "guard",
        prepare: |env| env.exporter = vec![Step::Close, Step::Close, ok(roomy_gpu())],
        phase: Phase::Scrapes(2),
        exit: 1,
        replicas: 1,
        line_part: "stopped by SIGTERM, left",
    },
    Case {
        name: "guard, before the recheck; the next sample says yield",
        action: "guard",
        prepare: |env| recheck(env, ok(floor_broken_by_unknown())),
        phase: Phase::Scrapes(1),
        exit: 0,
        replicas: 0,
        line_part: "samples=2",
    },
    Case {
        name: "guard, before the recheck; the next sample says stay",
        action: "guard",
        prepare: |env| recheck(env, ok(roomy_gpu())),
        phase: Phase::Scrapes(1),
        exit: 1,
        replicas: 1,
        line_part: "samples=2",
    },
    Case {
        name: "guard, before the recheck; the next sample fails",
        action: "guard",
        prepare: |env| recheck(env, Step::Close),
        phase: Phase::Scrapes(1),
        exit: 0,
        replicas: 0,
        line_part: "could not be read",
    },
    Case {
        name: "guard, before the recheck; the next sample fails, with ON_SCRAPE_FAILURE=keep",
        action: "guard",
        prepare: |env| {
            env.set("ON_SCRAPE_FAILURE", "keep");
            recheck(env, Step::Close);
        },
        phase: Phase::Scrapes(1),
        exit: 1,
        replicas: 1,
        line_part: "stopped by SIGTERM, left",
    },
    Case {
        name: "guard, between two attempts to scale",
        action: "guard",
        prepare: conflicts,
        phase: Phase::Patches(1),
        exit: 0,
        replicas: 0,
        line_part: "scaled tts/chatterbox-tts to 0",
    },
    Case {
        name: "down, between two attempts to scale",
        action: "down",
        prepare: conflicts,
        phase: Phase::Patches(1),
        exit: 0,
        replicas: 0,
        line_part: "scaled tts/chatterbox-tts to 0",
    },
];

impl Phase {
    fn is_reached(self, running: &Running<'_>) -> bool {
        match self {
            Self::Scrapes(count) => running.exporter.requests.load(Ordering::SeqCst) >= count,
            Self::Patches(count) => running.api.patches() >= count,
        }
    }
}

/// Waits for the phase, then sends SIGTERM to the gate.
fn terminate(running: &Running<'_>, program: &[&str], phase: Phase) {
    let start = Instant::now();
    while !phase.is_reached(running) {
        assert!(start.elapsed() < Duration::from_secs(60), "{phase:?} is never reached");
        sleep(Duration::from_millis(5));
    }
    // The step is answered, and the gate pauses or waits.
    sleep(Duration::from_millis(200));
    let process = match program {
        [] => running.process.to_string(),
        _ => {
            let parent = running.process;
            let children = format!("/proc/{parent}/task/{parent}/children");
            std::fs::read_to_string(children).unwrap().trim().to_owned()
        }
    };
    assert!(Command::new("/bin/kill").args(["-TERM", &process]).status().unwrap().success());
}

fn run(case: &Case, program: &[&str]) -> CommandOutput {
    let mut env = TestEnv::new(case.action);
    (case.prepare)(&mut env);
    env.run_by(program, |running| terminate(running, program, case.phase))
}

fn check_all(program: &[&str]) {
    let problems: Vec<String> = std::thread::scope(|scope| {
        let cases: Vec<_> = CASES.iter().map(|case| scope.spawn(|| check(case, program))).collect();
        cases.into_iter().filter_map(|case| case.join().unwrap()).collect()
    });
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// Runs a case; returns the problem with its end.
fn check(case: &Case, program: &[&str]) -> Option<String> {
    let start = Instant::now();
    let output = run(case, program);
    let found = (output.code, output.api.replicas());
    let is_expected = found == (case.exit, case.replicas)
        && output.stderr.contains(case.line_part)
        && output.messages_agree()
        // The pauses that a signal cuts short take a minute.
        && start.elapsed() < Duration::from_secs(50);
    (!is_expected).then(|| format!("{}: {found:?} {}", case.name, output.stderr))
}

#[test]
fn a_signal_at_each_phase_ends_as_expected() {
    check_all(&[]);
}

/// Skipped without the right to make a namespace.
#[test]
fn process_1_ends_in_the_same_way() {
    let try_out = Command::new(UNSHARE[0]).args(&UNSHARE[1..]).arg("/bin/true").status();
    if try_out.is_ok_and(|status| status.success()) {
        check_all(UNSHARE);
    }
}
