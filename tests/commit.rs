//! `commit` on real repositories: bare remotes, second clones that push at the same time, hooks, and
//! uncommitted work.

#![cfg(test)]
#![cfg(unix)]

mod common;

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;

use common::git::{git, isolate_git};
use common::tool::{self, CommandOutput, Sandbox, tts_render};
use common::write_program;
use tempfile::TempDir;

/// A work tree with one small stack, named `demo`.
struct Clone {
    path: PathBuf,
    _folder: Option<TempDir>,
}

impl Clone {
    /// A repository with committed values; nothing is rendered yet.
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let clone = Clone { path: folder.path().to_owned(), _folder: Some(folder) };
        clone.git(&["init", "-q", "-b", "main"]);
        clone.identify("Ann");
        assert_eq!(clone.tool(&["init", "demo"]).code, 0);
        clone.commit_all("Start");
        clone
    }

    fn identify(&self, name: &str) {
        self.git(&["config", "user.name", name]);
        self.git(&["config", "user.email", &format!("{name}@example.org")]);
    }

    #[track_caller]
    fn git(&self, args: &[&str]) -> String {
        git(&self.path, args)
    }

    fn tool(&self, args: &[&str]) -> CommandOutput {
        CommandOutput::run(isolate_git(&mut tts_render(&self.path)).args(args))
    }

    /// Commits with `tts-render`. Returns the commit, which must be HEAD, or an empty text.
    #[track_caller]
    fn commit(&self, args: &[&str]) -> String {
        let result = self.tool(&[&["commit"], args].concat());
        assert_eq!(result.code, 0, "{}", result.stderr);
        let id = result.stdout.trim().to_owned();
        assert!(id.is_empty() || id == self.git(&["rev-parse", "HEAD"]), "{id}");
        id
    }

    #[track_caller]
    fn refused(&self, args: &[&str]) -> String {
        let result = self.tool(&[&["commit"], args].concat());
        assert_eq!((result.code, result.stdout.as_str()), (2, ""), "{}", result.stderr);
        result.stderr
    }

    fn commit_all(&self, message: &str) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "-q", "-m", message]);
    }

    fn commit_all_values(&self, message: &str) {
        self.git(&["commit", "-q", "-m", message, "values"]);
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.path.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Writes somebody else's policy, and values that edit it.
    fn write_policy(&self) {
        let policy = tool::repository().join("policies/inject-gpu-workload-priority.yaml");
        self.write("owner/policy.yaml", &fs::read_to_string(policy).unwrap());
        let values = self.read("values/demo.yaml");
        let rest = values.split("\nkyverno:").next().unwrap();
        self.write(
            "values/demo.yaml",
            &format!("{rest}\nkyverno: {{mode: edit, policy: owner/policy.yaml}}\n"),
        );
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.path.join(file)).unwrap()
    }

    /// Changes one value without a commit.
    fn change_values(&self, from: &str, to: &str) {
        let values = self.read("values/demo.yaml");
        assert!(values.contains(from), "{from}");
        self.write("values/demo.yaml", &values.replace(from, to));
    }

    /// Changes a value that affects one file of `rendered/`.
    fn set_schedule(&self, schedule: &str) {
        let values = self.read("values/demo.yaml");
        let line = values.lines().find(|line| line.trim_start().starts_with("up:")).unwrap();
        self.write("values/demo.yaml", &values.replace(line, &format!("  up: {schedule}")));
    }

    fn hook(&self, name: &str, script: &str) {
        let path = self.path.join(".git/hooks").join(name);
        write_program(&path, &format!("#!/bin/sh\n{script}\n"));
    }

    /// The paths that a commit changed.
    fn changed_paths(&self, revision: &str) -> Vec<String> {
        let list =
            self.git(&["diff-tree", "--root", "--no-commit-id", "--name-only", "-r", revision]);
        list.lines().map(str::to_owned).collect()
    }

    fn is_fresh(&self) -> bool {
        self.tool(&["render", "--check"]).code == 0
            && self.git(&["status", "--porcelain"]).is_empty()
    }
}

/// A bare repository and clones of it.
struct Remote {
    folder: TempDir,
}

