//! A container whose memory nobody reserves.

use super::{Look, Rule};
use crate::lint::case::{Case, Site, path, template_path};
use crate::model::object::at;
use crate::model::{Message, Severity, workload};
use yaml_spans::Node;

pub(super) const RULE: Rule = Rule {
    id: "memory-request-missing",
    severity: Severity::Warning,
    what: "A container asks for no memory and has no limit",
    why: "It gets what the namespace's LimitRange has as a default, or counts as best effort and is the first that is killed when the node runs short.",
    mend: "Set `resources.requests.memory`; a limit alone counts as the request too.",
    source: "https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/#requests-and-limits",
    look: Look::Stack(look),
};

fn look(case: &Case<'_>) -> Vec<Site> {
    let mut found = Vec::new();
    for object in case.objects.iter() {
        let Some(spec) = workload::pod_spec(object) else { continue };
        for list in ["initContainers", "containers"] {
            let containers = spec.get(list).and_then(Node::as_sequence).unwrap_or_default();
            for (index, container) in containers.iter().enumerate() {
                let asks = |which| at(container, &["resources", which, "memory"]).is_some();
                if asks("requests") || asks("limits") {
                    continue;
                }
                let name = container.get("name").and_then(Node::as_str).unwrap_or_default();
                let words = Message::of("The container ").code(name).and(" asks for no memory");
                let field = template_path(object).join(&path(&["spec", list])).index(index);
                found.push(Site::field(object, field.key("resources"), words));
            }
        }
    }
    found
}
