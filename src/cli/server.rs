//! The flags for a Prometheus that asks for a token, or has a certificate that the system does not trust.

use std::path::PathBuf;

use tts_render::project::Project;
use tts_render::window::fetch::{FetchError, Server};

use super::CliError;

// The flags beside `--prometheus`.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ServerFlags {
    /// A file with a token to send, by HTTPS only or to this machine
    #[arg(long, value_name = "FILE", requires = "prometheus")]
    token_file: Option<PathBuf>,
    /// A PEM file of the certificates to trust, in place of the system's
    #[arg(long, value_name = "FILE", requires = "prometheus")]
    ca: Option<PathBuf>,
}

/// The largest file with a token.
const MAX_TOKEN_BYTES: u64 = 16 << 10;
/// The largest file of certificates.
const MAX_CA_BYTES: u64 = 1 << 20;

impl ServerFlags {
    /// The server at a URL, with what the flags name.
    pub(crate) fn server(&self, url: &str, project: &Project) -> Result<Server, CliError> {
        let read = |path: &PathBuf, limit| project.read_named_bytes(path, limit);
        let token = self.token_file.as_ref().map(|path| read(path, MAX_TOKEN_BYTES));
        let token = token.transpose()?.map(|bytes| {
            String::from_utf8(bytes)
                .map(|token| token.trim_end().to_owned())
                .map_err(|_| FetchError::Token)
        });
        Ok(Server {
            url: url.to_owned(),
            token: token.transpose().map_err(|error| error.diagnostic())?,
            ca: self.ca.as_ref().map(|path| read(path, MAX_CA_BYTES)).transpose()?,
        })
    }
}
