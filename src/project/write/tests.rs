use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::provenance::Provenance;
use super::*;
use oci_scratch::Digest;

/// A tree to render into: `rendered` in a folder that is removed when the test ends.
struct Tree {
    _home: TempDir,
    out: PathBuf,
}

impl Tree {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let out = home.path().join("rendered");
        Tree { _home: home, out }
    }

    /// A tree after a run with a plan of these files.
    fn of(files: &[(&str, &str)]) -> Self {
        let tree = Tree::new();
        tree.write(files).unwrap();
        tree
    }

    fn write(&self, files: &[(&str, &str)]) -> Result<Summary, Error> {
        write_tree(&self.out, &plan(files), &Scope::All, Force::No)
    }

    fn force(&self, files: &[(&str, &str)]) -> Result<Summary, Error> {
        write_tree(&self.out, &plan(files), &Scope::All, Force::Yes)
    }

    /// The differences as `kind path`.
    fn compare(&self, files: &[(&str, &str)]) -> Vec<String> {
        self.compare_in(files, &Scope::All)
    }

    fn compare_in(&self, files: &[(&str, &str)], scope: &Scope) -> Vec<String> {
        let differences = find_differences(&self.out, &plan(files), scope).unwrap();
        differences.iter().map(|d| format!("{} {}", d.kind, d.path.display())).collect()
    }

    fn put(&self, path: &str, bytes: &str) {
        let path = self.out.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.out.join(path)).unwrap()
    }

    fn has(&self, path: &str) -> bool {
        fs::symlink_metadata(self.out.join(path)).is_ok()
    }

    /// Every file with its bytes, every folder, every link with its target.
    fn all(&self) -> Vec<(PathBuf, String)> {
        let mut all = Vec::new();
        let mut folders = vec![self.out.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).into_iter().flatten() {
                let entry = entry.unwrap();
                let (path, kind) = (entry.path(), entry.file_type().unwrap());
                let holds = if kind.is_dir() {
                    folders.push(path.clone());
                    "a folder".to_owned()
                } else if kind.is_symlink() {
                    format!("-> {}", fs::read_link(&path).unwrap().display())
                } else {
                    fs::read_to_string(&path).unwrap()
                };
                all.push((path.strip_prefix(&self.out).unwrap().to_owned(), holds));
            }
        }
        all.sort();
        all
    }
}

/// A plan of files given as `folder/name` and bytes.
fn plan(files: &[(&str, &str)]) -> Plan {
    let mut plan = Plan::new();
    for (path, bytes) in files {
        let (folder, name) = path.split_once('/').unwrap();
        plan.add(folder, name, *bytes, "values/a.yaml").unwrap();
    }
    plan
}

/// The conflicts of a failed run, as `path kind`.
fn conflicts(tree: &Tree, result: Result<Summary, Error>) -> Vec<String> {
    match result {
        Err(Error::Conflicts(conflicts)) => {
            let path = |conflict: &Conflict| {
                conflict.path.strip_prefix(&tree.out).unwrap().display().to_string()
            };
            conflicts
                .iter()
                .map(|conflict| format!("{} {}", path(conflict), conflict.kind))
                .collect()
        }
        other => panic!("no conflicts: {other:?}"),
    }
}

fn paths(paths: &[&str]) -> Vec<PathBuf> {
    paths.iter().map(PathBuf::from).collect()
}

fn record(files: &[(&str, &str)]) -> String {
    let mut record = Provenance::default();
    files.iter().for_each(|(name, bytes)| record.add(name, Digest::of(bytes.as_bytes())));
    record.to_text()
}

const FOREIGN: &str = "was not written by tts-render";
const EDITED: &str = "was edited since it was rendered";
const LINK: &str = "is a link, and links are not followed";

mod plans {
    use super::*;

    #[test]
    fn an_invalid_file_name_is_refused() {
        let long = "x".repeat(256);
        let names = [
            "",
            ".",
            "..",
            ".hidden",
            ".provenance",
            "a/b",
            "a\\b",
            "a\nb",
            "a\0b",
            "a\u{7f}b",
            &long,
        ];
        for name in names {
            for (folder, file) in [(name, "a.yaml"), ("a", name)] {
                let error = Plan::new().add(folder, file, "x", "values/a.yaml").unwrap_err();
                let Error::Name { name: named, claimant } = error else { panic!("{error}") };
                assert_eq!((named.as_str(), claimant.as_str()), (name, "values/a.yaml"));
            }
        }
        Plan::new().add(&long[..255], "clusterrole-system:x é.yaml", "x", "v").unwrap();
    }

