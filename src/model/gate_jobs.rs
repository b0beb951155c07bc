//! The gate's jobs among the objects: the object that each scales, its times and its settings.
//!
//! A job is recognised by the gate's own settings in a CronJob's container, not by its name. The
//! settings are read by the gate's own library, so that this module knows what runs in the cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;

use jiff::Timestamp;
use vram_gate::decision::Action;
use vram_gate::settings::{self, Invocation, Key, Raw, SettingError, Settings};

use super::object::{Object, Objects, items_at, strings_at};
use super::run_times::RunTimes;
use super::window::WindowSchedule;
use super::workload;
use kube_validate::ObjectId;
use yaml_spans::{Node, Path, Value};

/// The jobs that scale the server to 0.
pub(crate) const STOPPING: [(Action, &str); 2] = [(Action::Guard, "guard"), (Action::Down, "down")];

/// A CronJob that runs the gate.
#[derive(Debug, Clone)]
pub(crate) struct GateJob {
    /// The CronJob.
    pub id: ObjectId,
    /// The container that runs the gate.
    pub container: Path,
    /// The gate's action.
    pub action: Action,
    /// The object that it scales.
    pub target: ObjectId,
    /// The settings as they are written, defaults included.
    pub raw: Raw,
    /// The settings that only the cluster knows, apart from the namespace. `raw` has their defaults.
    pub set_in_cluster: Vec<Key>,
    /// The checked settings, or the first error that makes the gate refuse them.
    pub settings: Result<Settings, SettingError>,
    /// The times at which it runs; `None` if Kubernetes would refuse them.
    pub times: Option<RunTimes>,
    /// The reason why the job does nothing; `None` if it is active.
    pub inactive: Option<InactiveReason>,
}

/// A reason why a job does nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InactiveReason {
    /// The CronJob is suspended.
    Suspended,
    /// The gate only reports what it would do.
    DryRun,
    /// The schedule is well formed and matches no day.
    NeverRuns,
}

impl InactiveReason {
    /// The reason as the rest of a sentence about the job.
    pub fn text(self) -> &'static str {
        match self {
            InactiveReason::Suspended => "is suspended",
            InactiveReason::DryRun => "only reports what it would do (`DRY_RUN`)",
            InactiveReason::NeverRuns => "has a schedule that never runs",
        }
    }
}

/// Returns true if a CronJob is suspended.
pub(crate) fn is_suspended(job: &Object) -> bool {
    job.node_at(&["spec", "suspend"]).is_some_and(|node| node.value == Value::Bool(true))
}

impl GateJob {
    /// Reads a CronJob; `None` if it does not run the gate.
    pub fn read(job: &Object) -> Option<Self> {
        if !job.is_kind("batch", "CronJob") {
            return None;
        }
        let (container, node, (raw, action)) = workload::located_containers(job)
            .find_map(|(path, node)| Some((path, node, read_settings(node)?)))
            // An `admit` scales nothing.
            .filter(|(.., (_, action))| *action != Action::Admit)?;
        let variables = workload::variables(node);
        let set_in_cluster = settings::TABLE
            .iter()
            .map(|row| row.key)
            .filter(|&key| {
                ![Key::Namespace, Key::JobName].contains(&key)
                    && is_set_in_cluster(node, &variables, key)
            })
            .collect();
        let target = ObjectId {
            namespace: raw
                .get(Key::Namespace)
                .map(str::to_owned)
                .or_else(|| job.id.namespace.clone()),
            kind: raw.get(Key::TargetKind)?.to_owned(),
            name: raw.get(Key::Deployment)?.to_owned(),
            group: kube_validate::group(raw.get(Key::TargetApiVersion)?).to_owned(),
        };
        let settings = settings::check(&raw, |_| job.id.namespace.clone()).map_err(first_error);
        let times = RunTimes::read(job);
        let inactive = if is_suspended(job) {
            Some(InactiveReason::Suspended)
        } else if settings.as_ref().is_ok_and(|settings| settings.dry_run) {
            Some(InactiveReason::DryRun)
        } else if times.as_ref().is_some_and(|times| !times.schedule.can_run()) {
            Some(InactiveReason::NeverRuns)
        } else {
            None
        };
        let id = job.id.clone();
        Some(GateJob {
            id,
            container,
            action,
            target,
            raw,
            set_in_cluster,
            settings,
            times,
            inactive,
        })
    }

