//! Amounts of memory for people.

/// Formats bytes rounded to two decimals, with a sign below zero: `4.8Gi`, `512Mi`, `-1.28Gi`.
pub(crate) fn format_amount(bytes: i128) -> String {
    let size = bytes.unsigned_abs();
    let units = [(1_u128 << 30, "Gi"), (1 << 20, "Mi"), (1 << 10, "Ki")];
    let sign = if bytes < 0 { "-" } else { "" };
    let Some((unit, name)) = units.iter().find(|(unit, _)| size >= *unit) else {
        return bytes.to_string();
    };
    let amount = format!("{:.2}", size as f64 / *unit as f64);
    format!("{sign}{}{name}", amount.trim_end_matches('0').trim_end_matches('.'))
}

/// Formats bytes as [`format_amount`].
pub(crate) fn format_bytes(bytes: u64) -> String {
    format_amount(i128::from(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_rounded_and_signed() {
        for (bytes, text) in [
            (0, "0"),
            (-5, "-5"),
            (6 << 30, "6Gi"),
            (-(1_374_389_535), "-1.28Gi"),
            (512 << 20, "512Mi"),
            (5_153_960_755, "4.8Gi"),
        ] {
            assert_eq!(format_amount(bytes), text);
        }
    }
}