    #[test]
    fn two_files_on_one_path_are_refused_with_both_claimants() {
        let mut plan = Plan::new();
        plan.add("tts", "a.yaml", "x", "values/one.yaml").unwrap();
        let message = |plan: &mut Plan, folder: &str, file: &str| {
            plan.add(folder, file, "x", "values/two.yaml").unwrap_err().to_string()
        };
        assert_eq!(
            message(&mut plan, "tts", "a.yaml"),
            "`tts/a.yaml` is rendered twice, from `values/one.yaml` and from `values/two.yaml`"
        );
        assert_eq!(
            message(&mut plan, "tts", "A.yaml"),
            "`tts/a.yaml` and `tts/A.yaml` differ only in case, \
             rendered from `values/one.yaml` and from `values/two.yaml`"
        );
        assert_eq!(
            message(&mut plan, "TTS", "b.yaml"),
            "`tts` and `TTS` differ only in case, \
             rendered from `values/one.yaml` and from `values/two.yaml`"
        );
        // A refused file is not planned, and the same name in another folder is another file.
        plan.add("other", "a.yaml", "x", "values/two.yaml").unwrap();
        assert_eq!(plan.folders().collect::<Vec<_>>(), ["other", "tts"]);
        assert_eq!(plan.files("tts").collect::<Vec<_>>(), [("a.yaml", "x".as_bytes())]);
    }

    #[test]
    fn a_file_has_at_most_16_mib() {
        let error = Plan::new().add("a", "a.yaml", vec![0; (16 << 20) + 1], "v").unwrap_err();
        assert_eq!(error.to_string(), "`a/a.yaml` would have more than 16 MiB, rendered from `v`");
    }
}

mod writing {
    use super::*;

