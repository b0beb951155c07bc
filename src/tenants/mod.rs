//! The first values file of a tenant.
//!
//! In: a name, a kind of tenant to start from, and the values of the project's other stacks. Out: the text
//! of a values file. It has what the other stacks share, and a window that overlaps no other; the lines
//! that only the user can decide are marked.

mod layer;
pub(crate) mod mark;
mod neighbours;
mod window;

use crate::values::TimeZoneName;
use layer::lay_over;
use mark::marked_value;
pub use neighbours::Neighbour;
pub use window::Schedules;

/// The placeholder for the stack's name in the texts below.
const PLACEHOLDER: &str = "NAME";

/// The first values of any tenant.
const PLAIN: &str = include_str!("plain.yaml");

/// A kind of tenant: its name, the text that it starts from, and a layer over it.
struct Kind {
    name: &'static str,
    base: &'static str,
    layer: &'static str,
}

/// The kinds of tenants. The first one's facts are those of this repository's own stack.
const KINDS: &[Kind] = &[
    Kind {
        name: "tts",
        base: include_str!("../../values/tts.yaml"),
        layer: include_str!("tts.yaml"),
    },
    Kind { name: "comfyui", base: PLAIN, layer: include_str!("comfyui.yaml") },
    Kind { name: "whisper", base: PLAIN, layer: include_str!("whisper.yaml") },
    Kind { name: "ollama", base: PLAIN, layer: include_str!("ollama.yaml") },
    Kind { name: "vllm", base: PLAIN, layer: include_str!("vllm.yaml") },
    Kind { name: "batch", base: PLAIN, layer: include_str!("batch.yaml") },
];

/// The names of the kinds of tenants.
pub fn kinds() -> impl Iterator<Item = &'static str> {
    KINDS.iter().map(|kind| kind.name)
}

/// A first values file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstValues {
    /// Its text.
    pub text: String,
    /// The values that the other stacks share, by their paths.
    pub shared: Vec<&'static str>,
    /// The window that was chosen beside those of the other stacks.
    pub window: Option<Schedules>,
    /// The number of marked lines.
    pub marks: usize,
}

impl FirstValues {
    /// Makes the first values of a stack. A kind that does not exist is the plain one; [`kinds`] has those
    /// that do.
    pub fn new(name: &str, kind: Option<&str>, stacks: &[Neighbour]) -> Self {
        let kind = KINDS.iter().find(|known| Some(known.name) == kind);
        let text = kind
            .map_or_else(|| PLAIN.to_owned(), |kind| lay_over(kind.base, kind.layer, usize::MAX));
        let sections: Vec<&str> = text.lines().filter_map(top_key).collect();
        let shared = neighbours::shared_values(stacks, &sections);
        let mut text = lay_over(&text, &shared.layer, 1);
        let window = chosen_window(&text, stacks);
        if let Some(Schedules { up, guard, down, .. }) = &window {
            let layer = format!("offPeak:\n  up: {up}\n  guard: \"{guard}\"\n  down: {down}\n");
            text = lay_over(&text, &layer, 1);
        }
        if !shared.paths.is_empty() {
            text = add_to_head(&text, &shared_note(&shared.paths));
        }
        let text = with_name(&text, name);
        let marks = text.lines().filter_map(marked_value).count();
        FirstValues { text, shared: shared.paths, window, marks }
    }
}

/// The key of a line of the topmost map.
fn top_key(line: &str) -> Option<&str> {
    let (key, _) = line.split_once(':')?;
    key.starts_with(|c: char| c.is_ascii_lowercase()).then_some(key)
}

/// The window of a new stack among others, in its own time zone.
fn chosen_window(text: &str, stacks: &[Neighbour]) -> Option<Schedules> {
    let (_, zone) = text.split_once("\n  timeZone: ")?;
    let zone = zone.split([' ', '\n']).next()?;
    let zone = TimeZoneName::new(zone.trim_matches(['"', '\''])).ok()?;
    let others: Vec<_> = stacks.iter().map(|stack| &stack.loaded.values.off_peak).collect();
    if others.is_empty() {
        return None;
    }
    window::choose_window(&zone, &others)
}

/// A comment that lists the values that were copied.
fn shared_note(paths: &[&str]) -> String {
    let mut lines =
        vec![String::from("#"), String::from("# The same in this project's other stacks:")];
    for path in paths {
        let item = format!(" `{path}`,");
        match lines.last_mut() {
            Some(line) if line.len() + item.len() <= 100 => line.push_str(&item),
            _ => lines.push(format!("#{item}")),
        }
    }
    let note = lines.join("\n");
    format!("{}.\n", note.trim_end_matches(','))
}

/// Adds lines to the comment at the start of a text.
fn add_to_head(text: &str, note: &str) -> String {
    let head: usize =
        text.split_inclusive('\n').take_while(|line| line.starts_with('#')).map(str::len).sum();
    let (head, rest) = text.split_at(head);
    format!("{head}{note}{rest}")
}

/// The text with the stack's name. A name that YAML would read as another type is quoted where it is a
/// whole value.
fn with_name(text: &str, name: &str) -> String {
    let scalar = yaml_spans::emit_scalar(name);
    let whole = format!(": {PLACEHOLDER}\n");
    text.replace(&whole, &format!(": {scalar}\n")).replace(PLACEHOLDER, name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The data of a text, with the entries of a layer: maps merge, `null` removes.
    fn merged(base: serde_json::Value, layer: serde_json::Value) -> serde_json::Value {
        match (base, layer) {
            (serde_json::Value::Object(mut base), serde_json::Value::Object(layer)) => {
                for (key, value) in layer {
                    let present = base.remove(&key).unwrap_or_default();
                    if !value.is_null() {
                        base.insert(key, merged(present, value));
                    }
                }
                base.into()
            }
            (_, serde_json::Value::Object(layer)) => merged(serde_json::json!({}), layer.into()),
            (_, layer) => layer,
        }
    }

    #[test]
    fn a_kinds_text_has_the_data_of_its_base_and_its_layer() {
        for kind in KINDS {
            let [base, layer] =
                [kind.base, kind.layer].map(|text| serde_yaml::from_str(text).unwrap());
            let text = lay_over(kind.base, kind.layer, usize::MAX);
            let data: serde_json::Value = serde_yaml::from_str(&text).unwrap();
            assert_eq!(data, merged(base, layer), "{}", kind.name);
            // No comment of one cluster's exceptions is left.
            assert!(!text.contains("tts-render: allow"), "{}: {text}", kind.name);
        }
    }
}
