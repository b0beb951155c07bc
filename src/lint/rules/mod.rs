//! The rules, one in each file, and the table of all.

mod admission_outlasts_progress;
mod all_suspended;
mod allow_invalid;
mod allow_unused;
mod budget_above_floor;
mod budget_missing;
mod checksum_missing;
mod claim_cannot_bind;
mod client_settings_unread;
mod client_url;
mod deadline_too_short;
mod demand_unanswered;
mod demand_unbounded;
mod device_metric_as_pods;
mod down_into_window;
mod down_not_made_up;
mod down_too_often;
mod exporter_on_every_node;
mod floor_below_budget_and_reserve;
mod floor_never_free;
mod floor_out_of_reach;
mod floor_within_reserve;
mod forbid_on_guard;
mod gate_below_tenant;
mod gate_dry_run;
mod gate_image_pulled_always;
mod gate_on_any_node;
mod gate_settings_unchecked;
mod gpu_not_requested;
mod gpu_total;
mod guard_idles;
mod guard_late;
mod guard_misses_window;
mod guard_replaced_early;
mod guard_suspended;
mod guard_too_slow;
mod image_keel_and_digest;
mod image_moving_tag;
mod liveness_http;
mod memory_request_missing;
mod memory_unattributed;
mod metric_role;
mod metric_unit;
mod no_series_idle;
mod own_memory_counted;
mod placeholder;
mod plain_secret;
mod pod_counted_twice;
mod policy_covers_tenant;
mod policy_end_of_life;
mod policy_excludes_too_much;
mod policy_unused;
mod port_not_open;
mod priority_class_tier;
mod prune_guard_missing;
mod pull_secret_missing;
mod readiness_missing;
mod role_too_wide;
mod schedule_daylight_saving;
mod schedule_either_day;
mod scrape_failure_keeps;
mod scrape_page;
mod scrape_port;
mod second_scaler;
mod single_sample;
mod stack_suspended;
mod stale_too_short;
mod starts_ungated;
mod storage_not_retained;
mod system_namespace;
mod target_not_rendered;
mod two_pods_at_once;
mod up_again_without_budget;
mod up_near_down;
mod window_ends_once;
mod window_never_opens;
mod windows_overlap;
mod yield_too_slow;

use std::sync::Arc;

use crate::model::{Message, Severity};
use crate::project::load::LoadedStack;
use yaml_spans::Path;
use yaml_spans::source::SourceId;

use super::allow::Comment;
use super::context::{Policies, RuleContext, Violation};
use super::off_peak::OffPeakTimes;

/// A rule: one kind of risk.
#[derive(Debug)]
pub struct Rule {
    /// The stable name.
    pub id: &'static str,
    /// The severity of its findings.
    pub severity: Severity,
    /// The condition that it finds, as a sentence without a full stop.
    pub summary: &'static str,
    /// The consequences, in full sentences.
    pub rationale: &'static str,
    /// The change that fixes a finding, in full sentences.
    pub fix: &'static str,
    /// The documents or code that it relies on.
    pub source: &'static str,
    pub(super) check: Check,
}

/// The function of a rule, by what it checks. It returns values and fields; their places in files are
/// found elsewhere.
#[derive(Debug, Clone, Copy)]
pub(super) enum Check {
    /// Checks one stack.
    Stack(fn(&RuleContext<'_>) -> Vec<Violation>),
    /// Checks all stacks together.
    Project(for<'a> fn(&[StackTimes<'a>]) -> StackViolations<'a>),
    /// Checks the owners' policies.
    Policies(fn(&[LoadedStack], &Policies) -> PolicyViolations),
    /// Checks the comments that allow findings; the flag is true for those that allowed one.
    Comments(for<'a> fn(&'a [(Comment, bool)]) -> CommentViolations<'a>),
}

/// A stack, one of its values, and the message.
type StackViolations<'a> = Vec<(&'a LoadedStack, Path, Message)>;
/// A policy file, and the message.
type PolicyViolations = Vec<(SourceId, Message)>;
/// A comment, and the message.
type CommentViolations<'a> = Vec<(&'a Comment, Message)>;

/// A stack and the times of its jobs.
pub(super) struct StackTimes<'a> {
    pub stack: &'a LoadedStack,
    pub times: Arc<OffPeakTimes>,
}

/// All rules.
pub const RULES: &[&Rule] = &[
    &gpu_total::RULE,
    &metric_role::RULE,
    &metric_unit::RULE,
    &device_metric_as_pods::RULE,
    &pod_counted_twice::RULE,
    &floor_within_reserve::RULE,
    &budget_above_floor::RULE,
    &floor_below_budget_and_reserve::RULE,
    &budget_missing::RULE,
    &memory_unattributed::RULE,
    &floor_out_of_reach::RULE,
    &floor_never_free::RULE,
    &own_memory_counted::RULE,
    &scrape_failure_keeps::RULE,
    &no_series_idle::RULE,
    &exporter_on_every_node::RULE,
    &single_sample::RULE,
    &gate_dry_run::RULE,
    &gate_settings_unchecked::RULE,
    &deadline_too_short::RULE,
    &stale_too_short::RULE,
    &guard_misses_window::RULE,
    &guard_too_slow::RULE,
    &guard_late::RULE,
    &guard_replaced_early::RULE,
    &forbid_on_guard::RULE,
    &guard_idles::RULE,
    &guard_suspended::RULE,
    &all_suspended::RULE,
    &stack_suspended::RULE,
    &window_never_opens::RULE,
    &up_again_without_budget::RULE,
    &up_near_down::RULE,
    &window_ends_once::RULE,
    &down_not_made_up::RULE,
    &down_into_window::RULE,
    &down_too_often::RULE,
    &schedule_daylight_saving::RULE,
    &schedule_either_day::RULE,
    &demand_unanswered::RULE,
    &demand_unbounded::RULE,
    &windows_overlap::RULE,
    &yield_too_slow::RULE,
    &starts_ungated::RULE,
    &second_scaler::RULE,
    &two_pods_at_once::RULE,
    &admission_outlasts_progress::RULE,
    &target_not_rendered::RULE,
    &gpu_not_requested::RULE,
    &memory_request_missing::RULE,
    &liveness_http::RULE,
    &readiness_missing::RULE,
    &port_not_open::RULE,
    &checksum_missing::RULE,
    &image_moving_tag::RULE,
    &image_keel_and_digest::RULE,
    &pull_secret_missing::RULE,
    &role_too_wide::RULE,
    &prune_guard_missing::RULE,
    &system_namespace::RULE,
    &storage_not_retained::RULE,
    &claim_cannot_bind::RULE,
    &priority_class_tier::RULE,
    &gate_below_tenant::RULE,
    &gate_image_pulled_always::RULE,
    &gate_on_any_node::RULE,
    &policy_covers_tenant::RULE,
    &policy_excludes_too_much::RULE,
    &policy_end_of_life::RULE,
    &policy_unused::RULE,
    &client_url::RULE,
    &client_settings_unread::RULE,
    &plain_secret::RULE,
    &placeholder::RULE,
    &scrape_port::RULE,
    &scrape_page::RULE,
    &allow_invalid::RULE,
    &allow_unused::RULE,
];

/// The rule with an id.
pub fn find_rule(id: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.id == id).copied()
}

/// The ids of all rules.
pub fn rule_ids() -> impl Iterator<Item = &'static str> {
    RULES.iter().map(|rule| rule.id)
}
