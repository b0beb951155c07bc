//! What `--help` says, and the table of the documentation.

use std::fmt::Write;

use super::table::Default;
use super::{Row, TABLE};

const INTRODUCTION: &str = "\
Decides who has the GPU: reads from a Prometheus page how much of the card's
memory is in use, and scales one Deployment, the tenant, to 1 or 0.

usage: vram-gate up|guard|down [--setting value]...

  up     the window opens: scales to 1 if FLOOR is free of everyone's memory,
         in every one of SAMPLES readings; else, or without a reading, leaves
         the tenant alone
  guard  inside the window: scales to 0 if the residents (COUNT) leave less
         than FLOOR, or everyone together less than RESERVE; without a reading
         as ON_SCRAPE_FAILURE says; else leaves the tenant alone. Where bytes
         labelled `unknown` alone break the floor it looks again first
  down   the window ends: scales to 0, without looking

free = GPU_TOTAL - memory in use. One line on stderr says what was seen and
done, and in the termination message too.

exit: 0 decided and done (leaving alone included), 1 it had to scale and could
not, 2 it is set up wrongly

settings (a flag goes before the variable; quantities as 6Gi; times as 10s):
";

/// The text of `--help`.
#[must_use]
pub fn help() -> String {
    let mut text = INTRODUCTION.to_owned();
    for row in TABLE {
        let default = match row.default {
            Default::Required => "required".to_owned(),
            Default::RequiredToLook => "required for up and guard".to_owned(),
            Default::Value(value) => format!("default {value}"),
            Default::Derived(words) => format!("default: {words}"),
        };
        // Writing to a String can't fail.
        let _ = writeln!(text, "  {}, {}  <{}>", row.flag(), row.env, row.form);
        let _ = writeln!(text, "      {}; {default}", row.help);
    }
    text.push_str("  -h, --help\n  -V, --version\n");
    text
}

/// The table of settings in Markdown, as `docs/gate.md` holds it.
#[must_use]
pub fn markdown() -> String {
    let mut text =
        "| variable | flag | form | default | decides |\n|---|---|---|---|---|\n".to_owned();
    for row in TABLE {
        let flag = row.flag();
        let _ = writeln!(
            text,
            "| {} | `{flag}` | {} | {} | {} |",
            row.env,
            row.form,
            default(row),
            row.help
        );
    }
    text
}

fn default(row: &Row) -> String {
    match row.default {
        Default::Required => "required".to_owned(),
        Default::RequiredToLook => "required, but for `down`".to_owned(),
        Default::Value(value) => format!("`{value}`"),
        Default::Derived(words) => words.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_names_every_setting() {
        let help = help();
        for row in TABLE {
            assert!(help.contains(&format!("{}, {}", row.flag(), row.env)), "{}", row.env);
        }
    }
}
