//! Messages on standard error, and errors and findings as text for people, with hidden characters written
//! out.

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use clap::ValueEnum;
use yaml_spans::diagnostic::{Diagnostic, Diagnostics};
use yaml_spans::source::Place;
use yaml_spans::{Message, visible, visible_excerpt, visible_line};

/// The maximum number of errors that are shown; the rest are counted.
const MAX_ERRORS: usize = 20;

/// The use of colours in output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal that has colours. NO_COLOR, CLICOLOR and CLICOLOR_FORCE are respected.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Prints messages.
pub(crate) struct Printer {
    renderer: Renderer,
    /// The renderer for standard output.
    data_renderer: Renderer,
    quiet: bool,
}

/// An error or a finding with its place.
pub(crate) struct Entry<'a> {
    /// The title's first word, and its colour.
    pub level: Level<'a>,
    /// The rule.
    pub id: Option<&'a str>,
    /// One line.
    pub message: &'a Message,
    /// The text that it is about.
    pub place: Option<&'a Place>,
    /// A remark at the place.
    pub label: Option<&'a str>,
    /// The path of the value or the field.
    pub path: Option<&'a str>,
    /// More lines below.
    pub notes: Vec<&'a str>,
}

impl<'a> Entry<'a> {
    fn error(diagnostic: &'a Diagnostic) -> Self {
        Entry {
            level: Level::ERROR,
            id: None,
            message: &diagnostic.message,
            place: diagnostic.place.as_ref(),
            label: diagnostic.label.as_deref(),
            path: diagnostic.path.as_deref(),
            notes: diagnostic.notes.iter().map(String::as_str).collect(),
        }
    }
}

impl Printer {
    /// A printer for the streams of this process.
    pub(crate) fn new(color: Color, quiet: bool) -> Self {
        Printer {
            renderer: renderer(color, io::stderr().is_terminal()),
            data_renderer: renderer(color, io::stdout().is_terminal()),
            quiet,
        }
    }

    /// Prints one status line to standard error, unless `--quiet` is given.
    pub(crate) fn status(&self, line: &str) {
        if !self.quiet {
            write_line(&visible_line(line));
        }
    }

    /// Prints errors to standard error.
    pub(crate) fn errors(&self, Diagnostics(list): &Diagnostics) {
        for (index, diagnostic) in list.iter().take(MAX_ERRORS).enumerate() {
            if index > 0 {
                write_line("");
            }
            write_line(&render(&self.renderer, &Entry::error(diagnostic)));
        }
        if list.len() > MAX_ERRORS {
            write_line(&format!("\n… and {} errors more", list.len() - MAX_ERRORS));
        }
    }

    /// Renders an entry for standard output.
    pub(crate) fn data_entry(&self, entry: &Entry<'_>) -> String {
        render(&self.data_renderer, entry)
    }
}

fn renderer(color: Color, terminal: bool) -> Renderer {
    let colored = is_colored(color, terminal, |name| std::env::var_os(name));
    let renderer = if colored { Renderer::styled() } else { Renderer::plain() };
    renderer.decor_style(DecorStyle::Unicode).term_width(120)
}

/// Returns true if a stream gets colours, by the conventions that clap follows for the help, too:
/// <https://no-color.org> and <https://bixense.com/clicolors>.
fn is_colored(color: Color, terminal: bool, variable: impl Fn(&str) -> Option<OsString>) -> bool {
    let is_on = |name: &str| variable(name).is_some_and(|value| value != "0" && !value.is_empty());
    let is_off = |name: &str| variable(name).is_some_and(|value| value == "0");
    match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto if variable("NO_COLOR").is_some_and(|value| !value.is_empty()) => false,
        Color::Auto if is_on("CLICOLOR_FORCE") => true,
        Color::Auto if is_off("CLICOLOR") => false,
        Color::Auto => terminal && variable("TERM").is_none_or(|value| value != "dumb"),
    }
}

fn render(renderer: &Renderer, entry: &Entry<'_>) -> String {
    let message = entry.message.to_string();
    let mut title = entry.level.clone().primary_title(visible(&message));
    if let Some(id) = entry.id {
        title = title.id(id);
    }
    let shown = entry.place.filter(|place| !place.excerpt.is_empty());
    let mut group = match (shown, entry.place) {
        (Some(place), _) => title.element(snippet(place, entry.label)),
        (None, Some(place)) => title.element(
            Origin::path(visible(&place.name))
                .line(place.line as usize)
                .char_column(place.column as usize),
        ),
        (None, None) => Group::with_title(title),
    };
    if let Some(path) = entry.path {
        group = group.element(Level::NOTE.no_name().message(visible(path)));
    }
    if let (None, Some(label)) = (shown, entry.label) {
        group = group.element(Level::HELP.message(visible(label)));
    }
    for note in &entry.notes {
        group = group.element(Level::NOTE.message(visible_lines(note)));
    }
    renderer.render(&[group])
}

/// A text of several lines, each of which is written out and none of which a CI system can take for a
/// command.
fn visible_lines(text: &str) -> String {
    text.split('\n').map(visible_line).collect::<Vec<_>>().join("\n")
}

fn snippet<'a>(
    place: &'a Place,
    label: Option<&'a str>,
) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
    let start = place.column as usize - 1;
    let (excerpt, marked) = visible_excerpt(&place.excerpt, start..start + place.width);
    let annotation = AnnotationKind::Primary.span(marked);
    let annotation = match label {
        Some(label) => annotation.label(visible(label)),
        None => annotation,
    };
    Snippet::source(excerpt)
        .line_start(place.line as usize)
        .path(visible(&place.name))
        .annotation(annotation)
}

/// Writes a line to standard error; a closed one is ignored.
fn write_line(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_follow_the_flag_then_the_environment_then_the_terminal() {
        for (color, terminal, environment, expected) in [
            (Color::Auto, true, "", true),
            (Color::Auto, false, "", false),
            (Color::Auto, true, "NO_COLOR=1", false),
            (Color::Auto, true, "NO_COLOR=", true),
            (Color::Auto, true, "TERM=dumb", false),
            (Color::Auto, true, "TERM=xterm", true),
            (Color::Auto, true, "CLICOLOR=0", false),
            (Color::Auto, false, "CLICOLOR=1", false),
            (Color::Auto, false, "CLICOLOR_FORCE=1", true),
            (Color::Auto, false, "CLICOLOR_FORCE=0", false),
            (Color::Auto, true, "CLICOLOR_FORCE=0", true),
            (Color::Auto, false, "CLICOLOR_FORCE=1 TERM=dumb", true),
            (Color::Auto, true, "CLICOLOR_FORCE=1 NO_COLOR=1", false),
            (Color::Always, false, "NO_COLOR=1 TERM=dumb", true),
            (Color::Never, true, "CLICOLOR_FORCE=1", false),
        ] {
            let variable = |name: &str| {
                let set = environment.split(' ').filter_map(|pair| pair.split_once('='));
                set.filter(|(own, _)| *own == name).map(|(_, value)| value.into()).next()
            };
            assert_eq!(is_colored(color, terminal, variable), expected, "{color:?} {environment}");
        }
    }
}
