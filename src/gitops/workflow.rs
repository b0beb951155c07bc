//! Workflows: texts with a few words of the values in them.
//!
//! The words come from values whose types allow plain letters alone, so they can't become
//! structure.

use super::document::{Document, fill_placeholders};
use super::wiring::{Wiring, WiringPart};
use crate::diff::report;
use yaml_spans::diagnostic::{Diagnostic, Diagnostics};

/// The forge that runs a workflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forge {
    /// GitHub Actions.
    GitHub,
    /// Forgejo Actions.
    Forgejo,
}

/// The workflow that checks `rendered/` in pull requests, comments what changes, and commits on the
/// main branch.
///
/// # Errors
/// A setting is missing, or `gitops.path` would need quotes in a shell or in YAML.
pub fn workflow_document(wiring: &Wiring<'_>, forge: Forge) -> Result<Document, Diagnostics> {
    let settings = wiring.settings;
    wiring.check_part(WiringPart::Workflow).map_err(Diagnostic::from)?;
    let action = settings.ci.action.as_ref().map(ToString::to_string).unwrap_or_default();
    let (file, text) = match forge {
        Forge::GitHub => (".github/workflows/rendered.yaml", include_str!("workflows/github.yaml")),
        Forge::Forgejo => {
            (".forgejo/workflows/rendered.yaml", include_str!("workflows/forgejo.yaml"))
        }
    };
    let root = wiring.repository_path("");
    if !root.chars().all(|c| c.is_ascii_alphanumeric() || "._/-".contains(c)) {
        let message = format!(
            "invalid `gitops.path` `{root}`: expected letters, digits, `.`, `_`, `-` and `/` for a workflow"
        );
        return Err(Diagnostic::new(message).into());
    }
    let rendered = wiring.rendered_path("**");
    let comment = indented(include_str!("workflows/comment.js"), "          ");
    let words = [
        ("COMMENT", comment.as_str()),
        ("MARKER", report::MARKER),
        ("BRANCH", settings.branch.as_str()),
        ("RENDERED", rendered.as_str()),
        ("ACTION", action.as_str()),
        ("VERSION", env!("CARGO_PKG_VERSION")),
        ("ROOT", root.as_str()),
    ];
    Ok(Document { file: file.to_owned(), text: fill_placeholders(text, &words) })
}

/// The lines of a script, as they go on inside a block scalar after its first line's own indentation.
fn indented(script: &str, indentation: &str) -> String {
    script
        .trim_end()
        .replace('\n', &format!("\n{indentation}"))
        .replace(&format!("{indentation}\n"), "\n")
}
