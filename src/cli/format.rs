//! `-o`, `--format`: the format of a command's output.

use std::ffi::OsStr;

use clap::builder::{EnumValueParser, PossibleValue, StyledStr, TypedValueParser};
use clap::error::{ContextKind, ContextValue};
use clap::{Arg, Args, Command, Error, ValueEnum};

// The flag `-o`, `--format` of a command whose formats are `F`; the default is `text`.
#[derive(Debug, Clone, Args)]
pub(crate) struct FormatFlag<F: ValueEnum + Clone + Send + Sync + 'static> {
    /// The format of the output
    // `--output` is a habit from kubectl. There it takes a format, in other programs a folder.
    #[arg(
        short = 'o',
        long,
        alias = "output",
        value_name = "FORMAT",
        default_value = "text",
        value_parser = FormatParser::<F>(EnumValueParser::new())
    )]
    pub format: F,
}

/// Text for people, or JSON for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TextOrJson {
    /// For a terminal.
    Text,
    /// For programs.
    Json,
}

/// The format of findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FindingFormat {
    /// For a terminal.
    Text,
    /// For programs.
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// GitHub's workflow commands.
    Github,
}

/// Parses a format. The error for any other value, such as a file, says where output goes.
#[derive(Clone)]
struct FormatParser<F: ValueEnum + Clone + Send + Sync + 'static>(EnumValueParser<F>);

impl<F: ValueEnum + Clone + Send + Sync + 'static> TypedValueParser for FormatParser<F> {
    type Value = F;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<F, Error> {
        self.0.parse_ref(command, arg, value).map_err(|mut error| {
            if error.get(ContextKind::SuggestedValue).is_none() {
                let has_out = command.get_arguments().any(|arg| arg.get_id() == "out");
                let tip = match has_out {
                    true => "to write files into a folder, use '--out'",
                    false => "the output is printed; to write it to a file, use '> FILE'",
                };
                let tip = ContextValue::StyledStrs(vec![StyledStr::from(tip)]);
                error.insert(ContextKind::Suggested, tip);
            }
            error
        })
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        self.0.possible_values()
    }
}
