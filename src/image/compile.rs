//! Compiles a static program, so that its bytes do not depend on the folder it is compiled in.

use std::collections::HashMap;
use std::ffi::OsString;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;

use oci_scratch::{About, Package};
use yaml_spans::diagnostic::{Diagnostic, Diagnostics};

use super::recipe::{OwnImage, Recipe};

/// Runs Cargo in a workspace that holds the sources.
#[derive(Debug, Clone)]
pub struct Compiler {
    /// The workspace's root.
    pub root: PathBuf,
    /// A Rust target; none means Linux with glibc on this machine's processor.
    pub target: Option<String>,
    /// No progress on stderr.
    pub quiet: bool,
    /// The commit that the program reports. Without it there is none, so that the program's bytes depend on
    /// its sources alone.
    pub revision: Option<String>,
}

/// A program that was compiled.
#[derive(Debug)]
pub struct Compiled {
    /// The file's path.
    pub path: PathBuf,
    /// The package's own description, with the crates linked in; without revision.
    pub about: About,
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

/// The compiler's description of itself.
struct Rustc {
    host: String,
    commit: Option<String>,
    sysroot: PathBuf,
}

/// The remedy where there is nothing to compile.
const WITHOUT_SOURCES: &str =
    "run this in a clone of tts-render (`-C`), or give a release's static program with `--binary`";

impl Compiler {
    /// Compiles the program of an image, statically linked.
    ///
    /// # Errors
    /// Rust is missing, the workspace is another one, or the compilation fails.
    pub fn compile(&self, image: OwnImage) -> Result<Compiled, Diagnostics> {
        let recipe = image.recipe();
        let metadata = self.read_metadata()?;
        let Some(package) = metadata.packages.iter().find(|p| p.name == recipe.package) else {
            let (root, package) = (self.root.display(), recipe.package);
            let message = format!("the workspace in `{root}` has no package `{package}`");
            return Err(Diagnostic::new(message).note(WITHOUT_SOURCES).into());
        };
        let rustc = self.describe_rustc()?;
        let target = match &self.target {
            Some(target) => target.clone(),
            None => static_target(&rustc.host).ok_or_else(|| {
                let message =
                    format!("no static Linux program can be compiled on `{}`", rustc.host);
                Diagnostic::new(message).note(
                    "give another target with `--target`, or a static program with `--binary`",
                )
            })?,
        };
        // First, because it unpacks the crates, and their folders are among the flags.
        let packages = self.linked_packages(recipe.package, &target)?;
        let path = self.compile_package(recipe, &target, &metadata, &rustc)?;
        let about = About {
            version: package.version.clone(),
            licenses: package.license.clone().unwrap_or_default(),
            source: package.repository.clone(),
            revision: None,
            packages: Some(packages),
        };
        Ok(Compiled { path, about })
    }

    fn read_metadata(&self) -> Result<Metadata, Diagnostics> {
        let arguments = ["metadata", "--no-deps", "--locked", "--format-version=1"];
        let text = self.run_tool(cargo_program(), &arguments).map_err(|Diagnostics(errors)| {
            Diagnostics(errors.into_iter().map(|error| error.note(WITHOUT_SOURCES)).collect())
        })?;
        serde_json::from_str(&text)
            .map_err(|error| unexpected_output("cargo metadata", &error.to_string()))
    }

    fn describe_rustc(&self) -> Result<Rustc, Diagnostics> {
        let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let version = self.run_tool(rustc.clone(), &["-vV"])?;
        let field = |name: &str| {
            version.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
        };
        let Some(host) = field("host") else {
            return Err(unexpected_output("rustc -vV", "it names no host"));
        };
        let sysroot = self.run_tool(rustc, &["--print=sysroot"])?;
        Ok(Rustc {
            host: host.to_owned(),
            commit: field("commit-hash").map(str::to_owned),
            sysroot: PathBuf::from(sysroot.trim_end()),
        })
    }

