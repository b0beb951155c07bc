//! Compiles a static program, so that its bytes do not depend on the folder it is compiled in.

use std::collections::HashMap;
use std::ffi::OsString;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;

use oci_scratch::{About, Package};

use super::recipe::Kind;

/// Runs Cargo in a workspace that holds the sources.
#[derive(Debug, Clone)]
pub struct Compiler {
    /// The workspace's root.
    pub root: PathBuf,
    /// A Rust target; none stands for Linux with glibc on this machine's processor.
    pub target: Option<String>,
    /// No progress on stderr.
    pub quiet: bool,
}

/// A program that was compiled.
#[derive(Debug)]
pub struct Compiled {
    /// The file's path.
    pub path: PathBuf,
    /// What its package says, with the crates linked in; without revision.
    pub about: About,
}

/// Why nothing was compiled.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// `cargo` or `rustc` is not there.
    #[error(
        "`{0}` can't be run: {1}; to make an image without Rust, give a static program with `--binary`"
    )]
    Tool(String, io::Error),
    /// It ran and failed; it has said why on stderr, or says it here.
    #[error("`{0}` failed{1}")]
    Failed(String, String),
    /// It said something else than it should.
    #[error("`{0}` printed what can't be read: {1}")]
    Output(String, String),
    /// These are other sources.
    #[error("the workspace in `{path}` has no package `{1}`; run this in its sources (`-C`), or give a static program with `--binary`", path = .0.display())]
    NoPackage(PathBuf, &'static str),
    /// The machine has no such Linux target.
    #[error(
        "no static Linux program can be made for `{0}`; give another target with `--target`, or a program with `--binary`"
    )]
    Target(String),
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<MetadataPackage>,
    workspace_root: PathBuf,
    target_directory: PathBuf,
}

#[derive(Deserialize)]
struct MetadataPackage {
    name: String,
    version: String,
    license: Option<String>,
    repository: Option<String>,
}

/// What `rustc -vV` tells.
struct Rustc {
    host: String,
    commit: Option<String>,
    sysroot: PathBuf,
}

impl Compiler {
    /// Compiles the program of an image, statically linked.
    pub fn compile(&self, kind: Kind) -> Result<Compiled, CompileError> {
        let recipe = kind.recipe();
        let metadata = self.metadata()?;
        let Some(package) = metadata.packages.iter().find(|p| p.name == recipe.package) else {
            return Err(CompileError::NoPackage(self.root.clone(), recipe.package));
        };
        let rustc = self.rustc()?;
        let target = match &self.target {
            Some(target) => target.clone(),
            None => static_target(&rustc.host)
                .ok_or_else(|| CompileError::Target(rustc.host.clone()))?,
        };
        // First, because it unpacks the crates, and where they lie is among the flags.
        let packages = self.packages(recipe.package, &target)?;
        let path = self.build(recipe.package, recipe.profile, &target, &metadata, &rustc)?;
        let about = About {
            version: package.version.clone(),
            licenses: package.license.clone().unwrap_or_default(),
            source: package.repository.clone(),
            revision: None,
            packages: Some(packages),
        };
        Ok(Compiled { path, about })
    }

    fn metadata(&self) -> Result<Metadata, CompileError> {
        let arguments = ["metadata", "--no-deps", "--locked", "--format-version=1"];
        let text = self.output(cargo(), &arguments)?;
        serde_json::from_str(&text)
            .map_err(|error| CompileError::Output("cargo metadata".to_owned(), error.to_string()))
    }

    fn rustc(&self) -> Result<Rustc, CompileError> {
        let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let version = self.output(rustc.clone(), &["-vV"])?;
        let field = |name: &str| {
            version.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
        };
        let Some(host) = field("host") else {
            return Err(CompileError::Output(
                "rustc -vV".to_owned(),
                "it names no host".to_owned(),
            ));
        };
        let sysroot = self.output(rustc, &["--print=sysroot"])?;
        Ok(Rustc {
            host: host.to_owned(),
            commit: field("commit-hash").map(str::to_owned),
            sysroot: PathBuf::from(sysroot.trim_end()),
        })
    }

