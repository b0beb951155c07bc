//! One night as a picture: the others' memory stacked, the tenant's on top, the floor, the decisions.
//!
//! An SVG without fonts, scripts or links. Its colours are classes, so that a page has them once.

use std::collections::BTreeMap;
use std::fmt::Write;

use vram_gate::decision::total_bytes;
use yaml_spans::visible;

use super::compare::clock_time;
use super::night::{Night, NightOutcome};
use super::{Simulated, Stage, TenantMemory};
use crate::report::markup::escape;
use crate::window::amount::format_bytes;

/// The colours, for light and dark.
pub(crate) const STYLE: &str = include_str!("chart.css");

/// The size of a night's picture, and of the part that has the curves.
pub(super) const WIDTH: i64 = 400;
pub(super) const HEIGHT: i64 = 160;
const LEFT: i64 = 46;
const RIGHT: i64 = 392;
const TOP: i64 = 26;
const BOTTOM: i64 = 138;

/// The most moments of a night that are drawn.
const COLUMNS: i64 = 120;

/// The users with a colour of their own; the rest are drawn together.
pub(super) const MAX_USERS: usize = 6;

/// The scale of a picture.
struct Scale {
    opens: i64,
    length: i64,
    top: u128,
}

impl Scale {
    fn x(&self, at: i64) -> i64 {
        LEFT + (RIGHT - LEFT) * (at - self.opens).clamp(0, self.length) / self.length
    }

    fn y(&self, bytes: u64) -> i64 {
        let height = (BOTTOM - TOP) as u128 * u128::from(bytes).min(self.top) / self.top;
        BOTTOM - height as i64
    }
}

/// The users in the order of their highest memory, from all nights, so that each has one colour.
pub(crate) fn legend(stage: &Stage<'_>) -> Vec<String> {
    let mut highest: BTreeMap<&str, u64> = BTreeMap::new();
    for night in &stage.nights {
        for at in night_columns(night) {
            for (user, bytes) in stage.recorded.users(at) {
                let known = highest.entry(user).or_default();
                *known = bytes.max(*known);
            }
        }
    }
    highest.remove(stage.recorded.query().namespace.as_str());
    let mut users: Vec<(&str, u64)> = highest.into_iter().collect();
    users.sort_by(|a, b| (b.1, a.0).cmp(&(a.1, b.0)));
    users.truncate(MAX_USERS);
    users.into_iter().map(|(user, _)| user.to_owned()).collect()
}

/// The moments that are drawn: of each column the one at which the others use most.
fn night_columns(night: &Night) -> Vec<i64> {
    let length = night.closes - night.opens;
    let edge = |column: i64| night.opens + length * column / COLUMNS;
    (0..COLUMNS).map(|column| night.highest_moment(edge(column), edge(column + 1))).collect()
}

/// Draws a night.
pub(crate) fn chart(
    setting: &Simulated<'_>,
    (night, outcome): (&Night, &NightOutcome),
    tenant: &TenantMemory,
    users: &[String],
) -> String {
    let stage = &setting.stage;
    let rules = stage.up.or(stage.guard).map(|job| job.rules).unwrap_or_default();
    let moments = night_columns(night);
    let usages = moments.iter().filter_map(|at| night.usage(*at));
    let total = usages.clone().map(|usage| total_bytes(&rules, &usage)).max();
    let total = total.or(rules.total).unwrap_or(1).max(1);
    let highest = usages.map(|usage| usage.residents()).max().unwrap_or(0);
    let top = u128::from(total.max(highest.saturating_add(tenant.peak()))) * 21 / 20;
    let scale = Scale { opens: night.opens, length: (night.closes - night.opens).max(1), top };
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"night-chart\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" width=\"{WIDTH}\" height=\"{HEIGHT}\">\n"
    );
    let name = stage.night_name(night.opens);
    let events = text_of(&super::text::events(setting, night, outcome));
    let _ = writeln!(out, "<title>{}: {events}</title>", text_of(&name));
    let _ = writeln!(out, "<text class=\"name\" x=\"4\" y=\"14\">{}</text>", text_of(&name));
    write_areas(&mut out, stage, &scale, &moments, users);
    for run in &outcome.runs {
        write_tenant(&mut out, night, &scale, &moments, (run.start, run.stop), tenant);
    }
    write_lines(&mut out, &scale, total, rules.floor);
    write_decisions(&mut out, stage, &scale, outcome);
    out.push_str("</svg>\n");
    out
}

