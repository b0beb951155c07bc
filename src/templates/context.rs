//! What a template sees.

use crate::values::Loaded;
use minijinja::value::{Serde, Value as Context};
use yaml_spans::{self, Node, Value, WriteError};

/// What a template sees: the values under their own names, maps in the order in which they were
/// written.
pub fn context(loaded: &Loaded) -> Result<Context, WriteError> {
    let mut seen = yaml_spans::to_node(&loaded.values)?;
    restore_order(&mut seen, &loaded.tree);
    Ok(Context::from(Serde(seen)))
}

/// Kubernetes' types sort their fields. Reviewers look for them where they were written.
fn restore_order(node: &mut Node, written: &Node) {
    match (&mut node.value, &written.value) {
        (Value::Mapping(map), Value::Mapping(written)) => {
            let place = |key: &str| written.get_index_of(key).unwrap_or(usize::MAX);
            map.sort_by(|a, _, b, _| place(a).cmp(&place(b)));
            for (key, entry) in map {
                if let Some(written) = written.get(key) {
                    restore_order(&mut entry.node, &written.node);
                }
            }
        }
        (Value::Sequence(items), Value::Sequence(written)) => {
            items.iter_mut().zip(written).for_each(|(item, written)| restore_order(item, written));
        }
        _ => {}
    }
}