    /// Flags are given for this build alone, and for its target alone: proc macros can't be static.
    fn build(
        &self,
        package: &str,
        profile: &str,
        target: &str,
        metadata: &Metadata,
        rustc: &Rustc,
    ) -> Result<PathBuf, CompileError> {
        let mut command = self.command(cargo());
        command.args(["build", "--locked", "--message-format=json-render-diagnostics"]);
        command.args(["--package", package, "--bin", package, "--profile", profile]);
        command.args(["--target", target]);
        if self.quiet {
            command.arg("--quiet");
        }
        let flags = flags(metadata, rustc);
        command.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"));
        for (name, _) in std::env::vars_os() {
            if changes_output(&name) {
                command.env_remove(name);
            }
        }
        command.stdout(Stdio::piped());
        let name = "cargo build".to_owned();
        let failed = |error| CompileError::Tool(name.clone(), error);
        let mut child = command.spawn().map_err(failed)?;
        let mut program = None;
        if let Some(stdout) = child.stdout.take() {
            for line in BufReader::new(stdout).lines() {
                program = program_of(&line.map_err(failed)?, package).or(program);
            }
        }
        if !child.wait().map_err(failed)?.success() {
            return Err(CompileError::Failed(name, String::new()));
        }
        program.ok_or_else(|| CompileError::Output(name, "it names no program".to_owned()))
    }

    /// What is linked in: neither proc macros nor what only build scripts use.
    fn packages(&self, package: &str, target: &str) -> Result<Vec<Package>, CompileError> {
        let arguments = [
            "tree",
            "--locked",
            "--package",
            package,
            "--target",
            target,
            "--edges",
            "normal,no-proc-macro",
            "--prefix",
            "none",
            "--format",
            "{p}",
            "--no-dedupe",
        ];
        let text = self.output(cargo(), &arguments)?;
        let mut packages: Vec<Package> = text.lines().filter_map(tree_line).collect();
        packages.sort();
        packages.dedup();
        Ok(packages)
    }

    fn command(&self, program: OsString) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root).stdin(Stdio::null());
        command
    }

    fn output(&self, program: OsString, arguments: &[&str]) -> Result<String, CompileError> {
        let name = program.to_string_lossy().into_owned();
        let output = self.command(program).args(arguments).output();
        let output = output.map_err(|error| CompileError::Tool(name.clone(), error))?;
        let name = format!("{name} {}", arguments.first().copied().unwrap_or_default());
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let said = said.lines().find(|line| line.starts_with("error")).unwrap_or_default();
            return Err(CompileError::Failed(name, format!(": {said}")));
        }
        String::from_utf8(output.stdout)
            .map_err(|error| CompileError::Output(name, error.to_string()))
    }
}

fn cargo() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// Linux on the host's own processor, with glibc: what needs no target to be installed.
fn static_target(host: &str) -> Option<String> {
    let (processor, system) = host.split_once('-')?;
    let has_image = matches!(processor, "x86_64" | "aarch64");
    (has_image && system.contains("linux")).then(|| format!("{processor}-unknown-linux-gnu"))
}

/// Static, and with no folder of this machine in it. Later prefixes win over earlier ones (rustc
/// book, "Remap source paths"), so the target folder stands after the root that it may lie in.
fn flags(metadata: &Metadata, rustc: &Rustc) -> Vec<String> {
    let remap = |from: &Path, to: &str| format!("--remap-path-prefix={}={to}", from.display());
    let std_source = rustc.sysroot.join("lib/rustlib/src/rust");
    let std_name = rustc.commit.as_deref().unwrap_or("unknown");
    let mut flags = vec![
        "-Ctarget-feature=+crt-static".to_owned(),
        "-Clink-arg=-Wl,--build-id=none".to_owned(),
        remap(&metadata.workspace_root, "/source"),
        remap(&metadata.target_directory, "/target"),
        remap(&std_source, &format!("/rustc/{std_name}")),
    ];
    if let Some(home) = cargo_home() {
        flags.push(remap(&home, "/cargo"));
        // A folder for each registry, named for where it is reached.
        let registries = std::fs::read_dir(home.join("registry/src")).into_iter().flatten();
        let mut folders: Vec<PathBuf> = registries.flatten().map(|entry| entry.path()).collect();
        folders.sort();
        flags.extend(folders.iter().map(|folder| remap(folder, "/crates")));
    }
    flags
}