    #[test]
    fn a_fresh_tree_holds_the_plan_and_its_provenance() {
        let tree = Tree::new();
        let files = [("tts/b.yaml", "b"), ("tts/a.yaml", "a"), ("kyverno/c.yaml", "c")];
        assert_eq!(
            tree.compare(&files),
            [
                "missing kyverno/.provenance",
                "missing kyverno/c.yaml",
                "missing tts/.provenance",
                "missing tts/a.yaml",
                "missing tts/b.yaml"
            ]
        );
        let summary = tree.write(&files).unwrap();
        assert_eq!(summary.created, paths(&["kyverno/c.yaml", "tts/a.yaml", "tts/b.yaml"]));
        let expected = [
            ("kyverno", "a folder".to_owned()),
            ("kyverno/.provenance", record(&[("c.yaml", "c")])),
            ("kyverno/c.yaml", "c".to_owned()),
            ("tts", "a folder".to_owned()),
            ("tts/.provenance", record(&[("a.yaml", "a"), ("b.yaml", "b")])),
            ("tts/a.yaml", "a".to_owned()),
            ("tts/b.yaml", "b".to_owned()),
        ];
        assert_eq!(tree.all(), expected.map(|(path, bytes)| (PathBuf::from(path), bytes)));
        assert!(tree.compare(&files).is_empty());
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_has_its_bytes_is_not_touched() {
        use std::os::unix::fs::MetadataExt;
        use std::time::{Duration, SystemTime};

        let tree = Tree::of(&[("a/same.yaml", "same"), ("a/other.yaml", "old")]);
        let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let stamp = |name: &str| {
            let metadata = fs::metadata(tree.out.join(name)).unwrap();
            (metadata.ino(), metadata.modified().unwrap())
        };
        for name in ["a/same.yaml", "a/other.yaml", "a/.provenance"] {
            fs::File::options()
                .write(true)
                .open(tree.out.join(name))
                .unwrap()
                .set_modified(long_ago)
                .unwrap();
        }
        let names = ["a/same.yaml", "a/other.yaml", "a/.provenance"];
        let before = names.map(stamp);
        let summary = tree.write(&[("a/same.yaml", "same"), ("a/other.yaml", "old")]).unwrap();
        assert_eq!((names.map(stamp), summary.unchanged), (before, 2));

        // An open file keeps its inode, which a new file could get otherwise.
        let _open = names.map(|name| fs::File::open(tree.out.join(name)).unwrap());
        let summary = tree.write(&[("a/same.yaml", "same"), ("a/other.yaml", "new")]).unwrap();
        assert_eq!(summary.updated, paths(&["a/other.yaml"]));
        assert_eq!(stamp("a/same.yaml"), before[0]);
        assert_ne!(stamp("a/other.yaml").0, before[1].0);
        assert_ne!(stamp("a/.provenance").0, before[2].0);
    }

    #[cfg(unix)]
    #[test]
    fn a_file_is_replaced_and_not_written_through() {
        use std::os::unix::fs::PermissionsExt;

        let tree = Tree::of(&[("a/a.yaml", "old")]);
        let twin = tree.out.with_file_name("twin");
        fs::hard_link(tree.out.join("a/a.yaml"), &twin).unwrap();
        fs::set_permissions(&twin, fs::Permissions::from_mode(0o755)).unwrap();
        tree.write(&[("a/a.yaml", "new")]).unwrap();
        assert_eq!(fs::read_to_string(twin).unwrap(), "old");
        let mode = fs::metadata(tree.out.join("a/a.yaml")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777 & !0o644, 0, "{mode:o}");
    }

    #[test]
    fn a_foreign_file_is_overwritten_only_with_force() {
        let tree = Tree::of(&[("a/own.yaml", "own")]);
        tree.put("a/foreign.yaml", "foreign");
        tree.put("b/foreign.yaml", "foreign");
        let files =
            [("a/own.yaml", "new"), ("a/foreign.yaml", "planned"), ("b/foreign.yaml", "planned")];
        let before = tree.all();
        assert_eq!(
            conflicts(&tree, tree.write(&files)),
            [format!("a/foreign.yaml {FOREIGN}"), format!("b/foreign.yaml {FOREIGN}")]
        );
        assert_eq!(tree.all(), before, "nothing is written at all");
        let differences = tree.compare(&files);
        assert!(differences.contains(&"foreign a/foreign.yaml".to_owned()), "{differences:?}");

        tree.force(&files).unwrap();
        assert_eq!(tree.read("a/foreign.yaml"), "planned");
        assert!(tree.compare(&files).is_empty());
    }

    #[test]
    fn line_ends_that_a_clone_converted_do_not_matter() {
        let files = [("a/a.yaml", "one\ntwo\n"), ("a/b.yaml", "three\n")];
        let tree = Tree::of(&files);
        for file in ["a/a.yaml", "a/b.yaml", "a/.provenance"] {
            tree.put(file, &tree.read(file).replace('\n', "\r\n"));
        }
        assert!(tree.compare(&files).is_empty());
        // A newer render replaces it, and an edit is still somebody's own.
        let newer = [("a/a.yaml", "one\nother\n"), ("a/b.yaml", "three\n")];
        assert_eq!(tree.compare(&newer)[1], "stale a/a.yaml");
        tree.put("a/a.yaml", "one\r\nedited\r\n");
        assert_eq!(tree.compare(&files), ["hand-edited a/a.yaml"]);
    }

    #[test]
    fn a_merge_conflict_in_a_rendered_file_is_named() {
        let files = [("a/a.yaml", "planned")];
        let tree = Tree::of(&files);
        tree.put("a/a.yaml", "<<<<<<< HEAD\nx\n=======\ny\n>>>>>>> main\n");
        let found = conflicts(&tree, tree.write(&files));
        assert_eq!(found, ["a/a.yaml has an unresolved merge conflict"]);
        assert_eq!(tree.compare(&files), ["hand-edited a/a.yaml"]);
        tree.force(&files).unwrap();
        assert!(tree.compare(&files).is_empty());
    }

    #[test]
    fn an_edited_file_is_overwritten_only_with_force() {
        let tree = Tree::of(&[("a/a.yaml", "planned"), ("a/b.yaml", "b")]);
        tree.put("a/a.yaml", "edited");
        // With the same plan and with a new one.
        for planned in ["planned", "newer"] {
            let files = [("a/a.yaml", planned), ("a/b.yaml", planned)];
            assert_eq!(conflicts(&tree, tree.write(&files)), [format!("a/a.yaml {EDITED}")]);
            assert_eq!(tree.read("a/b.yaml"), "b");
        }
        assert_eq!(
            tree.compare(&[("a/a.yaml", "planned"), ("a/b.yaml", "b")]),
            ["hand-edited a/a.yaml"]
        );
        let summary = tree.force(&[("a/a.yaml", "planned"), ("a/b.yaml", "b")]).unwrap();
        assert_eq!(
            (summary.updated, tree.read("a/a.yaml")),
            (paths(&["a/a.yaml"]), "planned".into())
        );
    }

    #[test]
    fn planned_bytes_become_recorded_whoever_wrote_them() {
        let tree = Tree::new();
        tree.put("a/a.yaml", "a");
        assert_eq!(tree.compare(&[("a/a.yaml", "a")]), ["missing a/.provenance"]);
        let summary = tree.write(&[("a/a.yaml", "a")]).unwrap();
        assert_eq!((summary.unchanged, summary.created.len()), (1, 0));
        assert_eq!(tree.read("a/.provenance"), record(&[("a.yaml", "a")]));
        // From now on it is replaced and pruned like any other.
        tree.write(&[("a/a.yaml", "b")]).unwrap();
        tree.write(&[]).unwrap();
        assert!(!tree.has("a"));
    }

    #[test]
    fn a_change_of_version_touches_provenance_alone() {
        let tree = Tree::of(&[("a/a.yaml", "a")]);
        let older = record(&[("a.yaml", "a")]).replace(env!("CARGO_PKG_VERSION"), "0.0.1");
        tree.put("a/.provenance", &older);
        assert_eq!(tree.compare(&[("a/a.yaml", "a")]), ["stale a/.provenance"]);
        assert_eq!(tree.write(&[("a/a.yaml", "a")]).unwrap().unchanged, 1);
        assert_eq!(tree.read("a/.provenance"), record(&[("a.yaml", "a")]));
    }

    #[test]
    fn many_folders_are_written_and_reported_in_order() {
        let names: Vec<String> = (0..200).map(|n| format!("s{n:03}/a.yaml")).collect();
        let files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "x")).collect();
        let tree = Tree::new();
        let summary = tree.write(&files).unwrap();
        assert_eq!(summary.created, names.iter().map(PathBuf::from).collect::<Vec<_>>());
        assert!(tree.compare(&files).is_empty());
        let summary = tree.write(&files[..100]).unwrap();
        assert_eq!((summary.unchanged, summary.pruned.len()), (100, 100));
        assert_eq!(tree.all().len(), 300);
    }
}

