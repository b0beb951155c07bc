//! `--pin`: writes an image's digest into a values file.

use std::path::{Path, PathBuf};

use clap::Args;
use oci_scratch::{Digest, Layout, Reference};
use tts_render::image::{self, OwnImage};
use tts_render::project::replace_file;
use yaml_spans::diagnostic::{Diagnostic, Diagnostics};
use yaml_spans::source::Sources;

use super::{Context, file_error, to_diagnostic};

/// The default path of the gate's digest in a values file.
pub(super) const GATE_PATH: &str = "gate.image.digest";
const RENDERER_PATH: &str = "gitops.argocd.pluginImage.digest";

#[derive(Debug, Args)]
pub(crate) struct PinFlags {
    /// Write the digest into this values file and change nothing else in it
    #[arg(long, value_name = "FILE")]
    pin: Option<PathBuf>,
    /// The digest's path in the file [default: gate.image.digest; for the
    /// renderer gitops.argocd.pluginImage.digest]
    #[arg(long, value_name = "PATH", requires = "pin")]
    path: Option<String>,
}

/// An edit that is prepared before anything is sent or written, so that a file that can't be pinned
/// fails early.
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
        let path = match (&self.path, OwnImage::from_title(&title)) {
            (Some(path), _) => path,
            (None, Some(OwnImage::Gate)) => GATE_PATH,
            (None, Some(OwnImage::Renderer)) => RENDERER_PATH,
            (None, None) => {
                let message = format!("the image `{title}` has no default path in the values");
                let note = "give the digest's path with `--path`";
                return Err(Diagnostic::new(message).note(note).into());
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
        let path: yaml_spans::Path = path.parse().map_err(to_diagnostic)?;
        let mut sources = Sources::new();
        let id = sources.add(context.common.project().read_named(file)?);
        let pin = image::pin_digest(&sources, id, &path, digest)?;
        if let (Some(written), Some(of)) = (&pin.repository, of)
            && written.parse::<Reference>().is_ok_and(|written| written.name() != of.name())
        {
            let pinned = of.name();
            context.printer.status(&format!(
                "warning: the digest belongs to `{pinned}`, but the `repository` beside it in `{name}` is `{written}`"
            ));
        }
        Ok(Pinning((pin.text != sources.get(id).text()).then_some((file.to_owned(), pin.text))))
    }

    /// Writes the file, if the edit changes it.
    pub(super) fn write(self) -> Result<(), Diagnostics> {
        let Some((file, text)) = self.0 else {
            return Ok(());
        };
        Ok(replace_file(&file, &text).map_err(|error| file_error("write", &file, &error))?)
    }
}