impl Remote {
    /// A remote with a rendered stack, pushed by the returned clone.
    fn new() -> (Self, Clone) {
        let remote = Remote { folder: TempDir::new().unwrap() };
        let root = remote.folder.path();
        git(root, &["init", "-q", "--bare", "-b", "main", "origin.git"]);
        let first = Clone::new();
        first.git(&["remote", "add", "origin", remote.url().to_str().unwrap()]);
        first.commit(&[]);
        first.git(&["push", "-q", "-u", "origin", "main"]);
        (remote, first)
    }

    fn url(&self) -> PathBuf {
        self.folder.path().join("origin.git")
    }

    fn clone(&self, name: &str) -> Clone {
        let root = self.folder.path();
        git(root, &["clone", "-q", self.url().to_str().unwrap(), name]);
        let clone = Clone { path: self.folder.path().join(name), _folder: None };
        clone.identify(name);
        clone
    }

    fn head(&self) -> String {
        git(&self.url(), &["rev-parse", "main"])
    }
}

#[test]
fn a_commit_changes_only_rendered_and_describes_the_change() {
    let clone = Clone::new();
    let source = clone.git(&["rev-parse", "HEAD"]);
    let id = clone.commit(&[]);
    assert!(!id.is_empty() && clone.is_fresh());
    assert!(clone.changed_paths(&id).iter().all(|path| path.starts_with("rendered/demo/")));
    let message = clone.git(&["log", "-1", "--format=%B"]);
    assert!(message.starts_with("Render demo: "), "{message}");
    assert!(
        message.contains("\n\ndemo:\n  added ")
            && message.contains("  added Deployment demo/demo\n"),
        "{message}"
    );
    let trailer =
        |key: &str| clone.git(&["log", "-1", &format!("--format=%(trailers:key={key},valueonly)")]);
    assert_eq!(trailer("Rendered-from").trim(), source);
    assert_eq!(trailer("Rendered-by").trim(), concat!("tts-render ", env!("CARGO_PKG_VERSION")));
    assert_eq!(clone.git(&["log", "-1", "--format=%an <%ae>"]), "Ann <Ann@example.org>");
    // The second time there is nothing to commit.
    let none = "nothing to commit: `rendered/` in HEAD is up to date\n";
    assert_eq!(clone.tool(&["commit"]).stderr, none);
    // A file that only the work tree lacks is written again.
    let file = "rendered/demo/deployment-demo.yaml";
    fs::remove_file(clone.path.join(file)).unwrap();
    assert_eq!(clone.tool(&["commit"]).stderr, none);
    assert!(clone.path.join(file).exists());
    assert_eq!(clone.git(&["rev-parse", "HEAD"]), id);
}

#[test]
fn changed_and_removed_objects_are_named() {
    let clone = Clone::new();
    clone.commit(&[]);
    clone.set_schedule("30 1 * * *");
    clone.write(
        "templates/extra.yaml.j2",
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: extra\n  namespace: demo\n",
    );
    clone.commit_all("Change");
    clone.commit(&[]);
    let message = clone.git(&["log", "-1", "--format=%B"]);
    assert!(message.starts_with("Render demo: 1 added, 2 changed\n"), "{message}");
    // The headline and the consequences of `diff`, before the objects.
    let effects = message.split("\n\n").nth(1).unwrap();
    let headline = effects.lines().next().unwrap();
    assert!(headline.contains(" critical, ") && headline.contains(" · 3 of "), "{message}");
    let moved = "- warning: CronJob demo/demo-window-up: ";
    assert!(
        effects.lines().any(|line| line.starts_with(moved) && line.contains("01:30")),
        "{message}"
    );
    assert!(
        message.contains("  added ConfigMap demo/extra\n  changed CronJob demo/demo-window-down\n"),
        "{message}"
    );
    assert!(message.contains("  changed CronJob demo/demo-window-up\n"), "{message}");
    fs::remove_file(clone.path.join("templates/extra.yaml.j2")).unwrap();
    clone.commit_all("Remove it");
    let id = clone.commit(&[]);
    let message = clone.git(&["log", "-1", "--format=%B"]);
    assert!(message.starts_with("Render demo: 1 removed\n"), "{message}");
    assert!(message.contains("  removed ConfigMap demo/extra\n"), "{message}");
    assert_eq!(
        clone.changed_paths(&id),
        ["rendered/demo/.provenance", "rendered/demo/configmap-extra.yaml"]
    );
    assert!(clone.is_fresh());
}

