//! Each folder of tests/fixtures/policy: a file, the arguments, and what comes of them: the file as
//! it must be then, or why it is refused. UPDATE=1 writes refusals anew, to be read before they are
//! committed.

use std::fs;
use std::path::Path;

use clap::Parser;
use tts_render::cli::policy::{PolicyCommand, run};

#[derive(clap::Parser)]
struct Cli {
    #[command(subcommand)]
    command: PolicyCommand,
}

/// Runs `policy edit` on a copy of the input: the file afterwards, and what was said or refused.
fn edit(folder: &Path, input: &[u8], args: &str) -> (Vec<u8>, Result<String, String>) {
    let file = folder.join("input.yaml");
    fs::write(&file, input).unwrap();
    let mut words = vec!["tts-render", "edit", file.to_str().unwrap()];
    words.extend(args.split_whitespace());
    let cli = Cli::try_parse_from(words).unwrap();
    let (mut out, mut talk) = (Vec::new(), Vec::new());
    let place = format!("{}/", folder.display());
    let result = run(&cli.command, &mut out, &mut talk);
    assert!(out.is_empty());
    let said = match result {
        Ok(code) => {
            assert_eq!(code, 0);
            Ok(String::from_utf8(talk).unwrap().replace(&place, ""))
        }
        Err(errors) => {
            let hints = errors.0.iter().filter_map(|error| error.label.as_deref());
            let hints: String = hints.map(|hint| format!("\n  {hint}")).collect();
            Err(format!("{errors}{hints}\n").replace(&place, ""))
        }
    };
    (fs::read(&file).unwrap(), said)
}

#[test]
fn each_file_becomes_what_it_should() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/policy");
    let temporary = tempfile::tempdir().unwrap();
    let update = std::env::var_os("UPDATE").is_some();
    let mut count = 0;
    let mut wrong = Vec::new();
    for entry in fs::read_dir(&root).unwrap() {
        let folder = entry.unwrap().path();
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let input = fs::read(folder.join("input.yaml")).unwrap();
        let args = fs::read_to_string(folder.join("args")).unwrap();
        let (output, said) = edit(temporary.path(), &input, &args);
        count += 1;
        let mut note = |what: String| wrong.push(format!("{name}: {what}"));
        if let Ok(refused) = fs::read_to_string(folder.join("refused.txt")) {
            match said {
                Ok(said) => note(format!("is not refused: {said}")),
                Err(why) if why == refused => {}
                Err(why) if update => fs::write(folder.join("refused.txt"), why).unwrap(),
                Err(why) => note(format!("is refused with\n{why}not with\n{refused}")),
            }
            if output != input {
                note("was written though it was refused".to_owned());
            }
            continue;
        }
        let said = match said {
            Ok(said) => said,
            Err(why) => {
                note(format!("is refused: {why}"));
                continue;
            }
        };
        let expected = fs::read(folder.join("expected.yaml")).unwrap();
        if output != expected {
            note(format!("became\n{}", String::from_utf8_lossy(&output)));
        }
        if let Ok(expected) = fs::read_to_string(folder.join("said.txt"))
            && said != expected
        {
            note(format!("said\n{said}not\n{expected}"));
        }
        let (again, _) = edit(temporary.path(), &output, &args);
        if again != output {
            note("changed in a second run".to_owned());
        }
        if input != expected && !args.contains("--remove") {
            let (back, _) = edit(temporary.path(), &output, &format!("{args} --remove"));
            if back != input {
                note(format!("is not undone:\n{}", String::from_utf8_lossy(&back)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert!(count >= 40, "only {count} files");
}
