//! PromQL about one stack, over the metrics of kube-state-metrics and of the exporter: what alerts and the
//! dashboard ask of Prometheus.
//!
//! In: the values that the expressions are about. Out: expressions as texts. The gate itself has no metrics:
//! what it did is read off its CronJobs, its Jobs and the server's replicas.
//!
//! The state of the window is read off the times at which Kubernetes ran `up`, `down` and the job of
//! demand, so that no calendar is written in PromQL, and the change of clocks needs no rule.

mod memory;

use std::fmt::Write as _;

use serde::Deserialize;

use crate::values::{Bytes, DnsSubdomain, Gate, Mode, OffPeakNames};
pub use memory::Memory;

/// The least version of kube-state-metrics: the first whose `kube_cronjob_next_schedule_time` follows the time
/// zone of a CronJob, and whose `kube_cronjob_info` names it (its changelog, 2.15.0, pull request 2376).
pub const MIN_STATE_METRICS: (u32, u32) = (2, 15);

/// The delay after which a run of `down` counts as missed.
const MISSED_AFTER_SECONDS: u32 = 600;

/// The values of a stack that its metrics depend on.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StackMetrics {
    /// The stack's name.
    pub name: String,
    /// The namespace of the server and of the gate's CronJobs.
    pub namespace: String,
    /// The object that the gate scales.
    pub target: Target,
    /// The Pods that run the gate in a window.
    pub mode: Mode,
    /// The names of the CronJobs.
    pub names: OffPeakNames,
    /// The time zone of their schedules.
    pub time_zone: String,
    /// The gate's settings, of which those of the reading count.
    pub gate: Gate,
    /// The GPU's memory, if it is written.
    pub total: Option<Bytes>,
    /// The label of the namespace that uses memory, as Prometheus stores it, if it is not the gate's.
    pub namespace_label: Option<String>,
}

/// The object that the gate scales.
#[derive(Debug, Deserialize)]
pub struct Target {
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
}

impl StackMetrics {
    /// A selector in the stack's namespace.
    pub fn select(&self, metric: &str, matchers: &[(&str, &str)]) -> String {
        let namespace = [("namespace", self.namespace.as_str())];
        let matchers = namespace.iter().chain(matchers);
        let matchers: Vec<(&str, &str, String)> =
            matchers.map(|&(label, value)| (label, "=", value.to_owned())).collect();
        matchers_of(metric, &matchers)
    }

    /// A metric of a CronJob.
    pub fn cron_job(&self, metric: &str, name: &str) -> String {
        self.select(&format!("kube_cronjob_{metric}"), &[("cronjob", name)])
    }

    /// 0 if kube-state-metrics knew a CronJob in a span, and no result otherwise. With it a count is zero only if
    /// something was measured.
    pub fn zero(&self, cron_job: &str, span: &str) -> String {
        format!("0 * max(count_over_time({}[{span}]))", self.cron_job("info", cron_job))
    }

    /// The time at which a CronJob was last run.
    pub fn last_run(&self, name: &str) -> String {
        format!("max({})", self.cron_job("status_last_schedule_time", name))
    }

    /// The name of the CronJob that opens the window.
    pub fn up(&self) -> &str {
        name_of(&self.names.up)
    }

    /// The name of the CronJob that guards the window.
    pub fn guard(&self) -> &str {
        name_of(&self.names.guard)
    }

    /// The name of the CronJob that closes the window.
    pub fn down(&self) -> &str {
        name_of(&self.names.down)
    }

    /// The name of the CronJob that opens the hours of demand, if there are any.
    pub fn demand(&self) -> Option<&str> {
        self.names.demand.as_ref().map(|name| name.as_str())
    }

    /// The names of all CronJobs of the gate.
    pub fn cron_jobs(&self) -> Vec<&str> {
        let own = [self.up(), self.guard(), self.down()];
        own.into_iter().chain(self.demand()).collect()
    }

    /// The last time at which a CronJob opened the window or hours of demand.
    fn last_opening(&self) -> String {
        const METRIC: &str = "kube_cronjob_status_last_schedule_time";
        let Some(demand) = self.demand() else {
            return self.cron_job("status_last_schedule_time", self.up());
        };
        let names = [self.up(), demand].map(regex_escape).join("|");
        let namespace = self.namespace.clone();
        matchers_of(METRIC, &[("namespace", "=", namespace), ("cronjob", "=~", names)])
    }

    /// The number of Pods that run a watch; no result if there is none.
    pub fn running_watches(&self) -> String {
        let openers = [Some(self.up()), self.demand()];
        let names: Vec<String> = openers.into_iter().flatten().map(regex_escape).collect();
        let phase = matchers_of(
            "kube_pod_status_phase",
            &[
                ("namespace", "=", self.namespace.clone()),
                // CronJob, scheduled minute, and the suffix of the Job's Pod.
                ("pod", "=~", format!("({})-[0-9]+-.+", names.join("|"))),
                ("phase", "=", "Running".to_owned()),
            ],
        );
        format!("sum({phase}) > 0")
    }

    /// The server's name in messages.
    pub fn server(&self) -> String {
        format!("{}/{}", self.namespace, self.target.name)
    }

