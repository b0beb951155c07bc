//! The alerts of a stack: rules for Prometheus over the metrics of kube-state-metrics and of the exporter.
//!
//! In: the values that the rules are about. Out: the groups of a rules file, in the form
//! that the operator's PrometheusRule uses too.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::promql::{MIN_STATE_METRICS, Memory, StackMetrics};
use crate::values::{Alerts, Mode, TimeSpan};

/// The time for which `GuardNotRunning` must be true before it fires.
pub(crate) const GUARD_NOT_RUNNING_HOLD: TimeSpan = TimeSpan::from_minutes(5);

/// The values that the rules are about.
#[derive(Debug, Deserialize)]
pub struct Input {
    /// The stack.
    pub stack: StackMetrics,
    /// The settings of the alerts.
    pub alerts: Alerts,
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
    let Input { stack, alerts } = input;
    let builder = Builder { stack, alerts, memory: Memory::new(stack) };
    let rules = [
        builder.tenant_outside_window(),
        builder.tenant_memory_outside_window(),
        builder.guard_not_running(),
        builder.watch_not_running(),
        builder.gate_failed(),
        builder.window_skipped(),
        builder.tenant_pending(),
        builder.scrape_missing(),
        builder.gpu_nearly_full(),
        builder.input_missing(),
    ];
    let rules = rules.into_iter().flatten().collect();
    RuleFile { groups: vec![RuleGroup { name: format!("{}-off-peak", stack.name), rules }] }
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
    stack: &'a StackMetrics,
    alerts: &'a Alerts,
    memory: Memory<'a>,
}

