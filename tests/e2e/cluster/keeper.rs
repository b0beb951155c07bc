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
        let shell = kept(program, removed.then_some(folder))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
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

/// The shell that keeps a program, in a process group of its own.
fn kept(program: &str, folder: Option<&Path>) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", KEEP, "keep", program]).process_group(0);
    shell.env("FOLDER", folder.unwrap_or(Path::new("")));
    shell
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

#[test]
fn a_program_dies_with_the_process_that_has_its_pipe() {
    let folder = tempfile::tempdir().unwrap().keep();
    let mut holder = Command::new("sleep").arg("600").stdout(Stdio::piped()).spawn().unwrap();
    let script = "echo $$; exec sleep 601";
    let mut shell = kept("sh", Some(&folder))
        .args(["-c", script])
        .stdin(holder.stdout.take().unwrap())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut output = std::io::BufReader::new(shell.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut output, &mut line).unwrap();
    let process = Path::new("/proc").join(line.trim());
    assert!(process.exists() && folder.exists());
    // As the kernel does it: no handler of the holder's runs.
    holder.kill().unwrap();
    holder.wait().unwrap();
    assert_eq!(shell.wait().unwrap().code(), Some(137));
    assert!(!process.exists() && !folder.exists());
}

#[test]
fn a_program_that_ends_by_itself_is_told_with_what_it_said() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["-c", "echo no such flag >&2; exit 3"].map(str::to_owned);
    let mut keeper = Keeper::start("sh", &arguments, folder.path(), true);
    let said = super::until("the end", || keeper.ended());
    assert_eq!(said, "no such flag");
    drop(keeper);
    assert!(folder.path().exists(), "what it left is looked at");
}
