//! `man`: the manual pages.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failing test reports the reason"
)]

mod common;

use common::tool::{ran, repository};

#[test]
fn there_is_a_page_for_every_command() {
    let main = ran(repository(), &["man"]);
    assert_eq!(main.code, 0, "{}", main.err);
    assert!(main.out.contains(".TH tts-render 1"), "{}", main.out);
    let help = ran(repository(), &["--help"]).out;
    let list = help.split("Commands:").nth(1).expect("commands").split("\n\n").next().expect("one");
    let commands: Vec<&str> = list
        .lines()
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect();
    assert!(commands.len() >= 15, "{commands:?}");
    for command in commands {
        let page = ran(repository(), &["man", command]);
        assert_eq!(page.code, 0, "{command}: {}", page.err);
        let title =
            format!(".TH tts-render-{command} 1  \"tts-render {}\"", env!("CARGO_PKG_VERSION"));
        assert!(page.out.contains(&title), "{command}: {}", page.out);
        assert!(page.out.contains(".SH SYNOPSIS"), "{command}");
    }
}

#[test]
fn an_unknown_command_is_an_error_with_a_suggestion() {
    let unknown = ran(repository(), &["man", "rendr"]);
    assert_eq!((unknown.code, unknown.out.as_str()), (2, ""));
    let message = "there is no command `rendr`: did you mean `render`?";
    assert!(unknown.err.contains(message), "{}", unknown.err);
}

#[test]
fn man_reads_a_page() {
    if !common::require(&["man", "--version"]) {
        return;
    }
    let page = ran(repository(), &["man", "render"]).out;
    let text = common::run(&["man", "-l", "-"], &page);
    assert!(text.contains("Write rendered/ from the values and templates"), "{text}");
}
