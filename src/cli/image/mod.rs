//! `tts-render image`: build, push, pin and inspect the images of this project's own programs.

mod inspection;
mod pinning;

use std::fmt::Display;
use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use oci_scratch::{
    Binary, BinaryError, Inspection, Layout, Login, Reference, Registry, RegistryError, Step,
};
use tts_render::image::{Compiler, Kind, own_about};
use yaml_spans::diagnostic::{Diagnostic, Diagnostics};

use self::pinning::{GATE_PATH, PinFlags, Pinning};
use super::{CliError, Context, Exit};

/// Container images of the gate and of this program, without Docker.
#[derive(Debug, Subcommand)]
pub(crate) enum ImageCommand {
    /// Make an image of the gate or of this program in a folder, and print its digest
    Build(BuildArgs),
    /// Send an image from its folder to a registry, and print its reference with the digest
    Push(PushArgs),
    /// Ask a registry for an image's digest, print it, and write it into a values file
    Pin(PinArgs),
    /// List what is in an image's folder
    Inspect(InspectArgs),
}

#[derive(Debug, Args)]
pub(crate) struct BuildArgs {
    /// Which program
    #[arg(long, value_enum, default_value_t = Program::Gate)]
    of: Program,
    /// A static program to take; without it, Cargo compiles one from this workspace
    #[arg(long, value_name = "FILE", conflicts_with = "target")]
    binary: Option<PathBuf>,
    /// The Rust target to compile for [default: Linux with glibc on this processor]
    #[arg(long, value_name = "TRIPLE")]
    target: Option<String>,
    /// The folder for the image (an OCI layout); one that is there is replaced
    #[arg(long, value_name = "DIR", default_value = DEFAULT_FOLDER)]
    out: PathBuf,
    /// The image's name in the folder, and its tag when it is pushed [default: the version]
    #[arg(long, value_name = "NAME")]
    tag: Option<String>,
    /// Where the sources are, for the label `org.opencontainers.image.source`
    #[arg(long, value_name = "URL")]
    source: Option<String>,
    /// The commit, for the label `org.opencontainers.image.revision`; it changes the digest
    #[arg(long, value_name = "COMMIT")]
    revision: Option<String>,
    /// The time that the files and the image carry, in seconds since 1970
    #[arg(long, value_name = "SECONDS", env = "SOURCE_DATE_EPOCH", default_value_t = 0)]
    time: u64,
    #[command(flatten)]
    pin: PinFlags,
}

#[derive(Debug, Args)]
pub(crate) struct PushArgs {
    /// Where to: `registry.example/repository:tag`; without a tag, the image's name in its folder
    #[arg(value_name = "REF")]
    to: String,
    /// The image's folder
    #[arg(long, value_name = "DIR", default_value = DEFAULT_FOLDER)]
    from: PathBuf,
    /// HTTP without TLS
    #[arg(long)]
    plain_http: bool,
    #[command(flatten)]
    pin: PinFlags,
}

#[derive(Debug, Args)]
pub(crate) struct PinArgs {
    /// Which image: `registry.example/repository:tag`
    #[arg(value_name = "REF")]
    of: String,
    /// The values file; without it, the digest is printed alone
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// Where in the file
    #[arg(long, value_name = "PATH", default_value = GATE_PATH)]
    path: String,
    /// HTTP without TLS
    #[arg(long)]
    plain_http: bool,
}

#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    /// The image's folder
    #[arg(value_name = "DIR", default_value = DEFAULT_FOLDER)]
    folder: PathBuf,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Program {
    /// What runs in the cluster
    Gate,
    /// This program, as Argo CD's config management plugin
    Renderer,
}

const DEFAULT_FOLDER: &str = "dist/image";

/// Runs a command.
pub(crate) fn run(command: &ImageCommand, context: &mut Context<'_>) -> Result<Exit, CliError> {
    match command {
        ImageCommand::Build(args) => build(args, context)?,
        ImageCommand::Push(args) => push(args, context)?,
        ImageCommand::Pin(args) => pin(args, context)?,
        ImageCommand::Inspect(args) => inspect(args, context)?,
    }
    Ok(Exit::Success)
}

fn build(args: &BuildArgs, context: &mut Context<'_>) -> Result<(), CliError> {
    let kind = match args.of {
        Program::Gate => Kind::Gate,
        Program::Renderer => Kind::Renderer,
    };
    let (path, mut about) = match &args.binary {
        Some(path) => (at(context, path), own_about()),
        None => {
            let root = context.common.root.clone();
            let compiler =
                Compiler { root, target: args.target.clone(), quiet: context.common.quiet };
            let compiled = compiler.compile(kind).map_err(told)?;
            (compiled.path, compiled.about)
        }
    };
    let program = read_program(&path)?;
    about.source = args.source.clone().or(about.source);
    about.revision.clone_from(&args.revision);
    let tag = args.tag.clone().unwrap_or_else(|| about.version.clone());
    let image = kind.image(&program, about, args.time)?;
    let layout = Layout::new(&image, &tag).map_err(told)?;
    let pinning = args.pin.plan(context, &layout, None)?;
    layout.write(&at(context, &args.out)).map_err(told)?;
    let layers: usize = layout.layers.iter().map(|layer| layer.bytes.len()).sum();
    context.printer.status(&format!("`{}` holds {tag}, {}", args.out.display(), size(layers)));
    pinning.write()?;
    Ok(writeln!(context.out, "{}", layout.digest())?)
}

