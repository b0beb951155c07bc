//! Reads the part of a mutation that sets the priority of Pods.
//!
//! The subject is a Pod, or an object with a template of Pods. A change is certain only if every part
//! of the mutation is understood; anything else is a doubt, with its reason. The semantics are those
//! of Kyverno 1.19 (`pkg/engine/mutate/patch`).

use super::cel::{Literal, may_set_priority, read_literal};
use super::model::{Policy, is_template, string_at};
use yaml_spans::source::{Source, Sources};
use yaml_spans::{Dialect, Node, Value, parse};

const CLASS: &str = "priorityClassName";
const PRIORITY: &str = "priority";

/// The object that is changed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Changed<'a> {
    /// The path of the Pod's template in it; empty for a Pod.
    pub template: &'a [&'a str],
    /// The template has a priority class for certain.
    pub has_class: bool,
}

impl Changed<'_> {
    /// The path of the Pod's `spec`.
    fn spec(&self) -> Vec<&str> {
        self.template.iter().copied().chain(["spec"]).collect()
    }

    /// The JSON pointer of a field of the Pod's `spec`.
    fn pointer(&self, field: &str) -> String {
        format!("/{}/{field}", self.spec().join("/"))
    }
}

/// The part of a mutation that sets a Pod's priority.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct PriorityChange {
    pub class: Option<String>,
    pub priority: Option<String>,
    /// It only applies to a Pod without a class.
    pub if_missing: bool,
    /// The first reason why the change is not certain.
    pub doubt: Option<String>,
}

impl PriorityChange {
    /// Returns true if the priority is certainly not changed.
    pub fn is_none(&self) -> bool {
        self.class.is_none() && self.priority.is_none() && self.doubt.is_none()
    }

    fn doubt(&mut self, reason: impl Into<String>) {
        self.doubt.get_or_insert_with(|| reason.into());
    }

    /// Adds a change that is made after this one.
    fn then(&mut self, next: PriorityChange) {
        self.class = next.class.or(self.class.take());
        self.priority = next.priority.or(self.priority.take());
        self.if_missing |= next.if_missing;
        self.doubt = self.doubt.take().or(next.doubt);
    }
}

/// Reads the `mutate` of a rule, or an item of its `foreach`.
pub(super) fn rule_change(mutate: &Node, changed: Changed<'_>) -> PriorityChange {
    let mut change = PriorityChange::default();
    if let Some(patches) = mutate.get("patchesJson6902") {
        match patch_operations(patches) {
            Some(operations) => change.then(operations_change(&operations, changed)),
            None => change.doubt("`patchesJson6902` is not a list that Kyverno can read"),
        }
    }
    if let Some(patch) = mutate.get("patchStrategicMerge") {
        change.then(merge_change(patch, changed));
    }
    for entry in mutate.get("foreach").and_then(Node::as_sequence).unwrap_or_default() {
        if !rule_change(entry, changed).is_none() {
            change.doubt("`foreach` decides how often");
        }
    }
    change
}

fn merge_change(patch: &Node, changed: Changed<'_>) -> PriorityChange {
    let mut change = PriorityChange::default();
    walk_merge(patch, &changed.spec(), &mut change);
    if !change.is_none()
        && let Some(reason) = merge_doubt(patch)
    {
        change.doubt(reason);
    }
    change
}

/// Follows a strategic merge to the Pod's `spec`.
fn walk_merge(node: &Node, steps: &[&str], change: &mut PriorityChange) {
    let map = match &node.value {
        Value::Mapping(map) => map,
        Value::Null if !steps.is_empty() => return change.doubt("an empty value removes it"),
        _ => return change.doubt("a part of the patch is filled in later"),
    };
    for (key, entry) in map {
        let name = without_anchor(key);
        if is_template(key) || key.starts_with('$') {
            change.doubt(format!("the patch has the key `{key}`"));
        } else if let Some((step, rest)) = steps.split_first() {
            if name == *step {
                let mut inner = PriorityChange::default();
                walk_merge(&entry.node, rest, &mut inner);
                change.then(inner);
            }
        } else if name == CLASS || name == PRIORITY {
            set_merged(key, name, &entry.node, change);
        }
    }
}

