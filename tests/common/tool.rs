//! The command, run as a user runs it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// This repository's root: a project in itself.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// `tts-render` in a folder, with the variables that could change what it does taken away.
pub fn tts_render(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tts-render"));
    command.current_dir(folder).env("NO_COLOR", "1");
    let inherited = std::env::vars_os().map(|(name, _)| name);
    for name in inherited.filter(|name| name.to_string_lossy().starts_with("ARGOCD_")) {
        command.env_remove(name);
    }
    command
}

/// Whether the tests run as the superuser, whom neither modes nor some limits bind.
#[cfg(target_os = "linux")]
pub fn is_root() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").expect("this process");
    status.lines().any(|line| line.split_whitespace().take(3).eq(["Uid:", "0", "0"]))
}

/// What a run ended with.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

/// Runs `tts-render` with arguments.
#[track_caller]
pub fn ran(folder: &Path, args: &[&str]) -> Ran {
    finished(tts_render(folder).args(args).output().expect("the command starts"))
}

/// A finished command's output as text.
pub fn finished(output: Output) -> Ran {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    let code = output.status.code().expect("an exit code, not a signal");
    Ran { code, out: text(output.stdout), err: text(output.stderr) }
}

/// What `tts-render generate` prints for this repository, with more arguments.
#[track_caller]
pub fn generate(args: &[&str]) -> String {
    let ran = ran(repository(), &[&["generate"], args].concat());
    assert_eq!(ran.code, 0, "{}", ran.err);
    ran.out
}

/// The documents of a YAML text, read by an independent reader.
pub fn objects(manifests: &str) -> Vec<Value> {
    serde_yaml::Deserializer::from_str(manifests)
        .map(|document| serde::Deserialize::deserialize(document).expect("YAML"))
        .collect()
}

/// A project of its own in a temporary folder.
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
        let ran = sandbox.run(&["init", "demo"]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        sandbox
    }

    /// A path in it.
    pub fn path(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(relative)
    }

    /// Writes a file, and the folders on the way.
    pub fn write(&self, relative: &str, text: &str) {
        let path = self.path(relative);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
        std::fs::write(path, text).expect("a file");
    }

    /// Reads a file.
    #[track_caller]
    pub fn read(&self, relative: &str) -> String {
        std::fs::read_to_string(self.path(relative)).expect(relative)
    }

    /// Replaces a text that must be in a file.
    #[track_caller]
    pub fn replace(&self, relative: &str, from: &str, to: &str) {
        let text = self.read(relative);
        assert!(text.contains(from), "{relative} has no {from:?}");
        self.write(relative, &text.replace(from, to));
    }

    /// Runs `tts-render` in it.
    #[track_caller]
    pub fn run(&self, args: &[&str]) -> Ran {
        ran(self.folder.path(), args)
    }

    /// Runs `tts-render`, which must succeed.
    #[track_caller]
    pub fn ok(&self, args: &[&str]) -> Ran {
        let ran = self.run(args);
        assert_eq!(ran.code, 0, "{}", ran.err);
        ran
    }

    /// Runs `tts-render`, which must fail with exit code 2 and nothing on standard output; gives what
    /// it says.
    #[track_caller]
    pub fn refused(&self, args: &[&str]) -> String {
        let ran = self.run(args);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{}", ran.err);
        ran.err
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
