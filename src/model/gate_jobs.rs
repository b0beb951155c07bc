//! The gate's jobs among the objects: which Deployment each scales, when, and by which rules.
//!
//! They are known by the gate's own settings in a CronJob's container, not by any name. The rules are
//! read by the gate's own library, so that what is said here is what runs in the cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use vram_gate::decision::Action;
use vram_gate::settings::{self, Invocation, Key, Raw, SettingError, Settings};

use super::object::{Object, Objects, items, strings};
use super::workload;
use kube_validate::ObjectId;
use kube_validate::schedule::{self, Schedule, Window};
use yaml_spans::{Node, Path, Value};

/// A CronJob that runs the gate.
#[derive(Debug, Clone)]
pub(crate) struct GateJob {
    /// The CronJob.
    pub id: ObjectId,
    /// What it runs the gate for.
    pub action: Action,
    /// The Deployment that it scales.
    pub target: ObjectId,
    /// The settings as they are written, defaults included.
    pub raw: Raw,
    /// The settings, checked; or the first that the gate would refuse.
    pub settings: Result<Settings, SettingError>,
    /// When it runs; none if Kubernetes would refuse it.
    pub times: Option<Times>,
    /// Why it does nothing, if it does nothing.
    pub rest: Option<Rest>,
}

/// Why a job does nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rest {
    /// The CronJob is suspended.
    Suspended,
    /// The gate only says what it would do.
    DryRun,
    /// The schedule is well formed and means no day.
    NeverRuns,
}

impl Rest {
    /// What is said of the job.
    pub fn words(self) -> &'static str {
        match self {
            Rest::Suspended => "is suspended",
            Rest::DryRun => "only says what it would do (`DRY_RUN`)",
            Rest::NeverRuns => "has a schedule that never runs",
        }
    }
}

/// When a CronJob runs.
#[derive(Debug, Clone)]
pub(crate) struct Times {
    /// Its schedule.
    pub schedule: Schedule,
    /// Whose clock it follows.
    pub zone: TimeZone,
    /// That zone's name.
    pub zone_name: String,
}

/// The zone of a CronJob that names none is the controller manager's: UTC almost everywhere.
const DEFAULT_ZONE: &str = "Etc/UTC";

impl Times {
    /// Reads a CronJob's times.
    pub fn of(job: &Object) -> Option<Self> {
        let schedule = job.text(&["spec", "schedule"])?.parse().ok()?;
        let zone_name = job.text(&["spec", "timeZone"]).unwrap_or(DEFAULT_ZONE).to_owned();
        let zone = schedule::zone(&zone_name).ok()?;
        Some(Times { schedule, zone, zone_name })
    }

    /// The next run.
    pub fn next(&self, after: Timestamp) -> Option<Timestamp> {
        self.schedule.next_after(after, &self.zone)
    }

    /// The next runs.
    pub fn following(&self, after: Timestamp, most: usize) -> Vec<Timestamp> {
        let next = |last: &Timestamp| self.next(*last);
        std::iter::successors(self.next(after), next).take(most).collect()
    }

    /// An instant on its clock: `Wed 25 Nov 02:00`.
    pub fn show(&self, instant: Timestamp) -> String {
        instant.to_zoned(self.zone.clone()).strftime("%a %d %b %H:%M").to_string()
    }

    /// An instant on its clock, short: `Wed 02:00`.
    pub fn show_short(&self, instant: Timestamp) -> String {
        instant.to_zoned(self.zone.clone()).strftime("%a %H:%M").to_string()
    }
}

/// Whether a CronJob is at rest.
pub(crate) fn is_suspended(job: &Object) -> bool {
    job.at(&["spec", "suspend"]).is_some_and(|node| node.value == Value::Bool(true))
}

