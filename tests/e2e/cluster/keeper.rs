//! A program that never outlives the test process.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Runs the program that the arguments say, and kills it when nobody can write to this shell's input
/// any more: when the pipe's other end is closed, or its process is gone, by whatever signal. The
/// folder of `$FOLDER`, if there is one, goes with it.
const KEEP: &str = r#"
exec 3<&0
"$@" 3<&- &
program=$!
{ read -r _ <&3; kill -KILL "$program"; } &
reader=$!
wait "$program"
ended=$?
kill "$reader" 2>/dev/null
[ "$ended" = 137 ] && [ -n "$FOLDER" ] && rm -rf -- "$FOLDER"
exit "$ended"
"#;

/// A running program, and what ends it: dropping this, or the death of this process.
pub struct Keeper {
    shell: Child,
    log: PathBuf,
}

impl Keeper {
    /// Starts a program, found on PATH; what it says goes to a file of its name in `folder`.
    pub fn start(program: &str, arguments: &[String], folder: &Path, removed: bool) -> Self {
        let log = folder.join(program).with_extension("log");
        let file = File::options().create(true).append(true).open(&log).unwrap();
        let shell = Command::new("sh")
            .args(["-c", KEEP, "keep", program])
            .args(arguments)
            .env("FOLDER", if removed { folder.as_os_str() } else { "".as_ref() })
            .stdin(Stdio::piped())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .process_group(0)
            .spawn()
            .unwrap();
        Keeper { shell, log }
    }

    /// Whether the program ended by itself, with the end of what it said.
    pub fn ended(&mut self) -> Option<String> {
        self.shell.try_wait().unwrap()?;
        Some(self.said())
    }

    /// The end of what it said.
    pub fn said(&self) -> String {
        let said = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = said.lines().collect();
        lines[lines.len().saturating_sub(25)..].join("\n")
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}
