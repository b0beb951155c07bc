//! The tenant's memory while it runs.

use kube_formats::quantity::parse_bytes;

use super::recorded::Recorded;

/// The memory that the tenant uses, by the time since its start. It never falls, so that a replay is not
/// too kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TenantMemory {
    /// So much from the start; with `over` milliseconds it rises from `from` in equal measure.
    Ramp {
        /// The bytes at the start.
        from: u64,
        /// The bytes at the end of the rise, and after it.
        to: u64,
        /// The rise in milliseconds.
        over: i64,
    },
    /// As recorded: the most that any recorded run used by then.
    Recorded(Vec<(i64, u64)>),
}

/// The words of a command line for the tenant's memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TenantChoice {
    /// The highest recorded amount, from the start.
    #[default]
    Peak,
    /// As recorded.
    Recorded,
    /// An amount, from the start or after a rise.
    Amount {
        /// The bytes at the start; `None`: `to`, or none at all if it rises.
        from: Option<u64>,
        /// The bytes at the end.
        to: u64,
    },
}

impl std::str::FromStr for TenantChoice {
    type Err = String;

    /// Parses `4.8Gi`, `4.8Gi..6.8Gi` or `recorded`.
    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once("..") {
            _ if text == "recorded" => Ok(TenantChoice::Recorded),
            Some((from, to)) => {
                let (from, to) = (parse_amount(from)?, parse_amount(to)?);
                if from > to {
                    return Err("expected the smaller amount first".to_owned());
                }
                Ok(TenantChoice::Amount { from: Some(from), to })
            }
            None => Ok(TenantChoice::Amount { from: None, to: parse_amount(text)? }),
        }
    }
}

/// Parses bytes or a quantity. A fraction of a byte is rounded up, as Kubernetes does: `4.8Gi`.
fn parse_amount(text: &str) -> Result<u64, String> {
    let error = match parse_bytes(text) {
        Ok(bytes) => return Ok(bytes),
        Err(error) => error.to_string(),
    };
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let rounded_up = || {
        let (whole, fraction) = number.split_once('.')?;
        let unit = u128::from(parse_bytes(&format!("1{suffix}")).ok()?);
        let digits: u128 = format!("{whole}{fraction}").parse().ok()?;
        let parts = 10_u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
        u64::try_from(digits.checked_mul(unit)?.div_ceil(parts)).ok()
    };
    rounded_up().ok_or(error)
}

impl TenantMemory {
    /// The same amount at all times.
    pub fn constant(bytes: u64) -> Self {
        TenantMemory::Ramp { from: bytes, to: bytes, over: 0 }
    }

    /// The memory that a user chose for a replay of a history. `rise` is in milliseconds.
    pub(crate) fn choose(choice: TenantChoice, rise: i64, recorded: &Recorded<'_>) -> Self {
        match choice {
            TenantChoice::Peak => Self::constant(recorded_peak(recorded)),
            TenantChoice::Recorded => Self::recorded(&recorded_runs(recorded)),
            TenantChoice::Amount { from, to } => {
                let start = if rise > 0 { 0 } else { to };
                TenantMemory::Ramp { from: from.unwrap_or(start), to, over: rise }
            }
        }
    }

    /// The most that any of some runs used by each time since its start.
    fn recorded(runs: &[Run]) -> Self {
        let mut steps: Vec<(i64, u64)> = (runs.iter())
            .flat_map(|run| run.samples.iter().map(|(at, bytes)| (at - run.start(), *bytes)))
            .collect();
        steps.sort_unstable();
        let mut highest: Vec<(i64, u64)> = Vec::new();
        for (elapsed, bytes) in steps {
            match highest.last_mut() {
                Some((_, last)) if bytes <= *last => {}
                Some((at, last)) if *at == elapsed => *last = bytes,
                _ => highest.push((elapsed, bytes)),
            }
        }
        TenantMemory::Recorded(highest)
    }

