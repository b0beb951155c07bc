//! The text of `--help`, and the documentation's table of settings.

use std::fmt::Write;

use super::{DefaultValue, Key, Row, TABLE};

const INTRODUCTION: &str = "\
Decides who has the GPU: reads from a Prometheus exporter how much of the GPU's
memory is in use, and scales one object, the tenant's Deployment or any other
with a scale subresource, to 1 or 0.

usage: vram-gate up|guard|down|admit|watch [--setting VALUE]...
       vram-gate alive [--heartbeat FILE] [--within TIME]

  up     when the window opens: scales to 1 if each of SAMPLES readings leaves
         FLOOR free, with everyone's memory counted; otherwise, and without a
         reading, leaves the tenant alone
  guard  inside the window: scales to 0 if the residents (COUNT) leave less
         than FLOOR, everyone together less than RESERVE, or the tenant uses
         more than BUDGET; without a reading does as ON_SCRAPE_FAILURE says;
         otherwise leaves the tenant alone. With SERIES=devices nothing tells
         the residents from the tenant, and FLOOR - BUDGET must be free. If
         bytes labelled `unknown` alone break the floor, takes a second reading
         after RECHECK_DELAY
  down   when the window ends: scales to 0 without a reading
  admit  in an init container of the tenant: waits until each of SAMPLES readings
         in a row leaves FLOOR free, with everyone's memory counted; without a
         reading waits too; exits with 1 at the DEADLINE. Calls no API server
  watch  one run for a whole window: looks every INTERVAL. Starts the tenant as up
         does, and stops it as guard does, at once. Starts it again after FLOOR and
         HYSTERESIS were free for CALM, at most STARTS times. Without a reading for
         STALE does as ON_SCRAPE_FAILURE says. At the end, which is the minute in
         JOB_NAME and WINDOW later, scales to 0. At SIGTERM scales to 0 and exits
         with 1, so that the Job goes on in another Pod. With DEMAND_URL starts the
         tenant only while the number there is more than 0, and stops it after
         IDLE_FOR of an explicit 0; an answer that is not a count changes nothing
  alive  for a liveness probe: exits with 0 if watch has written HEARTBEAT WITHIN
         the last 60 s, otherwise with 1

free = total - memory in use; the total is GPU_TOTAL, measured, or the smaller
of both. One line on stderr reports what was read and done; the termination
message holds the same line.

exit: 0 decided and done (leaving the tenant alone included), 1 could not scale,
did not admit, or SIGTERM cut a guard or a watch short, 2 invalid configuration
and nothing done (a guard or a watch with a valid target scales to 0 instead)

settings (flags override variables; quantities as 6Gi; durations as 10s):
";

/// Returns the text of `--help`.
#[must_use]
pub fn help() -> String {
    let mut text = INTRODUCTION.to_owned();
    for row in TABLE {
        let default = match row.default {
            DefaultValue::Required => "required".to_owned(),
            DefaultValue::RequiredToSample => "required, except for down".to_owned(),
            DefaultValue::RequiredToWatch => "required for watch".to_owned(),
            DefaultValue::Value(value) => format!("default {value}"),
            DefaultValue::Derived(words) => format!("default: {words}"),
        };
        // Writing to a String can't fail.
        let _ = match row.key {
            Key::Action => writeln!(text, "  {}  <{}>", row.env, row.kind.form()),
            _ => writeln!(text, "  {}, {}  <{}>", row.flag(), row.env, row.kind.form()),
        };
        let _ = writeln!(text, "      {}; {default}", row.summary);
    }
    text.push_str(
        "  -h, --help\n      print this help\n  -V, --version\n      print the version\n",
    );
    text
}

/// Returns the table of settings in `docs/gate.md`, as Markdown.
#[must_use]
pub fn markdown() -> String {
    let mut text =
        "| variable | flag | value | form | default | decides |\n|---|---|---|---|---|---|\n"
            .to_owned();
    for row in TABLE {
        let _ = writeln!(
            text,
            "| {} | `{}` | {} | {} | {} | {} |",
            row.env,
            row.flag(),
            row.value_path().map(|path| format!("`{path}`")).unwrap_or_default(),
            row.kind.form(),
            default_in_markdown(row),
            row.summary
        );
    }
    text
}

fn default_in_markdown(row: &Row) -> String {
    match row.default {
        DefaultValue::Required => "required".to_owned(),
        DefaultValue::RequiredToSample => "required, except for `down`".to_owned(),
        DefaultValue::RequiredToWatch => "required for `watch`".to_owned(),
        DefaultValue::Value(value) => format!("`{value}`"),
        DefaultValue::Derived(words) => words.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_lists_every_setting_once() {
        let help = help();
        assert!(help.contains("\n  ACTION  <up, guard, down, admit, watch>\n"), "{help}");
        for row in TABLE.iter().filter(|row| row.key != Key::Action) {
            let entry = format!("\n  {}, {}  <", row.flag(), row.env);
            assert_eq!(help.matches(&entry).count(), 1, "{}", row.env);
        }
    }
}