impl GateJob {
    /// Reads a CronJob; none if it does not run the gate.
    pub fn of(job: &Object) -> Option<Self> {
        if !job.is("batch", "CronJob") {
            return None;
        }
        let (raw, action) = workload::containers(job).find_map(read)?;
        let set = |key: Key| raw.get(key).map(str::to_owned);
        let target = ObjectId {
            namespace: set(Key::Namespace).or_else(|| job.id.namespace.clone()),
            kind: "Deployment".to_owned(),
            name: set(Key::Deployment)?,
            group: "apps".to_owned(),
        };
        let namespace = job.id.namespace.clone();
        let settings = settings::check(&raw, |_| namespace.clone()).map_err(first);
        let times = Times::of(job);
        let rest = if is_suspended(job) {
            Some(Rest::Suspended)
        } else if settings.as_ref().is_ok_and(|settings| settings.dry_run) {
            Some(Rest::DryRun)
        } else if times.as_ref().is_some_and(|times| !times.schedule.can_run()) {
            Some(Rest::NeverRuns)
        } else {
            None
        };
        Some(GateJob { id: job.id.clone(), action, target, raw, settings, times, rest })
    }
}

/// Returns the first error only.
fn first(errors: Vec<SettingError>) -> SettingError {
    let none = SettingError { setting: String::new(), problem: String::new() };
    errors.into_iter().next().unwrap_or(none)
}

/// The gate's settings of a container, if it runs the gate: it names an action and a Deployment.
fn read(container: &Node) -> Option<(Raw, Action)> {
    workload::env(container, Key::Deployment.row().env)?;
    // A command that is not the gate's (a shell with a script) leaves the environment to be read.
    let raw = match collect_settings(container, Words::Read) {
        Ok(Invocation::Run(raw)) => raw,
        _ => match collect_settings(container, Words::Ignore) {
            Ok(Invocation::Run(raw)) => raw,
            _ => return None,
        },
    };
    let name = raw.get(Key::Action)?;
    let (_, action) = Action::NAMES.iter().find(|(known, _)| *known == name)?;
    Some((raw, *action))
}

/// The treatment of a container's command and arguments.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Words {
    /// They are the gate's.
    Read,
    /// They are another program's.
    Ignore,
}

fn collect_settings(
    container: &Node,
    words: Words,
) -> Result<Invocation, (Raw, Vec<SettingError>)> {
    let command = strings(container, &["command"]);
    let arguments = command.iter().skip(1).copied().chain(strings(container, &["args"]));
    let words: Vec<OsString> = match words {
        Words::Read => arguments.map(OsString::from).collect(),
        Words::Ignore => Vec::new(),
    };
    Raw::collect(words, |name| match workload::env(container, name) {
        // The cluster sets it in every Pod.
        None if name == Key::KubernetesServiceHost.row().env => Some("kubernetes".into()),
        value => value.map(OsString::from),
    })
}

/// A setting of a container with which the gate refuses to run.
#[derive(Debug)]
pub(crate) struct RefusedSetting {
    /// The setting; `None` for an argument that is not a setting.
    pub key: Option<Key>,
    /// The gate's error.
    pub error: SettingError,
    /// The path of the setting's text in the object, or of the container without such a text.
    pub path: Path,
}

/// Checks the settings of every container of a CronJob that runs the gate, by the gate's own rules.
pub(crate) fn refused_settings(object: &kube_validate::Object) -> Vec<RefusedSetting> {
    let (group, kind) = ("batch", "CronJob");
    if object.kind != kind || kube_validate::group(&object.api_version) != group {
        return Vec::new();
    }
    let Some(pod_spec) = workload::pod_spec_path(group, kind) else { return Vec::new() };
    let mut refused = Vec::new();
    for list in ["initContainers", "containers"] {
        let list = pod_spec.key(list);
        let containers = list.find(&object.node).and_then(Node::as_sequence).unwrap_or_default();
        for (index, container) in containers.iter().enumerate() {
            let path = list.index(index);
            refused.extend(refused_in_container(container, &path, object.namespace.as_deref()));
        }
    }
    refused
}

