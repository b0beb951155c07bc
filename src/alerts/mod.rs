//! The alerts of a stack: rules for Prometheus over the metrics of kube-state-metrics and of the exporter.
//!
//! In: the values that the rules are about. Out: the groups of a rules file, as the operator's PrometheusRule
//! has them too. The gate itself has no metrics: what it did is read off its CronJobs, its Jobs and the
//! server's replicas.
//!
//! Whether the window is open is read off the times at which Kubernetes ran `up`, `down` and the job of demand, so that no
//! calendar is written in PromQL, and the change of clocks needs no rule.

mod memory;

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::values::{Alerts, Bytes, Gate, OffPeakNames, TimeSpan};
use memory::Memory;

/// The least version of kube-state-metrics: the first whose `kube_cronjob_next_schedule_time` follows the time
/// zone of a CronJob, and whose `kube_cronjob_info` names it (its changelog, 2.15.0, pull request 2376).
pub const MIN_STATE_METRICS: (u32, u32) = (2, 15);

/// The delay after which a run of `down` counts as missed.
const MISSED_AFTER_SECONDS: u32 = 600;

/// The values that the rules are about.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Input {
    /// The stack's name.
    pub name: String,
    /// The namespace of the server and of the gate's CronJobs.
    pub namespace: String,
    /// The object that the gate scales.
    pub target: Target,
    /// The names of the CronJobs.
    pub names: OffPeakNames,
    /// The time zone of their schedules.
    pub time_zone: String,
    /// The gate's settings, of which those of the reading count.
    pub gate: Gate,
    /// The GPU's memory, if it is written.
    pub total: Option<Bytes>,
    /// The settings of the alerts.
    pub alerts: Alerts,
}

/// The object that the gate scales.
#[derive(Debug, Deserialize)]
pub struct Target {
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
}

/// A file of rules; also the `spec` of a PrometheusRule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleFile {
    /// The groups.
    pub groups: Vec<RuleGroup>,
}

/// A group of rules, which Prometheus evaluates one after the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleGroup {
    /// Its name.
    pub name: String,
    /// Its rules.
    pub rules: Vec<AlertRule>,
}

/// A rule that fires an alert while its expression has a result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AlertRule {
    /// The alert's name; its section in docs/runbook.md has the same.
    pub alert: &'static str,
    /// The expression, in PromQL.
    pub expr: String,
    /// The time for which the expression must have a result first.
    #[serde(rename = "for")]
    pub hold: String,
    /// The alert's labels.
    pub labels: Labels,
    /// The texts for people.
    pub annotations: Annotations,
}

/// The labels of an alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Labels {
    /// `critical`: others may lack memory now. `warning`: they may lack it tonight, or the server does not
    /// work. `info`: nothing is broken.
    pub severity: &'static str,
    /// The stack's name.
    pub stack: String,
    /// The server's namespace.
    pub namespace: String,
}

/// The texts of an alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Annotations {
    /// The problem, in a line.
    pub summary: String,
    /// Its meaning, with numbers. Prometheus fills in `{{ … }}`.
    pub description: String,
    /// The alert's section of the runbook.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runbook_url: Option<String>,
}

/// Makes the rules.
pub fn rules(input: &Input) -> RuleFile {
    let builder = Builder { input, memory: Memory::new(input) };
    let rules = [
        builder.tenant_outside_window(),
        builder.tenant_memory_outside_window(),
        builder.guard_not_running(),
        builder.gate_failed(),
        builder.window_skipped(),
        builder.tenant_pending(),
        builder.scrape_missing(),
        builder.gpu_nearly_full(),
        builder.input_missing(),
    ];
    let rules = rules.into_iter().flatten().collect();
    RuleFile { groups: vec![RuleGroup { name: format!("{}-off-peak", input.name), rules }] }
}

/// One alert before the labels and annotations that all have.
struct Draft {
    alert: &'static str,
    severity: &'static str,
    expr: String,
    hold: TimeSpan,
    summary: String,
    description: String,
}

/// Makes expressions from the values.
struct Builder<'a> {
    input: &'a Input,
    memory: Memory<'a>,
}

