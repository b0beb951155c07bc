//! Completion of arguments in a shell: stacks, apps, objects, values and rules.
//!
//! The script that `completions` prints runs this program again at each press of Tab, with the words so far
//! and [`VARIABLE`] set. Candidates come from the project of the working directory. It is not trusted, and
//! some shells evaluate what they insert: a candidate has only characters that no shell interprets. An
//! error gives no candidates.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use clap_complete::engine::{
    ArgValueCompleter, CompletionCandidate, PathCompleter, ValueCompleter,
};
use clap_complete::env::CompleteEnv;
use tts_render::lint::RULES;
use tts_render::project::Project;
use tts_render::project::load::{LoadedStack, RenderedProject, Request};
use tts_render::values::Shape;
use yaml_spans::{Node, Path as ValuePath, Segment};

/// The variable that makes a run answer with completions. Only the scripts of `completions` set it.
pub(crate) const VARIABLE: &str = "TTS_RENDER_COMPLETE";

/// The most candidates for one argument.
const MAX_CANDIDATES: usize = 500;

/// Answers a shell, if it asks; returns true if it did.
pub(crate) fn answer_shell() -> clap::error::Result<bool> {
    if std::env::var_os(VARIABLE).is_none() {
        return Ok(false);
    }
    if let Some(folder) = named_directory() {
        // Without the folder there are no candidates.
        let _ = std::env::set_current_dir(folder);
    }
    let folder = std::env::current_dir().ok();
    CompleteEnv::with_factory(super::command_line)
        .var(VARIABLE)
        .bin("tts-render")
        .completer("tts-render")
        .try_complete(std::env::args_os(), folder.as_deref())
}

/// The folder of `-C` among the words of the line that is completed.
fn named_directory() -> Option<PathBuf> {
    let mut words = std::env::args_os().skip_while(|word| word != "--");
    words.find(|word| word == "-C" || word == "--directory")?;
    words.next().map(PathBuf::from)
}

/// Completes the name of a stack, or the path of its values file.
pub(crate) fn stacks() -> ArgValueCompleter {
    ArgValueCompleter::new(|current: &OsStr| {
        if current.to_string_lossy().contains('/') {
            return PathCompleter::file().complete(current);
        }
        let stacks = project().stacks().unwrap_or_default();
        let named = stacks.into_iter().map(|stack| (stack.stem, None));
        candidates(named, current)
    })
}

/// Completes a folder of `rendered/`.
pub(crate) fn apps() -> ArgValueCompleter {
    ArgValueCompleter::new(|current: &OsStr| {
        let folders: BTreeSet<String> =
            rendered().into_iter().flat_map(|all| all.files).map(|file| file.folder).collect();
        candidates(folders.into_iter().map(|folder| (folder, None)), current)
    })
}

/// Completes an object as `kind/name`.
pub(crate) fn objects() -> ArgValueCompleter {
    ArgValueCompleter::new(|current: &OsStr| {
        let files = rendered().into_iter().flat_map(|all| all.files);
        let named = files.map(|file| {
            let name = format!("{}/{}", file.object.kind.to_lowercase(), file.object.name);
            (name, Some(file.object.id().to_string()))
        });
        candidates(named, current)
    })
}

/// Completes the id of a lint rule.
pub(crate) fn rules() -> ArgValueCompleter {
    ArgValueCompleter::new(|current: &OsStr| {
        let rules = RULES.iter().map(|rule| (rule.id.to_owned(), Some(rule.summary.to_owned())));
        let all = ("all".to_owned(), Some("List the rules".to_owned()));
        candidates(rules.chain([all]), current)
    })
}

/// Completes the path of a value.
pub(crate) fn values() -> ArgValueCompleter {
    ArgValueCompleter::new(|current: &OsStr| candidates(value_paths(current, ""), current))
}

/// Completes the `PATH=VALUE` of an assignment: the path, and then a value if there is a choice.
pub(crate) fn assignments() -> ArgValueCompleter {
    ArgValueCompleter::new(|current: &OsStr| {
        let text = current.to_string_lossy();
        let Some((path, _)) = text.split_once('=') else {
            return candidates(value_paths(current, "="), current);
        };
        let shape = path.parse().ok().and_then(|path| Shape::of_values().at(&path));
        let choices = shape.iter().flat_map(choices_of);
        candidates(choices.map(|choice| (format!("{path}={choice}"), None)), current)
    })
}

fn project() -> Project {
    Project::find(Path::new("."))
}

fn rendered() -> Option<RenderedProject> {
    let request = Request { files_only: true, ..Request::default() };
    RenderedProject::render(&project(), &request).ok()
}