/// Where crates' sources are unpacked (Cargo book, "Cargo Home").
fn cargo_home() -> Option<PathBuf> {
    let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo"));
    std::env::var_os("CARGO_HOME").map(PathBuf::from).or_else(home)
}

/// What a user may have set for other builds, and what would change the program's bytes.
fn changes_output(name: &OsString) -> bool {
    let name = name.to_string_lossy();
    let parts = ["CARGO_PROFILE_", "CFLAGS_", "CARGO_INCREMENTAL"];
    parts.iter().any(|part| name.starts_with(part))
        || ["CFLAGS", "TARGET_CFLAGS", "CARGO_BUILD_TARGET"].contains(&&*name)
}

/// A line of Cargo's messages; the path of the program, if it says that one was made.
fn program_of(line: &str, package: &str) -> Option<PathBuf> {
    #[derive(Deserialize)]
    struct Message {
        reason: String,
        executable: Option<PathBuf>,
        target: Option<HashMap<String, serde_json::Value>>,
    }
    let message: Message = serde_json::from_str(line).ok()?;
    let name = message.target.as_ref()?.get("name")?.as_str()?;
    (message.reason == "compiler-artifact" && name == package).then_some(message.executable)?
}

/// `ring v0.17.14`, and what may follow.
fn tree_line(line: &str) -> Option<Package> {
    let mut words = line.split(' ');
    let (name, version) = (words.next()?, words.next()?.strip_prefix('v')?);
    Some(Package { name: name.to_owned(), version: version.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_target_is_linux_on_the_hosts_processor() {
        let target = |host| static_target(host);
        let amd64 = Some("x86_64-unknown-linux-gnu".to_owned());
        assert_eq!(target("x86_64-unknown-linux-gnu"), amd64);
        assert_eq!(target("x86_64-unknown-linux-musl"), amd64);
        assert_eq!(target("aarch64-apple-darwin"), None);
        assert_eq!(target("riscv64gc-unknown-linux-gnu"), None);
    }

    #[test]
    fn cargos_words_are_read() {
        let line = r#"{"reason":"compiler-artifact","target":{"name":"gate","kind":["bin"]},"executable":"/t/gate"}"#;
        assert_eq!(program_of(line, "gate"), Some(PathBuf::from("/t/gate")));
        assert_eq!(program_of(line, "other"), None);
        assert_eq!(program_of(r#"{"reason":"build-finished","success":true}"#, "gate"), None);
        let package = tree_line("gate v0.1.0 (/some/where)").unwrap();
        assert_eq!((&*package.name, &*package.version), ("gate", "0.1.0"));
        assert_eq!(tree_line(""), None);
    }

    #[test]
    fn a_workspace_without_the_package_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        std::fs::create_dir(root.join("src")).unwrap();
        std::fs::write(root.join("src/lib.rs"), "").unwrap();
        let manifest = "[package]\nname = \"other\"\nedition = \"2024\"\n[workspace]\n";
        std::fs::write(root.join("Cargo.toml"), manifest).unwrap();
        std::fs::write(
            root.join("Cargo.lock"),
            "version = 4\n[[package]]\nname = \"other\"\nversion = \"0.0.0\"\n",
        )
        .unwrap();
        let compiler = Compiler { root: root.to_owned(), target: None, quiet: true };
        let error = compiler.compile(Kind::Gate).unwrap_err();
        assert!(matches!(error, CompileError::NoPackage(_, "vram-gate")), "{error}");
    }
}