#[test]
fn other_entries_of_the_index_stay_as_they_are() {
    let clone = Clone::new();
    clone.write("notes.txt", "one\n");
    clone.write("old.txt", "old\n");
    clone.commit_all("Notes");
    // Staged and then changed, staged as new, staged as removed, and not staged.
    clone.write("notes.txt", "two\n");
    clone.git(&["add", "notes.txt"]);
    clone.write("notes.txt", "three\n");
    clone.write("new.txt", "new\n");
    clone.git(&["add", "new.txt"]);
    clone.git(&["rm", "-q", "--cached", "old.txt"]);
    clone.write("loose.txt", "loose\n");
    let before = clone.git(&["status", "--porcelain"]);
    let id = clone.commit(&[]);
    assert_eq!(clone.git(&["status", "--porcelain"]), before);
    assert_eq!(clone.git(&["show", ":notes.txt"]), "two");
    assert_eq!(clone.read("notes.txt"), "three\n");
    assert!(clone.changed_paths(&id).iter().all(|path| path.starts_with("rendered/")));
}

#[test]
fn uncommitted_values_are_refused() {
    let clone = Clone::new();
    clone.commit(&[]);
    let head = clone.git(&["rev-parse", "HEAD"]);
    let assert_refused = |path: &str| {
        let message = clone.refused(&[]);
        assert!(message.contains(&format!("uncommitted changes in `{path}`")), "{path}: {message}");
        assert_eq!(clone.git(&["rev-parse", "HEAD"]), head);
    };
    clone.set_schedule("30 1 * * *");
    assert_refused("values/demo.yaml");
    clone.git(&["add", "values"]);
    assert_refused("values/demo.yaml");
    clone.git(&["reset", "-q", "--hard"]);
    clone.write(
        "templates/extra.yaml.j2",
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: extra\n",
    );
    assert_refused("templates/extra.yaml.j2");
    // Rendering reads ignored files too.
    clone.write(".git/info/exclude", "templates/extra.yaml.j2\n");
    assert_refused("templates/extra.yaml.j2");
    fs::remove_dir_all(clone.path.join("templates")).unwrap();
    // Files that are not read do not matter.
    clone.write("values/.demo.yaml.swp", "x");
    clone.write("notes.txt", "x");
    assert_eq!(clone.commit(&[]), "");
}

#[test]
fn an_uncommitted_policy_is_refused() {
    let clone = Clone::new();
    clone.write_policy();
    clone.git(&["add", "values"]);
    clone.git(&["commit", "-q", "-m", "Edit the policy"]);
    let message = clone.refused(&[]);
    assert!(message.contains("owner/policy.yaml"), "{message}");
    clone.commit_all("The policy");
    assert!(!clone.commit(&[]).is_empty());
    assert!(clone.git(&["ls-files", "rendered/kyverno"]).contains("clusterpolicy-"));
}

#[test]
fn a_stack_outside_a_sparse_checkout_is_not_lost() {
    let clone = Clone::new();
    let values = clone.read("values/demo.yaml");
    clone.write("values/other.yaml", &values.replace("demo", "other"));
    clone.commit_all("Another");
    clone.commit(&[]);
    clone.git(&["sparse-checkout", "set", "--no-cone", "/*", "!/values/other.yaml"]);
    assert!(!clone.path.join("values/other.yaml").exists());
    let message = clone.refused(&[]);
    assert!(message.contains("values/other.yaml"), "{message}");
}

