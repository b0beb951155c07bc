//! The rules: one a file, and the table of all.

mod allow_invalid;
mod allow_unused;
mod card_total;
mod checksum_missing;
mod client_settings_unread;
mod client_url;
mod deadline_too_short;
mod floor_out_of_reach;
mod floor_within_reserve;
mod gate_dry_run;
mod gpu_not_requested;
mod guard_idles;
mod guard_misses_window;
mod guard_suspended;
mod guard_too_slow;
mod image_keel_and_digest;
mod image_moving_tag;
mod liveness_http;
mod memory_request_missing;
mod no_series_idle;
mod own_memory_counted;
mod policy_covers_tenant;
mod policy_end_of_life;
mod policy_excludes_too_much;
mod policy_unused;
mod priority_class_tier;
mod prune_guard_missing;
mod readiness_missing;
mod role_too_wide;
mod schedule_daylight_saving;
mod scrape_failure_keeps;
mod scrape_page;
mod scrape_port;
mod single_sample;
mod starts_ungated;
mod storage_not_retained;
mod two_pods_at_once;
mod window_never_opens;
mod windows_overlap;
mod yield_too_slow;

use crate::model::{Message, Severity};
use crate::project::load::LoadedStack;
use yaml_spans::Path;

use super::allow::Comment;
use super::case::{Case, Policies, Site};

/// One kind of what is unwise.
#[derive(Debug)]
pub struct Rule {
    /// Its stable name.
    pub id: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// What it finds, in a sentence without an end.
    pub what: &'static str,
    /// Why that is unwise.
    pub why: &'static str,
    /// How it is mended.
    pub mend: &'static str,
    /// Where that is written.
    pub source: &'static str,
    pub(super) look: Look,
}

/// What is unwise in which stack, about which of its values.
type OfStacks<'a> = Vec<(&'a LoadedStack, Path, Message)>;
/// What is wrong with which policy file.
type OfPolicies = Vec<(usize, Message)>;
/// What is wrong with which comment.
type OfComments<'c> = Vec<(&'c Comment, Message)>;

/// What a rule looks at. It names places, which are made into lines and columns elsewhere.
#[derive(Debug, Clone, Copy)]
pub(super) enum Look {
    /// Each stack by itself.
    Stack(fn(&Case<'_>) -> Vec<Site>),
    /// The values of all stacks together.
    Fleet(fn(&[LoadedStack]) -> OfStacks<'_>),
    /// The owners' policies: the number of the file.
    Policies(fn(&[LoadedStack], &Policies) -> OfPolicies),
    /// The comments that allow something, and whether they did.
    Comments(fn(&[(Comment, bool)]) -> OfComments<'_>),
}

/// All rules.
pub const RULES: &[&Rule] = &[
    &card_total::RULE,
    &floor_within_reserve::RULE,
    &floor_out_of_reach::RULE,
    &own_memory_counted::RULE,
    &scrape_failure_keeps::RULE,
    &no_series_idle::RULE,
    &single_sample::RULE,
    &gate_dry_run::RULE,
    &deadline_too_short::RULE,
    &guard_misses_window::RULE,
    &guard_too_slow::RULE,
    &guard_idles::RULE,
    &guard_suspended::RULE,
    &window_never_opens::RULE,
    &schedule_daylight_saving::RULE,
    &windows_overlap::RULE,
    &yield_too_slow::RULE,
    &starts_ungated::RULE,
    &two_pods_at_once::RULE,
    &gpu_not_requested::RULE,
    &memory_request_missing::RULE,
    &liveness_http::RULE,
    &readiness_missing::RULE,
    &checksum_missing::RULE,
    &image_moving_tag::RULE,
    &image_keel_and_digest::RULE,
    &role_too_wide::RULE,
    &prune_guard_missing::RULE,
    &storage_not_retained::RULE,
    &priority_class_tier::RULE,
    &policy_covers_tenant::RULE,
    &policy_excludes_too_much::RULE,
    &policy_end_of_life::RULE,
    &policy_unused::RULE,
    &client_url::RULE,
    &client_settings_unread::RULE,
    &scrape_port::RULE,
    &scrape_page::RULE,
    &allow_invalid::RULE,
    &allow_unused::RULE,
];

/// The rule of an id.
pub fn find(id: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.id == id).copied()
}

/// The ids of all rules.
pub fn ids() -> impl Iterator<Item = &'static str> {
    RULES.iter().map(|rule| rule.id)
}
