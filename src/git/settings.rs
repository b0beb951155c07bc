//! The settings that `git` gets in place of the clone's, so that none of these starts a program.
//!
//! The settings of the user and of the machine stay: only what `.git/config`, the worktree's
//! configuration and the files that they include say is replaced.

use std::fs;

use super::work_tree::WorkTree;
use super::{GitError, Purpose};

/// The settings of every call.
const FIXED: &[(&str, &str)] = &[
    // Git 2.38 and newer; `work_tree` refuses the same for the older ones.
    ("safe.bareRepository", "explicit"),
    ("core.fsmonitor", "false"),
    ("core.pager", "cat"),
    ("fetch.recurseSubmodules", "false"),
    ("gc.auto", "0"),
    ("log.showSignature", "false"),
    ("maintenance.auto", "false"),
    ("push.recurseSubmodules", "no"),
    ("submodule.recurse", "false"),
];

/// A setting that names a program: `section.variable`, or `section.*.variable` for one with any name
/// between, in lower case; and a value that starts none of the clone's. For a program that decides
/// something the value is `false`, which always fails.
const PROGRAMS: &[(&str, &str)] = &[
    ("core.alternaterefscommand", "true"),
    ("core.askpass", ""),
    ("core.editor", ":"),
    ("core.sshcommand", "ssh"),
    ("diff.external", "true"),
    ("diff.*.command", "true"),
    ("diff.*.textconv", "cat"),
    ("filter.*.clean", ""),
    ("filter.*.process", ""),
    ("filter.*.required", "false"),
    ("filter.*.smudge", ""),
    ("gpg.program", "gpg"),
    ("gpg.openpgp.program", "gpg"),
    ("gpg.ssh.program", "ssh-keygen"),
    ("gpg.x509.program", "gpgsm"),
    ("interactive.difffilter", "cat"),
    ("merge.*.driver", "false"),
    // Git uses the first value of these, so this program's could not override the clone's: it passes an
    // option instead.
    ("remote.*.receivepack", "git-receive-pack"),
    ("remote.*.uploadpack", "git-upload-pack"),
    ("sequence.editor", ":"),
];

/// The ends of further variables that name programs, known or yet to come; their value becomes `false`,
/// which is a program that fails and a boolean.
const PROGRAM_ENDINGS: &[&str] =
    &["cmd", "command", "driver", "editor", "helper", "hook", "pager", "program", "textconv"];

/// The setting of `credential.helper` and `credential.URL.helper`. An empty value clears the list.
const CREDENTIAL_HELPER: &str = "credential.helper";

/// The setting of the folder with hooks.
const HOOKS_PATH: &str = "core.hookspath";

/// The values that stop a filter.
const FILTER_VALUES: &[(&str, &str)] =
    &[("clean", ""), ("process", ""), ("required", "false"), ("smudge", "")];

/// All settings that Git knows, of the machine, the user, the clone and the caller.
pub(super) struct Listing(Vec<Listed>);

/// A setting as Git lists it.
struct Listed {
    scope: String,
    /// True if it is set in a file of the work tree that the clone's configuration includes.
    is_in_work_tree: bool,
    /// Section and variable are in lower case.
    key: String,
    value: String,
}

impl Listed {
    /// Returns true if the machine, the user or the caller set it, not the clone.
    fn is_users(&self) -> bool {
        matches!(self.scope.as_str(), "system" | "global" | "command")
    }

    fn is_credential_helper(&self) -> bool {
        let (section, variable) = split_key(&self.key);
        section == "credential" && variable == "helper"
    }

    /// The value that replaces the clone's, if it names a program.
    fn replacement(&self, purpose: Purpose) -> Option<&'static str> {
        let (section, variable) = split_key(&self.key);
        let matches_row = |row: &str| {
            row == self.key
                || row.split_once(".*.").is_some_and(|(first, last)| {
                    first == section && last == variable && self.has_name()
                })
        };
        if let Some((_, value)) = PROGRAMS.iter().find(|(row, _)| matches_row(row)) {
            return Some(value);
        }
        // The hooks of a commit are the user's own, but not those in a file of the work tree.
        if section == "hook" && purpose == Purpose::Commit {
            return (self.is_in_work_tree && variable == "command").then_some("true");
        }
        // Git ignores `packObjectsHook` in the clone's configuration, but would use the replacement, which is
        // the caller's (git-config, `uploadpack.packObjectsHook`).
        let names_program = PROGRAM_ENDINGS.iter().any(|end| variable.ends_with(end));
        (names_program && section != "uploadpack").then_some("false")
    }

    /// Returns true if there is a name between section and variable.
    fn has_name(&self) -> bool {
        self.key.find('.') != self.key.rfind('.')
    }
}

