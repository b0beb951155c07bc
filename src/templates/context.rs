//! The values as a template sees them.

use crate::values::Loaded;
use minijinja::value::{Serde, Value as Context};
use yaml_spans::{self, Node, Value, WriteError};

/// The values under their own names, with maps in the order in which they were written.
pub fn context(loaded: &Loaded) -> Result<Context, WriteError> {
    let mut seen = yaml_spans::to_node(&loaded.values)?;
    restore_order(&mut seen, &loaded.tree);
    Ok(Context::from(Serde(seen)))
}

/// Restores the written order of fields, which Kubernetes' types sort. Reviewers expect the order of the
/// values file.
fn restore_order(node: &mut Node, written: &Node) {
    match (&mut node.value, &written.value) {
        (Value::Mapping(map), Value::Mapping(written)) => {
            map.sort_by_cached_key(|key, _| written.get_index_of(key).unwrap_or(usize::MAX));
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