    /// The bytes in use some milliseconds after the start.
    pub fn bytes(&self, elapsed: i64) -> u64 {
        match self {
            TenantMemory::Ramp { from, to, over } if elapsed < *over => {
                let rise = u128::from(to - from) * elapsed.max(0) as u128;
                // Rounded up, and less than `to`.
                from + rise.div_ceil(*over as u128) as u64
            }
            TenantMemory::Ramp { to, .. } => *to,
            TenantMemory::Recorded(steps) => {
                let next = steps.partition_point(|(at, _)| *at <= elapsed);
                next.checked_sub(1).and_then(|last| steps.get(last)).map_or(0, |(_, bytes)| *bytes)
            }
        }
    }

    /// The most that it ever uses.
    pub fn peak(&self) -> u64 {
        match self {
            TenantMemory::Ramp { to, .. } => *to,
            TenantMemory::Recorded(steps) => steps.last().map_or(0, |(_, bytes)| *bytes),
        }
    }
}

/// A recorded run of the tenant: its samples with memory in use, without a gap of more than two steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Run {
    /// Milliseconds since 1970, and bytes; never empty.
    pub samples: Vec<(i64, u64)>,
}

impl Run {
    fn start(&self) -> i64 {
        self.samples.first().map_or(0, |(at, _)| *at)
    }
}

/// The tenant's recorded runs, in order.
pub(crate) fn recorded_runs(recorded: &Recorded<'_>) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let age = recorded.history().max_age();
    let mut last: Option<i64> = None;
    for (at, bytes) in recorded.tenant_samples() {
        if bytes == 0 {
            last = None;
            continue;
        }
        match runs.last_mut() {
            Some(run) if last.is_some_and(|last| at - last <= age) => run.samples.push((at, bytes)),
            _ => runs.push(Run { samples: vec![(at, bytes)] }),
        }
        last = Some(at);
    }
    runs
}

/// The highest amount that was recorded for the tenant.
pub(crate) fn recorded_peak(recorded: &Recorded<'_>) -> u64 {
    recorded.tenant_samples().into_iter().map(|(_, bytes)| bytes).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_constant_or_rises() {
        let choice = |text: &str| text.parse::<TenantChoice>();
        assert_eq!(choice("1Ki"), Ok(TenantChoice::Amount { from: None, to: 1024 }));
        assert_eq!(
            choice("4.8Gi"),
            Ok(TenantChoice::Amount { from: None, to: 5_153_960_756 }),
            "rounded up"
        );
        assert_eq!(choice("1..2"), Ok(TenantChoice::Amount { from: Some(1), to: 2 }));
        assert_eq!(choice("recorded"), Ok(TenantChoice::Recorded));
        for text in ["", "2..1", "1..", "x", "-1", "-1.5Gi", "1.Xi", "1.2.3Gi", ".", "1e99.5"] {
            assert!(choice(text).is_err(), "{text}");
        }
        let ramp = TenantMemory::Ramp { from: 10, to: 13, over: 1000 };
        let amounts = [-5, 0, 1, 333, 334, 999, 1000, 5000].map(|at| ramp.bytes(at));
        assert_eq!(amounts, [10, 10, 11, 11, 12, 13, 13, 13]);
        assert_eq!(TenantMemory::constant(7).bytes(0), 7);
    }

    #[test]
    fn recorded_runs_give_the_most_by_then() {
        let run = |samples: &[(i64, u64)]| Run { samples: samples.to_vec() };
        let memory = TenantMemory::recorded(&[
            run(&[(100, 1), (115, 5), (130, 4)]),
            run(&[(1000, 3), (1015, 4), (1030, 6), (1045, 2)]),
        ]);
        assert_eq!(memory, TenantMemory::Recorded(vec![(0, 3), (15, 5), (30, 6)]));
        assert_eq!([0, 14, 15, 99].map(|at| memory.bytes(at)), [3, 3, 5, 6]);
        assert_eq!(memory.peak(), 6);
        assert_eq!(TenantMemory::recorded(&[]).bytes(9), 0);
    }
}
