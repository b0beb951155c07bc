//! The collection of texts from arguments and environment, where a flag overrides a variable.

use std::ffi::OsString;
use std::iter::Peekable;

use super::{DefaultValue, Key, Row, SettingError, TABLE};

/// The argument that asks whether a `watch` is alive, in place of an action.
const ALIVE: &str = "alive";

/// The settings as texts, unchecked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raw {
    values: Vec<Option<String>>,
}

/// The request that the arguments make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Invocation {
    /// Run with these settings.
    Run(Raw),
    /// Check that a `watch` is alive.
    Alive(Raw),
    /// Print the help.
    Help,
    /// Print the version.
    Version,
}

impl Raw {
    /// Collects the settings from the arguments (without the program's own name), then from the
    /// environment for those still open. An empty variable counts as not set.
    ///
    /// # Errors
    /// Every argument that is not understood and every variable that is not UTF-8, together with the
    /// settings collected so far, which say how to report.
    pub fn collect(
        args: impl IntoIterator<Item = OsString>,
        env: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Invocation, (Self, Vec<SettingError>)> {
        let mut raw = Self { values: vec![None; TABLE.len()] };
        let mut errors = Vec::new();
        let mut args = args.into_iter().peekable();
        while let Some(arg) = args.next() {
            match arg.to_str() {
                Some("--help" | "-h") => return Ok(Invocation::Help),
                Some("--version" | "-V") => return Ok(Invocation::Version),
                Some(arg) => {
                    if let Err(error) = raw.add_argument(arg, &mut args) {
                        errors.push(error);
                    }
                }
                None => errors.push(argument_error(&arg.to_string_lossy(), "not UTF-8")),
            }
        }
        for row in TABLE {
            match env(row.env).filter(|value| !value.is_empty()).map(OsString::into_string) {
                Some(Ok(text)) => {
                    raw.values[row.key as usize].get_or_insert(text);
                }
                Some(Err(_)) => errors.push(SettingError::new(row.key, "not UTF-8")),
                None => {}
            }
        }
        match raw.get(Key::Action) {
            _ if !errors.is_empty() => Err((raw, errors)),
            Some(ALIVE) => Ok(Invocation::Alive(raw)),
            _ => Ok(Invocation::Run(raw)),
        }
    }

    /// Returns the setting's text, or its default.
    #[must_use]
    pub fn get(&self, key: Key) -> Option<&str> {
        match (&self.values[key as usize], key.row().default) {
            (Some(text), _) => Some(text),
            (None, DefaultValue::Value(text)) => Some(text),
            (None, _) => None,
        }
    }

    fn add_argument(
        &mut self,
        arg: &str,
        rest: &mut Peekable<impl Iterator<Item = OsString>>,
    ) -> Result<(), SettingError> {
        let (row, text) = if arg.starts_with('-') {
            let (flag, inline) = match arg.split_once('=') {
                Some((flag, text)) => (flag, Some(text.to_owned())),
                None => (arg, None),
            };
            let row = find_flag(flag)
                .ok_or_else(|| argument_error(flag, "unknown flag; `--help` lists them"))?;
            let text = match inline {
                Some(text) => text,
                None => take_value(row, rest)?,
            };
            (row, text)
        } else {
            (Key::Action.row(), arg.to_owned())
        };
        match self.values[row.key as usize].replace(text) {
            None => Ok(()),
            Some(_) => Err(argument_error(&row.flag(), "given twice")),
        }
    }
}

/// Takes a flag's value from the next argument. `--dry-run` may stand alone and means `true` then; no
/// action is called like one of its values.
fn take_value(
    row: &Row,
    rest: &mut Peekable<impl Iterator<Item = OsString>>,
) -> Result<String, SettingError> {
    let value = if row.key == Key::DryRun {
        rest.next_if(|next| ["true", "false", "1", "0"].iter().any(|word| next == *word))
            .unwrap_or_else(|| "true".into())
    } else {
        rest.next_if(|next| !next.as_encoded_bytes().starts_with(b"--"))
            .ok_or_else(|| argument_error(&row.flag(), "missing value"))?
    };
    value.into_string().map_err(|_| argument_error(&row.flag(), "not UTF-8"))
}

fn find_flag(flag: &str) -> Option<&'static Row> {
    TABLE.iter().find(|row| row.key != Key::Action && row.flag() == flag)
}

