//! Every command on clones whose Git configuration names programs, in each place that Git reads it from.
//!
//! A canary records that it ran. None does, except for the hooks of the user's own repository in
//! `commit`, unless a file of the work tree decides them. `GIT_UNDER_TEST` names a folder with another `git` to test with.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]
#![cfg(unix)]

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use common::tool::{CommandOutput, tts_render};
use tempfile::TempDir;

/// The settings of Git that name programs: section, variable and value. `@` is the canary.
const SETTINGS: &[(&str, &str, &str)] = &[
    ("alias", "status", "!@"),
    ("alias", "commit", "!@"),
    ("alias \"x\"", "command", "!@"),
    ("browser \"x\"", "cmd", "@"),
    ("browser \"x\"", "path", "@"),
    ("core", "alternateRefsCommand", "@"),
    ("core", "askPass", "@"),
    ("core", "editor", "@"),
    ("core", "fsmonitor", "@"),
    ("core", "gitProxy", "@"),
    ("core", "pager", "@"),
    ("core", "sshCommand", "@"),
    ("credential", "helper", "!@"),
    ("credential \"https://example.org\"", "helper", "!@"),
    ("diff", "external", "@"),
    ("diff \"evil\"", "command", "@"),
    ("diff \"evil\"", "textconv", "@"),
    ("difftool \"x\"", "cmd", "@"),
    ("difftool \"x\"", "path", "@"),
    ("filter \"evil\"", "clean", "@"),
    ("filter \"evil\"", "process", "@"),
    ("filter \"evil\"", "smudge", "@"),
    ("filter \"evil\"", "required", "true"),
    ("filter \"a=b\"", "clean", "@"),
    ("gc", "recentObjectsHook", "@"),
    ("gc", "auto", "1"),
    ("gpg", "program", "@"),
    ("gpg \"openpgp\"", "program", "@"),
    ("gpg \"ssh\"", "program", "@"),
    ("gpg \"ssh\"", "defaultKeyCommand", "@"),
    ("gpg \"x509\"", "program", "@"),
    ("guitool \"x\"", "cmd", "@"),
    ("hook \"x\"", "command", "@"),
    ("hook \"x\"", "event", "post-index-change"),
    ("imap", "tunnel", "@"),
    ("instaweb", "httpd", "@"),
    ("interactive", "diffFilter", "@"),
    ("log", "showSignature", "true"),
    ("man \"x\"", "cmd", "@"),
    ("man \"x\"", "path", "@"),
    ("merge", "verifySignatures", "false"),
    ("merge \"evil\"", "driver", "@"),
    ("mergetool \"x\"", "cmd", "@"),
    ("mergetool \"x\"", "path", "@"),
    ("pager", "diff", "@"),
    ("pager", "log", "@"),
    ("remote \"origin\"", "receivepack", "@"),
    ("remote \"origin\"", "uploadpack", "@"),
    ("sendemail", "ccCmd", "@"),
    ("sendemail", "headerCmd", "@"),
    ("sendemail", "sendmailCmd", "@"),
    ("sendemail", "smtpServer", "@"),
    ("sendemail", "toCmd", "@"),
    ("sequence", "editor", "@"),
    ("submodule \"third\"", "update", "!@"),
    ("tar \"x\"", "command", "@"),
    ("trailer \"Rendered-by\"", "cmd", "@"),
    ("trailer \"Rendered-by\"", "command", "@"),
    ("uploadpack", "packObjectsHook", "@"),
];

/// Variables that the table lacks, though their names end like a program's, with the reason.
const NO_PROGRAMS: &[(&str, &str)] = &[
    ("advice.ignoredhook", "a hint"),
    ("advice.waitingforeditor", "a hint"),
    ("color.pager", "a colour"),
    ("column.clean", "a layout"),
    ("core.hookspath", "a test of its own"),
    ("diff.*.cachetextconv", "a switch"),
    ("gitcvs.dbdriver", "a Perl module of another program, git-cvsserver"),
    ("merge.guitool", "a name"),
    ("diff.guitool", "a name"),
    ("diff.tool", "a name"),
    ("merge.tool", "a name"),
    ("remote.*.vcs", "a test of its own"),
];

/// The hooks that Git could run for what `diff` and `commit` do.
const HOOKS: &[&str] = &[
    "applypatch-msg",
    "commit-msg",
    "fsmonitor-watchman",
    "post-checkout",
    "post-commit",
    "post-index-change",
    "post-merge",
    "post-rewrite",
    "pre-auto-gc",
    "pre-commit",
    "pre-merge-commit",
    "pre-push",
    "pre-rebase",
    "prepare-commit-msg",
    "push-to-checkout",
    "reference-transaction",
];

const URL: &str = "gitops.repoURL=https://git.example/me/infra.git";
const ACTION: &str = "gitops.ci.action=me/tts-render@0123456789012345678901234567890123456789";

