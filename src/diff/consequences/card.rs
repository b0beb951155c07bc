//! The card's arithmetic: what the gate counts with, before and after.

use vram_gate::settings::Key;

use super::{Case, Finding, Rule, Topic};
use crate::model::Message;
use crate::model::Severity;
use crate::model::gate_jobs::GateJob;
use kube_validate::ObjectId;

pub(super) const BLIND: Rule = Rule {
    id: "gate-blind",
    severity: Severity::Critical,
    topic: Topic::Card,
    what: "The gate takes a missing reading for a good one: nobody is protected when the exporter fails",
    source: "docs/server.md; a failed probe means no action, and an exporter whose nvidia-smi failed serves the page of an idle card",
    detect: blind,
};

pub(super) const ARITHMETIC: Rule = Rule {
    id: "card-arithmetic",
    severity: Severity::Warning,
    topic: Topic::Card,
    what: "The gate counts with other numbers: the tenant is admitted, or yields, at other readings",
    source: "gate/src/decision.rs: `free = total − used`; up if `free ≥ floor`, yield if not, or if less than the reserve is left",
    detect: arithmetic,
};

/// What a setting counts.
enum Amount {
    /// More of it protects the card's residents better.
    Protects,
    /// More of it protects them less.
    Exposes,
}

/// The amounts of memory.
const AMOUNTS: [(Key, &str, Amount); 3] = [
    (Key::Floor, "floor", Amount::Protects),
    (Key::GpuTotal, "total", Amount::Exposes),
    (Key::Reserve, "reserve", Amount::Protects),
];

/// Other settings that decide, and what they decide.
const OTHERS: [(Key, &str); 6] = [
    (Key::Count, "whose memory the guard counts"),
    (Key::Metric, "the metric that is read"),
    (Key::MetricUnit, "the unit it is read in"),
    (Key::MetricsUrl, "the page that is read"),
    (Key::Samples, "how many readings must pass"),
    (Key::SampleInterval, "the pause between readings"),
];

/// The settings of a reading that is missing, and the value that takes it for a good one.
const BLIND_VALUES: [(Key, &str, &str); 2] = [
    (Key::OnScrapeFailure, "keep", "the guard leaves the tenant where it is when there is no page"),
    (
        Key::NoSeries,
        "idle",
        "a page without a series counts as an idle card, which an exporter whose nvidia-smi failed serves too",
    ),
];

/// Each job that is on both sides.
fn pairs<'a>(case: &'a Case<'_>) -> impl Iterator<Item = (&'a GateJob, &'a GateJob)> {
    let changed = |id: &ObjectId| case.changes.iter().any(|change| change.id == *id);
    case.gates_after.iter().flat_map(move |(target, gate)| {
        let before = case.gates_before.get(target);
        gate.jobs.iter().filter(move |job| changed(&job.id)).filter_map(move |job| {
            before?.jobs.iter().find(|old| old.id == job.id).map(|old| (old, job))
        })
    })
}

fn blind(case: &Case<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (old, new) in pairs(case) {
        for (key, value, means) in BLIND_VALUES {
            if new.raw.get(key) == Some(value) && old.raw.get(key) != Some(value) {
                let words = Message::default()
                    .code(key.row().env)
                    .and(" is ")
                    .code(value)
                    .and(format!(" now: {means}"));
                findings.push(Finding::new(&new.id, words));
            }
        }
    }
    findings
}

fn arithmetic(case: &Case<'_>) -> Vec<Finding> {
    pairs(case).filter_map(|(old, new)| Some(Finding::new(&new.id, changes(old, new)?))).collect()
}

/// All that changes in one job, in one sentence.
fn changes(old: &GateJob, new: &GateJob) -> Option<Message> {
    let mut parts: Vec<Message> = Vec::new();
    for (key, name, amount) in &AMOUNTS {
        let (was, is) = (old.raw.get(*key), new.raw.get(*key));
        let bytes = |text: Option<&str>| kube_formats::quantity::parse_bytes(text?).ok();
        let what = match (bytes(was), bytes(is)) {
            (Some(was), Some(is)) if was != is => {
                let safer = (is > was) == matches!(amount, Amount::Protects);
                let means =
                    if safer { "the tenant runs less" } else { "the others are protected less" };
                Message::of(format!("{name} {} → {}, {means}", gibibytes(was), gibibytes(is)))
            }
            (Some(_), Some(_)) => continue,
            _ if was == is => continue,
            _ => Message::of(format!("{name} "))
                .code(was.unwrap_or("unset"))
                .and(" → ")
                .code(is.unwrap_or("unset")),
        };
        parts.push(what);
    }
    let others = OTHERS.iter().copied();
    // Where the reading that is missing is treated more carefully than before.
    let careful = BLIND_VALUES.iter().filter(|(key, blind, _)| new.raw.get(*key) != Some(blind));
    let careful = careful.map(|(key, ..)| (*key, "what no reading means"));
    for (key, what) in others.chain(careful) {
        let (was, is) = (old.raw.get(key), new.raw.get(key));
        if was != is {
            let text = |value: Option<&str>| value.unwrap_or("unset").to_owned();
            parts.push(Message::of(format!("{what} ")).code(text(was)).and(" → ").code(text(is)));
        }
    }
    let free = match (new.raw.get(Key::GpuTotal), new.raw.get(Key::Floor)) {
        (Some(total), Some(floor)) if !parts.is_empty() => {
            let bytes = |text| kube_formats::quantity::parse_bytes(text).ok();
            bytes(total).zip(bytes(floor)).and_then(|(total, floor)| total.checked_sub(floor))
        }
        _ => None,
    };
    let mut parts = parts.into_iter();
    let first = parts.next()?;
    let mut words = parts.fold(first, |words, part| words.and("; ").then(part));
    if let Some(used) = free {
        words = words.and(format!("; the tenant starts with at most {} in use", gibibytes(used)));
    }
    Some(words)
}

/// Bytes as a person counts them.
pub(in crate::diff) fn gibibytes(bytes: u64) -> String {
    let units = [(1u64 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let Some((unit, name)) = units.iter().find(|(unit, _)| bytes >= *unit) else {
        return format!("{bytes} bytes");
    };
    if bytes.is_multiple_of(*unit) {
        return format!("{} {name}", bytes / unit);
    }
    let amount = format!("{:.2}", bytes as f64 / *unit as f64);
    format!("{} {name}", amount.trim_end_matches('0').trim_end_matches('.'))
}