impl Builder<'_> {
    fn finish(&self, draft: Draft) -> Option<AlertRule> {
        let Draft { alert, severity, expr, hold, summary, description } = draft;
        let base = self.alerts.runbook_url.as_ref();
        Some(AlertRule {
            alert,
            expr,
            hold: hold.to_string(),
            labels: Labels {
                severity,
                stack: self.stack.name.clone(),
                namespace: self.stack.namespace.clone(),
            },
            annotations: Annotations {
                summary,
                description,
                runbook_url: base.map(|url| format!("{}#{}", url.as_str(), alert.to_lowercase())),
            },
        })
    }

    fn tenant_outside_window(&self) -> Option<AlertRule> {
        self.finish(Draft {
            alert: "TenantOutsideWindow",
            severity: "critical",
            expr: format!("{} > 0\nand on () (\n{}\n)", self.stack.replicas(), self.stack.outside_window()),
            hold: TimeSpan::from_minutes(10),
            summary: format!("{} runs outside its window", self.stack.server()),
            description: format!(
                "{{{{ $value }}}} replicas of {} are requested, although its window has ended or nothing ends it: `{}` has not run as it should, or somebody scaled by hand.",
                self.stack.server(),
                self.stack.down()
            ),
        })
    }

    fn tenant_memory_outside_window(&self) -> Option<AlertRule> {
        self.finish(Draft {
            alert: "TenantMemoryOutsideWindow",
            severity: "critical",
            expr: format!("{} > 0\nand on () (\n{}\n)", self.memory.tenant()?, self.stack.outside_window()),
            hold: TimeSpan::from_minutes(10),
            summary: format!("{} uses GPU memory outside the window", self.stack.namespace),
            description: format!(
                "Processes of namespace {} use {{{{ $value | humanize1024 }}}}B of the GPU's memory outside the window. With no replica left, a process has not ended.",
                self.stack.namespace
            ),
        })
    }

    fn guard_not_running(&self) -> Option<AlertRule> {
        let silence = self.alerts.guard_silence?;
        let last = self.stack.cron_job("status_last_successful_time", self.stack.guard());
        self.finish(Draft {
            alert: "GuardNotRunning",
            severity: "critical",
            expr: format!(
                "(\n  time() - max({last}) > {}\n  or absent({last})\n)\nand on () {} > 0",
                silence.as_secs(),
                self.stack.replicas()
            ),
            hold: GUARD_NOT_RUNNING_HOLD,
            summary: format!("Nothing guards {}", self.stack.server()),
            description: format!(
                "The server runs, and {{{{ if lt $value 2.0 }}}}no run of `{guard}` has succeeded yet{{{{ else }}}}`{guard}` last succeeded {{{{ $value | humanizeDuration }}}} ago{{{{ end }}}}. If others need the GPU, it does not yield.",
                guard = self.stack.guard()
            ),
        })
    }

    fn watch_not_running(&self) -> Option<AlertRule> {
        if self.stack.mode != Mode::Watch {
            return None;
        }
        self.finish(Draft {
            alert: "WatchNotRunning",
            severity: "critical",
            expr: format!(
                "{} > 0\nunless on () {}\nunless on () (\n{}\n)",
                self.stack.replicas(),
                self.stack.running_watches(),
                self.stack.outside_window()
            ),
            hold: TimeSpan::from_minutes(5),
            summary: format!("No watch looks after {}", self.stack.server()),
            description: format!(
                "{{{{ $value }}}} replicas of {} are requested in its window, and no Pod runs `vram-gate watch`. Until one runs, only the fallback guard makes the server yield: `{}`, by its schedule.",
                self.stack.server(),
                self.stack.guard()
            ),
        })
    }

    fn gate_failed(&self) -> Option<AlertRule> {
        self.finish(Draft {
            alert: "GateFailed",
            severity: "warning",
            expr: format!("{} > 0", self.stack.failed_runs(&self.stack.cron_jobs(), "15m")),
            hold: TimeSpan::from_minutes(0),
            summary: "A run of {{ $labels.owner_name }} failed".to_owned(),
            description: format!(
                "{{{{ $value }}}} runs of `{{{{ $labels.owner_name }}}}` failed in the last quarter of an hour. `tts-render status {}` has the cause.",
                self.stack.name
            ),
        })
    }

    fn window_skipped(&self) -> Option<AlertRule> {
        let span = self.alerts.skipped_for;
        let suspended = self.stack.cron_job("spec_suspend", self.stack.up());
        // The second part holds once the metrics are that old.
        let served = self.stack.replicas_over_time("max", &span.to_string(), "5m");
        let known = match self.stack.replica_series() {
            Some(series) => format!("max({series} offset {span})"),
            None => {
                let created = self.stack.cron_job("created", self.stack.up());
                format!("time() - max({created}) > {}", span.as_secs())
            }
        };
        self.finish(Draft {
            alert: "WindowSkipped",
            severity: "info",
            expr: format!(
                "{served} == 0\nand on () {known}\nunless on () max({suspended}) == 1"
            ),
            hold: TimeSpan::from_minutes(0),
            summary: format!("{} was not started for {span}", self.stack.server()),
            description: format!(
                "No window was used for {span}. Either others left too little memory in each of them, which is polite, or `{}` did not run. `tts-render status {} --last 7` tells which.",
                self.stack.up(),
                self.stack.name
            ),
        })
    }

    fn tenant_pending(&self) -> Option<AlertRule> {
        self.finish(Draft {
            alert: "TenantPending",
            severity: "warning",
            expr: format!("sum({}) > 0", self.stack.pods("Pending")),
            hold: TimeSpan::from_minutes(15),
            summary: format!("{} was started and does not run", self.stack.server()),
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
            expr: format!("{} < {}", self.memory.free()?, self.stack.gate.reserve.get()),
            hold: TimeSpan::from_minutes(10),
            summary: "The GPU is nearly full".to_owned(),
            description: format!(
                "{{{{ $value | humanize1024 }}}}B of the GPU's memory are free, less than the reserve of {}. Whoever allocates next may fail.",
                self.stack.gate.reserve
            ),
        })
    }

    /// A metric that another rule needs is missing: without it, that rule is silent.
    fn input_missing(&self) -> Option<AlertRule> {
        let zone = ("timezone", self.stack.time_zone.as_str());
        let info = self.stack.select("kube_cronjob_info", &[("cronjob", self.stack.up()), zone]);
        let next = self.stack.cron_job("next_schedule_time", self.stack.down());
        let suspended = self.stack.cron_job("spec_suspend", self.stack.down());
        // A CronJob that ran within the hour has had a Job.
        let owner = self.stack.select("kube_job_owner", &[("owner_kind", "CronJob")]);
        let scheduled = self.stack.select("kube_cronjob_status_last_schedule_time", &[]);
        let mut expr = format!(
            "absent({info})\nor (absent({next}) unless on () max({suspended}) == 1)\nor absent_over_time({owner}[1h]) and on () time() - max({scheduled}) < 3600"
        );
        if let Some(series) = self.stack.replica_series() {
            let _ = write!(expr, "\nor absent({series})");
        }
        let (major, minor) = MIN_STATE_METRICS;
        self.finish(Draft {
            alert: "AlertInputMissing",
            severity: "warning",
            expr,
            hold: TimeSpan::from_minutes(15),
            summary: format!("Alerts about {} are blind", self.stack.server()),
            description: format!(
                "A metric of kube-state-metrics is missing, so that other alerts can't fire: it is down, or older than {major}.{minor}, or does not watch CronJobs and Jobs of namespace {}.",
                self.stack.namespace
            ),
        })
    }
}