mod pruning {
    use super::*;

    #[test]
    fn recorded_files_are_pruned_and_empty_folders_removed() {
        let tree = Tree::of(&[("a/a.yaml", "a"), ("a/b.yaml", "b"), ("gone/c.yaml", "c")]);
        assert_eq!(
            tree.compare(&[("a/a.yaml", "a")]),
            [
                "stale a/.provenance",
                "obsolete a/b.yaml",
                "obsolete gone/.provenance",
                "obsolete gone/c.yaml"
            ]
        );
        let summary = tree.write(&[("a/a.yaml", "a")]).unwrap();
        assert_eq!(summary.pruned, paths(&["a/b.yaml", "gone/c.yaml"]));
        assert_eq!(tree.all(), Tree::of(&[("a/a.yaml", "a")]).all());
    }

    #[test]
    fn foreign_files_stay() {
        let tree = Tree::of(&[("a/a.yaml", "a"), ("b/b.yaml", "b")]);
        tree.put("a/foreign.yaml", "foreign");
        tree.put("b/.gitkeep", "");
        tree.put("other/x.yaml", "x");
        tree.put("other/sub/y.yaml", "y");
        tree.put("README.md", "read me");
        tree.put(".gitattributes", "* linguist-generated");
        assert_eq!(
            tree.compare(&[("a/a.yaml", "a"), ("b/b.yaml", "b")]),
            ["foreign README.md", "foreign a/foreign.yaml", "foreign other"]
        );
        let summary = tree.write(&[]).unwrap();
        assert_eq!(summary.pruned, paths(&["a/a.yaml", "b/b.yaml"]));
        let left: Vec<String> =
            tree.all().iter().map(|(path, _)| path.display().to_string()).collect();
        assert_eq!(
            left,
            [
                ".gitattributes",
                "README.md",
                "a",
                "a/foreign.yaml",
                "b",
                "b/.gitkeep",
                "other",
                "other/sub",
                "other/sub/y.yaml",
                "other/x.yaml"
            ]
        );
    }

    #[test]
    fn edited_files_stay_and_are_reported() {
        let tree = Tree::of(&[("a/a.yaml", "a"), ("a/b.yaml", "b")]);
        tree.put("a/b.yaml", "edited");
        for write in [Tree::write, Tree::force] {
            let summary = write(&tree, &[]).unwrap();
            assert_eq!(summary.retained, paths(&["a/b.yaml"]));
            assert_eq!(tree.compare(&[]), ["hand-edited a/b.yaml"]);
        }
        // With the recorded bytes again, it is pruned.
        tree.put("a/b.yaml", "b");
        assert_eq!(tree.write(&[]).unwrap().pruned, paths(&["a/b.yaml"]));
        assert!(!tree.has("a"));
    }

    #[test]
    fn provenance_reaches_only_files_beside_it() {
        let tree = Tree::of(&[("a/a.yaml", "a")]);
        tree.put("victim.yaml", "v");
        tree.put("b/victim.yaml", "v");
        let digest = Digest::of(b"v");
        let hash = digest.hex();
        let lines = ["../victim.yaml", "../b/victim.yaml", "/victim.yaml", "b\\victim.yaml"];
        let lines = lines.map(|name| format!("{hash}  {name}\n")).concat();
        tree.put("a/.provenance", &(record(&[("a.yaml", "a")]) + &lines));
        tree.write(&[]).unwrap();
        assert!(tree.has("victim.yaml") && tree.has("b/victim.yaml") && !tree.has("a"));
    }

    #[test]
    fn a_recorded_file_that_does_not_exist_is_ignored() {
        let tree = Tree::of(&[("a/a.yaml", "a"), ("b/b.yaml", "b")]);
        fs::remove_file(tree.out.join("b/b.yaml")).unwrap();
        assert_eq!(tree.compare(&[("a/a.yaml", "a")]), ["obsolete b/.provenance"]);
        assert!(tree.write(&[("a/a.yaml", "a")]).unwrap().pruned.is_empty());
        assert!(!tree.has("b"));
    }

