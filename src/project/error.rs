//! The reasons why a file of a project can't be read.

use std::io;

use super::StackFile;
use super::list::MAX_FILES;
use yaml_spans::diagnostic::{Diagnostic, Diagnostics};
use yaml_spans::{list_names, suggest};

/// A project's file that can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProjectError {
    /// The system refuses.
    #[error("can't read `{path}`: {reason}{}", did_you_mean(.near.as_deref()))]
    Unreadable {
        /// The file, as the user would write it.
        path: String,
        /// The system's error.
        reason: String,
        /// A file that exists and was probably meant.
        near: Option<String>,
    },
    /// A link leads out of the root.
    #[error("`{path}` leads out of the project: files of a repository must be inside it")]
    Outside {
        /// The file.
        path: String,
    },
    /// A folder, a pipe, a device.
    #[error("`{path}` is not a regular file")]
    NotAFile {
        /// The path.
        path: String,
    },
    /// Too large.
    #[error("`{path}` is larger than {limit} KiB")]
    TooLarge {
        /// The file.
        path: String,
        /// The limit, in KiB.
        limit: u64,
    },
    /// Too many files.
    #[error("`{path}` contains more than {MAX_FILES} files")]
    TooMany {
        /// The folder.
        path: String,
    },
    /// Not UTF-8.
    #[error("`{path}` is not UTF-8{advice}")]
    NotUtf8 {
        /// The file.
        path: String,
        /// A remedy.
        advice: &'static str,
    },
    /// A stack that does not exist.
    #[error("there is no stack `{name}` in `{folder}/`{advice}")]
    NoStack {
        /// The name.
        name: String,
        /// The folder of values.
        folder: String,
        /// A similar name, or all names.
        advice: String,
    },
    /// A file that would be ignored because of its name.
    #[error("`{path}` would be ignored: expected a name that ends in `{expected}`{advice}")]
    Ending {
        /// The file.
        path: String,
        /// The ending of the files that are read.
        expected: &'static str,
        /// Another remedy.
        advice: &'static str,
    },
    /// A folder without manifests.
    #[error("there is no .yaml, .yml or .json file below `{folder}`")]
    NoManifests {
        /// The folder.
        folder: String,
    },
    /// A folder to write to that has the project's inputs.
    #[error("`{path}` is in `{folder}/`, which rendering reads: choose another folder to write to")]
    IntoInputs {
        /// The folder to write to.
        path: String,
        /// The folder of inputs.
        folder: &'static str,
    },
    /// A project without values.
    #[error(
        "there is no values file in `{folder}/`, here or in a folder above: `tts-render init NAME` writes a first one"
    )]
    NoStacks {
        /// The folder of values.
        folder: String,
    },
}

/// The end of the message for a name that no stack has.
pub(super) fn suggest_stack(name: &str, stacks: &[StackFile]) -> String {
    let names: Vec<&str> = stacks.iter().map(|stack| stack.stem.as_str()).collect();
    match suggest(name, names.iter().copied()) {
        Some(near) => did_you_mean(Some(near)),
        None if name.contains('=') => {
            ": an assignment follows `--set`, in quotes if a shell would split it".to_owned()
        }
        None if names.is_empty() => String::new(),
        None => format!(": the stacks are {}", list_names(&names)),
    }
}

/// The end of a message that suggests a name.
fn did_you_mean(near: Option<&str>) -> String {
    near.map(|near| format!(": did you mean `{near}`?")).unwrap_or_default()
}

impl From<ProjectError> for Diagnostics {
    fn from(error: ProjectError) -> Self {
        Diagnostic::new(error.to_string()).into()
    }
}

pub(super) fn unreadable(path: &str, error: &io::Error) -> ProjectError {
    ProjectError::Unreadable { path: path.to_owned(), reason: error.to_string(), near: None }
}
