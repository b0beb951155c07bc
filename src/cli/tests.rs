//! Every command that the documentation, the help and the messages print is one that exists, and every command has
//! its own description.

use std::fs;
use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use vram_gate::settings::{Invocation, Raw};

use super::Cli;

/// A text from which commands are read, with its name.
struct Text {
    name: String,
    text: String,
}

/// A printed command.
#[derive(Debug, PartialEq, Eq)]
struct Printed {
    command: String,
    /// A line of a listing is a whole command; a code span may name only the beginning of one.
    is_whole: bool,
}

fn files_below(folder: &Path, endings: &[&str], found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if !name.starts_with('.') && name != "target" && name != "fixtures" {
                files_below(&path, endings, found);
            }
        } else if endings.iter().any(|ending| name.ends_with(ending)) {
            found.push(path);
        }
    }
}

/// The documentation, the sources with their messages, and the workflows that are written for users.
fn repository_texts() -> Vec<Text> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    files_below(root, &[".md"], &mut paths);
    files_below(&root.join("src"), &[".rs", ".yaml", ".j2"], &mut paths);
    files_below(&root.join("gate/src"), &[".rs"], &mut paths);
    paths.extend(["action.yml", ".pre-commit-hooks.yaml"].map(|name| root.join(name)));
    paths.retain(|path| !path.ends_with("src/cli/tests.rs"));
    paths.sort();
    let read = |path: PathBuf| Text {
        text: fs::read_to_string(&path).unwrap(),
        name: path.strip_prefix(root).unwrap().display().to_string(),
    };
    paths.into_iter().map(read).collect()
}

/// Every command and subcommand, but for `help`, with its whole name: `tts-render policy edit`.
fn all_commands() -> Vec<(String, clap::Command)> {
    let mut whole = Cli::command();
    whole.build();
    let mut commands = Vec::new();
    let mut open = vec![whole];
    while let Some(command) = open.pop() {
        let name = command.get_bin_name().unwrap_or(command.get_name()).to_owned();
        let subcommands = command.get_subcommands().filter(|one| one.get_name() != "help");
        open.extend(subcommands.cloned());
        commands.push((name, command));
    }
    commands
}

/// clap takes a doc comment of shared flags for the description of each command that has them.
#[test]
fn shared_flags_do_not_describe_a_command() {
    let mut built = Cli::command();
    built.build();
    for command in Cli::command().get_subcommands() {
        let name = command.get_name();
        let built = built.find_subcommand(name).unwrap();
        assert!(command.get_about().is_some(), "{name}");
        assert_eq!(built.get_about(), command.get_about(), "{name}");
        assert_eq!(built.get_long_about(), command.get_long_about(), "{name}");
    }
}

/// The examples in the help of every command.
fn help_texts() -> Vec<Text> {
    let after_help = |(name, command): (String, clap::Command)| Text {
        name: format!("help of {name}"),
        text: command.get_after_help().map(ToString::to_string).unwrap_or_default(),
    };
    all_commands().into_iter().map(after_help).collect()
}

/// The commands of a program in a text: in code spans, and at the start of a listing's line or after
/// `|`, `&&` or `$ `.
fn printed_commands(text: &str, program: &str) -> Vec<Printed> {
    let start = format!("{program} ");
    let mut commands = Vec::new();
    for line in text.lines() {
        for (index, part) in line.split('`').enumerate() {
            if index % 2 == 1 && line.matches('`').count() % 2 == 0 {
                if part.starts_with(&start) {
                    commands.push(Printed { command: end_of_command(part), is_whole: false });
                }
                continue;
            }
            for segment in part.split(" | ").flat_map(|part| part.split(" && ")) {
                let segment = segment.trim_start().trim_start_matches("$ ");
                let segment = ["run: ", "entry: "].iter().fold(segment, |text, key| {
                    text.trim_start_matches("- ").trim_start_matches(key)
                });
                if segment.starts_with(&start) {
                    commands.push(Printed { command: end_of_command(segment), is_whole: true });
                }
            }
        }
    }
    commands
}

/// A command without the comment or redirection after it.
fn end_of_command(text: &str) -> String {
    let ends = ["  ", " #", " >", " \\", " | ", " || ", ";", " 2>", "\\n", "\")]"];
    let end = ends.iter().filter_map(|end| text.find(end)).min().unwrap_or(text.len());
    text[..end].trim_end_matches(['"', ',', '.', ')', ' ']).to_owned()
}