    #[test]
    fn naming_folders_leaves_the_others_alone() {
        let tree = Tree::of(&[("a/a.yaml", "1"), ("b/b.yaml", "1"), ("c/c.yaml", "1")]);
        tree.put("README.md", "read me");
        let files = [("a/a.yaml", "2"), ("b/b.yaml", "2")];
        let scope = Scope::Folders(["a".to_owned(), "c".to_owned()].into());
        assert_eq!(
            tree.compare_in(&files, &scope),
            [
                "stale a/.provenance",
                "stale a/a.yaml",
                "obsolete c/.provenance",
                "obsolete c/c.yaml"
            ]
        );
        let summary = write_tree(&tree.out, &plan(&files), &scope, Force::No).unwrap();
        assert_eq!((summary.updated, summary.pruned), (paths(&["a/a.yaml"]), paths(&["c/c.yaml"])));
        assert_eq!((tree.read("b/b.yaml"), tree.has("c")), ("1".to_owned(), false));
        assert!(tree.compare_in(&files, &scope).is_empty());
    }
}

mod provenance_files {
    use super::*;

    #[test]
    fn both_sides_of_a_merge_conflict_are_recorded() {
        for existing in ["head", "other", "base"] {
            let tree = Tree::of(&[("a/a.yaml", existing), ("a/b.yaml", "b")]);
            let line = |bytes: &str, name: &str| {
                format!("{}  {name}\n", Digest::of(bytes.as_bytes()).hex())
            };
            let text = format!(
                "# tts-render 0.1.0\n<<<<<<< HEAD\n{}||||||| base\n{}=======\n{}{}>>>>>>> other\n",
                line("head", "a.yaml"),
                line("base", "a.yaml"),
                line("other", "a.yaml"),
                line("b", "b.yaml"),
            );
            tree.put("a/.provenance", &text);
            let files = [("a/a.yaml", "merged")];
            assert_eq!(
                tree.compare(&files),
                ["stale a/.provenance", "stale a/a.yaml", "obsolete a/b.yaml"]
            );
            tree.write(&files).unwrap();
            assert_eq!(tree.all(), Tree::of(&files).all(), "{existing}");
        }
    }

    #[test]
    fn a_foreign_provenance_is_a_foreign_file() {
        let tree = Tree::new();
        tree.put("a/.provenance", "where this sculpture came from\n");
        let files = [("a/a.yaml", "a")];
        assert_eq!(conflicts(&tree, tree.write(&files)), [format!("a/.provenance {FOREIGN}")]);
        assert_eq!(tree.compare(&files), ["foreign a/.provenance", "missing a/a.yaml"]);
        tree.write(&[]).unwrap();
        assert!(tree.has("a/.provenance"));
        tree.force(&files).unwrap();
        assert!(tree.compare(&files).is_empty());
    }

    #[test]
    fn a_lost_provenance_is_restored() {
        let tree = Tree::of(&[("a/a.yaml", "a")]);
        for lost in [Some(""), None] {
            match lost {
                Some(bytes) => tree.put("a/.provenance", bytes),
                None => fs::remove_file(tree.out.join("a/.provenance")).unwrap(),
            }
            assert_eq!(tree.write(&[("a/a.yaml", "a")]).unwrap().unchanged, 1);
            assert_eq!(tree.read("a/.provenance"), record(&[("a.yaml", "a")]));
        }
    }
}

mod conflicts_with_existing_files {
    use super::*;

    const FILES: [(&str, &str); 1] = [("a/a.yaml", "a")];

    fn assert_conflicts(tree: &Tree, expected: &[&str]) {
        let before = tree.all();
        for write in [Tree::write, Tree::force] {
            assert_eq!(conflicts(tree, write(tree, &FILES)), expected);
            assert_eq!(tree.all(), before);
        }
    }

    #[cfg(unix)]
    #[test]
    fn links_are_not_followed() {
        use std::os::unix::fs::symlink;

        // The file itself, even to the very bytes that are planned.
        let tree = Tree::new();
        let outside = tree.out.with_file_name("outside");
        tree.put("../outside/a.yaml", "a");
        fs::create_dir_all(tree.out.join("a")).unwrap();
        symlink(outside.join("a.yaml"), tree.out.join("a/a.yaml")).unwrap();
        assert_conflicts(&tree, &[&format!("a/a.yaml {LINK}")]);
        assert_eq!(tree.compare(&FILES), ["missing a/.provenance", "in the way a/a.yaml"]);

        // The folder.
        let tree = Tree::new();
        fs::create_dir_all(&tree.out).unwrap();
        symlink(&outside, tree.out.join("a")).unwrap();
        assert_conflicts(&tree, &[&format!("a {LINK}")]);
        assert_eq!(tree.compare(&FILES), ["in the way a"]);

        // Its provenance.
        let tree = Tree::of(&FILES);
        fs::rename(tree.out.join("a/.provenance"), outside.with_file_name("p")).unwrap();
        symlink(outside.with_file_name("p"), tree.out.join("a/.provenance")).unwrap();
        assert_conflicts(&tree, &[&format!("a/.provenance {LINK}")]);

        // The tree, with and without a slash at its end.
        let tree = Tree::new();
        symlink(&outside, &tree.out).unwrap();
        for out in [tree.out.clone(), tree.out.join("")] {
            let error = write_tree(&out, &plan(&FILES), &Scope::All, Force::Yes).unwrap_err();
            assert_eq!(error.to_string(), format!("`{}` {LINK}", tree.out.display()));
            assert!(find_differences(&out, &plan(&FILES), &Scope::All).is_err());
        }
    }

