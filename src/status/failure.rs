//! The things of a window that deserve a look.

use jiff::Timestamp;
use vram_gate::decision::Action;

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The gate's action.
    pub action: Action,
    /// The minute that its run was scheduled for.
    pub time: Timestamp,
    /// The cause.
    pub cause: Cause,
    /// The cluster's or the gate's own words.
    pub message: String,
}

/// The cause of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// A run was due and there is no Job of it.
    Missed,
    /// Its Job was deleted, because the next run was due.
    Replaced,
    /// The gate's image could not be pulled.
    ImagePull,
    /// The gate's container could not be made.
    Container,
    /// No node had room for the Pod.
    Unschedulable,
    /// A quota refused the Job or its Pod.
    Quota,
    /// A policy or a missing right refused the Job or its Pod.
    Refused,
    /// The Job ran out of time.
    Deadline,
    /// The gate could not scale the tenant.
    ExitOne,
    /// The gate's configuration is invalid.
    ExitTwo,
    /// The gate was killed.
    Killed,
    /// The Job failed; its Pods are gone.
    Failed,
}

impl Cause {
    /// Its name in JSON: stable, to be matched by programs.
    pub fn name(self) -> &'static str {
        match self {
            Cause::Missed => "missed",
            Cause::Replaced => "replaced",
            Cause::ImagePull => "image-pull",
            Cause::Container => "container",
            Cause::Unschedulable => "unschedulable",
            Cause::Quota => "quota",
            Cause::Refused => "refused",
            Cause::Deadline => "deadline",
            Cause::ExitOne => "exit-1",
            Cause::ExitTwo => "exit-2",
            Cause::Killed => "killed",
            Cause::Failed => "failed",
        }
    }
}

impl Failure {
    pub(super) fn new(
        action: Action,
        time: Timestamp,
        cause: Cause,
        message: impl Into<String>,
    ) -> Self {
        Failure { action, time, cause, message: message.into() }
    }
}