fn read_program(path: &Path) -> Result<Binary, Diagnostics> {
    let name = path.display();
    let is_file = fs::metadata(path).map(|meta| meta.is_file());
    let read = match is_file {
        Ok(false) => return Err(told(format!("`{name}` is no file")).into()),
        Ok(true) => fs::read(path),
        Err(error) => Err(error),
    };
    let program = read.map_err(|error| told(format!("`{name}` can't be read: {error}")))?;
    Binary::read(program).map_err(|error| {
        let diagnostic = told(format!("`{name}` can't be an image's program: {error}"));
        match error {
            BinaryError::Dynamic(_) => diagnostic.note(
                "leave out `--binary` to have a static one compiled, or compile with `--target x86_64-unknown-linux-gnu` and `RUSTFLAGS=-Ctarget-feature=+crt-static`",
            ),
            _ => diagnostic,
        }
        .into()
    })
}

fn push(args: &PushArgs, context: &mut Context<'_>) -> Result<(), CliError> {
    let layout = Layout::read(&at(context, &args.from)).map_err(told)?;
    let mut to = reference(&args.to)?;
    if to.tag().is_none() && to.digest().is_none() {
        let Some(name) = &layout.ref_name else {
            let message = format!("`{}` has no tag, and the image in its folder no name", args.to);
            return Err(told(message).into());
        };
        to = to.with_tag(name).map_err(told)?;
    }
    let pinning = args.pin.plan(context, &layout, Some(&to))?;
    let registry = registry(&to, args.plain_http)?;
    let pushed =
        registry.push(&layout, &to, &mut |step| say_step(context, &step)).map_err(refused)?;
    pinning.write()?;
    Ok(writeln!(context.out, "{}", pushed.pinned)?)
}

fn pin(args: &PinArgs, context: &mut Context<'_>) -> Result<(), CliError> {
    let of = reference(&args.of)?;
    let registry = registry(&of, args.plain_http)?;
    let digest = registry.digest(&of, &mut |step| say_step(context, &step)).map_err(refused)?;
    if let Some(file) = &args.file {
        Pinning::plan(context, file, &args.path, &digest, Some(&of))?.write()?;
    }
    Ok(writeln!(context.out, "{}@{digest}", of.name())?)
}

fn inspect(args: &InspectArgs, context: &mut Context<'_>) -> Result<(), CliError> {
    let layout = Layout::read(&at(context, &args.folder)).map_err(told)?;
    let told_of = Inspection::new(&layout).map_err(told)?;
    Ok(inspection::write(&told_of, context.out)?)
}

/// The login for an image's registry, from Docker's folder.
fn registry(of: &Reference, plain_http: bool) -> Result<Registry, Diagnostics> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let home = || Some(PathBuf::from(set("HOME")?).join(".docker"));
    let login = match set("DOCKER_CONFIG").map(PathBuf::from).or_else(home) {
        Some(folder) => Login::find(&folder, of.registry()).map_err(told)?,
        None => Login::Anonymous,
    };
    Ok(Registry { login, plain_http })
}

/// A path below the root, as messages should name it.
fn at(context: &Context<'_>, path: &Path) -> PathBuf {
    let root = &context.common.root;
    if root == Path::new(".") { path.to_owned() } else { root.join(path) }
}

fn say_step(context: &Context<'_>, step: &Step<'_>) {
    context.printer.status(&match step {
        Step::Kept(blob) => format!("{} is there already", blob.digest),
        Step::Sent(blob) => format!("{} sent, {}", blob.digest, size(blob.bytes.len())),
        Step::Again(error) => format!("trying again: {error}"),
    });
}

fn told(error: impl Display) -> Diagnostic {
    Diagnostic::new(error.to_string())
}

fn refused(error: RegistryError) -> Diagnostic {
    let diagnostic = told(&error);
    match error.hint() {
        Some(hint) => diagnostic.note(hint),
        None => diagnostic,
    }
}

fn reference(text: &str) -> Result<Reference, Diagnostics> {
    Ok(text.parse().map_err(told)?)
}

/// `1.4 MiB`.
fn size(bytes: usize) -> String {
    match bytes {
        0..1024 => format!("{bytes} bytes"),
        1024..0x10_0000 => format!("{:.1} KiB", bytes as f64 / 1024.0),
        _ => format!("{:.1} MiB", bytes as f64 / f64::from(0x10_0000)),
    }
}