/// The commands that start no program, not even Git.
const WITHOUT_GIT: &[&[&str]] = &[
    &["render", "--check"],
    &["render"],
    &["generate"],
    &["list", "objects"],
    &["lint"],
    &["lint", "-o", "sarif"],
    &["doctor"],
    &["explain", "deployment/demo"],
    &["parameters"],
    &["schema"],
    &["version"],
    &["validate", "rendered"],
    &["validate", "rendered", "-o", "github"],
    &["gitops", "argocd", "--set", URL],
    &["gitops", "flux", "--set", URL],
    &["gitops", "github", "--set", URL, "--set", ACTION],
    &["gitops", "forgejo", "--set", URL, "--set", ACTION],
    &["init", "another"],
];

/// Programs that record that they ran, and a home without configuration.
struct Canary {
    folder: TempDir,
}

impl Canary {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        for name in ["bin", "hooks", "home", "path"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        Canary { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A program that records its name and fails.
    fn program(&self, file: &str) -> PathBuf {
        let path = self.path(file);
        let record = self.path("ran");
        let text = format!("#!/bin/sh\necho \"${{0##*/}}\" >> '{}'\nexit 1\n", record.display());
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    /// The programs that ran since the last call.
    fn ran(&self) -> BTreeSet<String> {
        let text = fs::read_to_string(self.path("ran")).unwrap_or_default();
        fs::remove_file(self.path("ran")).ok();
        text.lines().map(str::to_owned).collect()
    }

    /// A setting in the form of Git's configuration file.
    fn setting(&self, &(section, variable, value): &(&str, &str, &str)) -> String {
        let name: String = format!("{section}.{variable}")
            .chars()
            .map(|char| if char.is_ascii_alphanumeric() { char } else { '-' })
            .collect();
        let program = self.program(&format!("bin/{name}"));
        format!("[{section}]\n\t{variable} = {}\n", value.replace('@', program.to_str().unwrap()))
    }

    fn settings(&self) -> String {
        SETTINGS.iter().map(|setting| self.setting(setting)).collect()
    }

    /// A folder with every hook.
    fn hooks(&self) -> PathBuf {
        HOOKS.iter().for_each(|hook| drop(self.program(&format!("hooks/{hook}"))));
        self.path("hooks")
    }

    fn prepare(&self, command: &mut Command) {
        let inherited = std::env::vars_os().map(|(name, _)| name);
        for name in inherited.filter(|name| name.to_string_lossy().starts_with("GIT_")) {
            command.env_remove(name);
        }
        command.env("HOME", self.path("home")).env("GIT_CONFIG_NOSYSTEM", "1");
        command.env_remove("XDG_CONFIG_HOME").env_remove("SSH_ASKPASS").env("LC_ALL", "C");
        if let Some(folder) = std::env::var_os("GIT_UNDER_TEST") {
            let path = std::env::var("PATH").unwrap();
            command.env("PATH", format!("{}:{path}", folder.to_str().unwrap()));
        }
    }

    /// `git`, as somebody uses it by hand.
    fn git_command(&self, folder: &Path, args: &[&str]) -> Command {
        let mut command = Command::new("git");
        self.prepare(&mut command);
        command.current_dir(folder).args(["-c", "protocol.file.allow=always"]).args(args);
        command.env("GIT_TERMINAL_PROMPT", "0");
        command
    }

    #[track_caller]
    fn git(&self, folder: &Path, args: &[&str]) -> String {
        let output = self.git_command(folder, args).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "git {args:?}: {errors}");
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    /// Runs `git` by hand, whatever comes of it.
    fn try_git(&self, folder: &Path, args: &[&str]) {
        self.git_command(folder, args).output().unwrap();
    }

    fn tool_command(&self, folder: &Path, args: &[&str]) -> Command {
        let mut command = tts_render(folder);
        self.prepare(&mut command);
        command.args(args);
        command
    }

    fn tool(&self, folder: &Path, args: &[&str]) -> CommandOutput {
        CommandOutput::from(self.tool_command(folder, args).output().unwrap())
    }

    /// Runs a command, which must not start any canary, except that `commit` runs hooks: since 2.54,
    /// Git also takes them from its settings. Those of a bare repository are nobody's own, nor are those of a
    /// file in the work tree.
    #[track_caller]
    fn quiet(&self, place: &str, folder: &Path, args: &[&str]) -> CommandOutput {
        let ran = self.tool(folder, args);
        let mut started = self.ran();
        if args.contains(&"commit") && !place.contains("bare") && !place.contains("include") {
            started.remove("hook--x--command");
        }
        assert!(started.is_empty(), "{place}, {args:?} started {started:?}:\n{}", ran.stderr);
        ran
    }

    /// A bare repository, and a clone of it with a project that is to be rendered.
    fn clone(&self) -> Clone {
        let folder = TempDir::new().unwrap();
        let path = |name: &str| folder.path().join(name);
        self.git(folder.path(), &["init", "-q", "--bare", "-b", "main", "origin.git"]);
        self.git(folder.path(), &["clone", "-q", path("origin.git").to_str().unwrap(), "clone"]);
        let root = path("clone");
        self.identify(&root);
        self.git(&root, &["checkout", "-q", "-B", "main"]);
        let ran = self.tool(&root, &["init", "demo"]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        assert_eq!(self.tool(&root, &["render"]).code, 0);
        let attributes = "* filter=evil diff=evil merge=evil\nvalues/* filter=a=b\n";
        fs::write(root.join(".gitattributes"), attributes).unwrap();
        self.commit_all(&root, "Rendered");
        set_schedule(&root, 30);
        self.commit_all(&root, "A change that is not rendered yet");
        self.git(&root, &["push", "-q", "-u", "origin", "main"]);
        Clone { folder, root }
    }

    fn identify(&self, root: &Path) {
        self.git(root, &["config", "user.name", "Ann"]);
        self.git(root, &["config", "user.email", "ann@example.org"]);
    }

    fn commit_without_hooks(&self, root: &Path) {
        self.git(root, &["-c", "core.hooksPath=/dev/null", "add", "--all"]);
        let commit = [
            "-c",
            "core.hooksPath=/dev/null",
            "-c",
            "hook.x.command=true",
            "commit",
            "-q",
            "-m",
            "x",
        ];
        self.git(root, &commit);
    }

    fn commit_all(&self, root: &Path, message: &str) {
        self.git(root, &["add", "--all"]);
        self.git(root, &["commit", "-q", "-m", message]);
    }
}

/// A work tree with a project.
struct Clone {
    folder: TempDir,
    root: PathBuf,
}

impl Clone {
    fn origin(&self) -> PathBuf {
        self.folder.path().join("origin.git")
    }

    /// Pushes a commit from another clone.
    fn move_upstream(&self, canary: &Canary) {
        let other = TempDir::new().unwrap();
        canary.git(other.path(), &["clone", "-q", self.origin().to_str().unwrap(), "."]);
        canary.identify(other.path());
        fs::write(other.path().join("notes.txt"), "more\n").unwrap();
        canary.commit_all(other.path(), "More");
        canary.git(other.path(), &["push", "-q"]);
    }
}

fn set_schedule(root: &Path, minute: u32) {
    let file = root.join("values/demo.yaml");
    let values = fs::read_to_string(&file).unwrap();
    let line = values.lines().find(|line| line.trim_start().starts_with("up:")).unwrap();
    fs::write(&file, values.replace(line, &format!("  up: {minute} 1 * * *"))).unwrap();
}

/// Writes each file again, so that Git must compare its contents and would filter them.
fn touch_all(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if !path.ends_with(".git") {
                touch_all(&path);
            }
        } else if path.is_file() {
            let bytes = fs::read(&path).unwrap();
            fs::write(&path, bytes).unwrap();
        }
    }
}

fn append(file: &Path, text: &str) {
    let before = fs::read_to_string(file).unwrap_or_default();
    fs::write(file, before + text).unwrap();
}

/// A place of Git's configuration: prepares a clone, and returns the folder of its project.
type Place = fn(&Canary, &Clone) -> PathBuf;

const PLACES: &[(&str, Place)] = &[
    ("the configuration", |canary, clone| {
        append(&clone.root.join(".git/config"), &canary.settings());
        clone.root.clone()
    }),
    ("an included file", |canary, clone| {
        fs::write(clone.root.join("evil.conf"), canary.settings()).unwrap();
        canary.commit_all(&clone.root, "An included file");
        append(&clone.root.join(".git/config"), "[include]\n\tpath = ../evil.conf\n");
        clone.root.clone()
    }),
    ("a file included on a condition", |canary, clone| {
        fs::write(clone.root.join("evil.conf"), canary.settings()).unwrap();
        canary.commit_all(&clone.root, "An included file");
        let text = "[includeIf \"onbranch:main\"]\n\tpath = ../evil.conf\n";
        append(&clone.root.join(".git/config"), text);
        clone.root.clone()
    }),
    ("a worktree", |canary, clone| {
        let path = clone.folder.path().join("linked");
        canary.git(&clone.root, &["config", "extensions.worktreeConfig", "true"]);
        let add = ["worktree", "add", "-q", "-b", "linked", path.to_str().unwrap()];
        canary.git(&clone.root, &add);
        canary.git(&path, &["push", "-q", "-u", "origin", "linked"]);
        append(&clone.root.join(".git/worktrees/linked/config.worktree"), &canary.settings());
        path
    }),
    ("a submodule", |canary, clone| {
        let top = clone.folder.path().join("top");
        canary.git(clone.folder.path(), &["init", "-q", "top"]);
        let origin = clone.origin();
        canary.git(&top, &["submodule", "--quiet", "add", origin.to_str().unwrap(), "sub"]);
        canary.identify(&top.join("sub"));
        append(&top.join(".git/modules/sub/config"), &canary.settings());
        top.join("sub")
    }),
    ("a submodule of the project", |canary, clone| {
        let origin = clone.origin();
        canary
            .git(&clone.root, &["submodule", "--quiet", "add", origin.to_str().unwrap(), "third"]);
        // More than any setting, this makes Git look into the submodule.
        canary.git(&clone.root, &["config", "-f", ".gitmodules", "submodule.third.ignore", "none"]);
        canary.commit_all(&clone.root, "A submodule");
        append(&clone.root.join(".git/modules/third/config"), &canary.settings());
        fs::write(clone.root.join("third/values/demo.yaml"), "changed").unwrap();
        clone.root.clone()
    }),
    ("a bare repository below the project", |canary, clone| {
        bare_repository(canary, &clone.root.join("lib"));
        canary.commit_all(&clone.root, "A bare repository");
        clone.root.clone()
    }),
];

/// Writes a bare repository whose settings run programs, as a pull request can contain it.
fn bare_repository(canary: &Canary, folder: &Path) {
    canary.git(canary.folder.path(), &["init", "-q", "--bare", folder.to_str().unwrap()]);
    append(&folder.join("config"), "[core]\n\tbare = false\n\tworktree = .\n");
    append(&folder.join("config"), &canary.settings());
    // Git keeps no empty folder.
    fs::write(folder.join("refs/heads/keep"), "").unwrap();
    fs::write(folder.join("objects/keep"), "").unwrap();
}

#[test]
fn no_command_starts_a_program_that_a_clone_names() {
    for (place, prepare) in PLACES {
        let canary = Canary::new();
        let clone = canary.clone();
        let root = prepare(&canary, &clone);
        canary.ran();
        touch_all(&root);
        for args in [&["diff"][..], &["diff", "--base", "HEAD~1"], &["diff", "--base", "nowhere"]] {
            let ran = canary.quiet(place, &root, args);
            let expected = if args.contains(&"nowhere") { 2 } else { 1 };
            assert_eq!(ran.code, expected, "{place}, {args:?}: {}", ran.stderr);
        }
        let ran = canary.quiet(place, &root, &["commit"]);
        assert_eq!(ran.code, 0, "{place}: {}", ran.stderr);
        let ran = canary.quiet(place, &root, &["commit", "--push"]);
        assert_eq!(ran.code, 0, "{place}: {}", ran.stderr);
        // The upstream moves, so that files are checked out.
        clone.move_upstream(&canary);
        canary.ran();
        touch_all(&root);
        let ran = canary.quiet(place, &root, &["commit", "--push"]);
        assert!(ran.code == 0 || ran.stderr.contains("`filter`"), "{place}: {}", ran.stderr);
        // These start no program at all: `git` is a canary, too.
        canary.program("path/git");
        for args in WITHOUT_GIT {
            let mut command = canary.tool_command(&root, args);
            let ran =
                CommandOutput::from(command.env("PATH", canary.path("path")).output().unwrap());
            // 1 is a finding of `lint`.
            assert_ne!(ran.code, 2, "{place}, {args:?}: {}{}", ran.stdout, ran.stderr);
            assert_eq!(canary.ran(), BTreeSet::new(), "{place}, {args:?}");
        }
    }
}

#[test]
fn the_same_settings_start_programs_when_git_is_used_by_hand() {
    let cases: &[((&str, &str), &[&str])] = &[
        (("core", "editor"), &["commit", "--allow-empty"]),
        (("core", "fsmonitor"), &["status"]),
        (("diff", "external"), &["diff", "HEAD~1"]),
        (("diff \"evil\"", "command"), &["diff", "HEAD~1"]),
        (("diff \"evil\"", "textconv"), &["log", "-p", "-1"]),
        (("filter \"a=b\"", "clean"), &["add", "--renormalize", "."]),
        (("filter \"evil\"", "clean"), &["add", "--renormalize", "."]),
        (("filter \"evil\"", "process"), &["add", "--renormalize", "."]),
        (("filter \"evil\"", "smudge"), &["checkout-index", "--all", "--prefix=copy/"]),
        (("gpg", "program"), &["commit", "--allow-empty", "-S", "-m", "x"]),
        (("remote \"origin\"", "receivepack"), &["push"]),
        (("remote \"origin\"", "uploadpack"), &["fetch"]),
        (("sequence", "editor"), &["rebase", "-i", "HEAD~1"]),
    ];
    let canary = Canary::new();
    let clone = canary.clone();
    let config = clone.root.join(".git/config");
    let plain = fs::read_to_string(&config).unwrap();
    for ((section, variable), args) in cases {
        let is_case =
            |setting: &&(&str, &str, &str)| (&setting.0, &setting.1) == (section, variable);
        let setting = SETTINGS.iter().find(is_case).expect("a setting of the table");
        append(&config, &canary.setting(setting));
        canary.try_git(&clone.root, args);
        assert!(!canary.ran().is_empty(), "{section} {variable}, {args:?}");
        fs::write(&config, &plain).unwrap();
    }
}

#[test]
fn the_table_has_every_program_that_git_documents() {
    let canary = Canary::new();
    let listed = canary.git(canary.folder.path(), &["help", "--config"]);
    let endings = [
        "askpass",
        "clean",
        "cmd",
        "command",
        "difffilter",
        "driver",
        "editor",
        "external",
        "fsmonitor",
        "gitproxy",
        "helper",
        "hook",
        "hookspath",
        "pager",
        "process",
        "program",
        "receivepack",
        "smudge",
        "textconv",
        "tool",
        "tunnel",
        "uploadpack",
        "vcs",
    ];
    let known: BTreeSet<String> = SETTINGS
        .iter()
        .map(|(section, variable, _)| {
            let first = section.split(' ').next().unwrap();
            let any = if section.contains(' ') { ".*" } else { "" };
            format!("{first}{any}.{variable}").to_lowercase()
        })
        .chain(NO_PROGRAMS.iter().map(|(key, _)| (*key).to_owned()))
        .collect();
    for key in listed.lines() {
        let parts: Vec<&str> = key.split('.').collect();
        let (&[section, variable] | &[section, _, variable]) = parts.as_slice() else { continue };
        let (section, variable) = (section.to_lowercase(), variable.to_lowercase());
        if !endings.iter().any(|end| variable.ends_with(end)) {
            continue;
        }
        let any = if parts.len() == 3 { ".*" } else { "" };
        let is_known = known.contains(&format!("{section}{any}.{variable}"))
            || (parts.len() == 2 && known.contains(&format!("{section}.*.{variable}")));
        assert!(is_known, "`{key}` names a program and is not in the table");
    }
}

#[test]
fn hooks_run_for_commit_alone() {
    let canary = Canary::new();
    let clone = canary.clone();
    let hooks = canary.hooks();
    canary.git(&clone.root, &["config", "core.hooksPath", hooks.to_str().unwrap()]);
    canary.ran();
    canary.quiet("core.hooksPath", &clone.root, &["diff"]);
    canary.git(&clone.root, &["config", "--unset", "core.hooksPath"]);
    let own = clone.root.join(".git/hooks");
    fs::remove_dir_all(&own).ok();
    std::os::unix::fs::symlink(&hooks, &own).unwrap();
    canary.ran();
    canary.quiet("hooks", &clone.root, &["diff"]);
    // The canary fails, so the commit is refused by the first hook.
    let refused_by_hook = || {
        let ran = canary.tool(&clone.root, &["commit"]);
        assert_eq!(ran.code, 2, "{}", ran.stderr);
        let started = canary.ran();
        assert!(started.iter().any(|name| HOOKS.contains(&name.as_str())), "{started:?}");
    };
    refused_by_hook();
    fs::remove_file(&own).unwrap();
    canary.git(&clone.root, &["config", "core.hooksPath", hooks.to_str().unwrap()]);
    refused_by_hook();
}

#[test]
fn hooks_of_the_work_tree_are_not_run() {
    let canary = Canary::new();
    let commit = |name: &str, prepare: &dyn Fn(&Clone, &Path)| {
        let clone = canary.clone();
        let hooks = clone.root.join("scripts/hooks");
        fs::create_dir_all(&hooks).unwrap();
        for hook in HOOKS {
            fs::copy(canary.program("bin/hook"), hooks.join(hook)).unwrap();
        }
        prepare(&clone, &hooks);
        canary.commit_without_hooks(&clone.root);
        set_schedule(&clone.root, 17);
        canary.commit_without_hooks(&clone.root);
        canary.ran();
        let ran = canary.tool(&clone.root, &["commit"]);
        assert_eq!(canary.ran(), BTreeSet::new(), "{name}: {}", ran.stderr);
        assert_eq!(ran.code, 0, "{name}: {}", ran.stderr);
        (clone, ran.stderr)
    };
    let absolute = |clone: &Clone, hooks: &Path| {
        canary.git(&clone.root, &["config", "core.hooksPath", hooks.to_str().unwrap()]);
    };
    for (name, prepare) in [
        ("an absolute path", &absolute as &dyn Fn(&Clone, &Path)),
        ("a relative path", &|clone: &Clone, _: &Path| {
            canary.git(&clone.root, &["config", "core.hooksPath", "scripts/hooks"]);
        }),
        ("a link", &|clone: &Clone, hooks: &Path| {
            fs::remove_dir_all(clone.root.join(".git/hooks")).ok();
            std::os::unix::fs::symlink(hooks, clone.root.join(".git/hooks")).unwrap();
        }),
        ("a path in an included file of the tree", &|clone: &Clone, _: &Path| {
            let outside = canary.hooks();
            let text = format!("[core]\n\thooksPath = {}\n", outside.display());
            fs::write(clone.root.join("shared.conf"), text).unwrap();
            append(&clone.root.join(".git/config"), "[include]\n\tpath = ../shared.conf\n");
        }),
    ] {
        let (_, message) = commit(name, prepare);
        assert!(message.contains("were not run"), "{name}: {message}");
    }
    // Git 2.54 and newer.
    let (_, message) = commit("a hook in an included file of the tree", &|clone, _| {
        let hook = canary.setting(&("hook \"x\"", "command", "@"));
        let text = format!("{hook}\tevent = pre-commit\n");
        fs::write(clone.root.join("shared.conf"), text).unwrap();
        append(&clone.root.join(".git/config"), "[include]\n\tpath = ../shared.conf\n");
    });
    assert!(!message.contains("were not run"), "{message}");
    // The caller may ask for them.
    let (clone, _) = commit("an absolute path", &absolute);
    set_schedule(&clone.root, 18);
    canary.commit_without_hooks(&clone.root);
    let mut command = canary.tool_command(&clone.root, &["commit"]);
    command.env("GIT_CONFIG_COUNT", "1").env("GIT_CONFIG_KEY_0", "core.hooksPath");
    command.env("GIT_CONFIG_VALUE_0", "scripts/hooks");
    canary.ran();
    assert_eq!(command.output().unwrap().status.code(), Some(2));
    assert!(!canary.ran().is_empty());
}

#[test]
fn a_commit_runs_no_filter_of_the_user() {
    let canary = Canary::new();
    let clone = canary.clone();
    for variable in ["clean", "process", "smudge"] {
        let key = format!("filter.lfs.{variable}");
        let program = canary.program(&format!("bin/{variable}"));
        canary.git(&clone.root, &["config", "--global", &key, program.to_str().unwrap()]);
    }
    canary.git(&clone.root, &["config", "--global", "filter.lfs.required", "true"]);
    fs::write(clone.root.join(".gitattributes"), "* filter=lfs\n").unwrap();
    touch_all(&clone.root);
    let ran = canary.tool(&clone.root, &["commit"]);
    assert_eq!((ran.code, canary.ran()), (0, BTreeSet::new()), "{}", ran.stderr);
    assert_eq!(canary.tool(&clone.root, &["render", "--check"]).code, 0);
    canary.try_git(&clone.root, &["add", "--renormalize", "."]);
    assert!(!canary.ran().is_empty(), "by hand, Git starts it");
}

#[test]
fn a_rebase_starts_no_merge_driver_of_the_clone() {
    let canary = Canary::new();
    let clone = canary.clone();
    fs::write(clone.root.join("notes.txt"), "mine\n").unwrap();
    canary.commit_all(&clone.root, "Mine");
    clone.move_upstream(&canary);
    let driver = ("merge \"evil\"", "driver", "@");
    append(&clone.root.join(".git/config"), &canary.setting(&driver));
    let ran = canary.quiet("a merge driver", &clone.root, &["commit", "--push"]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(ran.stderr.contains("`git rebase` failed"), "{}", ran.stderr);
    canary.try_git(&clone.root, &["rebase", "FETCH_HEAD"]);
    assert!(!canary.ran().is_empty(), "by hand, Git starts it");
}

#[test]
fn a_bare_repository_in_the_place_of_the_project_is_refused() {
    for settings in ["[core]\n\tbare = true\n", "[core]\n\tbare = false\n\tworktree = .\n"] {
        let canary = Canary::new();
        let clone = canary.clone();
        let infra = clone.root.join("infra");
        fs::create_dir(&infra).unwrap();
        for folder in ["values", "rendered"] {
            fs::rename(clone.root.join(folder), infra.join(folder)).unwrap();
        }
        canary.commit_all(&clone.root, "Move");
        let honest = canary.tool(&clone.root, &["-C", "infra", "diff"]);
        assert_eq!(honest.code, 1, "{}", honest.stderr);
        // Its own history says that nothing differs.
        canary.tool(&clone.root, &["-C", "infra", "render"]);
        canary.git(&infra, &["init", "-q"]);
        canary.identify(&infra);
        canary.commit_all(&infra, "Forged");
        for entry in fs::read_dir(infra.join(".git")).unwrap() {
            let path = entry.unwrap().path();
            fs::rename(&path, infra.join(path.file_name().unwrap())).unwrap();
        }
        fs::remove_dir(infra.join(".git")).unwrap();
        append(&infra.join("config"), settings);
        append(&infra.join("config"), &canary.settings());
        canary.ran();
        for args in [
            &["-C", "infra", "diff"][..],
            &["-C", "infra", "commit"],
            &["-C", "infra", "commit", "--push"],
            &["-C", "infra/values", "diff"],
        ] {
            let ran = canary.quiet(settings, &clone.root, args);
            assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{args:?}: {}", ran.stderr);
            if !args.contains(&"infra/values") {
                assert!(ran.stderr.contains("bare repository"), "{args:?}: {}", ran.stderr);
            }
        }
        for args in WITHOUT_GIT {
            canary.quiet(settings, &infra, args);
        }
    }
}

#[test]
fn a_git_folder_that_is_not_the_work_trees_own_is_refused() {
    let refuse = |name: &str, prepare: &dyn Fn(&Canary, &Clone)| {
        let canary = Canary::new();
        let clone = canary.clone();
        prepare(&canary, &clone);
        canary.ran();
        for args in [&["diff"][..], &["commit"]] {
            let ran = canary.quiet(name, &clone.root, args);
            assert_eq!(
                (ran.code, ran.stdout.as_str()),
                (2, ""),
                "{name}, {args:?}: {}",
                ran.stderr
            );
        }
    };
    refuse("a `.git` file that leads into the tree", &|_, clone| {
        fs::rename(clone.root.join(".git"), clone.root.join("lib")).unwrap();
        fs::write(clone.root.join(".git"), "gitdir: lib\n").unwrap();
    });
    refuse("a `.git` link that leads into the tree", &|_, clone| {
        fs::rename(clone.root.join(".git"), clone.root.join("lib")).unwrap();
        std::os::unix::fs::symlink("lib", clone.root.join(".git")).unwrap();
    });
    refuse("a `core.worktree` elsewhere", &|canary, clone| {
        canary.git(&clone.root, &["config", "core.worktree", "/"]);
    });
    refuse("a bare `.git`", &|canary, clone| {
        canary.git(&clone.root, &["config", "core.bare", "true"]);
    });
    refuse("an empty `.git`", &|_, clone| {
        fs::remove_dir_all(clone.root.join(".git")).unwrap();
        fs::create_dir(clone.root.join(".git")).unwrap();
    });
}

#[test]
fn variables_that_redirect_git_are_ignored() {
    let canary = Canary::new();
    let clone = canary.clone();
    let other = canary.clone();
    canary.git(&other.root, &["config", "core.fsmonitor", "/nonexistent"]);
    let honest = canary.tool(&clone.root, &["diff", "--now", "2026-11-24T12:00:00Z"]);
    let external = canary.program("bin/external");
    for (name, value) in [
        ("GIT_DIR", other.root.join(".git")),
        ("GIT_WORK_TREE", other.root.clone()),
        ("GIT_COMMON_DIR", other.root.join(".git")),
        ("GIT_OBJECT_DIRECTORY", PathBuf::from("/nonexistent")),
        ("GIT_NAMESPACE", PathBuf::from("x")),
        ("GIT_CEILING_DIRECTORIES", clone.root.clone()),
        ("GIT_EXTERNAL_DIFF", external.clone()),
        ("GIT_PAGER", external.clone()),
    ] {
        let mut command =
            canary.tool_command(&clone.root, &["diff", "--now", "2026-11-24T12:00:00Z"]);
        let ran = CommandOutput::from(command.env(name, value).output().unwrap());
        assert_eq!(
            (ran.code, &ran.stdout),
            (honest.code, &honest.stdout),
            "{name}: {}",
            ran.stderr
        );
        assert_eq!(canary.ran(), BTreeSet::new(), "{name}");
    }
}

#[test]
fn a_git_that_ignores_the_settings_is_refused() {
    let canary = Canary::new();
    let clone = canary.clone();
    let found = Command::new("sh").args(["-c", "command -v git"]).output().unwrap();
    let real = String::from_utf8(found.stdout).unwrap();
    let old = canary.program("path/git");
    // Git before 2.31.
    let script = format!("#!/bin/sh\nunset GIT_CONFIG_COUNT\nexec {} \"$@\"\n", real.trim());
    fs::write(&old, script).unwrap();
    let path = format!("{}:{}", canary.path("path").display(), std::env::var("PATH").unwrap());
    for args in [&["diff"][..], &["commit"]] {
        let mut command = canary.tool_command(&clone.root, args);
        let ran = CommandOutput::from(command.env("PATH", &path).output().unwrap());
        assert_eq!(ran.code, 2, "{args:?}: {}", ran.stderr);
        assert!(
            ran.stderr.contains("this Git is too old: expected Git 2.31 or newer"),
            "{}",
            ran.stderr
        );
    }
}

#[test]
fn a_partial_clone_fetches_nothing_and_says_so() {
    let canary = Canary::new();
    let clone = canary.clone();
    canary.git(&clone.origin(), &["config", "uploadpack.allowFilter", "true"]);
    let url = format!("file://{}", clone.origin().display());
    let root = clone.folder.path().join("partial");
    canary.git(
        clone.folder.path(),
        &["clone", "-q", "--filter=blob:none", &url, root.to_str().unwrap()],
    );
    let program = canary.program("bin/uploadpack");
    canary.git(&root, &["config", "remote.origin.uploadpack", program.to_str().unwrap()]);
    canary.try_git(&root, &["ls-tree", "-r", "-l", "HEAD~1"]);
    assert!(!canary.ran().is_empty(), "by hand, Git fetches");
    let ran = canary.quiet("a partial clone", &root, &["diff", "--base", "HEAD~1"]);
    assert_eq!(ran.code, 2, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stderr.contains("this clone is partial"), "{}", ran.stderr);
    assert!(ran.stderr.contains("git fetch --refetch --no-filter"), "{}", ran.stderr);
}

/// Answers every request with a question for a password.
fn server_with_login() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().take(100) {
            let Ok(mut stream) = stream else { return };
            let mut buffer = [0; 8192];
            let _ = stream.read(&mut buffer);
            let _ = stream.write_all(
                b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"\r\n\
                  Content-Length: 0\r\nConnection: close\r\n\r\n",
            );
        }
    });
    format!("http://{address}/x.git")
}