    /// Returns true for a watch that starts the object by demand alone.
    pub fn follows_demand(&self) -> bool {
        self.action == Action::Watch && self.raw.get(Key::DemandUrl).is_some()
    }

    /// The resource of the target: `deployments`.
    pub fn target_resource(&self) -> String {
        match self.raw.get(Key::TargetResource) {
            Some(resource) => resource.to_owned(),
            None => settings::resource_of_kind(&self.target.kind),
        }
    }

    /// The resource that the gate needs permissions for: `deployments/scale`.
    pub fn scale_resource(&self) -> String {
        self.target_resource() + "/scale"
    }
}

/// The first error; the gate returns at least one.
fn first_error(errors: Vec<SettingError>) -> SettingError {
    let unknown = SettingError { setting: String::new(), problem: String::new() };
    errors.into_iter().next().unwrap_or(unknown)
}

/// The gate's settings of a container that runs the gate: it names an action and an object to scale.
fn read_settings(container: &Node) -> Option<(Raw, Action)> {
    let target = *workload::variables(container).get(Key::Deployment.row().env)?;
    workload::plain_value(target)?;
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
    let command = strings_at(container, &["command"]);
    let arguments = command.iter().skip(1).copied().chain(strings_at(container, &["args"]));
    let words: Vec<OsString> = match words {
        Words::Read => arguments.map(OsString::from).collect(),
        Words::Ignore => Vec::new(),
    };
    let variables = workload::variables(container);
    let plain = |name: &str| workload::plain_value(variables.get(name)?);
    Raw::collect(words, |name| match plain(name) {
        // The cluster sets it in every Pod.
        None if name == Key::KubernetesServiceHost.row().env => Some("kubernetes".into()),
        // The Job's own name, of which only the form is known.
        None if name == Key::JobName.row().env
            && is_set_in_cluster(container, &variables, Key::JobName) =>
        {
            Some("job-0".into())
        }
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

/// Checks the settings of every container that runs the gate, by the gate's own rules.
pub(crate) fn refused_settings(object: &kube_validate::Object) -> Vec<RefusedSetting> {
    let group = kube_validate::group(&object.api_version);
    let is_cron_job = (group, object.kind.as_str()) == ("batch", "CronJob");
    workload::located_containers_of(group, &object.kind, &object.node)
        // Elsewhere than in a CronJob, another program may have variables of the same names.
        .filter(|(_, container)| match is_cron_job {
            true => runs_gate(container),
            false => has_gate_command(container),
        })
        .flat_map(|(path, container)| {
            refused_in_container(container, &path, object.namespace.as_deref())
        })
        .collect()
}

fn refused_in_container(
    container: &Node,
    path: &Path,
    namespace: Option<&str>,
) -> Vec<RefusedSetting> {
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
    refused.filter(|refused| refused.key.is_none_or(|key| is_decided(container, key))).collect()
}

/// Returns true if a container runs the gate: its command is the gate's, or it has no command and the
/// settings of one.
fn runs_gate(container: &Node) -> bool {
    match strings_at(container, &["command"]).first() {
        Some(_) => has_gate_command(container),
        None => read_settings(container).is_some(),
    }
}

fn has_gate_command(container: &Node) -> bool {
    let command = strings_at(container, &["command"]);
    command.first().is_some_and(|program| program.rsplit('/').next() == Some("vram-gate"))
}

/// The settings of an object's admission, if it has a container that runs `vram-gate admit`.
pub(crate) fn admission(object: &Object) -> Option<Raw> {
    workload::containers(object)
        .filter(|container| has_gate_command(container))
        .filter_map(read_settings)
        .find_map(|(raw, action)| (action == Action::Admit).then_some(raw))
}

/// Returns true if a container's own text decides the check of a setting: its value, and those that it
/// is compared with.
fn is_decided(container: &Node, key: Key) -> bool {
    let variables = workload::variables(container);
    let mut keys = std::iter::once(&key).chain(key.compared_with());
    keys.all(|&key| !is_set_in_cluster(container, &variables, key))
}

/// The path of a variable's value in its container.
fn variable_path(container: &Node, key: Key) -> Option<Path> {
    let name = Some(key.row().env);
    let mut variables = items_at(container, &["env"]).iter().enumerate();
    let (index, variable) =
        variables.find(|(_, variable)| variable.get("name").and_then(Node::as_str) == name)?;
    variable.get("value").map(|_| Path::root().key("env").index(index).key("value"))
}

/// Returns true if the value of a setting is decided in the cluster: by a reference to an object, or by
/// another variable (`$(NAME)`).
fn is_set_in_cluster(container: &Node, variables: &BTreeMap<&str, &Node>, key: Key) -> bool {
    match variables.get(key.row().env) {
        Some(variable) => match workload::plain_value(variable) {
            Some(text) => text.contains("$("),
            None => variable.get("valueFrom").is_some(),
        },
        None => !items_at(container, &["envFrom"]).is_empty(),
    }
}

/// Returns true if a job does what an action does: a watch opens the window as `up` does. One that follows demand
/// opens no window.
fn does(job: &GateJob, action: Action) -> bool {
    let opens = action == Action::Up && job.action == Action::Watch;
    (job.action == action || opens) && !job.follows_demand()
}

/// The jobs of one scaled object.
#[derive(Debug, Clone, Default)]
pub(crate) struct Gate {
    /// All of them, by identity.
    pub jobs: Vec<GateJob>,
}

impl Gate {
    /// The job for an action; for `up` also a watch, which opens the window in its place.
    pub fn job(&self, action: Action) -> Option<&GateJob> {
        self.jobs.iter().find(|job| does(job, action))
    }

    /// The job for an action, if it exists and is active.
    pub fn active_job(&self, action: Action) -> Option<&GateJob> {
        self.jobs.iter().find(|job| does(job, action) && job.inactive.is_none())
    }

    /// The job that starts the object by demand.
    pub fn demand_job(&self) -> Option<&GateJob> {
        self.jobs.iter().find(|job| job.follows_demand())
    }

    /// Returns true if one run watches a whole window.
    pub fn watches(&self) -> bool {
        self.jobs.iter().any(|job| does(job, Action::Watch))
    }

    /// The times of the job for an action, if it is active and Kubernetes would accept them.
    fn active_times(&self, action: Action) -> Option<&RunTimes> {
        self.active_job(action)?.times.as_ref()
    }

    /// Returns true if the window is open at an instant, or hours of demand are, so that the object may be
    /// scaled up.
    pub fn may_be_up(&self, now: Timestamp) -> bool {
        self.opening_jobs().any(|job| job.inactive.is_none() && self.is_open(job, now))
    }

    /// Returns true if the window is open at an instant by the schedules, even of an `up` that is
    /// suspended: it may have started the Deployment before.
    pub fn may_still_be_up(&self, now: Timestamp) -> bool {
        let is_suspended = |job: &GateJob| job.inactive == Some(InactiveReason::Suspended);
        let mut jobs =
            self.opening_jobs().filter(|job| job.inactive.is_none() || is_suspended(job));
        jobs.any(|job| self.is_open(job, now))
    }

    /// The jobs that may scale it up: that of the window, and that of demand.
    fn opening_jobs(&self) -> impl Iterator<Item = &GateJob> {
        self.job(Action::Up).into_iter().chain(self.demand_job())
    }

    /// Returns true if the last run up to an instant opened rather than closed. Without a job that closes,
    /// nothing ever scales it down again.
    fn is_open(&self, opening: &GateJob, now: Timestamp) -> bool {
        let Some(up) = &opening.times else { return false };
        let down = self.active_times(Action::Down);
        down.is_none_or(|down| WindowSchedule { up, down }.is_open(now))
    }

    /// The next run that may scale it up, and the times that it belongs to.
    pub fn next_start(&self, now: Timestamp) -> Option<(Timestamp, &RunTimes)> {
        let times = self.active_times(Action::Up)?;
        Some((times.next(now)?, times))
    }
}

/// The gates whose jobs run in some namespaces, by the object that they scale.
pub(crate) fn find_gates(
    objects: &Objects,
    namespaces: &BTreeSet<&str>,
) -> BTreeMap<ObjectId, Gate> {
    let mut gates: BTreeMap<ObjectId, Gate> = BTreeMap::new();
    for object in objects.of_kind("batch", "CronJob") {
        if !object.id.namespace.as_deref().is_some_and(|name| namespaces.contains(name)) {
            continue;
        }
        if let Some(job) = GateJob::read(object) {
            gates.entry(job.target.clone()).or_default().jobs.push(job);
        }
    }
    gates
}
