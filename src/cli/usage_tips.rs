//! Tips for commands and options that other programs have, in place of clap's guess.

use clap::Error;
use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};

/// Commands of Helm, Kustomize, kubectl and Argo CD, each with what has its purpose here.
const COMMANDS: &[(&str, &str)] = &[
    (
        "apply",
        "tts-render writes files; to apply a stack, use 'tts-render generate STACK | kubectl apply --server-side -f -'",
    ),
    ("build", "use 'generate' to print the manifests, or 'image build' for the gate's image"),
    ("check", "use 'validate' for manifests, or 'render --check' for 'rendered/'"),
    ("create", "use 'init'"),
    ("delete", "use 'commit' or kubectl: docs/stop.md has the order"),
    ("install", "use 'gitops' to wire a controller, or 'generate' to print the manifests"),
    ("new", "use 'init'"),
    (
        "show",
        "use 'templates show' for a template, 'list' for the objects, or 'generate' for the manifests",
    ),
    ("sync", "a controller syncs 'rendered/': use 'commit --push', or 'gitops' to wire one"),
    (
        "template",
        "use 'generate' to print the manifests, or 'templates' for the built-in templates",
    ),
    ("upgrade", "use 'render', then 'commit'"),
];

/// Options of the same programs.
const OPTIONS: &[(&str, &str)] = &[
    ("-n", NAMESPACE),
    ("--namespace", NAMESPACE),
    ("--kubeconfig", "kubectl reads the variable KUBECONFIG"),
    ("--set-file", "use '--set-string PATH=\"$(cat FILE)\"'"),
    ("--show-only", "use 'list objects' for the files, or 'explain OBJECT' for one object"),
];
const NAMESPACE: &str =
    "the namespace is the value 'namespace.name'; a stack is chosen by its name";

/// Replaces the tip of a usage error by one for the habit that it comes from.
pub(super) fn add_tip(mut error: Error) -> Error {
    let (kind, table, suggested) = match error.kind() {
        ErrorKind::InvalidSubcommand => {
            (ContextKind::InvalidSubcommand, COMMANDS, ContextKind::SuggestedSubcommand)
        }
        ErrorKind::UnknownArgument => (ContextKind::InvalidArg, OPTIONS, ContextKind::SuggestedArg),
        _ => return error,
    };
    let Some(ContextValue::String(typed)) = error.get(kind) else { return error };
    let typed = typed.split('=').next().unwrap_or_default();
    if let Some((_, tip)) = table.iter().find(|(name, _)| *name == typed) {
        error.remove(suggested);
        let tip = ContextValue::StyledStrs(vec![StyledStr::from(*tip)]);
        error.insert(ContextKind::Suggested, tip);
    }
    error
}
