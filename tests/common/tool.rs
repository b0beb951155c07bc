//! `tts-render`, run as a user runs it, and projects in temporary folders.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

pub use super::output::CommandOutput;

/// The values of a stack named `whisper`.
pub const WORKER: &str = include_str!("worker.yaml");

/// This repository's root, which is a project.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A `tts-render` command in a folder, without the environment variables that change its result.
pub fn tts_render(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tts-render"));
    command.current_dir(folder).env("NO_COLOR", "1");
    let inherited = std::env::vars_os().map(|(name, _)| name);
    for name in inherited.filter(|name| name.to_string_lossy().starts_with("ARGOCD_")) {
        command.env_remove(name);
    }
    command
}

/// Returns true if the tests run as root, which file modes and some limits do not restrict.
#[cfg(target_os = "linux")]
pub fn is_root() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").expect("this process");
    status.lines().any(|line| line.split_whitespace().take(3).eq(["Uid:", "0", "0"]))
}

/// Runs `tts-render` in a folder.
#[track_caller]
pub fn run_in(folder: &Path, args: &[&str]) -> CommandOutput {
    CommandOutput::run(tts_render(folder).args(args))
}

/// Returns the manifests that `tts-render generate` prints for this repository.
#[track_caller]
pub fn generate(args: &[&str]) -> String {
    let output = run_in(repository(), &[&["generate"], args].concat());
    assert_eq!(output.code, 0, "{}", output.stderr);
    output.stdout
}

/// The commands that `tts-render --help` lists, without `help`.
pub fn commands() -> Vec<String> {
    let help = run_in(repository(), &["--help"]).stdout;
    let (_, list) = help.split_once("Commands:\n").expect("a list of commands");
    let (list, _) = list.split_once("\n\n").expect("the list's end");
    // A longer summary continues in lines with a deeper indentation.
    list.lines()
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect()
}

/// The documents of a YAML text, read by an independent reader.
pub fn objects(manifests: &str) -> Vec<Value> {
    serde_yaml::Deserializer::from_str(manifests)
        .map(|document| serde::Deserialize::deserialize(document).expect("YAML"))
        .collect()
}

/// A project in a temporary folder.
pub struct Sandbox {
    folder: TempDir,
}

impl Sandbox {
    /// An empty folder.
    pub fn empty() -> Self {
        Sandbox { folder: TempDir::new().expect("a temporary folder") }
    }

    /// A copy of this repository's project: values, templates, policies, overlays, rendered.
    pub fn repository() -> Self {
        let sandbox = Sandbox::empty();
        for folder in ["values", "templates", "policies", "overlays", "rendered"] {
            copy(&repository().join(folder), &sandbox.path(folder));
        }
        sandbox
    }

    /// One small stack, as `init` writes it, named `demo`.
    pub fn demo() -> Self {
        let sandbox = Sandbox::empty();
        let output = sandbox.run(&["init", "demo"]);
        assert_eq!(output.code, 0, "{}", output.stderr);
        sandbox
    }

    /// This repository's project with a second stack, named `whisper`.
    pub fn two_stacks() -> Self {
        let sandbox = Sandbox::repository();
        sandbox.write("values/whisper.yaml", WORKER);
        sandbox
    }

    /// A path in the folder.
    pub fn path(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(relative)
    }

    /// Writes a file, and creates the folders above it. Returns its path.
    pub fn write(&self, relative: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(relative);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
        std::fs::write(&path, contents).expect("a file");
        path
    }

    /// Reads a file.
    #[track_caller]
    pub fn read(&self, relative: &str) -> String {
        std::fs::read_to_string(self.path(relative)).expect(relative)
    }

    /// Replaces a text in a file, which must contain it.
    #[track_caller]
    pub fn replace(&self, relative: &str, from: &str, to: &str) {
        let text = self.read(relative);
        assert!(text.contains(from), "{relative} has no {from:?}");
        self.write(relative, text.replace(from, to));
    }

    /// Runs `tts-render` in the folder.
    #[track_caller]
    pub fn run(&self, args: &[&str]) -> CommandOutput {
        run_in(self.folder.path(), args)
    }

    /// Runs `tts-render`, which must succeed.
    #[track_caller]
    pub fn ok(&self, args: &[&str]) -> CommandOutput {
        let output = self.run(args);
        assert_eq!(output.code, 0, "{}", output.stderr);
        output
    }

    /// Runs `tts-render`, which must fail with exit code 2 and nothing on standard output. Returns its
    /// message.
    #[track_caller]
    pub fn refused(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert_eq!((output.code, output.stdout.as_str()), (2, ""), "{}", output.stderr);
        output.stderr
    }
}

/// Copies a folder, or nothing if there is none.
fn copy(from: &Path, to: &Path) {
    let Ok(entries) = std::fs::read_dir(from) else { return };
    std::fs::create_dir_all(to).expect("a folder");
    for entry in entries {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            std::fs::copy(&path, &target).expect("a file");
        }
    }
}