/// The others' memory, a band for each user.
fn write_areas(
    out: &mut String,
    stage: &Stage<'_>,
    scale: &Scale,
    moments: &[i64],
    users: &[String],
) {
    let own = stage.recorded.query().namespace.as_str();
    let at_moments: Vec<_> = moments.iter().map(|at| stage.recorded.users(*at)).collect();
    let mut below: Vec<u64> = vec![0; moments.len()];
    for band in 0..=users.len() {
        let heights: Vec<u64> = at_moments
            .iter()
            .map(|found| match users.get(band) {
                Some(user) => found.get(user.as_str()).copied().unwrap_or(0),
                None => {
                    let named = |user: &str| user == own || users.iter().any(|it| it == user);
                    let rest = found.iter().filter(|(user, _)| !named(user));
                    rest.map(|(_, bytes)| bytes).sum()
                }
            })
            .collect();
        if heights.iter().all(|height| *height == 0) {
            continue;
        }
        let above: Vec<u64> = below.iter().zip(&heights).map(|(low, add)| low + add).collect();
        let path = band_path(scale, &below, &above);
        let _ = writeln!(out, "<path class=\"user u{band}\" d=\"{path}\"/>");
        below = above;
    }
}

/// The outline of a band, column by column.
fn band_path(scale: &Scale, below: &[u64], above: &[u64]) -> String {
    let count = above.len() as i64;
    let x = |column: usize| LEFT + (RIGHT - LEFT) * column as i64 / count;
    let mut path = String::new();
    for (column, bytes) in above.iter().enumerate() {
        let command = if column == 0 { "M" } else { "L" };
        let (y, x, next) = (scale.y(*bytes), x(column), x(column + 1));
        let _ = write!(path, "{command}{x} {y}H{next}");
    }
    for (column, bytes) in below.iter().enumerate().rev() {
        let (y, x, next) = (scale.y(*bytes), x(column), x(column + 1));
        let _ = write!(path, "L{next} {y}H{x}");
    }
    path + "Z"
}

/// The tenant's memory on top of the others', in the columns of one of its runs.
fn write_tenant(
    out: &mut String,
    night: &Night,
    scale: &Scale,
    moments: &[i64],
    (start, stop): (i64, i64),
    tenant: &TenantMemory,
) {
    let count = moments.len() as i64;
    let x = |column: i64| LEFT + (RIGHT - LEFT) * column / count;
    for (column, at) in moments.iter().enumerate() {
        if *at < start || stop <= *at {
            continue;
        }
        let others = night.usage(*at).map_or(0, |usage| usage.residents());
        let top = scale.y(others.saturating_add(tenant.bytes(at - start)));
        let (left, right) = (x(column as i64), x(column as i64 + 1));
        let (width, height) = (right - left, scale.y(others) - top);
        let _ = writeln!(
            out,
            "<rect class=\"tenant\" x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\"/>"
        );
    }
}

/// The GPU's size, and the most that others may use while the floor is free.
fn write_lines(out: &mut String, scale: &Scale, total: u64, floor: u64) {
    for (class, bytes) in [("total", total), ("floor", total.saturating_sub(floor))] {
        let y = scale.y(bytes);
        let _ = writeln!(out, "<path class=\"{class}\" d=\"M{LEFT} {y}H{RIGHT}\"/>");
        let label = format_bytes(bytes);
        let _ = writeln!(
            out,
            "<text class=\"amount\" x=\"{}\" y=\"{}\">{label}</text>",
            LEFT - 3,
            y + 4
        );
    }
}

/// The starts, the yields and the starved moments, and the hours below.
fn write_decisions(out: &mut String, stage: &Stage<'_>, scale: &Scale, outcome: &NightOutcome) {
    let zone = &stage.times.zone;
    for (at, anchor) in [(outcome.opens, "start"), (outcome.closes, "end")] {
        let (x, y) = (scale.x(at), BOTTOM + 14);
        let time = clock_time(at, zone);
        let _ = writeln!(out, "<text class=\"hour {anchor}\" x=\"{x}\" y=\"{y}\">{time}</text>");
    }
    for run in &outcome.runs {
        let x = scale.x(run.start);
        let _ = writeln!(out, "<path class=\"start\" d=\"M{x} {TOP}V{BOTTOM}\"/>");
        if run.yielded.is_some() {
            let x = scale.x(run.stop);
            let _ = writeln!(
                out,
                "<path class=\"yield\" d=\"M{x} {TOP}V{BOTTOM}M{} {}l6 6m0 -6l-6 6\"/>",
                x - 3,
                TOP - 3
            );
        }
    }
    if let Some(first) = outcome.first_starved {
        let x = scale.x(first);
        let minutes = outcome.starved as f64 / 60_000.0;
        let _ = writeln!(out, "<path class=\"starved\" d=\"M{x} {TOP}V{BOTTOM}\"/>");
        let _ = writeln!(
            out,
            "<text class=\"starved\" x=\"{RIGHT}\" y=\"14\">starved for {minutes:.1} min</text>"
        );
    }
}

pub(super) fn text_of(text: &str) -> String {
    escape(&visible(text))
}