/// Values that changed after `render` make its files out of date, and lose nobody's work.
#[test]
fn an_earlier_render_is_replaced() {
    let clone = Clone::new();
    assert_eq!(clone.tool(&["render"]).code, 0);
    clone.set_schedule("30 1 * * *");
    clone.commit_all_values("Change");
    assert!(!clone.commit(&[]).is_empty() && clone.is_fresh());
    // Also after a trial of other values, and where HEAD has files already.
    clone.set_schedule("15 1 * * *");
    assert_eq!(clone.tool(&["render"]).code, 0);
    clone.set_schedule("45 1 * * *");
    clone.commit_all_values("Change again");
    assert!(!clone.commit(&[]).is_empty() && clone.is_fresh());
    // An edited file is somebody's work, whatever was rendered before.
    clone.set_schedule("15 1 * * *");
    assert_eq!(clone.tool(&["render"]).code, 0);
    clone.set_schedule("45 1 * * *");
    let file = "rendered/demo/deployment-demo.yaml";
    clone.write(file, &(clone.read(file) + "# mine\n"));
    assert!(clone.refused(&[]).contains("local changes in `rendered/` would be lost"));
}

#[test]
fn local_changes_in_rendered_are_refused() {
    let clone = Clone::new();
    clone.commit(&[]);
    let file =
        clone.changed_paths("HEAD").into_iter().find(|path| path.contains("deployment-")).unwrap();
    let refused = || {
        let message = clone.refused(&[]);
        assert!(message.contains("local changes in `rendered/` would be lost"), "{message}");
        message
    };
    // A file that is not rendered.
    clone.write("rendered/demo/mine.yaml", "a: 1\n");
    assert!(refused().contains("rendered/demo/mine.yaml"));
    fs::remove_file(clone.path.join("rendered/demo/mine.yaml")).unwrap();
    // An edit on the disk.
    let text = clone.read(&file);
    clone.write(&file, &text.replace("replicas: 0", "replicas: 3"));
    assert!(refused().contains(&file));
    // The same edit, staged, and reverted on the disk: only the index has it.
    clone.git(&["add", "rendered"]);
    clone.write(&file, &text);
    assert!(refused().contains(&file));
    assert_eq!(
        clone.git(&["show", &format!(":{file}")]).matches("replicas: 3").count(),
        1,
        "the index still has it"
    );
    clone.git(&["reset", "-q"]);
    assert_eq!(clone.commit(&[]), "");
}

#[test]
fn a_fresh_render_is_committed_whether_staged_or_not() {
    for staged in [false, true] {
        let clone = Clone::new();
        clone.commit(&[]);
        clone.set_schedule("30 1 * * *");
        clone.commit_all("Change");
        assert_eq!(clone.tool(&["render"]).code, 0);
        if staged {
            clone.git(&["add", "rendered"]);
        }
        let id = clone.commit(&[]);
        // `down` may start as late as the next `up` allows.
        assert_eq!(clone.changed_paths(&id).len(), 3, "`up`, `down` and .provenance");
        assert!(clone.is_fresh());
    }
}

#[test]
fn a_head_without_a_branch_or_a_commit_is_refused_with_the_fix() {
    let folder = Sandbox::empty();
    let outside = folder.refused(&["commit"]);
    assert!(
        outside.contains("is not in a Git work tree") && outside.contains("git init"),
        "{outside}"
    );
    let unborn = Clone { path: folder.path(""), _folder: None };
    unborn.git(&["init", "-q", "-b", "main"]);
    assert_eq!(unborn.tool(&["init", "demo"]).code, 0);
    let message = unborn.refused(&[]);
    assert!(
        message.contains("no commits yet") && message.contains("git add values && git commit"),
        "{message}"
    );
    let clone = Clone::new();
    clone.git(&["checkout", "-q", "--detach"]);
    let message = clone.refused(&[]);
    assert!(message.contains("HEAD is detached") && message.contains("git switch"), "{message}");
    assert!(!clone.path.join("rendered").exists(), "nothing was written");
}

#[test]
fn a_merge_in_progress_is_not_committed_in_part() {
    let clone = Clone::new();
    clone.git(&["switch", "-q", "-c", "side"]);
    clone.write("a.txt", "side\n");
    clone.commit_all("Side");
    clone.git(&["switch", "-q", "main"]);
    clone.write("b.txt", "main\n");
    clone.commit_all("Main");
    clone.git(&["merge", "-q", "--no-commit", "--no-ff", "side"]);
    let message = clone.refused(&[]);
    assert!(
        message.contains("a merge is in progress") && message.contains("git merge --continue"),
        "{message}"
    );
}

