//! Gathering: texts from arguments and environment, a flag before a variable.

use std::ffi::OsString;

use super::table::Default;
use super::{Key, Row, SettingError, TABLE};

/// The settings as texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raw {
    values: Vec<Option<String>>,
}

/// What the arguments ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// Decide, by these settings.
    Run(Raw),
    /// Explain.
    Help,
    /// Name the version.
    Version,
}

impl Raw {
    /// Reads the arguments (without the program's own name), then the
    /// environment for what they leave open. An empty variable is not set.
    ///
    /// # Errors
    /// Every argument that is not understood, and every variable of ours that
    /// is not text, with what could be gathered (to know how to report).
    pub fn gather(
        args: impl IntoIterator<Item = OsString>,
        env: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Ask, (Self, Vec<SettingError>)> {
        let mut raw = Self { values: vec![None; TABLE.len()] };
        let mut errors = Vec::new();
        let mut args = args.into_iter();
        while let Some(arg) = args.next() {
            match arg.to_str() {
                Some("--help" | "-h") => return Ok(Ask::Help),
                Some("--version" | "-V") => return Ok(Ask::Version),
                Some(arg) => {
                    if let Err(error) = raw.argument(arg, &mut args) {
                        errors.push(error);
                    }
                }
                None => errors.push(problem(&arg.to_string_lossy(), "is not text")),
            }
        }
        for row in TABLE {
            match env(row.env).filter(|value| !value.is_empty()).map(OsString::into_string) {
                Some(Ok(text)) => {
                    raw.values[row.key as usize].get_or_insert(text);
                }
                Some(Err(_)) => errors.push(SettingError::new(row.key, "is not text")),
                None => {}
            }
        }
        if errors.is_empty() { Ok(Ask::Run(raw)) } else { Err((raw, errors)) }
    }

    /// The setting's text, or its default.
    #[must_use]
    pub fn get(&self, key: Key) -> Option<&str> {
        match (&self.values[key as usize], key.row().default) {
            (Some(text), _) => Some(text),
            (None, Default::Value(text)) => Some(text),
            (None, _) => None,
        }
    }

    fn argument(
        &mut self,
        arg: &str,
        rest: &mut impl Iterator<Item = OsString>,
    ) -> Result<(), SettingError> {
        let (row, text) = if arg.starts_with('-') {
            let (flag, inline) = match arg.split_once('=') {
                Some((flag, text)) => (flag, Some(text.to_owned())),
                None => (arg, None),
            };
            let row =
                find(flag).ok_or_else(|| problem(flag, "there is no such flag; see --help"))?;
            let text = match inline {
                Some(text) => text,
                None if row.key == Key::DryRun => "true".to_owned(),
                None => rest
                    .next()
                    .ok_or_else(|| problem(flag, "needs a value"))?
                    .into_string()
                    .map_err(|_| problem(flag, "is not text"))?,
            };
            (row, text)
        } else {
            (Key::Action.row(), arg.to_owned())
        };
        match self.values[row.key as usize].replace(text) {
            None => Ok(()),
            Some(_) => Err(problem(&row.flag(), "is given twice")),
        }
    }
}

fn find(flag: &str) -> Option<&'static Row> {
    TABLE.iter().find(|row| row.key != Key::Action && row.flag() == flag)
}

fn problem(arg: &str, problem: &str) -> SettingError {
    SettingError { setting: arg.to_owned(), problem: problem.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gather(args: &[&str], env: &[(&str, &str)]) -> Result<Ask, (Raw, Vec<SettingError>)> {
        Raw::gather(args.iter().map(OsString::from), |name| {
            env.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into())
        })
    }

    fn run(args: &[&str], env: &[(&str, &str)]) -> Raw {
        match gather(args, env) {
            Ok(Ask::Run(raw)) => raw,
            other => panic!("{args:?}: {other:?}"),
        }
    }

    #[test]
    fn a_flag_goes_before_a_variable_and_a_default_last() {
        let raw =
            run(&["guard", "--floor=7Gi", "--metric", "m"], &[("FLOOR", "1"), ("ACTION", "up")]);
        assert_eq!(raw.get(Key::Floor), Some("7Gi"));
        assert_eq!(raw.get(Key::Action), Some("guard"));
        assert_eq!(raw.get(Key::Metric), Some("m"));
        assert_eq!(raw.get(Key::Samples), Some("2"));
        assert_eq!(raw.get(Key::Deployment), None);
    }

    #[test]
    fn an_empty_variable_is_not_set() {
        assert_eq!(run(&[], &[("SAMPLES", "")]).get(Key::Samples), Some("2"));
    }

    #[test]
    fn dry_run_needs_no_value() {
        assert_eq!(run(&["--dry-run", "up"], &[]).get(Key::DryRun), Some("true"));
        assert_eq!(run(&["--dry-run=false"], &[]).get(Key::DryRun), Some("false"));
    }

    #[test]
    fn what_is_not_understood_is_named() {
        for (args, named) in [
            (&["--flor=1"][..], "--flor"),
            (&["--floor"], "--floor"),
            (&["up", "down"], "ACTION"),
            (&["--floor=1", "--floor", "2"], "--floor"),
            (&["--ACTION=up"], "--ACTION"),
        ] {
            match gather(args, &[]) {
                Err((_, errors)) => assert_eq!(errors[0].setting, named),
                Ok(ask) => panic!("{args:?}: {ask:?}"),
            }
        }
    }

    #[test]
    fn help_and_version_win() {
        assert_eq!(gather(&["up", "--help"], &[]), Ok(Ask::Help));
        assert_eq!(gather(&["-V"], &[]), Ok(Ask::Version));
    }
}
