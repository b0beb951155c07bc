//! The values that all stacks of a project share, which a new one starts with.

use super::mark::{MARK, marked_value};
use crate::values::Loaded;
use yaml_spans::{Entry, Mapping, Node, Path, Segment, Value, emit};

/// The treatment of a value that none of the stacks has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Absent {
    /// The new stack keeps its own.
    Kept,
    /// The new stack has none either: values of one group contradict one another.
    Removed,
}

/// The values that belong to the cluster rather than to one tenant.
const SHARED: &[(&str, Absent)] = &[
    ("namespace.tier", Absent::Kept),
    ("server.imagePullSecrets", Absent::Kept),
    ("server.priorityClassName", Absent::Kept),
    ("server.runtimeClassName", Absent::Kept),
    ("server.nodeSelector", Absent::Kept),
    ("server.tolerations", Absent::Kept),
    ("storage.storageClassName", Absent::Kept),
    ("gpu.total", Absent::Kept),
    ("offPeak.timeZone", Absent::Kept),
    ("gate.image", Absent::Kept),
    ("gate.imagePullSecrets", Absent::Kept),
    ("gate.priorityClassName", Absent::Kept),
    ("gate.preferTenantNode", Absent::Kept),
    ("gate.metricsUrl", Absent::Removed),
    ("gate.prometheus", Absent::Removed),
    ("gate.exporter", Absent::Removed),
    ("gate.metric", Absent::Removed),
    ("gate.metricUnit", Absent::Removed),
    ("gate.select", Absent::Removed),
    ("gate.series", Absent::Removed),
    ("gate.deviceLabel", Absent::Removed),
    ("gate.namespaceLabel", Absent::Removed),
    ("gate.freeMetric", Absent::Removed),
    ("gate.totalMetric", Absent::Removed),
    ("gate.sentinel", Absent::Removed),
    ("kyverno", Absent::Kept),
    ("gitops", Absent::Kept),
];

/// The shared values that the user must still look at: another stack may have an exception for its own.
const MARKED: &[&str] = &["gpu.total"];

/// Another stack of the project.
#[derive(Debug)]
pub struct Neighbour {
    /// Its values.
    pub loaded: Loaded,
    /// The text of its values file.
    pub text: String,
}

/// The values that all stacks share, as a layer of values.
pub(super) struct Shared {
    /// The layer, as YAML.
    pub layer: String,
    /// The paths of the values in it.
    pub paths: Vec<&'static str>,
}

/// Finds the values that are the same in every stack. `sections` are those that the new stack has.
pub(super) fn shared_values(stacks: &[Neighbour], sections: &[&str]) -> Shared {
    let mut layer = Node::new(Value::Mapping(Mapping::default()));
    let mut paths = Vec::new();
    let [first, others @ ..] = stacks else {
        return Shared { layer: String::new(), paths };
    };
    for (text, absent) in SHARED {
        // A constant; tests check all of them.
        let Ok(path) = text.parse::<Path>() else { continue };
        let value = path.find(&first.loaded.tree);
        let written = value.map(emit);
        if others.iter().any(|other| path.find(&other.loaded.tree).map(emit) != written) {
            continue;
        }
        let has_section = text
            .split('.')
            .next()
            .is_some_and(|key| sections.contains(&key) || matches!(key, "kyverno" | "gitops"));
        match value {
            Some(value) if has_section => {
                insert(&mut layer, path.segments(), value.clone());
                paths.push(*text);
            }
            None if *absent == Absent::Removed => {
                insert(&mut layer, path.segments(), Node::new(Value::Null));
            }
            _ => {}
        }
    }
    let marked = MARKED.iter().filter_map(|path| path.rsplit_once('.'));
    let keys: Vec<String> = marked.map(|(_, key)| format!("  {key}: ")).collect();
    let mut text = String::new();
    for line in emit(&layer).lines() {
        text.push_str(line);
        let is_marked = stacks.iter().any(|stack| has_marked_line(&stack.text, line));
        if is_marked || keys.iter().any(|key| line.starts_with(key)) {
            text.push_str(&format!(" # {MARK}"));
        }
        text.push('\n');
    }
    Shared { layer: text, paths }
}

/// Returns true if a text has a line that is the same but for its indentation, its quotes and a mark.
fn has_marked_line(text: &str, line: &str) -> bool {
    let bare = |line: &str| line.trim().replace(['"', '\''], "");
    text.lines().filter_map(marked_value).any(|marked| bare(marked) == bare(line))
}

/// Inserts a value at a path of keys.
fn insert(tree: &mut Node, path: &[Segment], value: Node) {
    let (Value::Mapping(map), [Segment::Key(key), rest @ ..]) = (&mut tree.value, path) else {
        return;
    };
    if rest.is_empty() {
        map.insert(key.clone(), Entry::from(value));
        return;
    }
    let entry = map
        .entry(key.clone())
        .or_insert_with(|| Entry::from(Node::new(Value::Mapping(Mapping::default()))));
    insert(&mut entry.node, rest, value);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::Shape;

    #[test]
    fn every_shared_value_exists() {
        for (text, _) in SHARED {
            let path: Path = text.parse().unwrap();
            assert!(Shape::of_values().at(&path).is_some(), "{text}");
        }
    }
}
