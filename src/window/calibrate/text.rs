//! A calibration as text.

use std::fmt::Write;

use super::Calibration;
use crate::report::count_of;
use crate::window::amount::{format_amount, format_bytes};
use crate::window::simulate::timestamp;
use kube_formats::quantity;

/// Formats a calibration as text.
pub fn text(calibration: &Calibration) -> String {
    let mut out = String::new();
    let (first, last) = calibration.span;
    let nights = calibration.nights.len();
    let _ = writeln!(
        out,
        "{}: {}, {} to {}, a sample every {} s",
        calibration.target,
        count_of(nights, "night", "nights"),
        timestamp(first),
        timestamp(last),
        calibration.step as f64 / 1000.0
    );
    for remark in &calibration.remarks {
        let _ = writeln!(out, "note: {remark}");
    }
    let (judged, growing) = calibration.runs;
    let _ = writeln!(out, "\ntenant   {}", calibration.tenant_origin);
    if judged > 0 {
        let _ = writeln!(out, "         still growing at the end of {growing} of {judged} runs");
    }
    let _ = writeln!(
        out,
        "others   grow by at most {} within {} s: the guard's longest pause, a sample's age, and the time to stop",
        format_bytes(calibration.growth),
        calibration.blind_time / 1000
    );
    let exact = match calibration.floor_exact {
        Some(0) => "0: nobody would have starved, whatever the floor".to_owned(),
        Some(floor) => {
            format!("{}: from it on, nobody would have starved", format_bytes(floor))
        }
        None => "none below the total: somebody would have starved with every floor".to_owned(),
    };
    let _ = writeln!(out, "floor    {exact}");
    let _ = writeln!(
        out,
        "         {}: the tenant's peak and the others' growth",
        format_bytes(calibration.floor_simple)
    );
    let origin = match calibration.is_total_measured {
        true => "as measured",
        false => "`gpu.total`: the exporter does not measure it",
    };
    let _ = writeln!(out, "total    {}, {origin}", format_bytes(calibration.total));
    let _ = writeln!(
        out,
        "promise  the next night needs more with a chance of at most {:.1} % (1 in {}), if nights are alike",
        calibration.risk * 100.0,
        nights + 1
    );
    let (floor, worse) = calibration.current;
    let _ = writeln!(
        out,
        "         with the floor of {} as it is: {} needed more, so {:.1} %",
        format_bytes(floor),
        count_of(worse, "night", "nights"),
        calibration.current_risk() * 100.0
    );
    if !calibration.warnings.is_empty() {
        out.push_str("\nbut\n");
        for warning in &calibration.warnings {
            let _ = writeln!(out, "  {warning}");
        }
    }
    write_proposal(&mut out, calibration);
    out
}

fn write_proposal(out: &mut String, calibration: &Calibration) {
    let Some(proposal) = &calibration.proposal else {
        out.push_str(
            "\nno floor below the total is enough: a smaller model, or a guard that looks more often\n",
        );
        return;
    };
    out.push('\n');
    let mut changed = proposal.values.iter().filter(|value| value.is_changed()).peekable();
    if changed.peek().is_none() {
        out.push_str("  the values are as measured\n");
    }
    for value in changed {
        let old = value.old.map_or("unset".to_owned(), quantity::format_bytes);
        let _ = writeln!(out, "  {}: {old} → {}", value.path, quantity::format_bytes(value.new));
    }
    let outcome = &proposal.outcome;
    let starved = match outcome.starved_nights() {
        0 => "nobody starved".to_owned(),
        nights => format!("somebody starved in {}", count_of(nights, "night", "nights")),
    };
    let _ = writeln!(
        out,
        "  with these: {} of {} nights served, {:.1} h, {starved}, at the closest {} free",
        outcome.nights_served(),
        outcome.nights.len(),
        outcome.hours(),
        outcome.closest().map_or("all".to_owned(), format_amount)
    );
}