    /// The series of the server's replicas, which kube-state-metrics has for two kinds.
    pub fn replica_series(&self) -> Option<String> {
        let name = self.target.name.as_str();
        match self.target.kind.as_str() {
            "Deployment" => {
                Some(self.select("kube_deployment_spec_replicas", &[("deployment", name)]))
            }
            "StatefulSet" => {
                Some(self.select("kube_statefulset_replicas", &[("statefulset", name)]))
            }
            _ => None,
        }
    }

    /// The server's replicas; of a kind without a series of them the Pods count, by their name.
    pub fn replicas(&self) -> String {
        match self.replica_series() {
            Some(series) => format!("max({series})"),
            None => format!("sum({})", self.pods("Pending|Running")),
        }
    }

    /// The least (`min`) or the most (`max`) replicas in a span, of Pods at every `resolution`.
    pub fn replicas_over_time(&self, function: &str, span: &str, resolution: &str) -> String {
        match self.replica_series() {
            Some(series) => format!("{function}({function}_over_time({series}[{span}]))"),
            None => {
                let replicas = self.replicas();
                format!("{function}_over_time(({replicas} or vector(0))[{span}:{resolution}])")
            }
        }
    }

    /// A selector of Pods whose name is the server's and a suffix.
    fn select_pods(&self, metric: &str, matcher: Option<(&str, &str, &str)>) -> String {
        let name = format!("{}-.+", regex_escape(&self.target.name));
        let own = [("namespace", "=", self.namespace.as_str()), ("pod", "=~", name.as_str())];
        let matchers: Vec<(&str, &str, String)> = own
            .into_iter()
            .chain(matcher)
            .map(|(label, operator, text)| (label, operator, text.to_owned()))
            .collect();
        matchers_of(metric, &matchers)
    }

    /// The Pods of Jobs, the gate's among them.
    fn pods_of_jobs(&self) -> String {
        self.select("kube_pod_owner", &[("owner_kind", "Job")])
    }

    /// The server's Pods in some phases: 1 for each.
    pub fn pods(&self, phases: &str) -> String {
        let operator = if phases.contains('|') { "=~" } else { "=" };
        let phases = self.select_pods("kube_pod_status_phase", Some(("phase", operator, phases)));
        let of_jobs = self.pods_of_jobs();
        format!("(max by (pod) ({phases}) == 1 unless on (pod) {of_jobs})")
    }

    /// The seconds from the creation of a Pod of the server until it was ready for the first time.
    pub fn time_to_ready(&self) -> String {
        // A Pod that was not ready for a while has a later time: the first one counts.
        let ready = self.select_pods("kube_pod_status_ready_time", None);
        let created = self.select_pods("kube_pod_created", None);
        let of_jobs = self.pods_of_jobs();
        format!(
            "max(\n  min by (pod) (min_over_time({ready}[1d]))\n  - on (pod) max by (pod) ({created})\n  unless on (pod) {of_jobs}\n)"
        )
    }

    /// A result if the window is not open: `down` ran after `up`, or did not run when it was due, or can't
    /// run.
    pub fn outside_window(&self) -> String {
        let (down, opened) = (self.down(), self.last_opening());
        let mut text = format!("  {} > max({opened})\n", self.last_run(down));
        let _ = writeln!(text, "  or absent({opened})");
        let next = self.cron_job("next_schedule_time", down);
        let _ = writeln!(text, "  or time() - max({next}) > {MISSED_AFTER_SECONDS}");
        let _ = writeln!(text, "  or max({}) == 1", self.cron_job("spec_suspend", down));
        let _ = write!(text, "  or absent({})", self.cron_job("info", down));
        text
    }

    /// The number of runs of the gate's CronJobs, or of one, that have failed in a span, by `owner_name`. A
    /// failed Job stays for as long as it is kept, so those that had failed before the span don't count.
    pub fn failed_runs(&self, cron_jobs: &[&str], span: &str) -> String {
        let failed = self.select("kube_job_failed", &[("condition", "true")]);
        let names: Vec<String> = cron_jobs.iter().map(|name| regex_escape(name)).collect();
        let owner = matchers_of(
            "kube_job_owner",
            &[
                ("namespace", "=", self.namespace.clone()),
                ("owner_kind", "=", "CronJob".to_owned()),
                ("owner_name", "=~", names.join("|")),
            ],
        );
        format!(
            "sum by (owner_name) (\n  (\n    max by (job_name) (max_over_time({failed}[{span}])) == 1\n    unless max by (job_name) ({failed} offset {span}) == 1\n  )\n  * on (job_name) group_left (owner_name)\n  max by (job_name, owner_name) (max_over_time({owner}[{span}]))\n)"
        )
    }
}

/// A name that rendering has filled in.
fn name_of(name: &Option<DnsSubdomain>) -> &str {
    name.as_ref().map_or("", |name| name.as_str())
}

/// A selector of series: each matcher is a label, an operator and a text.
fn matchers_of(metric: &str, matchers: &[(&str, &str, String)]) -> String {
    let matchers: Vec<String> = matchers
        .iter()
        .map(|(label, operator, text)| format!("{label}{operator}{}", quote(text)))
        .collect();
    match matchers.as_slice() {
        [] => metric.to_owned(),
        _ => format!("{metric}{{{}}}", matchers.join(",")),
    }
}

/// A text as PromQL writes it.
fn quote(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

/// A text as a regular expression that matches it alone. Names of objects have no other special character.
fn regex_escape(name: &str) -> String {
    name.replace('.', "\\.")
}
