//! A program that never outlives the test process.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Runs the program in the arguments, and kills it when the other end of the shell's input closes: when it is
/// dropped, or its process dies by any signal. Then it also deletes the folder in `$FOLDER`, if it is set.
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

/// A running program. Dropping this, or the death of this process, kills it.
pub struct Keeper {
    shell: Child,
    log: PathBuf,
}

impl Keeper {
    /// Starts a program from the PATH; its output goes to a file with its name in `folder`.
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

    /// The end of the program's output, if it ended by itself.
    pub fn ended(&mut self) -> Option<String> {
        self.shell.try_wait().unwrap()?;
        Some(self.output())
    }

    /// The end of the program's output.
    pub fn output(&self) -> String {
        let output = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = output.lines().collect();
        lines[lines.len().saturating_sub(25)..].join("\n")
    }
}

/// The shell that runs a program, in a process group of its own.
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
fn a_program_dies_with_the_process_that_holds_its_pipe() {
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
    // The kernel kills it, so none of the holder's handlers run.
    holder.kill().unwrap();
    holder.wait().unwrap();
    assert_eq!(shell.wait().unwrap().code(), Some(137));
    assert!(!process.exists() && !folder.exists());
}

#[test]
fn a_program_that_ends_by_itself_is_reported_with_its_output() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["-c", "echo no such flag >&2; exit 3"].map(str::to_owned);
    let mut keeper = Keeper::start("sh", &arguments, folder.path(), true);
    let output = super::until("the end", || keeper.ended());
    assert_eq!(output, "no such flag");
    drop(keeper);
    assert!(folder.path().exists(), "its folder is kept for inspection");
}