#[test]
fn hooks_can_refuse_or_change_the_commit() {
    let clone = Clone::new();
    clone.hook("pre-commit", "echo 'refused by the hook' >&2; exit 1");
    let head = clone.git(&["rev-parse", "HEAD"]);
    let message = clone.refused(&[]);
    assert!(message.contains("refused by the hook"), "{message}");
    assert_eq!(clone.git(&["rev-parse", "HEAD"]), head);
    clone.hook("pre-commit", "exit 0");
    clone.hook("commit-msg", "echo 'Checked-by: the hook' >> \"$1\"");
    clone.commit(&[]);
    assert!(clone.git(&["log", "-1", "--format=%B"]).ends_with("Checked-by: the hook"));
}

#[test]
fn a_hook_that_rewrites_what_was_rendered_is_reported() {
    let clone = Clone::new();
    let edit = "sed -i 's/^# .*/# formatted/' rendered/demo/*.yaml && git add rendered";
    clone.hook("pre-commit", edit);
    let message = clone.refused(&["--push"]);
    assert!(message.contains("has no upstream"), "{message}");
    let message = clone.refused(&[]);
    assert!(message.contains("a hook rewrote `rendered/demo/"), "{message}");
    assert!(message.contains("git reset --soft HEAD^"), "{message}");
    assert_eq!(clone.tool(&["render", "--check"]).code, 1);
}

#[test]
fn an_attribute_that_converts_what_was_rendered_is_refused() {
    let clone = Clone::new();
    clone.write(".gitattributes", "rendered/** ident\n");
    clone.write(
        "templates/note.yaml.j2",
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: note\n  namespace: demo\n\
         data:\n  note: \"$Id: rendered $\"\n",
    );
    clone.commit_all("A note");
    let head = clone.git(&["rev-parse", "HEAD"]);
    let message = clone.refused(&[]);
    assert!(message.contains("an attribute of the repository converts"), "{message}");
    assert_eq!(clone.git(&["rev-parse", "HEAD"]), head);
    // As the message says.
    clone.git(&["restore", "--staged", "rendered"]);
    clone.write(".gitattributes", "");
    clone.git(&["commit", "-q", "-m", "No attributes", ".gitattributes"]);
    clone.commit(&[]);
    assert!(clone.is_fresh());
}

#[test]
fn the_subject_can_be_set_for_conventional_commits() {
    let clone = Clone::new();
    let subject = |clone: &Clone| clone.git(&["log", "-1", "--format=%s"]);
    clone.commit(&["--subject", "chore(rendered): {summary}"]);
    assert!(subject(&clone).starts_with("chore(rendered): render demo: "), "{}", subject(&clone));
    clone.set_schedule("0 4 * * *");
    clone.commit_all_values("values");
    clone.commit(&["--subject", "chore: render"]);
    assert_eq!(subject(&clone), "chore: render");
    assert!(clone.git(&["log", "-1", "--format=%B"]).contains("Rendered-from: "));
    for text in ["", " ", "two\nlines"] {
        let message = clone.tool(&["commit", "--subject", text]).stderr;
        assert!(message.contains("expected one line of text"), "{message}");
    }
}

#[test]
fn a_clone_that_converts_line_ends_is_up_to_date() {
    let clone = Clone::new();
    clone.write_policy();
    clone.commit_all("Policy");
    clone.commit(&[]);
    let source = clone.path.to_str().unwrap();
    let folder = TempDir::new().unwrap();
    let converts = |name: &str| {
        git(folder.path(), &["clone", "-q", "-c", "core.autocrlf=true", source, name]);
        let text = fs::read(folder.path().join(name).join("rendered/demo/.provenance")).unwrap();
        text.windows(2).any(|pair| pair == b"\r\n")
    };
    assert!(!converts("attributes"), "`init` wrote a `.gitattributes`");
    clone.git(&["rm", "-q", ".gitattributes"]);
    clone.commit_all("No attributes");
    assert!(converts("windows"));
    let copy = folder.path().join("windows");
    for args in [&["render", "--check"][..], &["render"], &["commit"]] {
        let output = CommandOutput::run(isolate_git(&mut tts_render(&copy)).args(args));
        assert_eq!(output.code, 0, "{args:?}: {}{}", output.stdout, output.stderr);
    }
    assert_eq!(git(&copy, &["status", "--porcelain"]), "");
}