/// The words of a command. Brackets around optional parts are dropped, and `…`.
fn words(command: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    for c in command.chars() {
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) => word.push(c),
            None if c == '\'' || c == '"' => quote = Some(c),
            None if c == ' ' => words.extend(Some(std::mem::take(&mut word))),
            None => word.push(c),
        }
    }
    words.push(word);
    let bare =
        |word: String| match word.starts_with('[') || word.ends_with(']') && !word.contains('[') {
            true => word.trim_start_matches('[').trim_end_matches(['…', ']']).to_owned(),
            false => word.trim_end_matches('…').to_owned(),
        };
    words.into_iter().map(bare).filter(|word| !word.is_empty()).collect()
}

/// Returns true for a word that is meant to be replaced: `FILE`, `@ROOT@`.
fn is_placeholder(word: &str) -> bool {
    word.chars().any(|c| c.is_ascii_uppercase()) && !word.chars().any(|c| c.is_ascii_lowercase())
}

/// Parses a command of this program; an error says why it is not one.
fn parse_command(printed: &Printed) -> Result<(), String> {
    let words = words(&printed.command);
    let Err(error) = Cli::try_parse_from(&words) else { return Ok(()) };
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Ok(()),
        ErrorKind::MissingRequiredArgument
        | ErrorKind::MissingSubcommand
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
            if !printed.is_whole =>
        {
            Ok(())
        }
        ErrorKind::InvalidValue | ErrorKind::ValueValidation | ErrorKind::InvalidSubcommand
            if words.iter().any(|word| is_placeholder(word)) =>
        {
            Ok(())
        }
        // An option at the end of a code span, without its value.
        ErrorKind::InvalidValue if !printed.is_whole => Ok(()),
        _ => Err(error.to_string().lines().next().unwrap_or_default().to_owned()),
    }
}

/// Parses a command of the gate, whose settings may be placeholders.
fn parse_gate_command(printed: &Printed) -> Result<(), String> {
    let arguments = words(&printed.command).into_iter().skip(1).map(Into::into);
    match Raw::collect(arguments, |_| None) {
        Ok(Invocation::Run(_) | Invocation::Alive(_) | Invocation::Help | Invocation::Version) => {
            Ok(())
        }
        Err((_, errors)) => Err(errors.iter().map(|error| format!("{error}; ")).collect()),
    }
}