#[test]
fn a_push_starts_no_transport_or_login_that_the_clone_names() {
    let login = server_with_login();
    let cases: &[(&str, (&str, &str, &str))] = &[
        (&login, ("credential", "helper", "!@")),
        (&login, ("core", "askPass", "@")),
        ("ssh://git@127.0.0.1/x.git", ("core", "sshCommand", "@")),
        ("git://127.0.0.1:1/x.git", ("core", "gitProxy", "@")),
        ("other://x", ("url \"ext::@ \"", "insteadOf", "other://")),
        ("other://x", ("url \"ext::@ \"", "pushInsteadOf", "other://")),
        ("ext::@ x", ("protocol \"ext\"", "allow", "always")),
        ("/nonexistent", ("remote \"origin\"", "vcs", "canary")),
    ];
    for (url, setting) in cases {
        let canary = Canary::new();
        let clone = canary.clone();
        let program = canary.program("bin/transport");
        let program = program.to_str().unwrap();
        canary.git(&clone.root, &["config", "protocol.ext.allow", "always"]);
        canary.git(&clone.root, &["config", "remote.origin.url", &url.replace('@', program)]);
        let (section, variable, value) = setting;
        let section = section.replace('@', program);
        append(&clone.root.join(".git/config"), &canary.setting(&(&section, variable, value)));
        canary.program("path/git-remote-canary");
        canary.ran();
        let path = format!(
            "{}:{}",
            canary.path("path").display(),
            std::env::var("GIT_UNDER_TEST").unwrap_or_default()
                + ":"
                + &std::env::var("PATH").unwrap()
        );
        let mut by_hand = canary.git_command(&clone.root, &["push"]);
        by_hand.env("PATH", &path).env_remove("GIT_TERMINAL_PROMPT").output().unwrap();
        assert!(!canary.ran().is_empty(), "{url}, {setting:?}: by hand, Git starts it");
        let mut command = canary.tool_command(&clone.root, &["commit", "--push"]);
        command.env("PATH", &path).env("GIT_TERMINAL_PROMPT", "0");
        // No SSH client of this machine, either.
        let ran = CommandOutput::from(command.output().unwrap());
        assert_eq!(ran.code, 2, "{url}: {}", ran.stderr);
        assert!(ran.stderr.contains("pushing it failed"), "{url}: {}", ran.stderr);
        assert_eq!(canary.ran(), BTreeSet::new(), "{url}, {setting:?}");
    }
}

