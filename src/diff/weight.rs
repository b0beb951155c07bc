//! The order in which changed values are reported: those that decide who gets the GPU first, the server's
//! own configuration and the wiring last.

use yaml_spans::Path;

use super::fields::{FieldChange, starts_with};

/// Paths of values, the weightiest first. A value has the place of the longest path above it; the empty
/// path is the place of all others.
const ORDER: &[&[&str]] = &[
    &["gate", "floor"],
    &["gate", "budget"],
    &["gate", "reserve"],
    &["gpu"],
    &["gate"],
    &["offPeak"],
    &["target"],
    &["kyverno"],
    &["server", "priorityClassName"],
    &["server", "admission"],
    &["server", "image"],
    &["server", "resources"],
    &["storage"],
    &["namespace"],
    &[],
    &["service"],
    &["clients"],
    &["server", "config"],
    &["gitops"],
];

/// Sorts changed values by weight; values of one weight keep their order.
pub(super) fn sort_by_weight(fields: &mut [FieldChange]) {
    fields.sort_by_key(|field| place(&field.path));
}

fn place(path: &Path) -> usize {
    let above = ORDER.iter().enumerate().filter(|(_, keys)| starts_with(path, keys));
    above.max_by_key(|(_, keys)| keys.len()).map_or(ORDER.len(), |(place, _)| place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::fields::compare;
    use crate::diff::testing::node;
    use crate::values::Shape;

    #[test]
    fn every_path_is_in_the_schema_of_the_values() {
        for keys in ORDER {
            let path = Path::of_keys(keys.iter().copied());
            assert!(Shape::of_values().at(&path).is_some(), "{path}");
        }
    }

    #[test]
    fn the_floor_comes_before_the_model() {
        let before = node(
            "server: {config: {data: {repo_id: a}}, port: 1}\ngitops: {branch: a}\ngate: {samples: 1, floor: 1Gi}",
        );
        let after = node(
            "server: {config: {data: {repo_id: b}}, port: 2}\ngitops: {branch: b}\ngate: {samples: 2, floor: 2Gi}",
        );
        let mut fields = compare(&before, &after, None);
        sort_by_weight(&mut fields);
        let paths: Vec<String> = fields.iter().map(|field| field.path.to_string()).collect();
        assert_eq!(
            paths,
            [
                "gate.floor",
                "gate.samples",
                "server.port",
                "server.config.data.repo_id",
                "gitops.branch"
            ]
        );
    }
}