/// The texts that a value can be chosen from.
fn choices_of(shape: &Shape) -> Vec<String> {
    let mut choices: Vec<String> = shape.choices().collect();
    if !shape.is_anything() && shape.allows("boolean") {
        choices.extend(["true", "false"].map(str::to_owned));
    }
    choices
}

/// The paths of values that continue a text: those of the schema and those that the stacks' files have,
/// one level at a time, and the next level if there is only one. `end` follows the path of a leaf.
fn value_paths(current: &OsStr, end: &str) -> Vec<(String, Option<String>)> {
    let text = current.to_string_lossy();
    let parent = text.rsplit_once('.').map_or(String::new(), |(parent, _)| parent.to_owned());
    let stacks = LoadedStack::load_all(&project(), &Request::default()).unwrap_or_default();
    let trees: Vec<&Node> = stacks.iter().map(|stack| &stack.loaded.tree).collect();
    let Some(mut parent) = parse_parent(&parent) else { return Vec::new() };
    loop {
        let children = children_of(&parent, &trees);
        let matching = children.iter().filter(|path| path.to_string().starts_with(&*text));
        let matching: Vec<&ValuePath> = matching.collect();
        match matching.as_slice() {
            [only] if !children_of(only, &trees).is_empty() => parent = (*only).clone(),
            paths => return paths.iter().map(|path| describe_path(path, end, &trees)).collect(),
        }
    }
}

fn parse_parent(text: &str) -> Option<ValuePath> {
    if text.is_empty() { Some(ValuePath::root()) } else { text.parse().ok() }
}

/// The values below another.
fn children_of(path: &ValuePath, trees: &[&Node]) -> Vec<ValuePath> {
    let shape = Shape::of_values().at(path);
    let known = shape.iter().flat_map(Shape::properties).map(str::to_owned);
    let written = trees
        .iter()
        .filter_map(|tree| if path.is_root() { Some(*tree) } else { path.find(tree) })
        .filter_map(Node::as_mapping)
        .flat_map(|map| map.keys().cloned());
    let mut keys: Vec<String> = known.collect();
    for key in written {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys.into_iter()
        .map(|key| {
            let mut child = path.clone();
            child.push(Segment::Key(key));
            child
        })
        .collect()
}

fn describe_path(path: &ValuePath, end: &str, trees: &[&Node]) -> (String, Option<String>) {
    let end = if children_of(path, trees).is_empty() { end } else { "" };
    let shape = Shape::of_values().at(path);
    let help = shape.and_then(|shape| shape.description()).map(str::to_owned);
    (format!("{path}{end}"), help)
}

/// The candidates that continue a text and are safe to insert, with the first line of their help.
fn candidates(
    named: impl IntoIterator<Item = (String, Option<String>)>,
    current: &OsStr,
) -> Vec<CompletionCandidate> {
    let current = current.to_string_lossy();
    named
        .into_iter()
        .filter(|(name, _)| name.starts_with(&*current) && is_safe(name))
        .take(MAX_CANDIDATES)
        .map(|(name, help)| {
            let help = help.and_then(|help| Some(help.lines().next()?.to_owned()));
            let help = help.map(|help| yaml_spans::visible(&help).to_string().into());
            CompletionCandidate::new(name).help(help)
        })
        .collect()
}

/// Returns true for a text that every shell takes as it is.
fn is_safe(text: &str) -> bool {
    !text.starts_with('-') && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_./=".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_texts_that_no_shell_interprets_are_offered() {
        let names =
            ["a-b", "a/b.c", "a$(id)", "a b", "a;b", "a`b`", "-rf", "a\u{9b}", "a'b", "a:b"];
        let named = names.map(|name| (name.to_owned(), None));
        let offered: Vec<String> = candidates(named, OsStr::new(""))
            .iter()
            .map(|one| one.get_value().to_string_lossy().into_owned())
            .collect();
        assert_eq!(offered, ["a-b", "a/b.c"]);
    }

    #[test]
    fn paths_of_values_continue_a_level_at_a_time() {
        let paths = |text: &str| -> Vec<String> {
            value_paths(OsStr::new(text), "=").into_iter().map(|(path, _)| path).collect()
        };
        assert!(paths("ga").contains(&"gate.floor=".to_owned()), "{:?}", paths("ga"));
        assert_eq!(paths("gate.flo"), ["gate.floor="]);
        assert!(paths("").contains(&"gate".to_owned()));
        assert!(paths("").iter().all(|path| !path.contains('.')), "{:?}", paths(""));
        assert_eq!(paths("nothing.here"), [""; 0]);
    }
}