    #[cfg(unix)]
    #[test]
    fn links_without_a_conflict_are_left_alone() {
        use std::os::unix::fs::symlink;

        let tree = Tree::of(&[("a/a.yaml", "a"), ("b/b.yaml", "b")]);
        tree.put("../outside/c.yaml", "c");
        tree.put("../outside/.provenance", &record(&[("c.yaml", "c")]));
        let outside = tree.out.with_file_name("outside");
        symlink(&outside, tree.out.join("c")).unwrap();
        symlink(outside.join("c.yaml"), tree.out.join("a/c.yaml")).unwrap();
        // One that took the place of a file that is no longer rendered.
        fs::remove_file(tree.out.join("b/b.yaml")).unwrap();
        symlink(outside.join("c.yaml"), tree.out.join("b/b.yaml")).unwrap();
        assert_eq!(tree.compare(&FILES), ["foreign a/c.yaml", "hand-edited b/b.yaml", "foreign c"]);
        let before = tree.all();
        assert_eq!(tree.write(&FILES).unwrap().retained, paths(&["b/b.yaml"]));
        assert_eq!(tree.all(), before);
        assert!(outside.join("c.yaml").exists() && outside.join(".provenance").exists());
    }

    #[test]
    fn a_folder_in_place_of_a_file_is_a_conflict() {
        let tree = Tree::new();
        tree.put("a/a.yaml/x", "x");
        assert_conflicts(&tree, &["a/a.yaml is a folder where a file is rendered"]);
    }

    #[test]
    fn a_file_in_place_of_a_folder_is_a_conflict() {
        let tree = Tree::new();
        tree.put("a", "x");
        assert_conflicts(&tree, &["a is a file where a folder is rendered"]);

        let tree = Tree::new();
        fs::write(&tree.out, "x").unwrap();
        let error = tree.write(&FILES).unwrap_err().to_string();
        assert_eq!(error, format!("`{}` is a file where a folder is rendered", tree.out.display()));
    }

    #[cfg(unix)]
    #[test]
    fn a_socket_is_a_conflict_and_is_not_read() {
        let tree = Tree::new();
        fs::create_dir_all(tree.out.join("a")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(tree.out.join("a/a.yaml")).unwrap();
        for write in [Tree::write, Tree::force] {
            let expected = ["a/a.yaml is neither a file nor a folder"];
            assert_eq!(conflicts(&tree, write(&tree, &FILES)), expected);
        }
    }

    #[test]
    fn names_that_differ_only_in_case_are_a_conflict() {
        let only_case = "differs from a rendered path only in case";
        let tree = Tree::new();
        tree.put("a/A.yaml", "foreign");
        tree.put("A/x.yaml", "foreign");
        if tree.has("a/a.yaml") {
            return; // On this file system they are one file: the planned name is the foreign one.
        }
        assert_conflicts(&tree, &[&format!("A {only_case}"), &format!("a/A.yaml {only_case}")]);
    }

    #[test]
    fn an_obsolete_file_makes_room_for_its_name_in_another_case() {
        let tree = Tree::of(&[("a/A.yaml", "a")]);
        tree.write(&FILES).unwrap();
        assert_eq!(tree.all(), Tree::of(&FILES).all());
    }

    #[test]
    fn an_oversized_file_is_not_read() {
        let tree = Tree::of(&FILES);
        fs::File::options()
            .write(true)
            .open(tree.out.join("a/a.yaml"))
            .unwrap()
            .set_len(1 << 40)
            .unwrap();
        assert_eq!(conflicts(&tree, tree.write(&FILES)), [format!("a/a.yaml {EDITED}")]);
    }

    #[test]
    fn each_conflict_is_a_message_with_its_remedy() {
        let tree = Tree::of(&[("a/a.yaml", "a")]);
        tree.put("a/a.yaml", "edited");
        tree.put("a/b.yaml", "foreign");
        let error = tree.write(&[("a/a.yaml", "a"), ("a/b.yaml", "b")]).unwrap_err();
        let diagnostics = yaml_spans::diagnostic::Diagnostics::from(error).0;
        let (a, b) = (tree.out.join("a/a.yaml"), tree.out.join("a/b.yaml"));
        assert_eq!(diagnostics[0].message.to_string(), format!("`{}` {EDITED}", a.display()));
        assert_eq!(diagnostics[1].message.to_string(), format!("`{}` {FOREIGN}", b.display()));
        assert_eq!(diagnostics[1].notes, ["move it away, or overwrite it with `--force`"],);
    }
}

mod failures {
    use super::*;

