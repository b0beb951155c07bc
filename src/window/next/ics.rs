//! A calendar as iCalendar (RFC 5545), for people's calendars.
//!
//! Instants are in UTC, so that no reader has to know a time zone's rules. An event has the same bytes
//! whenever and in whatever span it is written: its `UID` is made of the stack, the object and the start,
//! and its `DTSTAMP` is its start.

use jiff::Timestamp;
use yaml_spans::visible;

use super::{Calendar, Tenant, TenantWindow};

/// The most bytes of a line, without its end (RFC 5545, section 3.1).
const LINE_BYTES: usize = 75;

/// Formats a calendar as iCalendar, an event a window.
pub fn ics(calendar: &Calendar) -> String {
    let mut out = String::new();
    for line in [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//tts-render//window next//EN",
        "CALSCALE:GREGORIAN",
    ] {
        write_line(&mut out, line);
    }
    let mut count = 0;
    for tenant in &calendar.tenants {
        for window in &tenant.windows {
            let title = match window.closes {
                Some(_) => "window",
                None => "window without an end",
            };
            write_event(&mut out, tenant, window, title);
            count += 1;
        }
        for hours in &tenant.demand {
            write_event(&mut out, tenant, hours, "hours of demand");
            count += 1;
        }
    }
    if count == 0 {
        // A calendar must have a component (section 3.6).
        for line in [
            "BEGIN:VTIMEZONE",
            "TZID:Etc/UTC",
            "BEGIN:STANDARD",
            "DTSTART:19700101T000000",
            "TZOFFSETFROM:+0000",
            "TZOFFSETTO:+0000",
            "END:STANDARD",
            "END:VTIMEZONE",
        ] {
            write_line(&mut out, line);
        }
    }
    write_line(&mut out, "END:VCALENDAR");
    out
}

fn write_event(out: &mut String, tenant: &Tenant, window: &TenantWindow, title: &str) {
    let start = format_utc(window.opens);
    let target = &tenant.target;
    let namespace = target.namespace.as_deref().unwrap_or_default();
    let uid = format!("{start}-{}-{namespace}-{}@tts-render", tenant.stack, target.name);
    let summary = format!("{}: {title}", tenant.stack);
    let mut description = vec![
        format!("{target}, {}", tenant.zone_name),
        format!(
            "{} to {}, {}",
            tenant.format(window.opens),
            tenant.format_end(window),
            tenant.describe_guard(window)
        ),
    ];
    description.extend(tenant.night_of(window).into_iter().flat_map(|night| night.clock.clone()));
    write_line(out, "BEGIN:VEVENT");
    write_line(out, &format!("UID:{}", escape_text(&uid)));
    write_line(out, &format!("DTSTAMP:{start}"));
    write_line(out, &format!("DTSTART:{start}"));
    if let Some(closes) = window.closes {
        write_line(out, &format!("DTEND:{}", format_utc(closes)));
    }
    write_line(out, &format!("SUMMARY:{}", escape_text(&summary)));
    write_line(out, &format!("DESCRIPTION:{}", escape_text(&description.join("\n"))));
    // It takes nobody's time.
    write_line(out, "TRANSP:TRANSPARENT");
    write_line(out, "END:VEVENT");
}

/// An instant in UTC: `20270327T020000Z`.
fn format_utc(instant: Timestamp) -> String {
    instant.strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// Escapes a value of the type TEXT (section 3.3.11). Hidden characters are written out.
fn escape_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (index, line) in text.split('\n').enumerate() {
        if index > 0 {
            out.push_str("\\n");
        }
        for c in visible(line).chars() {
            if matches!(c, '\\' | ';' | ',') {
                out.push('\\');
            }
            out.push(c);
        }
    }
    out
}

/// Writes a line, folded (section 3.1): a continuation starts with a space, which counts. A character is
/// never split.
fn write_line(out: &mut String, line: &str) {
    let mut used = 0;
    for c in line.chars() {
        if used + c.len_utf8() > LINE_BYTES {
            out.push_str("\r\n ");
            used = 1;
        }
        out.push(c);
        used += c.len_utf8();
    }
    out.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_folded_at_75_bytes_between_characters() {
        let mut out = String::new();
        let line = format!("DESCRIPTION:{}", "a→".repeat(60));
        write_line(&mut out, &line);
        let lines: Vec<&str> = out.strip_suffix("\r\n").unwrap().split("\r\n").collect();
        assert!(lines.len() > 2 && lines.iter().all(|line| line.len() <= LINE_BYTES), "{lines:?}");
        assert_eq!(lines.join("\n").replace("\n ", ""), line);
    }

    #[test]
    fn special_characters_are_escaped() {
        assert_eq!(escape_text("a,b;c\\d\ne\u{202e}"), "a\\,b\\;c\\\\d\\ne\\\\u{202e}");
    }
}
