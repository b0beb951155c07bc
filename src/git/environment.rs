//! The environment that `git` is started with.

use std::env;
use std::ffi::{OsStr, OsString};
use std::process::Command;

use super::Purpose;

/// The variables of Git that are passed on, with the reason. A name that ends in `*` is a prefix. Every
/// other `GIT_*` is removed: most of them redirect Git to another repository, index or program, and
/// some are set by Git itself for its hooks.
const PASSED_ON: &[(&str, &str)] = &[
    ("GIT_ALLOW_PROTOCOL", "the user's own list of transports, for `commit --push`"),
    ("GIT_ASKPASS", "asks for a password of `commit --push`"),
    ("GIT_AUTHOR_*", "the author of the commit"),
    ("GIT_COMMITTER_*", "the committer of the commit"),
    ("GIT_CONFIG_GLOBAL", "the user's own settings"),
    ("GIT_CONFIG_KEY_*", "settings of the caller: the token of a CI job"),
    ("GIT_CONFIG_NOSYSTEM", "skips the machine's settings"),
    ("GIT_CONFIG_SYSTEM", "the machine's settings"),
    ("GIT_CONFIG_VALUE_*", "settings of the caller: the token of a CI job"),
    ("GIT_DISCOVERY_ACROSS_FILESYSTEM", "a clone that is mounted in parts"),
    ("GIT_EXEC_PATH", "a Git that was installed elsewhere"),
    ("GIT_HTTP_*", "the network of `commit --push`"),
    ("GIT_PROXY_*", "the network of `commit --push`"),
    ("GIT_SSH", "the SSH client of `commit --push`"),
    ("GIT_SSH_*", "the SSH client of `commit --push`"),
    ("GIT_SSL_*", "the network of `commit --push`"),
    ("GIT_TERMINAL_PROMPT", "forbids questions on the terminal"),
    ("GIT_TEST_ASSUME_DIFFERENT_OWNER", "makes Git trust less"),
    ("GIT_TRACE*", "finds errors in Git's own work"),
];

/// The variables that are set unless the caller has set them.
const SET_UNLESS_GIVEN: &[(&str, &str)] = &[
    // The transports of `commit --push`: no helper that a URL or `remote.*.vcs` of the clone names.
    ("GIT_ALLOW_PROTOCOL", "file:http:https:ssh"),
    // Empty, it stops Git from looking at `core.gitProxy`, of which the clone's value would count.
    ("GIT_PROXY_COMMAND", ""),
];

/// The variables that are set for every call. `:` is the shell's command that does nothing.
const SET: &[(&str, &str)] = &[
    // An object that a partial clone lacks is an error. To fetch it, Git would start the programs that
    // the clone names.
    ("GIT_NO_LAZY_FETCH", "1"),
    ("GIT_OPTIONAL_LOCKS", "0"),
    ("GIT_EDITOR", ":"),
    ("GIT_SEQUENCE_EDITOR", ":"),
    ("GIT_PAGER", "cat"),
];

/// The variables that are also set where Git only reads.
const SET_FOR_READING: &[(&str, &str)] = &[
    // No transport at all, so that a Git without `GIT_NO_LAZY_FETCH` fetches nothing either.
    ("GIT_ALLOW_PROTOCOL", ""),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("GIT_LITERAL_PATHSPECS", "1"),
    // A revision is what its name says, not what `refs/replace/` has in its place.
    ("GIT_NO_REPLACE_OBJECTS", "1"),
];

/// The number of the caller's own settings in the environment.
const CALLERS_SETTINGS: &str = "GIT_CONFIG_COUNT";

/// Sets the environment of a command that runs `git`, with some settings.
pub(super) fn set_environment(
    command: &mut Command,
    purpose: Purpose,
    settings: &[(String, String)],
) {
    for (name, _) in env::vars_os().filter(|(name, _)| is_removed(name)) {
        command.env_remove(name);
    }
    command.envs(SET_UNLESS_GIVEN.iter().copied().filter(|(name, _)| env::var_os(name).is_none()));
    command.envs(SET.iter().copied());
    if purpose == Purpose::Read {
        command.envs(SET_FOR_READING.iter().copied());
    }
    // After the caller's own, so that these win. Unlike `-c`, a name may contain `=`.
    let count = callers_count(env::var_os(CALLERS_SETTINGS));
    for (number, (key, value)) in (count..).zip(settings) {
        command.env(format!("GIT_CONFIG_KEY_{number}"), key);
        command.env(format!("GIT_CONFIG_VALUE_{number}"), value);
    }
    command.env(CALLERS_SETTINGS, (count + settings.len()).to_string());
}

fn callers_count(text: Option<OsString>) -> usize {
    text.and_then(|text| text.to_str()?.parse().ok()).unwrap_or(0)
}

fn is_removed(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    name.starts_with("GIT_") && !PASSED_ON.iter().any(|(pattern, _)| matches(pattern, &name))
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => name == pattern,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_that_redirect_git_are_removed() {
        for name in [
            "GIT_DIR",
            "GIT_WORK_TREE",
            "GIT_COMMON_DIR",
            "GIT_INDEX_FILE",
            "GIT_OBJECT_DIRECTORY",
            "GIT_ALTERNATE_OBJECT_DIRECTORIES",
            "GIT_NAMESPACE",
            "GIT_CEILING_DIRECTORIES",
            "GIT_CONFIG_PARAMETERS",
            "GIT_CONFIG",
            "GIT_EXTERNAL_DIFF",
            "GIT_REPLACE_REF_BASE",
            "GIT_SHALLOW_FILE",
            "GIT_GRAFT_FILE",
            "GIT_ATTR_SOURCE",
            "GIT_TEMPLATE_DIR",
            "GIT_SOMETHING_NEW",
        ] {
            assert!(is_removed(OsStr::new(name)), "{name}");
        }
        for name in ["GIT_AUTHOR_NAME", "GIT_CONFIG_KEY_0", "GIT_SSH", "HOME", "PATH"] {
            assert!(!is_removed(OsStr::new(name)), "{name}");
        }
    }
}