    /// A plan with all kinds of work for a run on the tree of [`before`].
    const NEW: [(&str, &str); 7] = [
        ("fresh/a.yaml", "fresh a"),
        ("fresh/b.yaml", "fresh b"),
        ("mixed/new.yaml", "new"),
        ("mixed/same.yaml", "same"),
        ("mixed/stale.yaml", "stale 2"),
        ("mixed/stale2.yaml", "stale2 2"),
        ("mixed/taken.yaml", "taken"),
    ];

    fn before() -> Tree {
        let tree = Tree::of(&[
            ("gone/a.yaml", "gone a"),
            ("gone/b.yaml", "gone b"),
            ("mixed/edited.yaml", "edited 1"),
            ("mixed/obsolete.yaml", "obsolete"),
            ("mixed/same.yaml", "same"),
            ("mixed/stale.yaml", "stale 1"),
            ("mixed/stale2.yaml", "stale2 1"),
            ("shared/a.yaml", "shared a"),
        ]);
        tree.put("mixed/edited.yaml", "edited by hand");
        tree.put("mixed/taken.yaml", "taken");
        tree.put("mixed/foreign.yaml", "foreign");
        tree.put("shared/foreign.yaml", "foreign");
        tree
    }

    /// Takes the first steps of a run and stops. Returns true if the run would have gone on.
    fn stop_after(tree: &Tree, count: usize) -> bool {
        let plan = plan(&NEW);
        let scan = scan::scan_tree(&tree.out, &plan, &Scope::All).unwrap();
        let mut steps = scan.folders.iter().flat_map(|folder| {
            let path = tree.out.join(&folder.name);
            apply::steps(folder).into_iter().map(move |step| (path.clone(), step))
        });
        for (path, step) in steps.by_ref().take(count) {
            apply::take_step(&path, step).unwrap();
        }
        let Some((path, step)) = steps.next() else { return false };
        // The step that was under way: half a temporary file.
        if matches!(step, apply::Step::Put(..) | apply::Step::PutPlanned(..)) {
            fs::write(path.join(".tts-render-1-0.tmp"), "ha").unwrap();
        }
        true
    }

    #[test]
    fn a_run_that_is_killed_anywhere_is_completed_by_the_next() {
        let whole = before();
        whole.write(&NEW).unwrap();
        let expected = whole.all();
        assert_eq!(whole.compare(&NEW).len(), 3, "the edited file and the foreign ones");

        let mut count = 0;
        loop {
            let tree = before();
            let goes_on = stop_after(&tree, count);
            for (path, planned) in NEW {
                let old = before();
                let bytes = tree.has(path).then(|| tree.read(path));
                let was = old.has(path).then(|| old.read(path));
                assert!(bytes == was || bytes.as_deref() == Some(planned), "{path} after {count}");
            }
            for path in ["mixed/foreign.yaml", "mixed/edited.yaml", "shared/foreign.yaml"] {
                assert_eq!(tree.read(path), before().read(path), "{path} after {count}");
            }
            tree.write(&NEW).unwrap_or_else(|error| panic!("after {count} steps: {error}"));
            assert_eq!(tree.all(), expected, "after {count} steps");

            // Even if the plan has changed since, recorded files must not be taken for foreign ones.
            let tree = before();
            stop_after(&tree, count);
            tree.write(&[]).unwrap();
            let left: Vec<String> =
                tree.all().iter().map(|(path, _)| path.display().to_string()).collect();
            let taken = ["mixed/taken.yaml".to_owned()];
            let left: Vec<&String> = left.iter().filter(|path| !taken.contains(path)).collect();
            assert_eq!(
                left,
                [
                    "mixed",
                    "mixed/.provenance",
                    "mixed/edited.yaml",
                    "mixed/foreign.yaml",
                    "shared",
                    "shared/foreign.yaml"
                ],
                "after {count} steps"
            );
            if !goes_on {
                break;
            }
            count += 1;
        }
        assert!(count > 15, "{count} steps are too few to show anything");
    }

    #[test]
    fn leftovers_are_reported_and_removed() {
        let tree = Tree::of(&[("a/a.yaml", "a")]);
        tree.put("a/.tts-render-7-3.tmp", "ha");
        tree.put("b/.tts-render-7-4.tmp", "ha");
        tree.put("foreign/.tts-render.tmp", "another name");
        let files = [("a/a.yaml", "a")];
        assert_eq!(
            tree.compare(&files),
            [
                "left over a/.tts-render-7-3.tmp",
                "left over b/.tts-render-7-4.tmp",
                "foreign foreign"
            ]
        );
        tree.write(&files).unwrap();
        assert!(!tree.has("a/.tts-render-7-3.tmp") && !tree.has("b"));
        assert!(tree.has("foreign/.tts-render.tmp"));
    }