    /// Flags are given for this build alone, and for its target alone: proc macros can't be static.
    fn compile_package(
        &self,
        recipe: &Recipe,
        target: &str,
        metadata: &Metadata,
        rustc: &Rustc,
    ) -> Result<PathBuf, Diagnostics> {
        let Recipe { package, profile, compiler_flags, .. } = *recipe;
        let mut command = self.command(cargo_program());
        command.args(["build", "--locked", "--message-format=json-render-diagnostics"]);
        command.args(["--package", package, "--bin", package, "--profile", profile]);
        command.args(["--target", target]);
        if self.quiet {
            command.arg("--quiet");
        }
        let mut flags = static_flags(metadata, rustc);
        flags.extend(compiler_flags.iter().map(|&flag| flag.to_owned()));
        command.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"));
        for (name, _) in std::env::vars_os() {
            if changes_output(&name) {
                command.env_remove(name);
            }
        }
        command.env("TTS_RENDER_COMMIT", self.revision.as_deref().unwrap_or_default());
        command.stdout(Stdio::piped());
        let mut child = command.spawn().map_err(build_failure)?;
        let mut program = None;
        if let Some(stdout) = child.stdout.take() {
            for line in BufReader::new(stdout).lines() {
                program = parse_artifact(&line.map_err(build_failure)?, package).or(program);
            }
        }
        if !child.wait().map_err(build_failure)?.success() {
            return Err(Diagnostic::new("`cargo build` failed").into());
        }
        program.ok_or_else(|| unexpected_output("cargo build", "it names no program"))
    }

    /// Lists the crates linked in, without proc macros and the dependencies of build scripts.
    fn linked_packages(&self, package: &str, target: &str) -> Result<Vec<Package>, Diagnostics> {
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
        let text = self.run_tool(cargo_program(), &arguments)?;
        let mut packages: Vec<Package> = text.lines().filter_map(parse_tree_line).collect();
        packages.sort();
        packages.dedup();
        Ok(packages)
    }

    fn command(&self, program: OsString) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root).stdin(Stdio::null());
        command
    }

    /// Runs a tool and returns its output.
    fn run_tool(&self, program: OsString, arguments: &[&str]) -> Result<String, Diagnostics> {
        let name = program.to_string_lossy().into_owned();
        let output = self.command(program).args(arguments).output();
        let output = output.map_err(|error| tool_failure(&name, &error))?;
        let name = format!("{name} {}", arguments.first().copied().unwrap_or_default());
        if !output.status.success() {
            let stderr = String::from_utf8_lossy(&output.stderr);
            let reason = stderr.lines().find(|line| line.starts_with("error")).unwrap_or_default();
            return Err(Diagnostic::new(format!("`{name}` failed: {reason}")).into());
        }
        String::from_utf8(output.stdout)
            .map_err(|error| unexpected_output(&name, &error.to_string()))
    }
}

fn tool_failure(tool: &str, error: &io::Error) -> Diagnostics {
    Diagnostic::new(format!("`{tool}` can't be run: {error}"))
        .note("to make an image without Rust, give a static program with `--binary`")
        .into()
}

fn build_failure(error: io::Error) -> Diagnostics {
    tool_failure("cargo build", &error)
}

fn unexpected_output(tool: &str, reason: &str) -> Diagnostics {
    Diagnostic::new(format!("unexpected output of `{tool}`: {reason}")).into()
}

fn cargo_program() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// Linux with glibc on the host's own processor: no target has to be installed for it.
fn static_target(host: &str) -> Option<String> {
    let (processor, system) = host.split_once('-')?;
    let has_image = matches!(processor, "x86_64" | "aarch64");
    (has_image && system.contains("linux")).then(|| format!("{processor}-unknown-linux-gnu"))
}

/// The compiler flags for a static program that contains no folder of this machine. Later prefixes
/// override earlier ones (rustc book, "Remap source paths"), so the target folder comes after the
/// root that it may lie in.
fn static_flags(metadata: &Metadata, rustc: &Rustc) -> Vec<String> {
    let std_source = rustc.sysroot.join("lib/rustlib/src/rust");
    let std_name = rustc.commit.as_deref().unwrap_or("unknown");
    let mut flags = vec![
        "-Ctarget-feature=+crt-static".to_owned(),
        "-Clink-arg=-Wl,--build-id=none".to_owned(),
        remap_flag(&metadata.workspace_root, "/source"),
        remap_flag(&metadata.target_directory, "/target"),
        remap_flag(&std_source, &format!("/rustc/{std_name}")),
    ];
    if let Some(home) = cargo_home(std::env::var_os("CARGO_HOME"), std::env::var_os("HOME")) {
        flags.push(remap_flag(&home, "/cargo"));
        // A folder for each registry, named for where it is reached.
        let registries = std::fs::read_dir(home.join("registry/src")).into_iter().flatten();
        let mut folders: Vec<PathBuf> = registries.flatten().map(|entry| entry.path()).collect();
        folders.sort();
        flags.extend(folders.iter().map(|folder| remap_flag(folder, "/crates")));
    }
    flags
}