/// The section and the variable of a key.
fn split_key(key: &str) -> (&str, &str) {
    let section = key.split_once('.').map_or(key, |(section, _)| section);
    let variable = key.rsplit_once('.').map_or("", |(_, variable)| variable);
    (section, variable)
}

/// The settings of every call, before the clone's are known.
pub(super) fn fixed_settings(purpose: Purpose) -> Vec<(String, String)> {
    let mut settings: Vec<_> =
        FIXED.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect();
    if purpose == Purpose::Read {
        settings.push(("core.hooksPath".to_owned(), "/dev/null".to_owned()));
    }
    settings
}

impl Listing {
    /// Parses the output of `git config --list --show-scope --show-origin -z`: scope, origin, key and
    /// value. Scope, origin and value end at a zero byte, the key at a line end.
    ///
    /// # Errors
    /// Git ignored the fixed settings, or a key is not UTF-8, so that it can't be replaced.
    pub(super) fn parse(bytes: &[u8], work_tree: &WorkTree) -> Result<Self, GitError> {
        let mut fields = bytes.split(|&byte| byte == 0);
        let mut listed = Vec::new();
        while let (Some(scope), Some(origin), Some(entry)) =
            (fields.next(), fields.next(), fields.next())
        {
            let mut halves = entry.splitn(2, |&byte| byte == b'\n');
            let key = std::str::from_utf8(halves.next().unwrap_or_default());
            listed.push(Listed {
                scope: String::from_utf8_lossy(scope).into_owned(),
                is_in_work_tree: is_in_work_tree(&String::from_utf8_lossy(origin), work_tree),
                key: key.map_err(|_| GitError::SettingNotUtf8)?.to_owned(),
                value: String::from_utf8_lossy(halves.next().unwrap_or(b"true")).into_owned(),
            });
        }
        let (fixed_key, fixed_value) = FIXED[0];
        let has_fixed = listed.iter().any(|entry| {
            entry.scope == "command"
                && entry.key.eq_ignore_ascii_case(fixed_key)
                && entry.value == fixed_value
        });
        if has_fixed { Ok(Listing(listed)) } else { Err(GitError::TooOld) }
    }

    /// The settings that replace those of the clone.
    pub(super) fn replacements(&self, purpose: Purpose) -> Vec<(String, String)> {
        let Listing(listed) = self;
        let mut settings: Vec<(String, String)> = Vec::new();
        for entry in listed.iter().filter(|entry| !entry.is_users()) {
            let is_known = |key: &str| settings.iter().any(|(known, _)| known == key);
            if entry.is_credential_helper() {
                if !is_known(CREDENTIAL_HELPER) {
                    settings.push((CREDENTIAL_HELPER.to_owned(), String::new()));
                    let users =
                        listed.iter().filter(|it| it.is_users() && it.is_credential_helper());
                    settings.extend(users.map(|it| (it.key.clone(), it.value.clone())));
                }
                continue;
            }
            let Some(value) = entry.replacement(purpose).filter(|_| !is_known(&entry.key)) else {
                continue;
            };
            settings.push((entry.key.clone(), value.to_owned()));
            // What the user has set wins, as if the clone said nothing.
            let users = listed.iter().filter(|it| it.is_users() && it.key == entry.key);
            settings.extend(users.map(|it| (it.key.clone(), it.value.clone())));
        }
        settings
    }

    /// The settings that stop every filter, also the user's own.
    pub(super) fn without_filters(&self) -> Vec<(String, String)> {
        let Listing(listed) = self;
        let filters = listed.iter().filter_map(|entry| {
            let (section, variable) = split_key(&entry.key);
            let (_, value) = FILTER_VALUES.iter().find(|(name, _)| *name == variable)?;
            (section == "filter").then(|| (entry.key.clone(), (*value).to_owned()))
        });
        filters.collect()
    }

    /// The origin of the folder with hooks; none if no setting names one.
    pub(super) fn hooks_origin(&self) -> Option<HooksOrigin> {
        let entry = self.0.iter().rfind(|entry| entry.key == HOOKS_PATH)?;
        Some(match (entry.scope.as_str(), entry.is_in_work_tree) {
            ("command", _) => HooksOrigin::Caller,
            (_, true) => HooksOrigin::WorkTree,
            (_, false) => HooksOrigin::Configuration,
        })
    }
}

