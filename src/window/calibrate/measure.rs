//! The figures that a floor is made of, measured on nights.

use std::collections::VecDeque;

use super::stats::{median, trend_score};
use crate::window::simulate::{Inputs, JobRules, Night, Run, Stage, TenantMemory};

/// The longest time that the guard does not see the others' memory while the tenant may use its own: from
/// one decision to the next, the age of a sample, the second reading, and the time to stop. In
/// milliseconds.
pub(super) fn blind_time(stage: &Stage<'_>) -> i64 {
    let mut longest = 0;
    for night in &stage.nights {
        let mut last = night.opens;
        for look in night.guards.iter().copied().chain([night.closes]) {
            longest = longest.max(look - last);
            last = look;
        }
    }
    let has_unknown = |night: &Night| {
        night.segments.iter().filter_map(|segment| segment.usage).any(|usage| usage.unknown > 0)
    };
    let recheck = match &stage.guard {
        Some(guard) if stage.nights.iter().any(has_unknown) => guard.recheck_delay(),
        _ => 0,
    };
    longest + recheck + stage.recorded.history().step() + stage.reaction
}

/// The most by which the residents' memory exceeds that at an earlier moment of the night, at most so many
/// milliseconds before. A moment is the start of the window, a sample, or the end of a sample's age.
pub(super) fn growth(night: &Night, within: i64) -> u64 {
    // The moments within the time, with rising memory: the first is the least.
    let mut lowest: VecDeque<(i64, u64)> = VecDeque::new();
    let mut most = 0;
    for segment in night.segments.iter() {
        let Some(usage) = segment.usage else { continue };
        let residents = usage.residents();
        while lowest.front().is_some_and(|(at, _)| segment.start - at > within) {
            lowest.pop_front();
        }
        while lowest.back().is_some_and(|(_, bytes)| *bytes >= residents) {
            lowest.pop_back();
        }
        lowest.push_back((segment.start, residents));
        let least = lowest.front().map_or(residents, |(_, bytes)| *bytes);
        most = most.max(residents - least);
    }
    most
}

/// The smallest floor such that neither it nor any larger one below `total` starves anybody in a night;
/// `None` if there is none.
///
/// A replay with a floor is the same for all floors down to the next amount that it compared the floor
/// with, so that one replay for each such amount finds the floor to the byte.
pub(super) fn exact_floor(
    night: &Night,
    jobs: (&JobRules, &JobRules),
    tenant: &TenantMemory,
    reaction: i64,
    total: u64,
) -> Option<u64> {
    let mut floor = total.checked_sub(1)?;
    loop {
        let [up, guard] = [jobs.0, jobs.1].map(|job| job.with_floor(floor));
        let inputs = Inputs { up: Some(&up), guard: Some(&guard), tenant, reaction };
        let (outcome, below) = night.replay_with_floor(&inputs, floor);
        if outcome.starved > 0 {
            return floor.checked_add(1).filter(|floor| *floor < total);
        }
        match below {
            Some(next) => floor = next,
            None => return Some(0),
        }
    }
}

/// The recorded runs of the tenant that were long enough to judge, and those that still grew at their end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct GrowingRuns {
    /// The runs that were judged.
    pub judged: usize,
    /// Those that still grew.
    pub growing: usize,
}

/// The fewest samples in the second half of a run that can show a trend.
const MIN_HALF: usize = 6;

/// The most of them that are compared.
const MAX_HALF: usize = 500;

/// The score beyond which a run has a trend: one in 100 runs without a trend has such a score.
const RUN_SCORE: f64 = 2.33;

/// The growth from the third quarter of a run to the last, as a share of it, that counts.
const MIN_GROWTH: f64 = 0.005;

impl GrowingRuns {
    pub fn count(runs: &[Run]) -> Self {
        let mut counts = GrowingRuns::default();
        for run in runs {
            let amounts: Vec<u64> = run.samples.iter().map(|(_, bytes)| *bytes).collect();
            let half = amounts.get(amounts.len() / 2..).unwrap_or_default();
            if half.len() < MIN_HALF {
                continue;
            }
            counts.judged += 1;
            let (third, last) = half.split_at(half.len() / 2);
            let step = half.len().div_ceil(MAX_HALF);
            let thinned: Vec<u64> = half.iter().step_by(step).copied().collect();
            let has_grown = median(last) > median(third) * (1.0 + MIN_GROWTH);
            counts.growing += usize::from(has_grown && trend_score(&thinned) > RUN_SCORE);
        }
        counts
    }

    /// Returns true if so many runs grew that the peak is only a lower bound.
    pub fn is_leak(self) -> bool {
        self.growing > 0 && self.growing * 5 >= self.judged
    }
}