#[test]
fn a_repository_of_another_owner_is_refused_with_git_s_advice() {
    let clone = Clone::new();
    for command in ["commit", "diff"] {
        let mut tool = tts_render(&clone.path);
        tool.arg(command).env("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1");
        let output = CommandOutput::run(isolate_git(&mut tool));
        assert_eq!(output.code, 2, "{}", output.stderr);
        assert!(output.stderr.contains("dubious ownership"), "{}", output.stderr);
        assert!(output.stderr.contains("safe.directory"), "{}", output.stderr);
    }
}

#[test]
fn a_hook_can_run_render() {
    let clone = Clone::new();
    let tool = env!("CARGO_BIN_EXE_tts-render");
    clone
        .hook("pre-commit", &format!("{tool} render --check && {tool} render && git add rendered"));
    clone.commit(&[]);
    assert_eq!(clone.tool(&["render", "--check"]).code, 0);
}

#[test]
fn a_project_in_a_subfolder_of_the_repository_can_be_committed() {
    let clone = Clone::new();
    fs::create_dir_all(clone.path.join("infra/tenants")).unwrap();
    clone.git(&["mv", "values", "infra/tenants/values"]);
    clone.commit_all("Move");
    let result = clone.tool(&["-C", "infra/tenants", "commit"]);
    assert_eq!(result.code, 0, "{}", result.stderr);
    assert!(
        clone
            .changed_paths("HEAD")
            .iter()
            .all(|path| path.starts_with("infra/tenants/rendered/demo/"))
    );
    clone.write("infra/tenants/rendered/demo/mine.yaml", "a: 1\n");
    let result = clone.tool(&["-C", "infra/tenants", "commit"]);
    assert!(result.code == 2 && result.stderr.contains("mine.yaml"), "{}", result.stderr);
}

#[test]
fn a_push_goes_to_the_upstream() {
    let (remote, first) = Remote::new();
    first.set_schedule("30 1 * * *");
    first.commit_all("Change");
    let id = first.commit(&["--push"]);
    assert_eq!(remote.head(), id);
    // Nothing to commit, but something to push.
    first.write("notes.txt", "x\n");
    first.commit_all("Notes");
    assert_eq!(first.commit(&["--push"]), "");
    assert_eq!(remote.head(), first.git(&["rev-parse", "HEAD"]));
    let lonely = Clone::new();
    let message = lonely.refused(&["--push"]);
    assert!(
        message.contains("has no upstream") && message.contains("git push -u origin main"),
        "{message}"
    );
}

#[test]
fn a_commit_moves_on_top_of_the_upstream() {
    let (remote, first) = Remote::new();
    let second = remote.clone("Bob");
    first.set_schedule("30 1 * * *");
    first.commit_all("Ann's change");
    first.commit(&["--push"]);
    // Bob has own commits, which must be rebased.
    second.write("notes.txt", "by Bob\n");
    second.write("staged.txt", "by Bob\n");
    second.commit_all("Bob's first commit");
    // A rebase would put his staged work at risk.
    second.write("staged.txt", "changed\n");
    second.git(&["add", "staged.txt"]);
    let message = second.refused(&["--push"]);
    assert!(
        message.contains("`origin/main` has new commits") && message.contains("git pull --rebase"),
        "{message}"
    );
    second.git(&["commit", "-q", "-m", "Bob's second commit"]);
    second.commit(&["--push"]);
    assert_eq!(remote.head(), second.git(&["rev-parse", "HEAD"]));
    let log = second.git(&["log", "--format=%s"]);
    for subject in ["Ann's change", "Bob's first commit", "Bob's second commit"] {
        assert!(log.contains(subject), "{log}");
    }
    assert_eq!(second.read("notes.txt"), "by Bob\n");
}

