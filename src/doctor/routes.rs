//! The classes, definitions and Gateways of Ingresses and HTTPRoutes.

use super::check::Check;
use super::{RenderedStack, Requirements};
use crate::model::object::{items_at, node_at};
use kube_validate::Object;
use yaml_spans::Node;

impl RenderedStack<'_> {
    /// The classes, definitions and Gateways of Ingresses and HTTPRoutes.
    pub(super) fn require_routes(&self, found: &mut Requirements<'_>) {
        for object in &self.objects {
            match (object.group(), object.kind.as_str()) {
                ("networking.k8s.io", "Ingress") => require_ingress_class(object, found),
                ("gateway.networking.k8s.io", "HTTPRoute") => require_gateways(object, found),
                _ => {}
            }
        }
    }
}

fn require_ingress_class(ingress: &Object, found: &mut Requirements<'_>) {
    let class = node_at(&ingress.node, &["spec", "ingressClassName"]).and_then(Node::as_str);
    if let Some(class) = class {
        found.add(
            format!("IngressClass {class}"),
            format!("its controller serves {}: without it, nothing does", ingress.id()),
            Check::object(None, "ingressclass", class),
        );
    }
}

fn require_gateways(route: &Object, found: &mut Requirements<'_>) {
    let definition = "httproutes.gateway.networking.k8s.io";
    found.add(
        format!("CustomResourceDefinition {definition}"),
        format!("without it, the API server rejects {}", route.id()),
        Check::object(None, "customresourcedefinition", definition),
    );
    for parent in items_at(&route.node, &["spec", "parentRefs"]) {
        let text = |key: &str| parent.get(key).and_then(Node::as_str);
        let namespace = text("namespace").or(route.namespace.as_deref());
        let (Some(name), Some(namespace)) = (text("name"), namespace) else { continue };
        if text("kind").is_none_or(|kind| kind == "Gateway") {
            found.add(
                format!("Gateway {namespace}/{name}"),
                format!("{} is attached to it: without it, nothing serves the route", route.id()),
                Check::object(Some(namespace), "gateway", name),
            );
        }
    }
}
