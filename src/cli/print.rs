//! Talk: errors, notes and summaries, on standard error; and findings as a person reads them.

use std::io::{self, IsTerminal, Write};

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use clap::ValueEnum;
use yaml_spans::diagnostic::{Diagnostic, Diagnostics};
use yaml_spans::source::Place;

/// The errors that are shown; the rest are counted.
const SHOWN: usize = 20;

/// When output has colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Prints talk.
pub(crate) struct Printer {
    renderer: Renderer,
    /// For what goes to standard output.
    data_renderer: Renderer,
    quiet: bool,
}

/// Something that is told with its place: how bad it is, and by which rule.
pub(crate) struct Titled<'a> {
    pub level: Level<'a>,
    pub id: Option<&'a str>,
}

impl Printer {
    /// A printer for standard error.
    pub(crate) fn new(color: Color, quiet: bool) -> Self {
        let renderer = |terminal| renderer(color, terminal);
        Printer {
            renderer: renderer(io::stderr().is_terminal()),
            data_renderer: renderer(io::stdout().is_terminal()),
            quiet,
        }
    }

    /// One line of talk, unless the user wants quiet.
    pub(crate) fn status(&self, line: &str) {
        if !self.quiet {
            write_line(line);
        }
    }

    /// What is wrong.
    pub(crate) fn errors(&self, Diagnostics(list): &Diagnostics) {
        for (at, diagnostic) in list.iter().take(SHOWN).enumerate() {
            if at > 0 {
                write_line("");
            }
            let title = Titled { level: Level::ERROR, id: None };
            write_line(&render(&self.renderer, title, diagnostic));
        }
        if list.len() > SHOWN {
            write_line(&format!("\n… and {} errors more", list.len() - SHOWN));
        }
    }

    /// A finding as a person reads it, for standard output.
    pub(crate) fn finding(&self, title: Titled<'_>, diagnostic: &Diagnostic) -> String {
        render(&self.data_renderer, title, diagnostic)
    }
}

fn renderer(color: Color, terminal: bool) -> Renderer {
    let colored = match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => {
            let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
            terminal && !refused
        }
    };
    let renderer = if colored { Renderer::styled() } else { Renderer::plain() };
    renderer.decor_style(DecorStyle::Unicode).term_width(120)
}

/// One diagnostic as a person reads it.
fn render(renderer: &Renderer, title: Titled<'_>, diagnostic: &Diagnostic) -> String {
    let mut titled = title.level.primary_title(diagnostic.message.as_str());
    if let Some(id) = title.id {
        titled = titled.id(id);
    }
    let shown = diagnostic.place.as_ref().filter(|place| !place.excerpt.is_empty());
    let mut group = match (shown, &diagnostic.place) {
        (Some(place), _) => titled.element(snippet(place, diagnostic.label.as_deref())),
        (None, Some(place)) => titled.element(
            Origin::path(place.name.as_str())
                .line(place.line as usize)
                .char_column(place.column as usize),
        ),
        (None, None) => Group::with_title(titled),
    };
    if let Some(path) = &diagnostic.path {
        group = group.element(Level::NOTE.no_name().message(path.as_str()));
    }
    if let (None, Some(label)) = (shown, &diagnostic.label) {
        group = group.element(Level::HELP.message(label.as_str()));
    }
    for note in &diagnostic.notes {
        group = group.element(Level::NOTE.message(note.as_str()));
    }
    renderer.render(&[group])
}

fn snippet<'a>(
    place: &'a Place,
    label: Option<&'a str>,
) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
    let start = byte_of(&place.excerpt, place.column as usize - 1);
    let end = byte_of(&place.excerpt, place.column as usize - 1 + place.width);
    let annotation = AnnotationKind::Primary.span(start..end);
    let annotation = match label {
        Some(label) => annotation.label(label),
        None => annotation,
    };
    Snippet::source(place.excerpt.as_str())
        .line_start(place.line as usize)
        .path(place.name.as_str())
        .annotation(annotation)
}

fn byte_of(text: &str, character: usize) -> usize {
    text.char_indices().nth(character).map_or(text.len(), |(byte, _)| byte)
}

/// Standard error may be closed: then there is nobody to tell.
fn write_line(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}
