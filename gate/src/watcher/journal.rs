//! The choice of what is reported: changes, and a sign of life.

use std::mem::Discriminant;
use std::time::Duration;

use vram_gate::decision::{Decision, Reason};

use crate::report::Outcome;

/// The longest time without a line.
const MAX_SILENCE: Duration = Duration::from_secs(300);

/// The shortest time between two lines that tell of no change of the scale: a reason may change back and
/// forth at every look.
const MIN_SILENCE: Duration = Duration::from_secs(60);

/// The latest line.
#[derive(Debug, Default)]
pub(super) struct Journal {
    last: Option<(Discriminant<Outcome>, Reason, Duration)>,
}

impl Journal {
    /// Returns true if a step deserves a line, and takes it for written then.
    pub(super) fn is_news(
        &mut self,
        outcome: &Outcome,
        decision: &Decision,
        elapsed: Duration,
    ) -> bool {
        let key = (std::mem::discriminant(outcome), decision.reason);
        let is_change =
            matches!(outcome, Outcome::Scaled | Outcome::AlreadyThere | Outcome::WouldScale);
        let is_news = match self.last {
            None => true,
            Some((kind, reason, at)) => {
                let silence = elapsed.saturating_sub(at);
                is_change
                    || silence >= MAX_SILENCE
                    || ((kind, reason) != key && silence >= MIN_SILENCE)
            }
        };
        if is_news {
            self.last = Some((key.0, key.1, elapsed));
        }
        is_news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_and_every_fifth_minute_are_news() {
        let mut journal = Journal::default();
        let (waits, holds) = (Decision::STOPPED, Decision::ALREADY_UP);
        let end = Decision::WINDOW_END;
        let failed = Outcome::Failed(String::new());
        for (second, outcome, decision, expected) in [
            (0, &Outcome::LeftAlone, &waits, true),
            (5, &Outcome::LeftAlone, &waits, false),
            (10, &Outcome::LeftAlone, &holds, false),
            (60, &Outcome::LeftAlone, &holds, true),
            (65, &Outcome::Scaled, &end, true),
            (66, &Outcome::AlreadyThere, &end, true),
            (70, &failed, &end, false),
            (126, &failed, &end, true),
            (200, &failed, &end, false),
            (426, &failed, &end, true),
        ] {
            let found = journal.is_news(outcome, decision, Duration::from_secs(second));
            assert_eq!(found, expected, "{second}");
        }
    }
}
