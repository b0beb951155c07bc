//! What a commit of `rendered/` says: a subject that sums up, a line an object, trailers.

use std::collections::BTreeSet;
use std::fmt::Write;

/// The objects that are named; the rest are counted.
const NAMED: usize = 40;
/// The folders that a subject names.
const FOLDERS: usize = 3;

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verb {
    /// It is new.
    Add,
    /// It has other bytes.
    Change,
    /// It is gone.
    Remove,
}

impl Verb {
    const ALL: [(Verb, &'static str); 3] =
        [(Verb::Add, "added"), (Verb::Change, "changed"), (Verb::Remove, "removed")];
}

/// One object that a commit adds, changes or removes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// Its folder under `rendered/`.
    pub folder: String,
    /// What became of it.
    pub verb: Verb,
    /// The object: `Deployment tts/chatterbox-tts`; a file's path where it is none.
    pub object: String,
}

/// What a commit does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// By folder, then by what became of them.
    pub objects: Vec<Change>,
}

impl Changes {
    /// The message: subject, a line an object, trailers. `source` is the commit that holds the
    /// values, `tool` this program with its version.
    pub fn message(&self, source: &str, tool: &str) -> String {
        let mut text = self.subject(tool);
        text.push('\n');
        let mut folder = "";
        for change in self.objects.iter().take(NAMED) {
            if change.folder != folder {
                folder = &change.folder;
                let _ = write!(text, "\n{folder}:\n");
            }
            let verb = Verb::ALL.iter().find(|(verb, _)| *verb == change.verb).map_or("", |v| v.1);
            let _ = writeln!(text, "  {verb} {}", change.object);
        }
        if self.objects.len() > NAMED {
            let _ = write!(text, "\nand {} objects more\n", self.objects.len() - NAMED);
        }
        let _ = write!(text, "\nRendered-from: {source}\nRendered-by: {tool}\n");
        text
    }

    /// `Render tts: 2 added, 1 changed`.
    pub fn subject(&self, tool: &str) -> String {
        if self.objects.is_empty() {
            return format!("Render with {tool}: no object changes");
        }
        let folders: BTreeSet<&str> = self.objects.iter().map(|change| change.folder.as_str()).collect();
        let mut names = folders.iter().take(FOLDERS).copied().collect::<Vec<_>>().join(", ");
        if folders.len() > FOLDERS {
            let _ = write!(names, " and {} more", folders.len() - FOLDERS);
        }
        let counts = Verb::ALL.iter().filter_map(|(verb, word)| {
            let count = self.objects.iter().filter(|change| change.verb == *verb).count();
            (count > 0).then(|| format!("{count} {word}"))
        });
        format!("Render {names}: {}", counts.collect::<Vec<_>>().join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(folder: &str, verb: Verb, object: &str) -> Change {
        Change { folder: folder.to_owned(), verb, object: object.to_owned() }
    }

    #[test]
    fn a_message_sums_up_and_names_every_object() {
        let changes = Changes {
            objects: vec![
                change("kyverno", Verb::Change, "ClusterPolicy inject"),
                change("tts", Verb::Add, "Service tts/new"),
                change("tts", Verb::Remove, "Service tts/old"),
            ],
        };
        let expected = "Render kyverno, tts: 1 added, 1 changed, 1 removed\n\
            \nkyverno:\n  changed ClusterPolicy inject\n\
            \ntts:\n  added Service tts/new\n  removed Service tts/old\n\
            \nRendered-from: abc\nRendered-by: tts-render 1.2.3\n";
        assert_eq!(changes.message("abc", "tts-render 1.2.3"), expected);
    }

    #[test]
    fn a_thousand_objects_are_counted() {
        let name = |n: usize| change(&format!("f{}", n % 5), Verb::Add, &format!("Object {n}"));
        let mut objects: Vec<_> = (0..1000).map(name).collect();
        objects.sort();
        let text = Changes { objects }.message("abc", "t");
        assert!(text.starts_with("Render f0, f1, f2 and 2 more: 1000 added\n"), "{text}");
        assert!(text.contains("\nand 960 objects more\n"), "{text}");
        assert_eq!(text.matches("  added Object").count(), 40);
    }

    #[test]
    fn an_upgrade_alone_is_called_one() {
        let subject = Changes::default().subject("tts-render 1.2.3");
        assert_eq!(subject, "Render with tts-render 1.2.3: no object changes");
    }
}
