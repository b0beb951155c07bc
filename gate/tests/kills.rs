//! A watch that is killed at random moments, again and again.
//!
//! `KILLS` is the number of watches: 60, unless it is set. `tests/e2e/run kills` runs 500, which takes a minute and
//! a half on two busy cores. Each has its own seed, so a failure can be repeated.

#![cfg(test)]
#![cfg(unix)]

mod support;

use std::os::unix::process::ExitStatusExt;
use std::process::Child;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use support::http_server::ok;
use support::random::Random;
use support::test_env::{Pod, TestEnv, full_gpu, kill, roomy_gpu};

/// From SIGTERM to 0 replicas.
const MAX_STOP: Duration = Duration::from_secs(2);

/// From the start of a container to its first look at the GPU and at the scale.
const MAX_FIRST_LOOK: Duration = Duration::from_secs(1);

/// From a look that would stop the tenant to 0 replicas, after a restart.
const MAX_YIELD: Duration = Duration::from_secs(2);

/// The looks before the GPU stays as it is.
const LOOKS: usize = 12;

/// The watches that run at once.
const WORKERS: u64 = 3;

/// The longest times of all kills.
#[derive(Debug, Default, Clone, Copy)]
struct Longest {
    stop: Duration,
    first_look: Duration,
    terminated: u32,
    killed: u32,
}

fn kills() -> u64 {
    std::env::var("KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(60)
}

#[test]
fn a_kill_at_any_moment_leaves_the_tenant_stopped_or_guarded() {
    let next = AtomicU64::new(0);
    let longest = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS).map(|_| scope.spawn(|| kill_next(&next))).collect();
        let results = workers.into_iter().map(|worker| worker.join().unwrap());
        results.fold(Longest::default(), Longest::max)
    });
    println!("{} kills: {longest:?}", kills());
    assert!(longest.terminated > 10 && longest.killed > 10, "{longest:?}");
}

impl Longest {
    fn max(self, other: Self) -> Self {
        Self {
            stop: self.stop.max(other.stop),
            first_look: self.first_look.max(other.first_look),
            terminated: self.terminated + other.terminated,
            killed: self.killed + other.killed,
        }
    }
}

/// Kills watches until all are killed; returns the longest times.
fn kill_next(next: &AtomicU64) -> Longest {
    let mut longest = Longest::default();
    loop {
        let seed = next.fetch_add(1, Ordering::SeqCst);
        if seed >= kills() {
            return longest;
        }
        longest = longest.max(kill_one(seed));
    }
}

/// Runs a watch over a GPU that is sometimes full, kills it at a moment of its seed, and starts it again unless
/// it has stopped the tenant itself.
fn kill_one(seed: u64) -> Longest {
    let mut random = Random(seed);
    let mut env = TestEnv::new("watch");
    env.api.replicas = i64::from(random.below(2) == 0);
    env.set("INTERVAL", "50ms");
    env.set("CALM", "0");
    env.set("STARTS", "20");
    let looks = (0..LOOKS).map(|_| if random.below(3) == 0 { full_gpu() } else { roomy_gpu() });
    let looks: Vec<String> = looks.collect();
    env.exporter = looks.iter().flat_map(|text| [ok(text), ok(text)]).collect();
    let pod = env.start();
    let mut longest = Longest::default();
    if random.below(4) == 0 {
        // Perhaps before its first look.
        let mut watch = pod.spawn(&[]);
        sleep(Duration::from_millis(random.below(40)));
        watch.kill().unwrap();
        watch.wait().unwrap();
        longest.killed += 1;
    }
    let (mut watch, first_look) = start(&pod, seed);
    longest.first_look = first_look;
    sleep(Duration::from_millis(random.below(700)));
    if random.below(2) == 0 {
        longest.stop = terminate(&pod, &mut watch, seed);
        longest.terminated += 1;
        return longest;
    }
    watch.kill().unwrap();
    let status = watch.wait().unwrap();
    assert_eq!(status.signal(), Some(9), "seed {seed}: it ended before the kill");
    longest.killed += 1;
    let (mut restarted, first_look) = start(&pod, seed);
    longest.first_look = longest.first_look.max(first_look);
    if looks.last() == Some(&full_gpu()) {
        while pod.exporter.requests.load(Ordering::SeqCst) < 2 * LOOKS {
            sleep(Duration::from_millis(5));
        }
        let full = Instant::now();
        while pod.api.replicas() > 0 {
            assert!(full.elapsed() < MAX_YIELD, "seed {seed}: the GPU is full, and it runs");
            sleep(Duration::from_millis(5));
        }
    }
    sleep(Duration::from_millis(random.below(200)));
    longest.stop = terminate(&pod, &mut restarted, seed);
    longest
}

/// Starts the container; returns it after its first look, with the time until then.
fn start(pod: &Pod, seed: u64) -> (Child, Duration) {
    let (scrapes, gets) = (pod.exporter.requests.load(Ordering::SeqCst), pod.api.gets());
    let begin = Instant::now();
    let watch = pod.spawn(&[]);
    while pod.exporter.requests.load(Ordering::SeqCst) == scrapes || pod.api.gets() == gets {
        assert!(begin.elapsed() < Duration::from_secs(20), "seed {seed}: no look");
        sleep(Duration::from_millis(1));
    }
    let first_look = begin.elapsed();
    assert!(first_look < MAX_FIRST_LOOK, "seed {seed}: first look after {first_look:?}");
    (watch, first_look)
}

/// Sends SIGTERM; returns the time until the tenant is stopped.
fn terminate(pod: &Pod, watch: &mut Child, seed: u64) -> Duration {
    let signal = Instant::now();
    kill(watch.id(), "-TERM");
    let status = watch.wait().unwrap();
    let ended = signal.elapsed();
    assert_eq!(status.code(), Some(1), "seed {seed}: {:?}", pod.message());
    assert_eq!(pod.api.replicas(), 0, "seed {seed}: {:?}", pod.message());
    // The last change of the scale is the stop, if it was not stopped before.
    let requests = pod.api.requests();
    let last = requests.iter().rfind(|request| request.method == "PATCH");
    let stop = last.map_or(Duration::ZERO, |last| last.at.saturating_duration_since(signal));
    assert!(stop < MAX_STOP, "seed {seed}: stopped {stop:?} after SIGTERM, ended after {ended:?}");
    stop
}
