//! The settings that `git` gets in place of the clone's, so that none of these starts a program.
//!
//! The settings of the user and of the machine stay: only what `.git/config`, the worktree's
//! configuration and the files that they include say is replaced.

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
    // Of these the first value counts, so that the last one is passed as an option.
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

/// A setting as Git lists it.
struct Listed {
    scope: String,
    /// Section and variable are in lower case.
    key: String,
    value: String,
}

impl Listed {
    /// Returns true if the user or the machine says so, not the clone.
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
        // The hooks of a commit are the user's own. `packObjectsHook` is heeded only where it would be
        // written now.
        let stays = (section == "hook" && purpose == Purpose::Commit) || section == "uploadpack";
        let names_program = PROGRAM_ENDINGS.iter().any(|end| variable.ends_with(end));
        (names_program && !stays).then_some("false")
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
pub(super) fn fixed(purpose: Purpose) -> Vec<(String, String)> {
    let mut settings: Vec<_> =
        FIXED.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect();
    if purpose == Purpose::Read {
        settings.push(("core.hooksPath".to_owned(), "/dev/null".to_owned()));
    }
    settings
}

/// Returns the settings that replace those of the clone, from the output of
/// `git config --list --show-scope -z`.
///
/// # Errors
/// Git ignored the fixed settings, or a key is not UTF-8, so that it can't be replaced.
pub(super) fn replacements(
    listing: &[u8],
    purpose: Purpose,
) -> Result<Vec<(String, String)>, GitError> {
    let listed = parse_listing(listing)?;
    let (fixed_key, fixed_value) = FIXED[0];
    if !listed.iter().any(|entry| {
        entry.scope == "command"
            && entry.key.eq_ignore_ascii_case(fixed_key)
            && entry.value == fixed_value
    }) {
        return Err(GitError::TooOld);
    }
    let mut settings: Vec<(String, String)> = Vec::new();
    for entry in listed.iter().filter(|entry| !entry.is_users()) {
        let is_known = |key: &str| settings.iter().any(|(known, _)| known == key);
        if entry.is_credential_helper() {
            if !is_known(CREDENTIAL_HELPER) {
                settings.push((CREDENTIAL_HELPER.to_owned(), String::new()));
                let users = listed.iter().filter(|it| it.is_users() && it.is_credential_helper());
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
    Ok(settings)
}

/// Parses scope, key and value of each setting; scope and value end at a zero byte, the key at a line end.
fn parse_listing(listing: &[u8]) -> Result<Vec<Listed>, GitError> {
    let mut fields = listing.split(|&byte| byte == 0);
    let mut listed = Vec::new();
    while let (Some(scope), Some(entry)) = (fields.next(), fields.next()) {
        let mut halves = entry.splitn(2, |&byte| byte == b'\n');
        let key = std::str::from_utf8(halves.next().unwrap_or_default());
        listed.push(Listed {
            scope: String::from_utf8_lossy(scope).into_owned(),
            key: key.map_err(|_| GitError::SettingNotUtf8)?.to_owned(),
            value: String::from_utf8_lossy(halves.next().unwrap_or(b"true")).into_owned(),
        });
    }
    Ok(listed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(entries: &[(&str, &str, &str)]) -> String {
        [("command", "safe.barerepository", "explicit")]
            .iter()
            .chain(entries)
            .map(|(scope, key, value)| format!("{scope}\0{key}\n{value}\0"))
            .collect()
    }

    fn replaced(entries: &[(&str, &str, &str)], purpose: Purpose) -> Vec<(String, String)> {
        replacements(listing(entries).as_bytes(), purpose).unwrap()
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
    fn a_git_that_ignores_the_settings_is_noticed() {
        let listing = b"local\0core.bare\nfalse\0";
        assert!(matches!(replacements(listing, Purpose::Read), Err(GitError::TooOld)));
    }

    #[test]
    fn a_key_that_could_not_be_replaced_is_an_error() {
        let listing = b"command\0safe.barerepository\nexplicit\0local\0filter.\xff.clean\nx\0";
        assert!(matches!(replacements(listing, Purpose::Read), Err(GitError::SettingNotUtf8)));
    }
}
