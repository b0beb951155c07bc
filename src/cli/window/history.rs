//! The flags of a history, and of the tenant's memory in it.

use std::path::PathBuf;

use clap::Args;
use tts_render::project::Project;
use tts_render::window::history::{self, History};
use tts_render::window::simulate::{TenantChoice, TenantFlags};
use vram_gate::duration;
use yaml_spans::diagnostic::Diagnostics;

use crate::cli::project::refuse_standard_input;

// The recorded memory to replay.
#[derive(Debug, Clone, Args)]
pub(crate) struct HistoryFlags {
    /// Recorded GPU memory: Prometheus' answer to a range query, plain or compressed by gzip; may be
    /// repeated
    #[arg(long, value_name = "FILE", required = true)]
    history: Vec<PathBuf>,
    /// The tenant's memory: `4.8Gi`, `4.8Gi..6.8Gi` with `--rise`, or `recorded` for its recorded runs;
    /// by default its recorded peak
    #[arg(long, value_name = "MEMORY")]
    tenant: Option<TenantChoice>,
    /// The time in which the tenant's memory rises to that amount
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = parse_time)]
    rise: i64,
}

fn parse_time(text: &str) -> Result<i64, String> {
    let time = duration::parse(text).map_err(|error| error.to_string())?;
    i64::try_from(time.as_millis()).map_err(|_| "expected a shorter time".to_owned())
}

impl HistoryFlags {
    /// Reads the files.
    pub(crate) fn read(&self, project: &Project) -> Result<History, Diagnostics> {
        self.history.iter().try_for_each(|path| refuse_standard_input("--history", path))?;
        history::read_files(project, &self.history)
    }

    /// The tenant's memory.
    pub(crate) fn tenant(&self) -> TenantFlags {
        TenantFlags { choice: self.tenant.unwrap_or_default(), rise: self.rise }
    }
}
