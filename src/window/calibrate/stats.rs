//! The statistics of nights: medians, a trend, a difference of two groups.

/// The score beyond which a trend is reported: one in 200 months without a trend has such a score.
pub(super) const TREND_SCORE: f64 = 2.81;

/// The score beyond which two groups of nights are reported as different.
pub(super) const GROUP_SCORE: f64 = 2.7;

/// The median; 0 of nothing.
pub(super) fn median(values: &[u64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let middle = sorted.len() / 2;
    match (sorted.get(middle.wrapping_sub(1)), sorted.get(middle)) {
        (Some(low), Some(high)) if sorted.len().is_multiple_of(2) => {
            (*low as f64 + *high as f64) / 2.0
        }
        (_, Some(middle)) => *middle as f64,
        _ => 0.0,
    }
}

/// The score of the Mann-Kendall test for a trend, corrected for ties: a standard normal value if there
/// is none, above zero for a rise.
pub(super) fn trend_score(values: &[u64]) -> f64 {
    let n = values.len() as f64;
    let mut sum = 0_i64;
    for (index, first) in values.iter().enumerate() {
        for later in values.iter().skip(index + 1) {
            sum += later.cmp(first) as i64;
        }
    }
    let ties: f64 = tie_sizes(values).map(|t| t * (t - 1.0) * (2.0 * t + 5.0)).sum();
    let variance = (n * (n - 1.0) * (2.0 * n + 5.0) - ties) / 18.0;
    standard_score(sum as f64, 1.0, variance)
}

/// The score of the Mann-Whitney test for a difference of two groups, corrected for ties: above zero if
/// the first has the larger values.
pub(super) fn group_score(first: &[u64], second: &[u64]) -> f64 {
    let (n, m) = (first.len() as f64, second.len() as f64);
    let mut wins = 0.0;
    for one in first {
        for other in second {
            wins += match one.cmp(other) {
                std::cmp::Ordering::Greater => 1.0,
                std::cmp::Ordering::Equal => 0.5,
                std::cmp::Ordering::Less => 0.0,
            };
        }
    }
    let all: Vec<u64> = first.iter().chain(second).copied().collect();
    let total = n + m;
    let ties: f64 = tie_sizes(&all).map(|t| t * t * t - t).sum();
    let variance = n * m / 12.0 * (total + 1.0 - ties / (total * (total - 1.0)).max(1.0));
    standard_score(wins - n * m / 2.0, 0.5, variance)
}

/// The distance from zero in standard deviations, with a correction for whole numbers.
fn standard_score(distance: f64, correction: f64, variance: f64) -> f64 {
    let size = (distance.abs() - correction).max(0.0);
    if variance > 0.0 { size.copysign(distance) / variance.sqrt() } else { 0.0 }
}

/// The sizes of the groups of equal values.
fn tie_sizes(values: &[u64]) -> impl Iterator<Item = f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let sizes: Vec<f64> = sorted.chunk_by(|a, b| a == b).map(|group| group.len() as f64).collect();
    sizes.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_those_of_the_textbooks() {
        assert_eq!(median(&[]), 0.0);
        assert_eq!(median(&[3, 1, 2]), 2.0);
        assert_eq!(median(&[4, 1, 3, 2]), 2.5);
        // n = 10, all rising: S = 45, variance 125.
        let rising: Vec<u64> = (0..10).collect();
        assert!((trend_score(&rising) - 44.0 / 125_f64.sqrt()).abs() < 1e-12);
        assert!(trend_score(&[5; 8]) == 0.0);
        let falling: Vec<u64> = (0..10).rev().collect();
        assert!((trend_score(&falling) + trend_score(&rising)).abs() < 1e-12);
        // All of four above all of ten: U = 40, variance 50.
        let low: Vec<u64> = (0..10).collect();
        assert!((group_score(&[20, 21, 22, 23], &low) - 19.5 / 50_f64.sqrt()).abs() < 1e-12);
        assert_eq!(group_score(&[], &low), 0.0);
        assert_eq!(group_score(&[1; 4], &[1; 4]), 0.0);
    }
}