#[test]
fn every_printed_command_parses() {
    let mut count = 0;
    let mut wrong = Vec::new();
    for Text { name, text } in repository_texts().into_iter().chain(help_texts()) {
        for printed in printed_commands(&text, "tts-render") {
            count += 1;
            if let Err(error) = parse_command(&printed) {
                wrong.push(format!("{name}: `{}`: {error}", printed.command));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(count > 150, "{count} commands");
}

#[test]
fn every_printed_command_of_the_gate_parses() {
    let mut count = 0;
    for Text { name, text } in repository_texts() {
        for printed in &printed_commands(&text, "vram-gate") {
            // Reports of the gate start with its name too, and usage lines list alternatives.
            let is_argument = |c: char| c.is_ascii_alphanumeric() || "- _.:/".contains(c);
            if printed.command.contains(": ") || !printed.command.chars().all(is_argument) {
                continue;
            }
            count += 1;
            let parsed = parse_gate_command(printed);
            assert_eq!(parsed, Ok(()), "{name}: `{}`", printed.command);
        }
    }
    assert!(count > 10, "{count} commands");
}

#[test]
fn commands_are_found_where_they_are_printed() {
    let text = "Run `tts-render lint` first.\n    kubectl get x | tts-render validate -\n\
                tts-render render tts    # write it\n$ tts-render man > page && tts-render schema\n\
                The tts-render binary is small.\n";
    let commands: Vec<String> =
        printed_commands(text, "tts-render").into_iter().map(|printed| printed.command).collect();
    assert_eq!(
        commands,
        [
            "tts-render lint",
            "tts-render validate -",
            "tts-render render tts",
            "tts-render man",
            "tts-render schema"
        ]
    );
}

#[test]
fn a_command_that_does_not_exist_is_found() {
    let whole = |command: &str| Printed { command: command.to_owned(), is_whole: true };
    for command in [
        "tts-render render [STACK…]",
        "tts-render commit [--push]",
        "tts-render explain deployment/a 'spec.containers[0].image'",
        "tts-render diff [--base REV] [--format markdown]",
    ] {
        assert_eq!(parse_command(&whole(command)), Ok(()), "{command}");
    }
    for command in [
        "tts-render requires",
        "tts-render render --chek",
        "tts-render image pin REF values/tts.yaml --pin x",
        "tts-render image push",
        "tts-render lint --format html",
    ] {
        assert!(parse_command(&whole(command)).is_err(), "{command}");
    }
    assert!(parse_gate_command(&whole("vram-gate up --flor 6Gi")).is_err());
}

#[test]
fn every_help_has_an_example_of_its_command() {
    let commands = all_commands();
    assert!(commands.len() > 25, "{}", commands.len());
    for (name, command) in commands {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let (_, examples) = help.split_once("Example").unwrap_or_else(|| panic!("{name}: {help}"));
        let printed = printed_commands(examples, "tts-render");
        let is_of_this =
            |printed: &&Printed| printed.is_whole && printed.command.starts_with(&name);
        assert!(printed.iter().any(|one| is_of_this(&one)), "{name}: {help}");
    }
}

#[test]
fn global_options_are_apart_and_last() {
    const GLOBAL: [&str; 6] = ["budget-factor", "color", "directory", "help", "quiet", "version"];
    const HEADING: &str = "Global options:";
    for (name, mut command) in all_commands() {
        let help = command.render_long_help().to_string();
        let (own, global) = help.split_once(HEADING).unwrap_or_else(|| panic!("{name}: {help}"));
        let of_a_heading = |text: &str| {
            let line = |line: &str| Some(line.trim_start().split_once("--")?.1.to_owned());
            let is_option = |line: &&str| line.trim_start().starts_with('-');
            let flag = |text: String| text.split([' ', '=']).next().unwrap_or_default().to_owned();
            text.lines().filter(is_option).filter_map(line).map(flag).collect::<Vec<String>>()
        };
        // The examples are below the options.
        let options = global.split("\n\nExample").next().unwrap_or_default();
        let mut found = of_a_heading(options);
        found.sort();
        assert_eq!(found, GLOBAL, "{name}: {help}");
        assert!(!of_a_heading(own).iter().any(|one| GLOBAL.contains(&one.as_str())), "{name}");
    }
}

#[test]
fn a_format_has_the_same_flags_everywhere() {
    let mut count = 0;
    for (name, command) in all_commands() {
        let Some(format) = command.get_arguments().find(|arg| arg.get_id() == "format") else {
            continue;
        };
        count += 1;
        assert_eq!((format.get_short(), format.get_long()), (Some('o'), Some("format")), "{name}");
        assert_eq!(format.get_all_aliases(), Some(vec!["output"]), "{name}");
        assert_eq!(format.get_default_values(), ["text"], "{name}");
    }
    assert!(count >= 3, "{count}");
}

#[test]
fn an_output_that_is_not_a_format_is_refused_with_the_flag_that_is_meant() {
    let error = |args: &[&str]| Cli::try_parse_from(args).unwrap_err().to_string();
    let printed = error(&["tts-render", "lint", "--output", "lint.sarif"]);
    assert!(printed.contains("possible values: text, json, sarif, github"), "{printed}");
    assert!(printed.contains("use '> FILE'"), "{printed}");
    let typo = error(&["tts-render", "lint", "-o", "jsn"]);
    assert!(typo.contains("'json'") && !typo.contains("FILE"), "{typo}");
    assert!(Cli::try_parse_from(["tts-render", "lint", "--output", "json"]).is_ok());
}

#[test]
fn a_command_or_option_of_another_program_leads_to_the_own_one() {
    for (args, tip) in [
        (&["check", "rendered"][..], "use 'validate' for manifests"),
        (&["template"], "use 'generate' to print the manifests"),
        (&["apply", "-f", "x"], "kubectl apply --server-side"),
        (&["render", "-n", "tts"], "the namespace is the value 'namespace.name'"),
        (&["render", "--namespace=tts"], "the namespace is the value 'namespace.name'"),
        (&["doctor", "--kubeconfig", "x"], "kubectl reads the variable KUBECONFIG"),
        (&["render", "--set-file", "a=b"], "use '--set-string PATH="),
        // A typo keeps the tip for it.
        (&["redner"], "'render'"),
        (&["render", "--dryrun"], "'--dry-run'"),
        (&["status", "--last", "x"], "expected a whole number from 1 to 100"),
        (&["status", "--last", "0"], "expected a whole number from 1 to 100"),
    ] {
        let error = Cli::try_parse_from([&["tts-render"], args].concat()).unwrap_err();
        let text = super::usage_tips::add_tip(error).to_string();
        assert!(text.contains(tip), "{args:?}: {text}");
        assert_eq!(
            text.matches("tip:").count(),
            usize::from(!text.contains("whole number")),
            "{text}"
        );
    }
}
