//! A simulation as one HTML page, and as one picture.

use std::fmt::Write;

use super::chart::{self, HEIGHT, MAX_USERS, STYLE, WIDTH, text_of};
use super::{Outcome, Simulated, Simulation, TenantMemory, timestamp};
use crate::report::count_of;
use crate::window::amount::format_amount;

/// The nights side by side in a picture.
const PICTURE_COLUMNS: i64 = 2;

/// Formats a simulation as an HTML page.
pub fn html(simulation: &Simulation<'_>) -> String {
    let title = text_of(&format!("{} over recorded memory", simulation.target));
    let mut out = format!(
        "<!DOCTYPE html>\n<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\">\n<head>\n<meta charset=\"utf-8\"/>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
         <meta name=\"color-scheme\" content=\"light dark\"/>\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\"/>\n\
         <title>{title}</title>\n<style>\n{PAGE_STYLE}{NIGHTS_STYLE}{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
    );
    let (first, last) = simulation.history.span();
    let _ = writeln!(
        out,
        "<p>{} to {}, a sample every {} s; {}.</p>",
        timestamp(first),
        timestamp(last),
        simulation.history.step() as f64 / 1000.0,
        text_of(&simulation.tenant_origin)
    );
    for note in simulation.history.remarks.iter().chain(&simulation.warnings) {
        let _ = writeln!(out, "<p class=\"soft\">{}</p>", text_of(note));
    }
    write_table(&mut out, &simulation.settings);
    if let Some(current) = simulation.current() {
        out.push_str(&nights(current, &simulation.tenant));
    }
    out.push_str("</body>\n</html>\n");
    out
}

fn write_table(out: &mut String, settings: &[Simulated<'_>]) {
    out.push_str(
        "<table>\n<tr><th>setting</th><th>nights served</th><th>starts</th><th>yields</th><th>hours</th><th>starved</th><th>closest</th></tr>\n",
    );
    for Simulated { name, outcome, .. } in settings {
        let _ = writeln!(
            out,
            "<tr><td>{}</td><td>{} of {}</td><td>{}</td><td>{}</td><td>{:.1}</td><td>{}</td><td>{}</td></tr>",
            text_of(name),
            outcome.nights_served(),
            outcome.nights.len(),
            outcome.starts(),
            outcome.yields().values().sum::<usize>(),
            outcome.hours(),
            starved(outcome),
            outcome.closest().map_or("-".to_owned(), format_amount),
        );
    }
    out.push_str("</table>\n");
}

fn starved(outcome: &Outcome) -> String {
    match outcome.starved_nights() {
        0 => "nobody".to_owned(),
        nights => {
            let nights = count_of(nights, "night", "nights");
            format!("{nights}, {:.1} min", outcome.starved_minutes())
        }
    }
}

/// The pictures of a setting's nights, with the meaning of the colours. The styles are not in it.
pub(crate) fn nights(setting: &Simulated<'_>, tenant: &TenantMemory) -> String {
    let users = chart::legend(&setting.stage);
    let mut out = String::from("<p class=\"legend\">");
    for (class, name) in legend_entries(&users) {
        let _ = write!(out, "<span class=\"key {class}\"></span> {name} ");
    }
    let _ = writeln!(
        out,
        "| solid line: the GPU, dashed: the most that others may use while the floor is free; \
         green: started, red: yielded</p>",
    );
    out.push_str("<div class=\"nights\">\n");
    for night in setting.stage.nights.iter().zip(&setting.outcome.nights) {
        out.push_str(&chart::chart(setting, night, tenant, &users));
    }
    out.push_str("</div>\n");
    out
}

/// The colours and their names.
fn legend_entries(users: &[String]) -> Vec<(String, String)> {
    let named = users.iter().enumerate();
    let mut entries: Vec<(String, String)> =
        named.map(|(index, user)| (format!("u{index}"), text_of(user))).collect();
    if users.len() == MAX_USERS {
        entries.push((format!("u{MAX_USERS}"), "others".to_owned()));
    }
    entries.push(("tenant".to_owned(), "the tenant".to_owned()));
    entries
}

/// Draws the nights of the stack's own settings as one picture.
pub fn svg(simulation: &Simulation<'_>) -> String {
    let Some(current) = simulation.current() else { return String::new() };
    let users = chart::legend(&current.stage);
    let count = current.stage.nights.len() as i64;
    let rows = (count + PICTURE_COLUMNS - 1) / PICTURE_COLUMNS;
    let (width, height) = (WIDTH * PICTURE_COLUMNS, HEIGHT * rows + 20);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"nights\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\">\n\
         <style>\n{STYLE}</style>\n<rect class=\"paper\" width=\"{width}\" height=\"{height}\"/>\n"
    );
    for (index, night) in current.stage.nights.iter().zip(&current.outcome.nights).enumerate() {
        let (column, row) = (index as i64 % PICTURE_COLUMNS, index as i64 / PICTURE_COLUMNS);
        let _ = writeln!(out, "<g transform=\"translate({} {})\">", column * WIDTH, row * HEIGHT);
        out.push_str(&chart::chart(current, night, &simulation.tenant, &users));
        out.push_str("</g>\n");
    }
    let mut x = 4;
    let y = height - 14;
    for (class, name) in legend_entries(&users) {
        let _ = writeln!(
            out,
            "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"12\" height=\"10\"/><text x=\"{}\" y=\"{}\">{name}</text>",
            x + 17,
            y + 10
        );
        x += 36 + 7 * name.chars().count() as i64;
    }
    out.push_str("</svg>\n");
    out
}

/// The styles of the page around the pictures.
pub(super) const PAGE_STYLE: &str = "\
:root { --text: #1b1f24; --page: #fff; --soft: #5b6570; --line: #d5dae0; }
@media (prefers-color-scheme: dark) { :root { --text: #e4e8ec; --page: #14171a; --soft: #9aa5b1; --line: #333a42; } }
* { box-sizing: border-box; }
body { max-width: 64rem; margin: 0 auto; padding: 1rem; background: var(--page); color: var(--text);
  font: 16px/1.4 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.2rem; }
.soft, .legend { color: var(--soft); font-size: .875rem; }
table { border-collapse: collapse; font-size: .875rem; margin: 1rem 0; display: block; overflow-x: auto; overflow-wrap: normal; }
td, th { text-align: left; padding: .15rem .8rem .15rem 0; border-bottom: 1px solid var(--line); }
";

/// The styles of the pictures in a page.
pub(crate) const NIGHTS_STYLE: &str = "\
.nights { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(22rem, 100%), 1fr)); gap: .5rem; }
.night-chart { width: 100%; height: auto; }
.key { display: inline-block; width: 1rem; height: .7rem; margin-left: .5rem; }
";
