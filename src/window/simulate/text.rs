//! A simulation as text: a table of the settings, and a line for each night.

use std::fmt::Write;

use super::compare::clock_time;
use super::night::{Night, NightOutcome};
use super::{Growth, Simulated, Simulation, timestamp};
use crate::report::count_of;
use crate::window::amount::format_amount;
use vram_gate::decision::total_bytes;

/// The columns of a sparkline.
const COLUMNS: i64 = 32;

/// The bars of a sparkline, the lowest first.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Formats a simulation as text.
pub fn text(simulation: &Simulation<'_>) -> String {
    let mut out = String::new();
    let (first, last) = simulation.history.span();
    let _ = writeln!(
        out,
        "{}: {} to {}, a sample every {} s",
        simulation.target,
        timestamp(first),
        timestamp(last),
        simulation.history.step() as f64 / 1000.0
    );
    let _ = writeln!(out, "{}", simulation.tenant_origin);
    if let Some(current) = simulation.current() {
        let seconds = current.stage.reaction / 1000;
        let _ = writeln!(out, "its memory is free {seconds} s after a decision to stop it");
    }
    for note in simulation.history.remarks.iter().chain(&simulation.warnings) {
        let _ = writeln!(out, "note: {note}");
    }
    write_table(&mut out, &simulation.settings);
    if let Some(current) = simulation.current() {
        out.push('\n');
        write_nights(&mut out, current);
    }
    out
}

fn write_table(out: &mut String, settings: &[Simulated<'_>]) {
    let width = settings.iter().map(|one| one.name.chars().count()).max().unwrap_or(0).max(7);
    let _ = writeln!(
        out,
        "\n{:width$}  {:>7}  {:>6}  {:>6}  {:>7}  {:<18}  closest",
        "setting", "served", "starts", "yields", "hours", "starved"
    );
    for Simulated { name, outcome, .. } in settings {
        let starved = match outcome.starved_nights() {
            0 => "nobody".to_owned(),
            nights => format!("{nights} n, {:.1} min", outcome.starved_minutes()),
        };
        let served = format!("{}/{}", outcome.nights_served(), outcome.nights.len());
        let closest = outcome.closest().map_or("-".to_owned(), format_amount);
        let _ = writeln!(
            out,
            "{name:width$}  {served:>7}  {:>6}  {:>6}  {:>7.1}  {starved:<18}  {closest}",
            outcome.starts(),
            outcome.yields().values().sum::<usize>(),
            outcome.hours(),
        );
    }
    for Simulated { name, outcome, .. } in settings {
        let reasons: Vec<String> =
            outcome.yields().iter().map(|(reason, count)| format!("{count} {reason}")).collect();
        if !reasons.is_empty() {
            let _ = writeln!(out, "yields, {name}: {}", reasons.join(", "));
        }
        if outcome.flaps() > 0 {
            let flaps = count_of(outcome.flaps(), "start", "starts");
            let _ = writeln!(out, "flaps, {name}: {flaps} after a yield in the same night");
        }
    }
}

fn write_nights(out: &mut String, setting: &Simulated<'_>) {
    for (night, outcome) in setting.stage.nights.iter().zip(&setting.outcome.nights) {
        let _ = writeln!(
            out,
            "{}  {}  {}",
            setting.stage.night_name(night.opens),
            sparkline(setting, night),
            events(setting, night, outcome)
        );
    }
}

/// The residents' memory over a night, as a share of the GPU's; a blank without a reading.
fn sparkline(setting: &Simulated<'_>, night: &Night) -> String {
    let rules = setting.stage.up.or(setting.stage.guard).map(|job| job.rules).unwrap_or_default();
    let length = (night.closes - night.opens).max(1);
    let bar = |column: i64| {
        let start = night.opens + length * column / COLUMNS;
        let end = night.opens + length * (column + 1) / COLUMNS;
        let highest = night.usages(start, end).max_by_key(|usage| usage.residents())?;
        let total = total_bytes(&rules, &highest).max(1);
        let share = u128::from(highest.residents()) * BARS.len() as u128 / u128::from(total);
        BARS.get((share as usize).min(BARS.len() - 1)).copied()
    };
    (0..COLUMNS).map(|column| bar(column).unwrap_or(' ')).collect()
}

/// The events of a night in words.
pub(super) fn events(setting: &Simulated<'_>, night: &Night, outcome: &NightOutcome) -> String {
    let zone = &setting.stage.times.zone;
    let recorded = &setting.stage.recorded;
    let mut events = Vec::new();
    for run in &outcome.runs {
        events.push(format!("started {}", clock_time(run.start, zone)));
        if let Some(reason) = run.yielded {
            let grown = recorded.grown(run.last_look, run.stop);
            let time = clock_time(run.stop, zone);
            events.push(format!("yielded {time} ({}{})", reason.name(), describe_grown(&grown)));
        }
    }
    if outcome.runs.is_empty() {
        let reason = if outcome.is_unread { "no reading" } else { "not admitted" };
        events.push(reason.to_owned());
    }
    if let Some(first) = outcome.first_starved {
        let since = outcome.look_before(first, &night.guards);
        let grown = recorded.grown(since, first);
        events.push(format!(
            "STARVED from {} for {:.1} min, by {}{}",
            clock_time(first, zone),
            outcome.starved as f64 / 60_000.0,
            format_amount(-outcome.closest.unwrap_or(0)),
            describe_grown(&grown)
        ));
    }
    events.join(", ")
}

/// The users that grew, after another text.
fn describe_grown(grown: &[Growth]) -> String {
    let grown: Vec<String> = grown
        .iter()
        .map(|one| format!("{} +{}", one.user, format_amount(i128::from(one.bytes))))
        .collect();
    if grown.is_empty() { String::new() } else { format!("; {}", grown.join(", ")) }
}
