//! GitHub's workflow commands, one for each consequence and each object with changes that no rule
//! judges, at the changed line of the object's file.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::shown::{first_objects, is_checksum, not_judged_message, object_name};
use crate::diff::input::take_apart;
use crate::diff::{Consequence, Diff, Difference, FieldChange, NotJudged, ObjectChange, Topic};
use crate::model::Severity;
use crate::report::github::{Location, command};
use crate::report::path_beneath;
use kube_validate::ObjectId;
use yaml_spans::source::{Source, Sources};
use yaml_spans::{Dialect, Node, Path as FieldPath};

/// Formats the headline, then a command for each consequence. The files lie under `root`; `texts` has
/// those of the new state, by the names that the diff gives them.
pub fn github(diff: &Diff, root: &Path, texts: &BTreeMap<String, Arc<str>>) -> String {
    let mut out = format!("{}\n", diff.headline);
    let places = Places { diff, root, texts };
    for consequence in &diff.consequences {
        out.push_str(&consequence_command(&places, consequence));
    }
    for one in &diff.not_judged {
        let text = format!("{}: {}", object_name(&one.object), not_judged_message(one));
        let location = places.of_not_judged(one);
        out.push_str(&command(Severity::Warning, "not-judged", location.as_ref(), &text));
    }
    for test in &diff.backtests {
        let text = format!("{}: {}", test.target, test.message);
        out.push_str(&command(Severity::Info, "back-test", None, &text));
    }
    out
}

fn consequence_command(places: &Places<'_>, consequence: &Consequence) -> String {
    let location = places.of_consequence(consequence);
    let (names, more) = first_objects(consequence);
    let text = format!("{}{more}: {}", names.join(", "), consequence.message);
    command(consequence.rule.severity, consequence.rule.id, location.as_ref(), &text)
}

/// Finds the lines of changed fields.
struct Places<'a> {
    diff: &'a Diff,
    root: &'a Path,
    texts: &'a BTreeMap<String, Arc<str>>,
}

impl Places<'_> {
    /// The place of a consequence: in its first object that has a file, the first changed field that is
    /// on the rule's topic. A removed object has no file to point at.
    fn of_consequence(&self, consequence: &Consequence) -> Option<Location> {
        let change = consequence.objects.iter().find_map(|id| self.change(id))?;
        let fields = || change.fields.iter().filter(|field| !is_checksum(field));
        let field = fields()
            .find(|field| is_on_topic(consequence.rule.topic, &field.path))
            .or_else(|| fields().next())
            .or(change.fields.first());
        self.of_field(change, field)
    }

    fn of_not_judged(&self, not_judged: &NotJudged) -> Option<Location> {
        let Some(change) = self.change(&not_judged.object) else {
            return not_judged.file.as_deref().map(|file| self.location(file, 1));
        };
        let first = not_judged.fields.first();
        let field = change.fields.iter().find(|field| Some(&field.path.to_string()) == first);
        self.of_field(change, field.or(change.fields.first()))
    }

    /// The change of an object that is in the new state.
    fn change(&self, id: &ObjectId) -> Option<&ObjectChange> {
        self.diff.objects.iter().find(|change| change.id == *id && change.file_after.is_some())
    }

    fn of_field(&self, change: &ObjectChange, field: Option<&FieldChange>) -> Option<Location> {
        let file = change.file_after.as_deref()?;
        let line = field.and_then(|field| find_line(self.texts.get(file)?, &change.id, field));
        Some(self.location(file, line.unwrap_or(1)))
    }

    fn location(&self, file: &str, line: u32) -> Location {
        Location { file: path_beneath(self.root, file), line, columns: None }
    }
}

/// Returns true if a field of this path is what rules of the topic are about.
fn is_on_topic(topic: Topic, path: &FieldPath) -> bool {
    let path = path.to_string();
    let has = |parts: &[&str]| parts.iter().any(|part| path.contains(part));
    match topic {
        Topic::Image => has(&[".image"]),
        Topic::Schedule => has(&["schedule", "timeZone", "suspend"]),
        Topic::Probe => has(&["Probe"]),
        Topic::Permissions => has(&["rules", "roleRef", "subjects"]),
        Topic::Gate => has(&[".env", "suspend", "schedule"]),
        Topic::Data => has(&["storage", "ReclaimPolicy", "annotations"]),
        Topic::Policy => has(&["exclude", "match", "spec.rules"]),
        Topic::Restart => path.starts_with("spec.template"),
        Topic::Refusal | Topic::Pruning | Topic::Gpu | Topic::Pod | Topic::Reach | Topic::Lint => {
            false
        }
    }
}

/// The line of a field in a file: of its value, or of the nearest map above a field that was removed.
fn find_line(text: &str, id: &ObjectId, field: &FieldChange) -> Option<u32> {
    let mut sources = Sources::new();
    let source = sources.add(Source::written("", text));
    let documents = yaml_spans::parse(&sources, source, Dialect::Kubectl).ok()?;
    let mut objects = documents.into_iter().flat_map(take_apart);
    let object =
        objects.find(|node| ObjectId::read_generated(node).is_ok_and(|found| found == *id))?;
    let mut path = field.place.clone();
    let node = loop {
        match path.find(&object) {
            Some(node) => break node,
            None => path = path.parent()?,
        }
    };
    let line = sources.place(node.span?).line;
    let is_block = sources.get(source).line(line).trim_end().ends_with(['|', '-', '+']);
    Some(match &field.change {
        Difference::Changed(before, after) if is_block => {
            line + 1 + first_changed_line(before, after)?
        }
        _ => line,
    })
}

/// The number of lines before the first that two texts do not share.
fn first_changed_line(before: &Node, after: &Node) -> Option<u32> {
    let (before, after) = (before.as_str()?, after.as_str()?);
    let same = before.lines().zip(after.lines()).take_while(|(old, new)| old == new).count();
    // A text that lost its end is marked at its last line.
    let last = after.lines().count().saturating_sub(1);
    u32::try_from(same.min(last)).ok()
}