impl Builder<'_> {
    fn finish(&self, draft: Draft) -> Option<AlertRule> {
        let Draft { alert, severity, expr, hold, summary, description } = draft;
        let base = self.input.alerts.runbook_url.as_ref();
        Some(AlertRule {
            alert,
            expr,
            hold: hold.to_string(),
            labels: Labels {
                severity,
                stack: self.input.name.clone(),
                namespace: self.input.namespace.clone(),
            },
            annotations: Annotations {
                summary,
                description,
                runbook_url: base.map(|url| format!("{}#{}", url.as_str(), alert.to_lowercase())),
            },
        })
    }

    /// A selector in the stack's namespace.
    fn select(&self, metric: &str, matchers: &[(&str, &str)]) -> String {
        let namespace = [("namespace", self.input.namespace.as_str())];
        selector(metric, namespace.iter().chain(matchers).map(|&(label, value)| (label, value)))
    }

    /// A metric of a CronJob.
    fn cron_job(&self, metric: &str, name: &str) -> String {
        self.select(&format!("kube_cronjob_{metric}"), &[("cronjob", name)])
    }

    fn up(&self) -> &str {
        name_of(&self.input.names.up)
    }

    fn guard(&self) -> &str {
        name_of(&self.input.names.guard)
    }

    fn down(&self) -> &str {
        name_of(&self.input.names.down)
    }

    fn demand(&self) -> Option<&str> {
        self.input.names.demand.as_ref().map(|name| name.as_str())
    }

    /// The last time at which a CronJob opened the window or hours of demand.
    fn last_opening(&self) -> String {
        const METRIC: &str = "kube_cronjob_status_last_schedule_time";
        let Some(demand) = self.demand() else {
            return self.cron_job("status_last_schedule_time", self.up());
        };
        let names = [self.up(), demand].map(regex_escape).join("|");
        let namespace = self.input.namespace.clone();
        matchers_of(METRIC, &[("namespace", "=", namespace), ("cronjob", "=~", names)])
    }

    /// The server's name in messages.
    fn server(&self) -> String {
        format!("{}/{}", self.input.namespace, self.input.target.name)
    }

    /// The series of the server's replicas, which kube-state-metrics has for two kinds.
    fn replica_series(&self) -> Option<String> {
        let name = self.input.target.name.as_str();
        match self.input.target.kind.as_str() {
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
    fn replicas(&self) -> String {
        match self.replica_series() {
            Some(series) => format!("max({series})"),
            None => format!("sum({})", self.pods("Pending|Running")),
        }
    }

    /// The server's Pods in some phases: 1 for each.
    fn pods(&self, phases: &str) -> String {
        let name = regex_escape(&self.input.target.name);
        let matchers = [
            ("namespace", "=", self.input.namespace.clone()),
            ("pod", "=~", format!("{name}-.+")),
            ("phase", if phases.contains('|') { "=~" } else { "=" }, phases.to_owned()),
        ];
        let phases = matchers_of("kube_pod_status_phase", &matchers);
        let of_jobs = self.select("kube_pod_owner", &[("owner_kind", "Job")]);
        format!("(max by (pod) ({phases}) == 1 unless on (pod) {of_jobs})")
    }

    /// A result if the window is not open: `down` ran after `up`, or did not run when it was due, or can't
    /// run.
    fn outside_window(&self) -> String {
        let down = self.down();
        let (closed, opened) =
            (self.cron_job("status_last_schedule_time", down), self.last_opening());
        let mut text = format!("  max({closed}) > max({opened})\n");
        let _ = writeln!(text, "  or absent({opened})");
        let next = self.cron_job("next_schedule_time", down);
        let _ = writeln!(text, "  or time() - max({next}) > {MISSED_AFTER_SECONDS}");
        let _ = writeln!(text, "  or max({}) == 1", self.cron_job("spec_suspend", down));
        let _ = write!(text, "  or absent({})", self.cron_job("info", down));
        text
    }

    fn tenant_outside_window(&self) -> Option<AlertRule> {
        self.finish(Draft {
            alert: "TenantOutsideWindow",
            severity: "critical",
            expr: format!("{} > 0\nand on () (\n{}\n)", self.replicas(), self.outside_window()),
            hold: TimeSpan::from_minutes(10),
            summary: format!("{} runs outside its window", self.server()),
            description: format!(
                "{{{{ $value }}}} replicas of {} are requested, although its window has ended or nothing ends it: `{}` has not run as it should, or somebody scaled by hand.",
                self.server(),
                self.down()
            ),
        })
    }

    fn tenant_memory_outside_window(&self) -> Option<AlertRule> {
        self.finish(Draft {
            alert: "TenantMemoryOutsideWindow",
            severity: "critical",
            expr: format!("{} > 0\nand on () (\n{}\n)", self.memory.tenant()?, self.outside_window()),
            hold: TimeSpan::from_minutes(10),
            summary: format!("{} uses GPU memory outside the window", self.input.namespace),
            description: format!(
                "Processes of namespace {} use {{{{ $value | humanize1024 }}}}B of the GPU's memory outside the window. With no replica left, a process has not ended.",
                self.input.namespace
            ),
        })
    }

    fn guard_not_running(&self) -> Option<AlertRule> {
        let silence = self.input.alerts.guard_silence?;
        let last = self.cron_job("status_last_successful_time", self.guard());
        self.finish(Draft {
            alert: "GuardNotRunning",
            severity: "critical",
            expr: format!(
                "(\n  time() - max({last}) > {}\n  or absent({last})\n)\nand on () {} > 0",
                silence.as_secs(),
                self.replicas()
            ),
            hold: TimeSpan::from_minutes(5),
            summary: format!("Nothing guards {}", self.server()),
            description: format!(
                "The server runs, and {{{{ if lt $value 2.0 }}}}no run of `{guard}` has succeeded yet{{{{ else }}}}`{guard}` last succeeded {{{{ $value | humanizeDuration }}}} ago{{{{ end }}}}. If others need the GPU, it does not yield.",
                guard = self.guard()
            ),
        })
    }

    /// Failed Jobs that were not failed a quarter of an hour ago: a Job stays for as long as it is kept.
    fn gate_failed(&self) -> Option<AlertRule> {
        let failed = self.select("kube_job_failed", &[("condition", "true")]);
        let names = [self.up(), self.guard(), self.down()].into_iter().chain(self.demand());
        let names = names.map(regex_escape).collect::<Vec<_>>().join("|");
        let owner = matchers_of(
            "kube_job_owner",
            &[
                ("namespace", "=", self.input.namespace.clone()),
                ("owner_kind", "=", "CronJob".to_owned()),
                ("owner_name", "=~", names),
            ],
        );
        self.finish(Draft {
            alert: "GateFailed",
            severity: "warning",
            expr: format!(
                "sum by (owner_name) (\n  (\n    max by (job_name) (max_over_time({failed}[15m])) == 1\n    unless max by (job_name) ({failed} offset 15m) == 1\n  )\n  * on (job_name) group_left (owner_name)\n  max by (job_name, owner_name) (max_over_time({owner}[15m]))\n) > 0"
            ),
            hold: TimeSpan::from_minutes(0),
            summary: "A run of {{ $labels.owner_name }} failed".to_owned(),
            description: format!(
                "{{{{ $value }}}} runs of `{{{{ $labels.owner_name }}}}` failed in the last quarter of an hour. `tts-render status {}` has the cause.",
                self.input.name
            ),
        })
    }

    fn window_skipped(&self) -> Option<AlertRule> {
        let span = self.input.alerts.skipped_for;
        let suspended = self.cron_job("spec_suspend", self.up());
        // The second part holds once the metrics are that old.
        let (served, known) = match self.replica_series() {
            Some(series) => (
                format!("max(max_over_time({series}[{span}]))"),
                format!("max({series} offset {span})"),
            ),
            None => {
                let created = self.cron_job("created", self.up());
                (
                    format!("max_over_time(({} or vector(0))[{span}:5m])", self.replicas()),
                    format!("time() - max({created}) > {}", span.as_secs()),
                )
            }
        };
        self.finish(Draft {
            alert: "WindowSkipped",
            severity: "info",
            expr: format!(
                "{served} == 0\nand on () {known}\nunless on () max({suspended}) == 1"
            ),
            hold: TimeSpan::from_minutes(0),
            summary: format!("{} was not started for {span}", self.server()),
            description: format!(
                "No window was used for {span}. Either others left too little memory in each of them, which is polite, or `{}` did not run. `tts-render status {} --last 7` tells which.",
                self.up(),
                self.input.name
            ),
        })
    }

    fn tenant_pending(&self) -> Option<AlertRule> {
        self.finish(Draft {
            alert: "TenantPending",
            severity: "warning",
            expr: format!("sum({}) > 0", self.pods("Pending")),
            hold: TimeSpan::from_minutes(15),
            summary: format!("{} was started and does not run", self.server()),
            description: "{{ $value }} Pods of the server are pending for a quarter of an hour: no node has room, or an image or a volume is missing.".to_owned(),
        })
    }

    fn scrape_missing(&self) -> Option<AlertRule> {
        self.finish(Draft {
            alert: "ScrapeMissing",
            severity: "warning",
            expr: self.memory.absent(),
            hold: TimeSpan::from_minutes(10),
            summary: "Prometheus has no GPU memory".to_owned(),
            description: "Prometheus has had no sample of the metric that the gate reads for ten minutes. If the exporter is down, the gate is blind too: it starts nothing, and by default it yields.".to_owned(),
        })
    }

    fn gpu_nearly_full(&self) -> Option<AlertRule> {
        self.finish(Draft {
            alert: "GpuNearlyFull",
            severity: "warning",
            expr: format!("{} < {}", self.memory.free()?, self.input.gate.reserve.get()),
            hold: TimeSpan::from_minutes(10),
            summary: "The GPU is nearly full".to_owned(),
            description: format!(
                "{{{{ $value | humanize1024 }}}}B of the GPU's memory are free, less than the reserve of {}. Whoever allocates next may fail.",
                self.input.gate.reserve
            ),
        })
    }

    /// A metric that another rule needs is missing: without it, that rule is silent.
    fn input_missing(&self) -> Option<AlertRule> {
        let zone = ("timezone", self.input.time_zone.as_str());
        let info = self.select("kube_cronjob_info", &[("cronjob", self.up()), zone]);
        let next = self.cron_job("next_schedule_time", self.down());
        let suspended = self.cron_job("spec_suspend", self.down());
        // A CronJob that ran within the hour has had a Job.
        let owner = self.select("kube_job_owner", &[("owner_kind", "CronJob")]);
        let scheduled = self.select("kube_cronjob_status_last_schedule_time", &[]);
        let mut expr = format!(
            "absent({info})\nor (absent({next}) unless on () max({suspended}) == 1)\nor absent_over_time({owner}[1h]) and on () time() - max({scheduled}) < 3600"
        );
        if let Some(series) = self.replica_series() {
            let _ = write!(expr, "\nor absent({series})");
        }
        let (major, minor) = MIN_STATE_METRICS;
        self.finish(Draft {
            alert: "AlertInputMissing",
            severity: "warning",
            expr,
            hold: TimeSpan::from_minutes(15),
            summary: format!("Alerts about {} are blind", self.server()),
            description: format!(
                "A metric of kube-state-metrics is missing, so that other alerts can't fire: it is down, or older than {major}.{minor}, or does not watch CronJobs and Jobs of namespace {}.",
                self.input.namespace
            ),
        })
    }
}

/// A name that rendering has filled in.
fn name_of(name: &Option<crate::values::DnsSubdomain>) -> &str {
    name.as_ref().map_or("", |name| name.as_str())
}

/// A selector of series by equal labels.
fn selector<'a>(metric: &str, labels: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let matchers: Vec<(&str, &str, String)> =
        labels.map(|(label, value)| (label, "=", value.to_owned())).collect();
    matchers_of(metric, &matchers)
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
