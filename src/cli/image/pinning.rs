//! `--pin`: an image's digest into a values file.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use oci_scratch::{Digest, Layout, Reference};
use tts_render::image::{self, Kind};
use tts_render::project::replace_file;
use yaml_spans::diagnostic::Diagnostics;
use yaml_spans::source::{Source, Sources};

use super::{Context, at, told};

/// Where the gate's digest goes.
pub(super) const GATE_PATH: &str = "gate.image.digest";
const RENDERER_PATH: &str = "gitops.argocd.pluginImage.digest";

#[derive(Debug, Args)]
pub(crate) struct PinFlags {
    /// Write the digest into this values file; every other byte stays as it is
    #[arg(long, value_name = "FILE")]
    pin: Option<PathBuf>,
    /// Where in the file [default: gate.image.digest, for the
    /// renderer gitops.argocd.pluginImage.digest]
    #[arg(long, value_name = "PATH", requires = "pin")]
    pin_path: Option<String>,
}

/// An edit that was tried before anything was sent or written, so that a file that can't be pinned
/// is known in time.
pub(super) struct Pinning(Option<(PathBuf, String)>);

impl PinFlags {
    pub(super) fn plan(
        &self,
        context: &Context<'_>,
        layout: &Layout,
        of: Option<&Reference>,
    ) -> Result<Pinning, Diagnostics> {
        let Some(file) = &self.pin else {
            return Ok(Pinning(None));
        };
        let title = layout.title().unwrap_or_default();
        let path = match (&self.pin_path, Kind::titled(&title)) {
            (Some(path), _) => path,
            (None, Some(Kind::Gate)) => GATE_PATH,
            (None, Some(Kind::Renderer)) => RENDERER_PATH,
            (None, None) => {
                let message = format!("the image `{title}` has no place of its own in the values");
                let note = "say with `--pin-path` where its digest goes";
                return Err(told(message).note(note).into());
            }
        };
        Pinning::plan(context, file, path, layout.digest(), of)
    }
}

impl Pinning {
    pub(super) fn plan(
        context: &Context<'_>,
        file: &Path,
        path: &str,
        digest: &Digest,
        of: Option<&Reference>,
    ) -> Result<Self, Diagnostics> {
        let name = file.display();
        let way: yaml_spans::Path = path.parse().map_err(told)?;
        let unread = |error: io::Error| told(format!("`{name}` can't be read: {error}"));
        let target = at(context, file);
        let old = fs::read_to_string(&target).map_err(unread)?;
        let mut sources = Sources::new();
        let id = sources.add(Source::written(name.to_string(), old));
        let pin = image::pin(&sources, id, &way, digest).map_err(|errors| {
            Diagnostics(errors.iter().map(|error| error.diagnose(&sources)).collect())
        })?;
        if let (Some(written), Some(of)) = (&pin.repository, of)
            && written.parse::<Reference>().is_ok_and(|written| written.name() != of.name())
        {
            let pinned = of.name();
            context.printer.status(&format!(
                "warning: the digest is that of `{pinned}`, and beside it `{name}` says `{written}`"
            ));
        }
        Ok(Pinning((pin.text != sources.get(id).text()).then_some((target, pin.text))))
    }

    /// Writes the file, if the edit changes it.
    pub(super) fn write(self) -> Result<(), Diagnostics> {
        let Some((file, text)) = self.0 else {
            return Ok(());
        };
        let unwritten =
            |error: io::Error| told(format!("`{}` can't be written: {error}", file.display()));
        Ok(replace_file(&file, &text).map_err(unwritten)?)
    }
}