fn refused_in_container(
    container: &Node,
    path: &Path,
    namespace: Option<&str>,
) -> Vec<RefusedSetting> {
    if !runs_gate(container) {
        return Vec::new();
    }
    let errors = match collect_settings(container, Words::Read) {
        Ok(Invocation::Run(raw)) => {
            settings::check(&raw, |_| namespace.map(str::to_owned)).err().unwrap_or_default()
        }
        Ok(_) => Vec::new(),
        Err((_, errors)) => errors,
    };
    let refused = errors.into_iter().map(|error| {
        let row = settings::TABLE.iter().find(|row| row.env == error.setting);
        let key = row.map(|row| row.key);
        let value = key.and_then(|key| variable_path(container, key));
        let path = value.map_or_else(|| path.clone(), |value| path.join(&value));
        RefusedSetting { key, error, path }
    });
    // Settings that only the cluster knows may turn out right.
    let is_known = |key: Key| !is_set_in_cluster(container, key);
    refused
        .filter(|refused| {
            refused.key.is_none_or(|key| {
                is_known(key) && key.compared_with().iter().all(|&other| is_known(other))
            })
        })
        .collect()
}

/// Returns true if a container runs the gate: its command is the gate's, or it has no command and the
/// settings of one.
fn runs_gate(container: &Node) -> bool {
    match strings(container, &["command"]).first() {
        Some(program) => program.rsplit('/').next() == Some("vram-gate"),
        None => read(container).is_some(),
    }
}

fn variable(container: &Node, key: Key) -> Option<(usize, &Node)> {
    items(container, &["env"])
        .iter()
        .enumerate()
        .find(|(_, variable)| variable.get("name").and_then(Node::as_str) == Some(key.row().env))
}

/// The path of a variable's value in its container.
fn variable_path(container: &Node, key: Key) -> Option<Path> {
    let (index, variable) = variable(container, key)?;
    variable.get("value").map(|_| Path::root().key("env").index(index).key("value"))
}

/// Returns true if the value of a setting is decided in the cluster: by a reference to an object, or by
/// another variable (`$(NAME)`).
fn is_set_in_cluster(container: &Node, key: Key) -> bool {
    match variable(container, key) {
        Some((_, variable)) => match variable.get("value").and_then(Node::as_str) {
            Some(text) => text.contains("$("),
            None => variable.get("valueFrom").is_some(),
        },
        None => !items(container, &["envFrom"]).is_empty(),
    }
}

/// The jobs of one Deployment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Gate {
    /// All of them, by identity.
    pub jobs: Vec<GateJob>,
}

impl Gate {
    /// The job for an action.
    pub fn job(&self, action: Action) -> Option<&GateJob> {
        self.jobs.iter().find(|job| job.action == action)
    }

    /// The job for an action, if it is there and not at rest.
    pub fn awake(&self, action: Action) -> Option<&GateJob> {
        self.jobs.iter().find(|job| job.action == action && job.rest.is_none())
    }

    /// Whether the Deployment may have been scaled up by an instant: its window is open.
    pub fn may_be_up(&self, now: Timestamp) -> bool {
        let Some(up) = self.awake(Action::Up).and_then(|job| job.times.as_ref()) else {
            return false;
        };
        match self.awake(Action::Down).and_then(|job| job.times.as_ref()) {
            Some(down) => {
                let (up, zone) = (&up.schedule, &up.zone);
                Window { up, down: &down.schedule, zone }.contains(now)
            }
            // Nothing ever takes it down again.
            None => true,
        }
    }

    /// When it may be scaled up next, and on whose clock that is.
    pub fn next_start(&self, now: Timestamp) -> Option<(Timestamp, &Times)> {
        let times = self.awake(Action::Up)?.times.as_ref()?;
        Some((times.next(now)?, times))
    }
}

/// The gates whose jobs run in some namespaces, by the Deployment that they scale.
pub(crate) fn gates(objects: &Objects, namespaces: &BTreeSet<&str>) -> BTreeMap<ObjectId, Gate> {
    let mut gates: BTreeMap<ObjectId, Gate> = BTreeMap::new();
    let near =
        |job: &&Object| job.id.namespace.as_deref().is_some_and(|name| namespaces.contains(name));
    for job in objects.of("batch", "CronJob").filter(near).filter_map(GateJob::of) {
        gates.entry(job.target.clone()).or_default().jobs.push(job);
    }
    gates
}
