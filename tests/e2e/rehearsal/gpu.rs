//! A GPU that a script fills, the exporter that reports it, and the time for which it was asked for too much.
//!
//! The tenant uses memory for as long as its Pod runs. Where residents and tenant ask for more than there is, or the
//! tenant for more than its budget, the gate must end it.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::night::exporter::{Exporter, Page};

/// The memory of the GPU in MiB: `gpu.total` of values/tts.yaml.
const TOTAL: u64 = 15_360;

/// The residents' memory while they are quiet: it leaves the floor and `gate.watch.hysteresis` free.
const QUIET: u64 = 8_192;

/// The residents' memory while one of them is busy.
const BUSY: u64 = 12_288;

/// The tenant's memory after its start, within its budget.
const LOADED: u64 = 4_096;

/// The tenant's memory after it has grown over its budget; the reserve is still free.
const GROWN: u64 = 6_656;

/// The tenant's budget: `gate.budget` of values/tts.yaml.
const BUDGET: u64 = 5_632;

/// The exporter's behaviour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answers {
    /// It serves the page.
    Page,
    /// It closes each connection.
    Nothing,
    /// It never answers.
    Silence,
}

/// A GPU and its exporter.
pub struct Gpu {
    exporter: Exporter,
    namespace: String,
    state: Mutex<State>,
}

/// The measured times.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// The longest time for which residents and tenant together asked for more than there is, or the tenant for
    /// more than its budget.
    pub exceeded: Duration,
    /// The time for which the tenant ran.
    pub served: Duration,
}

struct State {
    residents: u64,
    tenant: u64,
    is_up: bool,
    answers: Answers,
    /// The time of the last change or look.
    at: Instant,
    exceeded_since: Option<Instant>,
    times: Times,
}

impl Gpu {
    /// A GPU with quiet residents, and a tenant in this namespace that does not run.
    pub fn start(namespace: &str) -> Self {
        let times = Times { exceeded: Duration::ZERO, served: Duration::ZERO };
        let gpu = Gpu {
            exporter: Exporter::start(Page::Nothing),
            namespace: namespace.to_owned(),
            state: Mutex::new(State {
                residents: QUIET,
                tenant: LOADED,
                is_up: false,
                answers: Answers::Page,
                at: Instant::now(),
                exceeded_since: None,
                times,
            }),
        };
        gpu.change(|_| {});
        gpu
    }

    /// The URL of its metrics.
    pub fn url(&self) -> String {
        self.exporter.url()
    }

    /// Lets a resident need more memory than the tenant leaves.
    pub fn wake_resident(&self) {
        self.change(|state| state.residents = BUSY);
    }

    /// Lets the residents be quiet again.
    pub fn calm_residents(&self) {
        self.change(|state| state.residents = QUIET);
    }

    /// Lets the tenant grow over its budget, until its Pod ends.
    pub fn grow_tenant(&self) {
        self.change(|state| state.tenant = GROWN);
    }

    /// Sets the exporter's behaviour.
    pub fn answer(&self, answers: Answers) {
        self.change(|state| state.answers = answers);
    }

    /// Notes if a Pod of the tenant runs.
    pub fn note_tenant(&self, is_up: bool) {
        self.change(|state| {
            if state.is_up && !is_up {
                state.tenant = LOADED;
            }
            state.is_up = is_up;
        });
    }

    /// Returns true if a Pod of the tenant runs.
    pub fn is_tenant_up(&self) -> bool {
        self.state.lock().unwrap().is_up
    }

    /// The measured times up to now.
    pub fn times(&self) -> Times {
        self.change(|_| {});
        let state = self.state.lock().unwrap();
        let current = state.exceeded_since.map_or(Duration::ZERO, |since| state.at - since);
        Times { exceeded: state.times.exceeded.max(current), ..state.times }
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state.lock().unwrap();
        let now = Instant::now();
        if state.is_up {
            let since = now - state.at;
            state.times.served += since;
        }
        state.at = now;
        change(&mut state);
        let tenant = if state.is_up { state.tenant } else { 0 };
        if state.residents + tenant > TOTAL || tenant > BUDGET {
            state.exceeded_since.get_or_insert(now);
        } else if let Some(since) = state.exceeded_since.take() {
            state.times.exceeded = state.times.exceeded.max(now - since);
        }
        let page = match state.answers {
            Answers::Page => Page::Whole(self.page(state.residents, tenant)),
            Answers::Nothing => Page::Nothing,
            Answers::Silence => Page::Silence,
        };
        self.exporter.serve(page);
    }

    /// The exposition: nobody gets more than there is, and the tenant was there first.
    fn page(&self, residents: u64, tenant: u64) -> String {
        let residents = residents.min(TOTAL - tenant);
        let mut users = vec![("frigate", 2_048), ("immich", residents - 2_048)];
        if tenant > 0 {
            users.push((&self.namespace, tenant));
        }
        let series = users.iter().map(|(namespace, mib)| {
            let labels = format!("namespace=\"{namespace}\",pod=\"{namespace}-0\",pid=\"1\"");
            format!("gpu_pod_memory_used_bytes{{{labels}}} {}\n", mib << 20)
        });
        format!("# TYPE gpu_pod_memory_used_bytes gauge\n{}", series.collect::<String>())
    }
}

#[test]
fn the_time_without_enough_memory_is_measured() {
    let gpu = Gpu::start("tenant");
    gpu.wake_resident();
    std::thread::sleep(Duration::from_millis(20));
    assert_eq!(gpu.times().exceeded, Duration::ZERO, "the tenant does not run");
    gpu.note_tenant(true);
    std::thread::sleep(Duration::from_millis(20));
    let during = gpu.times();
    assert!(during.exceeded >= Duration::from_millis(20), "{during:?}");
    gpu.note_tenant(false);
    let after = gpu.times();
    assert!(after.exceeded >= during.exceeded && after.served >= during.served, "{after:?}");
    gpu.calm_residents();
    gpu.note_tenant(true);
    gpu.grow_tenant();
    assert!(gpu.state.lock().unwrap().exceeded_since.is_some());
    gpu.note_tenant(false);
    gpu.note_tenant(true);
    assert!(gpu.state.lock().unwrap().exceeded_since.is_none(), "a new Pod has not grown");
    assert_eq!(gpu.page(BUSY, LOADED).matches(" 4294967296\n").count(), 1);
    assert!(gpu.page(BUSY, LOADED).contains(&format!(" {}\n", (TOTAL - LOADED - 2_048) << 20)));
}
