//! The command `tts-render`: parses, runs, and maps an error to an exit code.

use std::process::ExitCode;

mod cli;

fn main() -> ExitCode {
    cli::main()
}