#[test]
fn an_unpushed_rendering_is_made_again_from_the_new_values() {
    let (remote, first) = Remote::new();
    let second = remote.clone("Bob");
    // Bob renders another part of the same stack, and commits without pushing.
    second.change_values("suspend: true", "suspend: false");
    second.commit_all("Bob resumes it");
    let unpushed = second.commit(&[]);
    first.set_schedule("30 1 * * *");
    first.commit_all("Ann's change");
    first.commit(&["--push"]);
    second.write("staged.txt", "kept\n");
    let id = second.commit(&["--push"]);
    assert_eq!(remote.head(), id);
    let ancestors = second.git(&["rev-list", "HEAD"]);
    assert!(!ancestors.contains(&unpushed), "his rendering is replaced by a new one");
    let subjects = second.git(&["log", "--format=%s"]);
    assert!(subjects.contains("Bob resumes it") && subjects.contains("Ann's change"), "{subjects}");
    let trailer = second.git(&["log", "-1", "--format=%(trailers:key=Rendered-from,valueonly)"]);
    assert_eq!(trailer.trim(), second.git(&["rev-parse", "HEAD^"]));
    fs::remove_file(second.path.join("staged.txt")).unwrap();
    assert!(second.is_fresh());
}

#[test]
fn staged_work_is_kept_by_a_fast_forward() {
    let (remote, first) = Remote::new();
    let second = remote.clone("Bob");
    second.write("rendered/demo/.provenance", "# tts-render 0.0.1\n");
    second.git(&["commit", "-q", "-am", "Render with an older tool"]);
    second.git(&["push", "-q"]);
    first.git(&["pull", "-q"]);
    // Both render the same values, and Ann pushes first.
    first.commit(&["--push"]);
    second.write("staged.txt", "kept\n");
    second.git(&["add", "staged.txt"]);
    assert_eq!(second.commit(&["--push"]), "", "there is nothing left to commit");
    assert_eq!(remote.head(), second.git(&["rev-parse", "HEAD"]));
    assert_eq!(second.git(&["status", "--porcelain"]), "A  staged.txt");
}

#[test]
fn conflicting_values_are_left_to_the_user() {
    let (remote, first) = Remote::new();
    let second = remote.clone("Bob");
    first.set_schedule("30 1 * * *");
    first.commit_all("Ann's change");
    first.commit(&["--push"]);
    second.set_schedule("45 1 * * *");
    second.commit_all("Bob's change");
    let own = second.git(&["rev-parse", "HEAD"]);
    let head = remote.head();
    let message = second.refused(&["--push"]);
    assert!(
        message.contains("`git rebase` failed") && message.contains("could not apply"),
        "{message}"
    );
    assert_eq!(remote.head(), head);
    assert_eq!(second.git(&["rev-parse", "HEAD"]), own, "his commit is unchanged");
    assert_eq!(second.git(&["status", "--porcelain"]), "");
}

#[test]
fn a_refusal_by_the_server_is_not_retried() {
    let (remote, first) = Remote::new();
    let hook = remote.url().join("hooks/pre-receive");
    write_program(&hook, "#!/bin/sh\necho 'protected branch' >&2\nexit 1\n");
    first.set_schedule("30 1 * * *");
    first.commit_all("Change");
    let message = first.refused(&["--push"]);
    assert!(
        message.contains("pushing it failed") && message.contains("protected branch"),
        "{message}"
    );
    assert!(first.is_fresh(), "the commit is kept");
}

#[test]
fn concurrent_pushes_all_succeed() {
    let (remote, _first) = Remote::new();
    for round in 0..3 {
        let clones = ["Bob", "Cyd", "Dan"].map(|name| remote.clone(&format!("{name}{round}")));
        for (number, clone) in clones.iter().enumerate() {
            let values = clone.read("values/demo.yaml");
            let name = format!("other-{round}-{number}");
            clone.write(&format!("values/{name}.yaml"), &values.replace("demo", &name));
            clone.commit_all(&format!("Add {name}"));
        }
        let children = clones.each_ref().map(|clone| {
            isolate_git(&mut tts_render(&clone.path))
                .args(["commit", "--push"])
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        });
        for child in children {
            let result = CommandOutput::from(child.wait_with_output().unwrap());
            assert_eq!(result.code, 0, "{}", result.stderr);
        }
        let check = remote.clone(&format!("check{round}"));
        assert!(check.is_fresh(), "the last push has the rendering of all stacks");
        for number in 0..3 {
            assert!(check.path.join(format!("rendered/other-{round}-{number}")).is_dir());
        }
    }
}
