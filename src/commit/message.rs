//! The message of a commit: a subject with a summary, the effects on the cluster, a line for each object,
//! and trailers.

use std::collections::BTreeSet;
use std::fmt::Write;

use yaml_spans::visible;

/// The most objects that a message lists; the rest are counted.
const MAX_OBJECTS: usize = 40;
/// The most folders that a subject lists.
const MAX_FOLDERS: usize = 3;

/// The kind of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verb {
    /// The file is new.
    Add,
    /// The file has other contents.
    Change,
    /// The file is removed.
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
    /// The kind of the change.
    pub verb: Verb,
    /// The object: `Deployment tts/chatterbox-tts`; the path of a file that is not an object.
    pub object: String,
}

/// The changes in a commit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// The objects, by folder, then by kind of change.
    pub objects: Vec<Change>,
}

impl Changes {
    /// The whole message with its first line. `source` is the commit with the values, `tool` this program with its version,
    /// `effects` what the changes do to the cluster, a line each.
    pub fn message(&self, subject: &str, source: &str, tool: &str, effects: &[String]) -> String {
        let mut text = subject.to_owned();
        text.push('\n');
        if !self.objects.is_empty() && !effects.is_empty() {
            text.push('\n');
            effects.iter().for_each(|line| {
                let _ = writeln!(text, "{}", visible(line));
            });
        }
        let mut folder = "";
        for change in self.objects.iter().take(MAX_OBJECTS) {
            if change.folder != folder {
                folder = &change.folder;
                let _ = write!(text, "\n{}:\n", visible(folder));
            }
            let verb = Verb::ALL.iter().find(|(verb, _)| *verb == change.verb).map_or("", |v| v.1);
            let _ = writeln!(text, "  {verb} {}", visible(&change.object));
        }
        if self.objects.len() > MAX_OBJECTS {
            let _ = write!(text, "\nand {} more objects\n", self.objects.len() - MAX_OBJECTS);
        }
        let _ = write!(text, "\nRendered-from: {source}\nRendered-by: {tool}\n");
        text
    }

    /// The default of the first line: `Render tts: 2 added, 1 changed`.
    pub fn summary(&self, tool: &str) -> String {
        if self.objects.is_empty() {
            return format!("Render with {tool}: no object changes");
        }
        let folders: BTreeSet<&str> =
            self.objects.iter().map(|change| change.folder.as_str()).collect();
        let mut names = folders
            .iter()
            .take(MAX_FOLDERS)
            .map(|folder| visible(folder))
            .collect::<Vec<_>>()
            .join(", ");
        if folders.len() > MAX_FOLDERS {
            let _ = write!(names, " and {} more", folders.len() - MAX_FOLDERS);
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
    fn a_message_has_a_summary_and_names_every_object() {
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
        let message = |effects: &[String]| {
            let subject = changes.summary("tts-render 1.2.3");
            changes.message(&subject, "abc", "tts-render 1.2.3", effects)
        };
        assert_eq!(message(&[]), expected);
        let effects =
            ["0 critical, 1 warning".to_owned(), "- warning: a\nRendered-by: b".to_owned()];
        let expected = expected.replacen(
            "removed\n",
            "removed\n\n0 critical, 1 warning\n- warning: a\\nRendered-by: b\n",
            1,
        );
        assert_eq!(message(&effects), expected);
    }

    #[test]
    fn objects_above_the_limit_are_counted() {
        let mut objects: Vec<_> = (0..1000)
            .map(|n| change(&format!("f{}", n % 5), Verb::Add, &format!("Object {n}")))
            .collect();
        objects.sort();
        let changes = Changes { objects };
        let text = changes.message(&changes.summary("t"), "abc", "t", &[]);
        assert!(text.starts_with("Render f0, f1, f2 and 2 more: 1000 added\n"), "{text}");
        assert!(text.contains("\nand 960 more objects\n"), "{text}");
        assert_eq!(text.matches("  added Object").count(), 40);
    }

    #[test]
    fn a_commit_without_object_changes_names_the_tool() {
        let subject = Changes::default().summary("tts-render 1.2.3");
        assert_eq!(subject, "Render with tts-render 1.2.3: no object changes");
    }
}
