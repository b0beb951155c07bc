//! Workflows: texts with a few words of the values in them.
//!
//! What is put in comes from values whose types allow plain letters alone, so it can't become
//! structure.

use super::document::Document;
use super::wiring::{Wiring, WiringError};
use yaml_spans::diagnostic::{Diagnostic, Diagnostics};

/// Whose workflow it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forge {
    /// GitHub Actions.
    GitHub,
    /// Forgejo Actions.
    Forgejo,
}

/// The workflow that checks `rendered/` in pull requests, says there what changes, and commits on
/// the main branch.
///
/// # Errors
/// `gitops.ci.action` is not set, or `gitops.path` is no path that a shell and YAML take plain.
pub fn workflow(wiring: &Wiring<'_>, forge: Forge) -> Result<Document, Diagnostics> {
    let settings = wiring.settings;
    let not_set = WiringError::NotSet {
        path: "gitops.ci.action",
        what: "the action that installs tts-render, as OWNER/REPOSITORY@COMMIT",
    };
    let action = settings.ci.action.as_ref().ok_or_else(|| Diagnostic::from(not_set))?;
    let (file, text) = match forge {
        Forge::GitHub => (".github/workflows/rendered.yaml", include_str!("workflows/github.yaml")),
        Forge::Forgejo => {
            (".forgejo/workflows/rendered.yaml", include_str!("workflows/forgejo.yaml"))
        }
    };
    let root = wiring.path("");
    let prefix = wiring.path("rendered/**");
    let plain = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "._/-".contains(c));
    if !plain(&root) {
        let message = format!(
            "`gitops.path` is `{root}`: a workflow takes letters, digits, `.`, `_`, `-` and `/`"
        );
        return Err(Diagnostic::new(message).into());
    }
    let text = text
        .replace("@BRANCH@", settings.branch.as_str())
        .replace("@PREFIX@rendered/**", &prefix)
        .replace("@ACTION@", action.as_str())
        .replace("@VERSION@", env!("CARGO_PKG_VERSION"))
        .replace("@ROOT@", &root);
    Ok(Document { file: file.to_owned(), text, node: None })
}
