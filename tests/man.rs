//! `man`: the manual pages.

#![cfg(test)]

mod common;

use common::tool::{commands, repository, run_in};

#[test]
fn there_is_a_page_for_every_command() {
    let main = run_in(repository(), &["man"]);
    assert_eq!(main.code, 0, "{}", main.stderr);
    assert!(main.stdout.contains(".TH tts-render 1"), "{}", main.stdout);
    let commands = commands();
    assert!(commands.len() >= 15, "{commands:?}");
    for command in commands {
        let page = run_in(repository(), &["man", &command]);
        assert_eq!(page.code, 0, "{command}: {}", page.stderr);
        let title =
            format!(".TH tts-render-{command} 1  \"tts-render {}\"", env!("CARGO_PKG_VERSION"));
        assert!(page.stdout.contains(&title), "{command}: {}", page.stdout);
        assert!(page.stdout.contains(".SH SYNOPSIS"), "{command}");
    }
}

#[test]
fn there_is_a_page_for_every_subcommand() {
    for args in
        [&["policy", "edit"][..], &["policy-edit"], &["image", "build"], &["gitops", "flux"]]
    {
        let page = run_in(repository(), &[&["man"], args].concat());
        let title = format!(".TH tts-render-{} 1", args.join("-"));
        assert!(page.code == 0 && page.stdout.contains(&title), "{}{}", page.stdout, page.stderr);
    }
    let unknown = run_in(repository(), &["man", "image", "biuld"]);
    assert!(unknown.refusal().contains("did you mean `build`?"), "{}", unknown.stderr);
}

#[test]
fn an_unknown_command_is_an_error_with_a_suggestion() {
    let unknown = run_in(repository(), &["man", "rendr"]);
    assert_eq!((unknown.code, unknown.stdout.as_str()), (2, ""));
    let message = "there is no command `rendr`: did you mean `render`?";
    assert!(unknown.stderr.contains(message), "{}", unknown.stderr);
}

#[test]
fn man_reads_a_page() {
    if !common::require(&["man", "--version"]) {
        return;
    }
    let page = run_in(repository(), &["man", "render"]).stdout;
    let text = common::run(&["man", "-l", "-"], &page);
    assert!(text.contains("Write rendered/ from the values and templates"), "{text}");
}