/// The origin of `core.hooksPath`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HooksOrigin {
    /// The caller's environment.
    Caller,
    /// A file of the work tree.
    WorkTree,
    /// The configuration of the clone, the user or the machine.
    Configuration,
}

/// Returns true for a file of the work tree that is not the repository's own.
fn is_in_work_tree(origin: &str, work_tree: &WorkTree) -> bool {
    let Some(path) = origin.strip_prefix("file:") else { return false };
    fs::canonicalize(work_tree.top.join(path)).is_ok_and(|path| work_tree.contains(&path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(bytes: &[u8]) -> Result<Listing, GitError> {
        let (top, git_dir) = ("/nonexistent".into(), "/nonexistent/.git".into());
        Listing::parse(bytes, &WorkTree { top, git_dir })
    }

    fn listing(entries: &[(&str, &str, &str)]) -> Listing {
        let text: String = [("command", "safe.barerepository", "explicit")]
            .iter()
            .chain(entries)
            .map(|(scope, key, value)| format!("{scope}\0file:.git/config\0{key}\n{value}\0"))
            .collect();
        parse(text.as_bytes()).unwrap()
    }

    fn replaced(entries: &[(&str, &str, &str)], purpose: Purpose) -> Vec<(String, String)> {
        listing(entries).replacements(purpose)
    }

    fn pair(key: &str, value: &str) -> (String, String) {
        (key.to_owned(), value.to_owned())
    }

    #[test]
    fn programs_of_the_clone_are_replaced_and_those_of_the_user_stay() {
        let entries = [
            ("global", "core.sshcommand", "ssh -i mine"),
            ("global", "gpg.program", "gpg2"),
            ("local", "core.sshcommand", "evil"),
            ("local", "filter.a=b.Clean.clean", "evil"),
            ("worktree", "filter.a=b.Clean.clean", "evil"),
            ("local", "future.x.somecommand", "evil"),
            ("local", "user.name", "Ann"),
        ];
        let expected = [
            pair("core.sshcommand", "ssh"),
            pair("core.sshcommand", "ssh -i mine"),
            pair("filter.a=b.Clean.clean", ""),
            pair("future.x.somecommand", "false"),
        ];
        assert_eq!(replaced(&entries, Purpose::Commit), expected);
    }

    #[test]
    fn credential_helpers_of_the_user_survive_the_clearing_of_the_list() {
        let entries = [
            ("global", "credential.helper", "store"),
            ("local", "credential.https://example.org.helper", "!evil"),
            ("command", "credential.https://example.org.helper", "cache"),
        ];
        let expected = [
            pair("credential.helper", ""),
            pair("credential.helper", "store"),
            pair("credential.https://example.org.helper", "cache"),
        ];
        assert_eq!(replaced(&entries, Purpose::Commit), expected);
    }

    #[test]
    fn hooks_by_configuration_are_kept_for_a_commit_alone() {
        let entries = [("local", "hook.lint.command", "make lint")];
        assert_eq!(replaced(&entries, Purpose::Commit), []);
        assert_eq!(replaced(&entries, Purpose::Read), [pair("hook.lint.command", "false")]);
    }

    #[test]
    fn every_filter_can_be_stopped() {
        let entries = [
            ("global", "filter.lfs.clean", "git-lfs clean -- %f"),
            ("global", "filter.lfs.required", "true"),
            ("local", "filter.evil.process", "evil"),
            ("local", "column.clean", "x"),
        ];
        let expected = [
            pair("filter.lfs.clean", ""),
            pair("filter.lfs.required", "false"),
            pair("filter.evil.process", ""),
        ];
        assert_eq!(listing(&entries).without_filters(), expected);
    }

    #[test]
    fn a_git_that_ignores_the_settings_is_noticed() {
        let listing = b"local\0file:.git/config\0core.bare\nfalse\0";
        assert!(matches!(parse(listing), Err(GitError::TooOld)));
    }

    #[test]
    fn a_key_that_could_not_be_replaced_is_an_error() {
        let listing = b"command\0command line:\0safe.barerepository\nexplicit\0\
            local\0file:.git/config\0filter.\xff.clean\nx\0";
        assert!(matches!(parse(listing), Err(GitError::SettingNotUtf8)));
    }
}
