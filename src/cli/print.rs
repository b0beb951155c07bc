//! Talk: errors, notes and summaries, on standard error.

use std::io::{self, IsTerminal, Write};

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use clap::ValueEnum;
use tts_render::diagnostic::{Diagnostic, Diagnostics};
use tts_render::source::Place;

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
    quiet: bool,
}

impl Printer {
    /// A printer for standard error.
    pub(crate) fn new(color: Color, quiet: bool) -> Self {
        let colored = match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
                io::stderr().is_terminal() && !refused
            }
        };
        let renderer = if colored { Renderer::styled() } else { Renderer::plain() };
        Printer { renderer: renderer.decor_style(DecorStyle::Unicode).term_width(120), quiet }
    }

    /// One line of talk, unless the user wants quiet.
    pub(crate) fn say(&self, line: &str) {
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
            write_line(&self.render(diagnostic));
        }
        if list.len() > SHOWN {
            write_line(&format!("\n… and {} errors more", list.len() - SHOWN));
        }
    }

    /// One diagnostic as a person reads it.
    fn render(&self, diagnostic: &Diagnostic) -> String {
        let title = Level::ERROR.primary_title(diagnostic.message.as_str());
        let shown = diagnostic.place.as_ref().filter(|place| !place.excerpt.is_empty());
        let mut group = match (shown, &diagnostic.place) {
            (Some(place), _) => title.element(snippet(place, diagnostic.label.as_deref())),
            (None, Some(place)) => title.element(
                Origin::path(place.name.as_str())
                    .line(place.line as usize)
                    .char_column(place.column as usize),
            ),
            (None, None) => Group::with_title(title),
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
        self.renderer.render(&[group])
    }
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
