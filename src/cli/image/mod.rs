//! `tts-render image`: build, push, pin and inspect the images of this project's own programs.

mod inspection;
mod pinning;

use std::error::Error;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use clap::{Subcommand, ValueEnum};
use oci_scratch::{
    Binary, BinaryError, Digest, Inspection, Layout, Login, PushStep, Reference, Registry,
    RegistryError, RemotePlatform,
};
use tts_render::image::{Compiler, OwnImage, own_about};
use tts_render::project::remove_leftovers;
use yaml_spans::diagnostic::{Diagnostic, Diagnostics};

use self::pinning::{GATE_PATH, PinFlags, Pinning};
use super::{CliError, Context, Exit, file_error};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  tts-render image build && tts-render image push registry.example/me/vram-gate:0.1.0
  tts-render image pin registry.example/me/vram-gate:0.1.0 values/tts.yaml")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: ImageCommand,
}

#[derive(Debug, Subcommand)]
enum ImageCommand {
    /// Write an image of the gate or of this program into a folder, and print its digest
    Build(BuildArgs),
    /// Push an image from its folder to a registry, and print its reference with the digest
    Push(PushArgs),
    /// Ask a registry for an image's digest, print it, and write it into a values file
    Pin(PinArgs),
    /// List the content of an image
    Inspect(InspectArgs),
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  tts-render image build                               compiled by Cargo, in a clone of this project
  tts-render image build --binary vram-gate            of a release's static program
  tts-render image build --of renderer --out dist/renderer")]
pub(crate) struct BuildArgs {
    /// The program
    #[arg(long, value_enum, default_value_t = Program::Gate)]
    of: Program,
    /// A static program to use [default: Cargo compiles one from this workspace]
    #[arg(long, value_name = "FILE", conflicts_with = "target")]
    binary: Option<PathBuf>,
    /// The Rust target to compile for [default: Linux with glibc on this processor]
    #[arg(long, value_name = "TRIPLE")]
    target: Option<String>,
    /// The folder for the image (an OCI layout); an image in it is replaced [default: dist/image in the
    /// project]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// The image's name in the folder, and its tag when it is pushed [default: the version]
    #[arg(long, value_name = "NAME")]
    tag: Option<String>,
    /// The URL of the sources, for the label `org.opencontainers.image.source`
    #[arg(long, value_name = "URL")]
    source: Option<String>,
    /// The commit, for the label `org.opencontainers.image.revision` and the renderer's `version`; it
    /// changes the digest
    #[arg(long, value_name = "COMMIT")]
    revision: Option<String>,
    /// The time of the files and of the image, in seconds since 1970
    #[arg(long, value_name = "SECONDS", env = "SOURCE_DATE_EPOCH", default_value_t = 0)]
    time: u64,
    #[command(flatten)]
    pin: PinFlags,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "The login is that of `docker login`, from ~/.docker or DOCKER_CONFIG.

Examples:
  tts-render image push registry.example/me/vram-gate:0.1.0
  tts-render image push localhost:5000/vram-gate:test --plain-http
  tts-render image push registry.example/me/vram-gate --pin values/tts.yaml")]
pub(crate) struct PushArgs {
    /// The destination, `registry.example/repository:tag` [default tag: the image's name in its folder]
    #[arg(value_name = "REF")]
    to: String,
    /// The image's folder [default: dist/image in the project]
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,
    /// Use HTTP without TLS
    #[arg(long)]
    plain_http: bool,
    #[command(flatten)]
    pin: PinFlags,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  tts-render image pin registry.example/me/vram-gate:0.1.0                    prints the digest
  tts-render image pin registry.example/me/vram-gate:0.1.0 values/tts.yaml
  tts-render image pin registry.example/me/server:1.2 values/tts.yaml --path server.image.digest")]
pub(crate) struct PinArgs {
    /// The image: `registry.example/repository:tag`
    #[arg(value_name = "REF")]
    of: String,
    /// The values file to write the digest into; without it, the digest is only printed
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// The same as FILE, as for `build` and `push`
    #[arg(long, value_name = "FILE", hide = true, conflicts_with = "file")]
    pin: Option<PathBuf>,
    /// The digest's path in the file
    #[arg(long, value_name = "PATH", default_value = GATE_PATH)]
    path: String,
    /// Use HTTP without TLS
    #[arg(long)]
    plain_http: bool,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  tts-render image inspect
  tts-render image inspect dist/renderer")]
pub(crate) struct InspectArgs {
    /// The image's folder [default: dist/image in the project]
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
    /// An image in its registry instead: its digest, and how much a node downloads
    #[arg(long, value_name = "REF", conflicts_with = "folder")]
    remote: Option<String>,
    /// Use HTTP without TLS
    #[arg(long, requires = "remote")]
    plain_http: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Program {
    /// The gate, which runs in the cluster
    Gate,
    /// This program, as Argo CD's config management plugin
    Renderer,
}

/// The default folder of an image, in the project.
const DEFAULT_FOLDER: &str = "dist/image";

/// Runs a command.
pub(crate) fn run(args: &Args, context: &mut Context<'_>) -> Result<Exit, CliError> {
    match &args.command {
        ImageCommand::Build(args) => build_image(args, context)?,
        ImageCommand::Push(args) => push_image(args, context)?,
        ImageCommand::Pin(args) => pin_image(args, context)?,
        ImageCommand::Inspect(args) => inspect_image(args, context)?,
    }
    Ok(Exit::Success)
}

fn build_image(args: &BuildArgs, context: &mut Context<'_>) -> Result<(), CliError> {
    context.common.project().check_output(args.out.as_deref())?;
    let own_image = match args.of {
        Program::Gate => OwnImage::Gate,
        Program::Renderer => OwnImage::Renderer,
    };
    let (path, mut about) = match &args.binary {
        Some(path) => (path.clone(), own_about()),
        None => {
            let root = context.common.project().root().to_owned();
            let compiler = Compiler {
                root,
                target: args.target.clone(),
                quiet: context.common.quiet,
                revision: args.revision.clone(),
            };
            let (program, time) = match args.of {
                Program::Gate => ("vram-gate", "a minute or two"),
                Program::Renderer => ("tts-render", "some minutes"),
            };
            context.printer.status(&format!(
                "compiling `{program}` with Cargo, which takes {time}; `--binary FILE` takes one that exists"
            ));
            let compiled = compiler.compile(own_image)?;
            (compiled.path, compiled.about)
        }
    };
    let program = read_program(&path)?;
    about.source = args.source.clone().or(about.source);
    about.revision.clone_from(&args.revision);
    let tag = args.tag.clone().unwrap_or_else(|| about.version.clone());
    let image = own_image.assemble(&program, about, args.time)?;
    let layout = Layout::new(&image, &tag).map_err(to_diagnostic)?;
    let pinning = args.pin.plan(context, &layout, None)?;
    let folder = image_folder(context, args.out.as_deref());
    if let Some(parent) = folder.parent() {
        remove_leftovers(parent);
    }
    layout.write(&folder).map_err(to_diagnostic)?;
    let layers: usize = layout.layers.iter().map(|layer| layer.bytes.len()).sum();
    let (out, size) = (folder.display(), format_size(layers));
    context.printer.status(&format!("wrote `{out}`: {tag}, {size}"));
    pinning.write()?;
    Ok(writeln!(context.out, "{}", layout.digest())?)
}

fn read_program(path: &Path) -> Result<Binary, Diagnostics> {
    let name = path.display();
    let is_file = fs::metadata(path).map(|meta| meta.is_file());
    let read = match is_file {
        Ok(false) => return Err(Diagnostic::new(format!("`{name}` is not a file")).into()),
        Ok(true) => fs::read(path),
        Err(error) => Err(error),
    };
    let bytes = read.map_err(|error| file_error("read", path, &error))?;
    Binary::read(bytes).map_err(|error| {
        let diagnostic =
            Diagnostic::new(format!("`{name}` can't be an image's program: {error}"));
        match error {
            BinaryError::Dynamic(_) => diagnostic.note(
                "omit `--binary` to compile a static one, or compile with `--target x86_64-unknown-linux-gnu` and `RUSTFLAGS=-Ctarget-feature=+crt-static`",
            ),
            _ => diagnostic,
        }
        .into()
    })
}

fn read_layout(folder: &Path) -> Result<Layout, Diagnostics> {
    Layout::read(folder).map_err(|error| {
        let diagnostic = to_diagnostic(error);
        let diagnostic = match folder.exists() {
            true => diagnostic,
            false => diagnostic.note("`tts-render image build` writes an image into it"),
        };
        diagnostic.into()
    })
}

fn push_image(args: &PushArgs, context: &mut Context<'_>) -> Result<(), CliError> {
    let mut to: Reference = args.to.parse().map_err(to_diagnostic)?;
    let folder = image_folder(context, args.from.as_deref());
    let layout = read_layout(&folder)?;
    if to.tag().is_none() && to.digest().is_none() {
        let Some(name) = &layout.ref_name else {
            let message = format!("`{}` has no tag, and the image in its folder no name", args.to);
            return Err(Diagnostic::new(message).into());
        };
        to = to.with_tag(name).map_err(to_diagnostic)?;
    }
    let pinning = args.pin.plan(context, &layout, Some(&to))?;
    let registry = connect(&to, args.plain_http)?;
    let digest = registry
        .push(&layout, &to, &mut |step| report_step(context, &step))
        .map_err(registry_diagnostic)?;
    pinning.write()?;
    Ok(context.print_line(&format!("{}@{digest}", to.name()))?)
}

fn pin_image(args: &PinArgs, context: &mut Context<'_>) -> Result<(), CliError> {
    let of: Reference = args.of.parse().map_err(to_diagnostic)?;
    let file = args.file.as_ref().or(args.pin.as_ref());
    // A wrong path must not wait for the registry.
    if let Some(file) = file {
        Pinning::plan(context, file, &args.path, &Digest::of(b""), None)?;
    }
    let registry = connect(&of, args.plain_http)?;
    let digest = registry
        .digest(&of, &mut |step| report_step(context, &step))
        .map_err(registry_diagnostic)?;
    if let Some(file) = file {
        Pinning::plan(context, file, &args.path, &digest, Some(&of))?.write()?;
    }
    Ok(context.print_line(&format!("{}@{digest}", of.name()))?)
}

fn inspect_image(args: &InspectArgs, context: &mut Context<'_>) -> Result<(), CliError> {
    if let Some(reference) = &args.remote {
        let of: Reference = reference.parse().map_err(to_diagnostic)?;
        let registry = connect(&of, args.plain_http)?;
        let image = registry
            .describe(&of, &mut |step| report_step(context, &step))
            .map_err(registry_diagnostic)?;
        context.print_line(&format!("{}@{}", of.name(), image.digest))?;
        for platform in &image.platforms {
            context.print_line(&describe_platform(platform))?;
        }
        return Ok(());
    }
    let folder = image_folder(context, args.folder.as_deref());
    let layout = read_layout(&folder)?;
    let inspection = Inspection::new(&layout).map_err(to_diagnostic)?;
    Ok(inspection::write_inspection(&inspection, context.out)?)
}

/// The image for one kind of machine: `linux/amd64: 1.2 GiB in 9 layers`.
pub(super) fn describe_platform(platform: &RemotePlatform) -> String {
    let name = platform.name.as_ref().map_or_else(String::new, |name| format!("{name}: "));
    let bytes = usize::try_from(platform.bytes).unwrap_or(usize::MAX);
    format!("{name}{} in {} layers", format_size(bytes), platform.layers)
}

/// The registry of an image, with the login that Docker or Podman keeps for it.
pub(super) fn connect(image: &Reference, plain_http: bool) -> Result<Registry, Diagnostics> {
    let login = Login::find(&login_files(), image).map_err(to_diagnostic)?;
    Ok(Registry { login, plain_http })
}

/// The files that may contain logins: the one that a variable names, or else those of Podman
/// (containers-auth.json(5)) and Docker.
fn login_files() -> Vec<PathBuf> {
    if let Some(file) = set_variable("REGISTRY_AUTH_FILE") {
        return vec![PathBuf::from(file)];
    }
    let in_folder = |variable: &str, file: &str| {
        set_variable(variable).map(|folder| PathBuf::from(folder).join(file))
    };
    if let Some(file) = in_folder("DOCKER_CONFIG", "config.json") {
        return vec![file];
    }
    let runtime = in_folder("XDG_RUNTIME_DIR", "containers/auth.json");
    let config = in_folder("XDG_CONFIG_HOME", "containers/auth.json")
        .or_else(|| in_folder("HOME", ".config/containers/auth.json"));
    let docker = in_folder("HOME", ".docker/config.json");
    [runtime, config, docker].into_iter().flatten().collect()
}

fn set_variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// The folder of an image: the one that the user named, or the default one.
fn image_folder(context: &Context<'_>, named: Option<&Path>) -> PathBuf {
    match named {
        Some(folder) => folder.to_owned(),
        None => context.common.project().path_from_here(Path::new(DEFAULT_FOLDER)),
    }
}

pub(super) fn report_step(context: &Context<'_>, step: &PushStep<'_>) {
    context.printer.status(&match step {
        PushStep::LoginElsewhere { server, registry } => {
            format!("sending the login to `{server}`, the token server that `{registry}` names")
        }
        PushStep::Skipped(blob) => format!("skipped {}: already in the registry", blob.digest),
        PushStep::Sent(blob) => format!("sent {}, {}", blob.digest, format_size(blob.bytes.len())),
        PushStep::Retry(error) => format!("retrying: {error}"),
    });
}

/// An error with its causes in one line.
fn to_diagnostic(error: impl Error) -> Diagnostic {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        message.push_str(&format!(": {error}"));
        cause = error.source();
    }
    Diagnostic::new(message)
}

fn registry_diagnostic(error: RegistryError) -> Diagnostic {
    let hint = error.hint();
    hint.into_iter().fold(to_diagnostic(error), Diagnostic::note)
}

/// An amount of bytes for a person: `1.4 MiB`.
fn format_size(bytes: usize) -> String {
    match bytes {
        0..1024 => format!("{bytes} bytes"),
        1024..0x10_0000 => format!("{:.1} KiB", bytes as f64 / 1024.0),
        0x10_0000..0x4000_0000 => format!("{:.1} MiB", bytes as f64 / f64::from(0x10_0000)),
        _ => format!("{:.1} GiB", bytes as f64 / f64::from(0x4000_0000)),
    }
}