fn set_merged(key: &str, name: &str, value: &Node, change: &mut PriorityChange) {
    let is_missing_only = key == format!("+({CLASS})");
    match literal(name, value) {
        Some(text) if key == name || is_missing_only => {
            let slot = if name == CLASS { &mut change.class } else { &mut change.priority };
            *slot = Some(text);
            change.if_missing |= is_missing_only;
        }
        Some(_) => change.doubt(format!("the anchor `{key}`")),
        None => change.doubt(format!("the value of `{name}` is not written out")),
    }
}

/// The reason why a strategic merge may not apply as it is written.
fn merge_doubt(node: &Node) -> Option<String> {
    match &node.value {
        Value::String(text) if is_template(text) => Some(format!("`{text}` is filled in later")),
        Value::Sequence(items) => items.iter().find_map(merge_doubt),
        Value::Mapping(map) => map.iter().find_map(|(key, entry)| {
            let is_plain = without_anchor(key) == key || key.starts_with("+(");
            if key.starts_with('$') || !is_plain {
                return Some(format!("it depends on `{key}` of the patch"));
            }
            merge_doubt(&entry.node)
        }),
        _ => None,
    }
}

/// The key inside one of Kyverno's anchors: `(a)`, `+(a)`, `<(a)`, `=(a)`, `^(a)`, `X(a)`.
fn without_anchor(key: &str) -> &str {
    let inner = key.strip_prefix(['+', '<', '=', '^', 'X']).unwrap_or(key);
    inner.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')).unwrap_or(key).trim()
}

/// A value that is written out, of the field's type.
fn literal(field: &str, node: &Node) -> Option<String> {
    match &node.value {
        Value::String(text) if field == CLASS && !text.is_empty() && !is_template(text) => {
            Some(text.clone())
        }
        Value::Int(number) if field == PRIORITY => Some(number.to_string()),
        _ => None,
    }
}

/// An operation of a JSON patch. A part that is absent or computed is `None`.
#[derive(Debug, Default)]
struct Operation {
    op: Option<String>,
    path: Option<String>,
    from: Option<String>,
    has_from: bool,
    class: Option<String>,
    priority: Option<String>,
}

fn patch_operations(patches: &Node) -> Option<Vec<Operation>> {
    let documents = match patches.as_str() {
        // Kyverno reads a text that starts like this as JSON, not as YAML.
        Some(text)
            if text.trim_start().starts_with('[')
                && serde_json::from_str::<serde_json::Value>(text).is_err() =>
        {
            return None;
        }
        Some(text) => {
            let mut sources = Sources::new();
            let source = sources.add(Source::written("", text));
            parse(&sources, source, Dialect::Kubectl).ok()?
        }
        None => vec![patches.clone()],
    };
    let [list] = documents.as_slice() else {
        return None;
    };
    Some(list.as_sequence()?.iter().map(written_operation).collect())
}

fn written_operation(node: &Node) -> Operation {
    let text = |key: &str| string_at(node, key).map(str::to_owned);
    let value = |field: &str| node.get("value").and_then(|value| literal(field, value));
    Operation {
        op: text("op"),
        path: text("path"),
        from: text("from"),
        has_from: node.get("from").is_some(),
        class: value(CLASS),
        priority: value(PRIORITY),
    }
}

fn cel_operation(literal: &Literal) -> Operation {
    let text = |key: &str| literal.field(key).and_then(Literal::text).map(str::to_owned);
    let priority = match literal.field("value") {
        Some(Literal::Number(number)) => Some(number.clone()),
        _ => None,
    };
    Operation {
        op: text("op"),
        path: text("path"),
        from: text("from"),
        has_from: literal.field("from").is_some(),
        class: text("value"),
        priority,
    }
}

fn operations_change(operations: &[Operation], changed: Changed<'_>) -> PriorityChange {
    let mut change = PriorityChange::default();
    let [class, priority] = [CLASS, PRIORITY].map(|field| changed.pointer(field));
    let touches = |path: Option<&str>| {
        path.is_none_or(|path| [&class, &priority].iter().any(|field| overlaps(path, field)))
    };
    let mut conditional = None;
    for operation in operations {
        let op = operation.op.as_deref().unwrap_or("?");
        let path = operation.path.as_deref();
        if !(op == "add" && path.is_some_and(|path| always_exists(path, changed))) {
            conditional.get_or_insert_with(|| {
                format!("the patch applies as a whole, and its `{op}` may fail")
            });
        }
        let moves = op == "move" || (operation.has_from && op != "copy");
        if op == "test" || !(touches(path) || moves && touches(operation.from.as_deref())) {
            continue;
        }
        let sets_class = path == Some(class.as_str());
        let sets = op == "add" || op == "replace";
        match (&operation.class, &operation.priority) {
            (Some(value), _) if sets && sets_class => change.class = Some(value.clone()),
            (_, Some(value)) if sets && path == Some(priority.as_str()) => {
                change.priority = Some(value.clone());
            }
            _ => change.doubt(format!(
                "a `{op}` at `{}` is not understood here",
                path.unwrap_or("a computed path")
            )),
        }
        if op == "replace" && sets_class && changed.has_class && operations.len() == 1 {
            conditional = None;
        }
    }
    if let (false, Some(reason)) = (change.is_none(), conditional) {
        change.doubt(reason);
    }
    change
}