fn argument_error(arg: &str, problem: &str) -> SettingError {
    SettingError { setting: arg.to_owned(), problem: problem.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collect(
        args: &[&str],
        env: &[(&str, &str)],
    ) -> Result<Invocation, (Raw, Vec<SettingError>)> {
        Raw::collect(args.iter().map(OsString::from), |name| {
            env.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into())
        })
    }

    fn collect_run(args: &[&str], env: &[(&str, &str)]) -> Raw {
        match collect(args, env) {
            Ok(Invocation::Run(raw)) => raw,
            other => panic!("{args:?}: {other:?}"),
        }
    }

    #[test]
    fn a_flag_overrides_a_variable_and_a_variable_the_default() {
        let raw = collect_run(
            &["guard", "--floor=7Gi", "--metric", "m"],
            &[("FLOOR", "1"), ("ACTION", "up")],
        );
        assert_eq!(raw.get(Key::Floor), Some("7Gi"));
        assert_eq!(raw.get(Key::Action), Some("guard"));
        assert_eq!(raw.get(Key::Metric), Some("m"));
        assert_eq!(raw.get(Key::Samples), Some("2"));
        assert_eq!(raw.get(Key::Deployment), None);
    }

    #[test]
    fn an_empty_variable_is_not_set() {
        assert_eq!(collect_run(&[], &[("SAMPLES", "")]).get(Key::Samples), Some("2"));
    }

    #[test]
    fn dry_run_takes_a_value_or_none() {
        for (args, action, dry_run) in [
            (&["--dry-run", "up"][..], Some("up"), "true"),
            (&["up", "--dry-run"], Some("up"), "true"),
            (&["--dry-run", "true", "up"], Some("up"), "true"),
            (&["up", "--dry-run", "false"], Some("up"), "false"),
            (&["--dry-run=false"], None, "false"),
            (&["--dry-run", "--floor", "1"], None, "true"),
        ] {
            let raw = collect_run(args, &[]);
            assert_eq!((raw.get(Key::Action), raw.get(Key::DryRun)), (action, Some(dry_run)));
        }
    }

    #[test]
    fn arguments_that_are_not_understood_are_named() {
        for (args, named) in [
            (&["--flor=1"][..], "--flor"),
            (&["--floor"], "--floor"),
            (&["--floor", "--gpu-total=1"], "--floor"),
            (&["up", "down"], "ACTION"),
            (&["--floor=1", "--floor", "2"], "--floor"),
            (&["--ACTION=up"], "--ACTION"),
        ] {
            match collect(args, &[]) {
                Err((_, errors)) => {
                    let settings: Vec<_> = errors.iter().map(|error| &error.setting).collect();
                    assert_eq!(settings, [named]);
                }
                Ok(invocation) => panic!("{args:?}: {invocation:?}"),
            }
        }
    }

    /// A probe runs in the environment of the container that it probes.
    #[test]
    fn alive_takes_the_place_of_the_action() {
        let env = [("ACTION", "watch"), ("HEARTBEAT", "/run/gate/heartbeat")];
        match collect(&["alive", "--within", "60s"], &env) {
            Ok(Invocation::Alive(raw)) => {
                assert_eq!(raw.get(Key::Heartbeat), Some("/run/gate/heartbeat"));
                assert_eq!(raw.get(Key::Within), Some("60s"));
            }
            other => panic!("{other:?}"),
        }
        assert!(collect(&["alive", "watch"], &[]).is_err());
    }

    #[test]
    fn help_and_version_override_the_rest() {
        assert_eq!(collect(&["up", "--help"], &[]), Ok(Invocation::Help));
        assert_eq!(collect(&["-V"], &[]), Ok(Invocation::Version));
    }
}