fn remap_flag(from: &Path, to: &str) -> String {
    format!("--remap-path-prefix={}={to}", from.display())
}

/// The folder in which crates' sources are unpacked (Cargo book, "Cargo Home"), from the variables
/// `CARGO_HOME` and `HOME`. Cargo ignores an empty `CARGO_HOME`.
fn cargo_home(cargo_home: Option<OsString>, home: Option<OsString>) -> Option<PathBuf> {
    match cargo_home.filter(|folder| !folder.is_empty()) {
        Some(folder) => Some(PathBuf::from(folder)),
        None => Some(PathBuf::from(home?).join(".cargo")),
    }
}

/// Returns true for variables that a user may have set for other builds, and that would change the
/// program's bytes.
fn changes_output(name: &OsString) -> bool {
    let name = name.to_string_lossy();
    let parts = ["CARGO_PROFILE_", "CFLAGS_", "CARGO_INCREMENTAL"];
    parts.iter().any(|part| name.starts_with(part))
        || ["CFLAGS", "TARGET_CFLAGS", "CARGO_BUILD_TARGET"].contains(&&*name)
}

/// Reads the path of the program from a line of Cargo's messages, if it reports one.
fn parse_artifact(line: &str, package: &str) -> Option<PathBuf> {
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

/// Reads a line of `cargo tree`: `ring v0.17.14`, and more words.
fn parse_tree_line(line: &str) -> Option<Package> {
    let mut words = line.split(' ');
    let (name, version) = (words.next()?, words.next()?.strip_prefix('v')?);
    Some(Package { name: name.to_owned(), version: version.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_target_is_linux_on_the_hosts_processor() {
        let amd64 = Some("x86_64-unknown-linux-gnu".to_owned());
        assert_eq!(static_target("x86_64-unknown-linux-gnu"), amd64);
        assert_eq!(static_target("x86_64-unknown-linux-musl"), amd64);
        assert_eq!(static_target("aarch64-apple-darwin"), None);
        assert_eq!(static_target("riscv64gc-unknown-linux-gnu"), None);
    }

    #[test]
    fn an_empty_cargo_home_is_ignored_as_cargo_does() {
        let text = |text: &str| Some(OsString::from(text));
        let default = Some(PathBuf::from("/home/me/.cargo"));
        assert_eq!(cargo_home(None, text("/home/me")), default);
        assert_eq!(cargo_home(text(""), text("/home/me")), default);
        assert_eq!(cargo_home(text("/cargo"), text("/home/me")), Some(PathBuf::from("/cargo")));
        assert_eq!(cargo_home(None, None), None);
    }

    #[test]
    fn cargos_messages_are_parsed() {
        let line = r#"{"reason":"compiler-artifact","target":{"name":"gate","kind":["bin"]},"executable":"/t/gate"}"#;
        assert_eq!(parse_artifact(line, "gate"), Some(PathBuf::from("/t/gate")));
        assert_eq!(parse_artifact(line, "other"), None);
        assert_eq!(parse_artifact(r#"{"reason":"build-finished","success":true}"#, "gate"), None);
        let package = parse_tree_line("gate v0.1.0 (/some/where)").unwrap();
        assert_eq!((&*package.name, &*package.version), ("gate", "0.1.0"));
        assert_eq!(parse_tree_line(""), None);
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
        let compiler =
            Compiler { root: root.to_owned(), target: None, quiet: true, revision: None };
        let error = compiler.compile(OwnImage::Gate).unwrap_err();
        assert!(
            error.0[0].message.to_string().ends_with("has no package `vram-gate`"),
            "{error:?}"
        );
    }
}