/// Returns true if a path and a field's pointer may be one, or one contains the other.
fn overlaps(path: &str, field: &str) -> bool {
    if let Some((fixed, _)) = path.split_once("{{") {
        return field.starts_with(fixed) || fixed.starts_with(field);
    }
    if !path.starts_with('/') || is_template(path) {
        return true;
    }
    let contains = |outer: &str, inner: &str| {
        inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    contains(path.trim_end_matches('/'), field) || contains(field, path)
}

/// Returns true if a value can always be added at a path: its parent is there, or is made.
fn always_exists(path: &str, changed: Changed<'_>) -> bool {
    let spec = format!("/{}/", changed.spec().join("/"));
    let in_spec = path.strip_prefix(&spec).is_some_and(|field| !field.contains('/'));
    let in_metadata = ["/metadata/labels/", "/metadata/annotations/"];
    !is_template(path) && (in_spec || in_metadata.iter().any(|prefix| path.starts_with(prefix)))
}

/// Reads the `mutations` of a MutatingPolicy.
pub(super) fn policy_change(policy: &Policy<'_>, changed: Changed<'_>) -> PriorityChange {
    let mutations = policy.node.get("spec").and_then(|spec| spec.get("mutations")?.as_sequence());
    let mut change = PriorityChange::default();
    for mutation in mutations.unwrap_or_default() {
        let expression = |kind: &str| string_at(mutation.get(kind)?, "expression");
        match (expression("applyConfiguration"), expression("jsonPatch")) {
            (Some(text), None) => change.then(configuration_change(text, changed)),
            (None, Some(text)) => change.then(cel_patch_change(text, changed)),
            _ => change.doubt("a mutation without an expression is not understood here"),
        }
    }
    change
}

fn configuration_change(expression: &str, changed: Changed<'_>) -> PriorityChange {
    let literal = read_literal(expression);
    let mut change = PriorityChange::default();
    if literal == Literal::Computed {
        if may_set_priority(expression) {
            change.doubt("its expression is not understood here");
        }
        return change;
    }
    let mut node = &literal;
    for step in changed.spec() {
        match (node.field(step), node) {
            (Some(inner), _) => node = inner,
            (None, Literal::Object(_)) => return change,
            _ => {
                change.doubt("its expression is not understood here");
                return change;
            }
        }
    }
    match (node, node.field(CLASS), node.field(PRIORITY)) {
        (Literal::Object(_), class, priority) => {
            set_computed(class, &mut change.class, &mut change.doubt);
            set_computed(priority, &mut change.priority, &mut change.doubt);
        }
        _ => change.doubt("its expression is not understood here"),
    }
    if !change.is_none() && literal.has_computed() {
        change.doubt("a part of its expression is computed");
    }
    change
}

fn set_computed(field: Option<&Literal>, slot: &mut Option<String>, doubt: &mut Option<String>) {
    match field {
        Some(Literal::Text(text) | Literal::Number(text)) => *slot = Some(text.clone()),
        Some(_) => *doubt = Some("its value is computed".to_owned()),
        None => {}
    }
}

fn cel_patch_change(expression: &str, changed: Changed<'_>) -> PriorityChange {
    let mut change = PriorityChange::default();
    match read_literal(expression) {
        Literal::List(items) => {
            let operations: Vec<Operation> = items.iter().map(cel_operation).collect();
            change = operations_change(&operations, changed);
            if !change.is_none() && items.iter().any(Literal::has_computed) {
                change.doubt("a part of its expression is computed");
            }
        }
        _ if may_set_priority(expression) => change.doubt("its expression is not understood here"),
        _ => {}
    }
    change
}
