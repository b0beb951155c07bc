//! `completions`: a shell's completion script.

#![cfg(test)]

mod common;

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};

use common::tool::{self, CommandOutput, Sandbox};

const SHELLS: [&str; 3] = ["bash", "zsh", "fish"];

/// The words that each line continues with, in a project with the stacks `tts` and `whisper`.
const LINES: [(&str, &[&str]); 11] = [
    ("tts-render val", &["validate"]),
    ("tts-render policy ", &["edit", "show"]),
    ("tts-render lint --fa", &["--fail-on"]),
    ("tts-render lint -o ", &["text", "json", "sarif", "github"]),
    ("tts-render render ", &["tts", "whisper"]),
    ("tts-render explain --stack whi", &["whisper"]),
    ("tts-render explain deployment/chatter", &["deployment/chatterbox-tts"]),
    ("tts-render explain --value gate.flo", &["gate.floor"]),
    ("tts-render render --set gate.noSer", &["gate.noSeries="]),
    ("tts-render lint --explain gpu-", &["gpu-total"]),
    ("tts-render generate --app trip", &["tripit"]),
];

/// The PATH with the folder of the program.
fn path() -> OsString {
    let program = Path::new(env!("CARGO_BIN_EXE_tts-render"));
    let mut folders = vec![program.parent().unwrap().to_owned()];
    folders.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    std::env::join_paths(folders).unwrap()
}

/// Presses Tab in an interactive shell for each line.
fn press_tab(shell: &str, setup: &str) {
    let sandbox = Sandbox::two_stacks();
    let program = tool::repository().join("tests/common/press_tab.py");
    for (line, expected) in LINES {
        let mut command = Command::new("python3");
        command.arg(&program).args([shell, setup, line]).args(expected);
        command.current_dir(sandbox.path("")).env("PATH", path()).env("TERM", "vt100");
        let ran = CommandOutput::run(&mut command);
        assert_eq!(ran.code, 0, "{shell}: {line:?}: {}{}", ran.stdout, ran.stderr);
    }
}

#[test]
fn bash_completes() {
    if common::require(&["bash", "--version"]) && common::require(&["python3", "--version"]) {
        press_tab("bash --norc --noprofile -i", "source <(tts-render completions bash)");
    }
}

#[test]
fn zsh_completes() {
    if common::require(&["zsh", "--version"]) && common::require(&["python3", "--version"]) {
        let setup = "autoload -U compinit && compinit -u -D; source <(tts-render completions zsh)";
        press_tab("zsh -f -i", setup);
    }
}

#[test]
fn fish_completes() {
    if !common::require(&["fish", "--version"]) {
        return;
    }
    let sandbox = Sandbox::two_stacks();
    for (line, expected) in LINES {
        let mut command = Command::new("fish");
        let script = "tts-render completions fish | source; complete --do-complete $argv[1]";
        command.args(["--no-config", "-c", script, line]).env("PATH", path());
        command.current_dir(sandbox.path("")).env("HOME", sandbox.path(""));
        let ran = CommandOutput::run(&mut command);
        let offered: Vec<&str> =
            ran.result().lines().filter_map(|line| line.split('\t').next()).collect();
        for word in expected {
            assert!(offered.contains(word), "{line:?}: {offered:?}");
        }
    }
}

/// Asks the program for the completions of a line, as bash's script does.
fn complete(folder: &Path, words: &[&str]) -> Vec<String> {
    let mut command = tool::tts_render(folder);
    command.env("TTS_RENDER_COMPLETE", "bash").env("_CLAP_IFS", "\n");
    command.env("_CLAP_COMPLETE_INDEX", words.len().to_string());
    let ran = CommandOutput::run(command.args(["--", "tts-render"]).args(words));
    ran.result().lines().map(str::to_owned).collect()
}

#[test]
fn candidates_come_from_the_project_around_the_folder() {
    let sandbox = Sandbox::two_stacks();
    std::fs::create_dir(sandbox.path("docs")).unwrap();
    assert_eq!(complete(&sandbox.path("docs"), &["render", "w"]), ["whisper"]);
    let elsewhere = Sandbox::empty();
    let folder = sandbox.path("docs");
    let words = ["-C", folder.to_str().unwrap(), "render", "w"];
    assert_eq!(complete(&elsewhere.path(""), &words), ["whisper"]);
    assert_eq!(complete(&elsewhere.path(""), &["render", "w"]), [""; 0]);
    let choices = complete(&sandbox.path(""), &["render", "--set", "gate.noSeries="]);
    assert_eq!(choices, ["gate.noSeries=idle", "gate.noSeries=unknown"]);
}

#[test]
fn a_project_offers_nothing_that_a_shell_interprets() {
    let sandbox = Sandbox::repository();
    let hostile = "a$(touch ran).yaml";
    std::fs::copy(sandbox.path("values/tts.yaml"), sandbox.path(format!("values/{hostile}")))
        .unwrap();
    let stacks = complete(&sandbox.path(""), &["render", ""]);
    let stacks: Vec<&String> = stacks.iter().filter(|word| !word.starts_with('-')).collect();
    assert_eq!(stacks, ["tts"]);
    // A project that can't be rendered has no objects, and says nothing.
    assert_eq!(complete(&sandbox.path(""), &["explain", "dep"]), [""; 0]);
}

#[test]
fn every_shell_gets_a_script_that_runs_the_program() {
    for shell in SHELLS.iter().chain(&["elvish", "powershell"]) {
        let script = tool::run_in(tool::repository(), &["completions", shell]);
        assert_eq!(script.code, 0, "{shell}: {}", script.stderr);
        assert!(script.stdout.contains("TTS_RENDER_COMPLETE"), "{shell}: {}", script.stdout);
    }
}

#[test]
fn bash_reads_its_script() {
    if !common::require(&["bash", "--version"]) {
        return;
    }
    let script = tool::run_in(tool::repository(), &["completions", "bash"]).stdout;
    common::run(&["bash", "-n"], &script);
}

#[test]
fn an_unknown_shell_is_a_usage_error() {
    let output = tool::run_in(tool::repository(), &["completions", "powerfish"]);
    assert_eq!(output.code, 2);
    assert!(output.stderr.contains("powerfish"), "{}", output.stderr);
}

/// A reader that closes early is an ordinary end for every command that prints a long text.
#[test]
fn a_closed_pipe_is_an_ordinary_end() {
    for args in [&["completions", "bash"][..], &["completions", "zsh"], &["man"], &["schema"]] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_tts-render"))
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let status = child.wait().unwrap();
        let mut errors = String::new();
        child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
        assert_eq!((status.code(), errors.as_str()), (Some(0), ""), "{args:?}");
    }
}

#[test]
fn a_full_disk_is_a_failure_that_says_so() {
    for args in
        [&["completions", "bash"][..], &["man"], &["man", "render"], &["schema"], &["--help"]]
    {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_tts-render"))
            .args(args)
            .stdout(full)
            .output()
            .unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {errors}");
        assert!(errors.contains("No space left"), "{args:?}: {errors}");
    }
}