#[test]
fn programs_that_the_user_has_set_up_are_used() {
    let canary = Canary::new();
    let clone = canary.clone();
    canary.git(&clone.root, &["config", "remote.origin.url", &server_with_login()]);
    let (own, foreign) = (canary.program("bin/own"), canary.program("bin/foreign"));
    let helper = |program: &Path| format!("!{}", program.display());
    canary.git(&clone.root, &["config", "--global", "credential.helper", &helper(&own)]);
    canary.git(&clone.root, &["config", "credential.helper", &helper(&foreign)]);
    let push = || {
        let mut command = canary.tool_command(&clone.root, &["commit", "--push"]);
        command.env("GIT_TERMINAL_PROMPT", "0");
        command
    };
    assert_eq!(push().output().unwrap().status.code(), Some(2));
    assert_eq!(canary.ran(), BTreeSet::from(["own".to_owned()]));
    // A CI job's, in the environment.
    let mut command = push();
    let program = canary.program("bin/job");
    command.env("GIT_CONFIG_COUNT", "1");
    command.env("GIT_CONFIG_KEY_0", "credential.helper");
    command.env("GIT_CONFIG_VALUE_0", helper(&program));
    assert_eq!(command.output().unwrap().status.code(), Some(2));
    assert_eq!(canary.ran(), BTreeSet::from(["own".to_owned(), "job".to_owned()]));
    canary.git(&clone.root, &["config", "remote.origin.url", "ssh://git@127.0.0.1/x.git"]);
    canary.git(&clone.root, &["config", "core.sshCommand", foreign.to_str().unwrap()]);
    assert_eq!(push().env("GIT_SSH_COMMAND", &own).output().unwrap().status.code(), Some(2));
    assert_eq!(canary.ran(), BTreeSet::from(["own".to_owned()]));
}

