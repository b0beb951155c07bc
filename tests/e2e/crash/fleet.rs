//! A project of many stacks: copies of this repository's stack under other names, whose values change between
//! runs so that there is something to write.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::tree::{Files, all_files, is_provenance, is_temporary};
use crate::common::tool::{CommandOutput, repository, run_in, tts_render};

/// The variants of a stack's values: unchanged, with other contents of some files, and with another file name,
/// so that one file is removed and one is created.
pub const VARIANTS: [&[(&str, &str)]; 3] = [
    &[],
    &[("floor: 6Gi", "floor: 5Gi"), ("host: 0.0.0.0", "host: 127.0.0.1")],
    &[
        ("guard: chatterbox-vram-guard", "guard: chatterbox-vram-watch"),
        ("floor: 6Gi", "floor: 7Gi"),
    ],
];

/// A project of many stacks.
pub struct Fleet {
    folder: TempDir,
    stacks: Vec<String>,
}

impl Fleet {
    /// Creates stacks with the first variant's values and renders nothing.
    pub fn new(count: usize) -> Self {
        let fleet = Fleet {
            folder: TempDir::new().unwrap(),
            stacks: (0..count).map(|number| format!("tts-{number:03}")).collect(),
        };
        for folder in ["values", "policies"] {
            fs::create_dir(fleet.path(folder)).unwrap();
        }
        for entry in fs::read_dir(repository().join("policies")).unwrap() {
            let path = entry.unwrap().path();
            fs::copy(&path, fleet.path("policies").join(path.file_name().unwrap())).unwrap();
        }
        (0..count).for_each(|stack| fleet.set(stack, 0));
        fleet
    }

    /// The project's root.
    pub fn root(&self) -> &Path {
        self.folder.path()
    }

    /// A path in the project.
    pub fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }

    /// The folder of the rendered manifests.
    pub fn tree(&self) -> PathBuf {
        self.path("rendered")
    }

    /// The stacks' names, which are their folders' names too.
    pub fn stacks(&self) -> &[String] {
        &self.stacks
    }

    /// Gives a stack the values of a variant.
    pub fn set(&self, stack: usize, variant: usize) {
        let name = &self.stacks[stack];
        let mut text = fs::read_to_string(repository().join("values/tts.yaml")).unwrap();
        let mut replace = |from: &str, to: &str| {
            assert!(text.contains(from), "values/tts.yaml has no {from:?}");
            text = text.replacen(from, to, 1);
        };
        replace("\nname: tts\n", &format!("\nname: {name}\n"));
        replace("\n  name: tts\n", &format!("\n  name: {name}\n"));
        replace("name: chatterbox-models", &format!("name: models-{name}"));
        replace("namespace: tripit", &format!("namespace: {name}-client"));
        // The policy is one file for all stacks, so a few that edit it are enough.
        if !stack.is_multiple_of(25) {
            replace("mode: edit", "mode: none");
        }
        VARIANTS[variant].iter().for_each(|(from, to)| replace(from, to));
        fs::write(self.path("values").join(format!("{name}.yaml")), text).unwrap();
    }

    /// Deletes a stack's values.
    pub fn unset(&self, stack: usize) {
        fs::remove_file(self.path("values").join(format!("{}.yaml", self.stacks[stack]))).unwrap();
    }

    /// A `tts-render` command in the project.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = tts_render(self.root());
        command.args(args);
        command
    }

    /// Runs `tts-render` in the project.
    pub fn run(&self, args: &[&str]) -> CommandOutput {
        run_in(self.root(), args)
    }

    /// Runs `tts-render`, which must succeed.
    #[track_caller]
    pub fn ok(&self, args: &[&str]) -> CommandOutput {
        let output = self.run(args);
        assert_eq!(output.code, 0, "{args:?}: {}", output.stderr);
        output
    }

    /// The files of a fresh render of the current values.
    pub fn fresh(&self) -> Files {
        let out = TempDir::new().unwrap();
        let fresh = out.path().join("fresh");
        self.ok(&["render", "--quiet", "--out", fresh.to_str().unwrap()]);
        all_files(&fresh)
    }

    /// Asserts that the tree equals a fresh render, and that `render --check` finds nothing.
    #[track_caller]
    pub fn assert_right(&self) {
        assert_same(&all_files(&self.tree()), &self.fresh());
        let output = self.run(&["render", "--check"]);
        assert_eq!((output.code, output.stdout.as_str()), (0, ""), "{}", output.stderr);
    }
}

/// Asserts that two trees are the same; the message has only the names of the files that differ.
#[track_caller]
pub fn assert_same(found: &Files, expected: &Files) {
    let wrong = files_that_differ(found, expected);
    let missing = files_that_differ(expected, found);
    assert!(wrong.is_empty() && missing.is_empty(), "wrong: {wrong:?}, wanted: {missing:?}");
}

/// The names of the files whose content differs in another tree.
fn files_that_differ(files: &Files, other: &Files) -> Vec<String> {
    files
        .iter()
        .filter(|(path, bytes)| other.get(*path) != Some(*bytes))
        .map(|(path, _)| path.display().to_string())
        .collect()
}

/// Every file that a fleet can have in any variant, with its possible contents, except `.provenance`.
pub struct Legal(BTreeMap<PathBuf, Vec<Vec<u8>>>);

impl Legal {
    /// Collects the files of these trees.
    pub fn of(trees: &[Files]) -> Self {
        let mut legal: BTreeMap<PathBuf, Vec<Vec<u8>>> = BTreeMap::new();
        let files = trees.iter().flatten().filter(|(path, _)| !is_provenance(path));
        files.for_each(|(path, bytes)| legal.entry(path.clone()).or_default().push(bytes.clone()));
        Legal(legal)
    }

    /// Asserts that each file has the content of some variant, and that `.provenance` has complete lines.
    /// `spared` files are not checked.
    #[track_caller]
    pub fn assert_whole(&self, found: &Files, spared: impl Fn(&Path) -> bool) {
        for (path, bytes) in found.iter().filter(|(path, _)| !is_temporary(path) && !spared(path)) {
            let is_whole = match is_provenance(path) {
                true => is_whole_provenance(bytes),
                false => self.0.get(path).is_some_and(|legal| legal.contains(bytes)),
            };
            assert!(
                is_whole,
                "{} is incomplete: {}",
                path.display(),
                String::from_utf8_lossy(bytes)
            );
        }
    }
}

/// Returns true for a complete `.provenance`: a line with the tool's name, then lines with a hash and a name.
fn is_whole_provenance(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let mut lines = text.lines();
    let is_entry = |line: &str| {
        line.split_once("  ").is_some_and(|(hash, name)| {
            hash.len() == 64
                && hash.bytes().all(|b| b.is_ascii_hexdigit())
                && name.ends_with(".yaml")
        })
    };
    lines.next().is_some_and(|line| line.starts_with("# tts-render "))
        && lines.all(is_entry)
        && text.ends_with('\n')
}