    #[test]
    fn a_failure_names_the_path_and_leaves_no_temporary_file() {
        let tree = Tree::of(&[("a/a.yaml", "old"), ("a/b.yaml", "old")]);
        // A rename onto a folder fails after the bytes were written.
        let path = tree.out.join("a");
        fs::create_dir(path.join("c.yaml")).unwrap();
        let error = apply::take_step(&path, apply::Step::PutPlanned("c.yaml", b"new")).unwrap_err();
        let message = error.to_string();
        let start = format!("can't write `{}`: ", path.join("c.yaml").display());
        assert!(message.starts_with(&start), "{message}");
        let names: Vec<_> = tree.all().into_iter().map(|(path, _)| path).collect();
        assert_eq!(names, paths(&["a", "a/.provenance", "a/a.yaml", "a/b.yaml", "a/c.yaml"]));
    }

    #[cfg(unix)]
    #[test]
    fn a_read_only_tree_is_an_ordinary_error_unless_nothing_changes() {
        use std::os::unix::fs::PermissionsExt;

        let tree = Tree::of(&[("a/a.yaml", "old")]);
        let mode = |mode: u32| {
            fs::set_permissions(tree.out.join("a"), fs::Permissions::from_mode(mode)).unwrap();
        };
        mode(0o555);
        let binds = fs::write(tree.out.join("a/try"), "").is_err();
        let same = tree.write(&[("a/a.yaml", "old")]).map(|summary| summary.unchanged);
        let changed = tree.write(&[("a/a.yaml", "new")]);
        mode(0o755);
        assert_eq!(same.unwrap(), 1);
        if !binds {
            return; // File modes do not bind the superuser, so there is nothing to test.
        }
        let place = tree.out.join("a/.provenance");
        let message = changed.unwrap_err().to_string();
        assert!(message.starts_with(&format!("can't write `{}`: ", place.display())), "{message}");
        assert_eq!(tree.all(), Tree::of(&[("a/a.yaml", "old")]).all());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_tree_that_can_not_be_made_is_an_ordinary_error() {
        // Nobody can create anything there, not even the superuser.
        let error = write_tree(
            Path::new("/proc/rendered"),
            &plan(&[("a/a.yaml", "a")]),
            &Scope::All,
            Force::No,
        );
        let message = error.unwrap_err().to_string();
        assert!(message.starts_with("can't create `/proc/rendered`: "), "{message}");
    }
}

mod at_once {
    use super::*;

    #[test]
    fn runs_in_one_tree_wait_for_each_other() {
        let first = [("a/a.yaml", "one"), ("a/one.yaml", "x"), ("one/a.yaml", "x")];
        let second = [("a/a.yaml", "two"), ("a/two.yaml", "x"), ("two/a.yaml", "x")];
        let tree = Tree::new();
        std::thread::scope(|scope| {
            for files in [first, second, first, second] {
                let tree = &tree;
                scope.spawn(move || (0..25).for_each(|_| drop(tree.write(&files).unwrap())));
            }
        });
        let ends = [first, second].map(|files| Tree::of(&files).all());
        assert!(ends.contains(&tree.all()), "{:?}", tree.all());
    }

    #[cfg(unix)]
    #[test]
    fn a_lock_for_reading_blocks_only_runs_that_have_something_to_write() {
        use std::sync::atomic::{AtomicBool, Ordering};

        let (first, second) = ([("a/a.yaml", "first")], [("a/a.yaml", "second")]);
        let tree = Tree::of(&second);
        let (_, guard) = write_locked(&tree.out, &plan(&first), &Scope::All, Force::No).unwrap();
        let is_done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let other = scope.spawn(|| {
                let summary = tree.write(&second).unwrap();
                is_done.store(true, Ordering::SeqCst);
                summary
            });
            // A commit's hook may do this.
            assert_eq!(tree.write(&first).unwrap().unchanged, 1);
            assert_eq!(tree.compare(&first), Vec::<String>::new());
            std::thread::sleep(std::time::Duration::from_millis(50));
            assert!(!is_done.load(Ordering::SeqCst));
            drop(guard);
            assert_eq!(other.join().unwrap().updated.len(), 1);
        });
        assert_eq!(tree.all(), Tree::of(&second).all());
    }

    #[cfg(unix)]
    #[test]
    fn a_run_does_not_remove_a_file_that_another_is_writing() {
        let tree = Tree::of(&[("a/a.yaml", "a")]);
        let other = fs::File::open(&tree.out).unwrap();
        other.lock().unwrap();
        tree.put("a/.tts-render-1-0.tmp", "being written");
        std::thread::scope(|scope| {
            let run = scope.spawn(|| tree.write(&[("a/a.yaml", "a")]));
            std::thread::sleep(std::time::Duration::from_millis(50));
            assert!(tree.has("a/.tts-render-1-0.tmp"));
            other.unlock().unwrap();
            run.join().unwrap().unwrap();
        });
        assert!(!tree.has("a/.tts-render-1-0.tmp"));
    }
}