#[test]
fn a_rebase_looks_into_no_submodule() {
    let canary = Canary::new();
    let clone = canary.clone();
    let (place, prepare) =
        PLACES.iter().find(|(name, _)| name.ends_with("of the project")).unwrap();
    // Its commit is not pushed yet.
    let root = prepare(&canary, &clone);
    clone.move_upstream(&canary);
    canary.ran();
    touch_all(&root);
    let ran = canary.quiet(place, &root, &["commit", "--push"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    canary.try_git(&root, &["status"]);
    assert!(!canary.ran().is_empty(), "by hand, Git looks into it");
}

#[test]
fn a_commit_is_signed_by_the_users_program_alone() {
    let canary = Canary::new();
    let clone = canary.clone();
    let (own, foreign) = (canary.program("bin/own"), canary.program("bin/foreign"));
    canary.git(&clone.root, &["config", "commit.gpgSign", "true"]);
    for (format, key) in [
        ("openpgp", "gpg.program"),
        ("openpgp", "gpg.openpgp.program"),
        ("x509", "gpg.x509.program"),
        ("ssh", "gpg.ssh.defaultKeyCommand"),
    ] {
        canary.git(&clone.root, &["config", "gpg.format", format]);
        canary.git(&clone.root, &["config", "--global", key, own.to_str().unwrap()]);
        canary.git(&clone.root, &["config", key, foreign.to_str().unwrap()]);
        let ran = canary.tool(&clone.root, &["commit"]);
        assert_eq!(ran.code, 2, "{key}: {}", ran.stderr);
        assert_eq!(canary.ran(), BTreeSet::from(["own".to_owned()]), "{key}");
        canary.git(&clone.root, &["config", "--global", "--unset", key]);
        let ran = canary.quiet(key, &clone.root, &["commit"]);
        assert_eq!(ran.code, 2, "{key}: {}", ran.stderr);
        canary.git(&clone.root, &["config", "--unset", key]);
    }
}
