//! JSON shared by all reports.

use serde::Serialize;

use kube_validate::ObjectId;

/// An object's identity in a JSON report.
#[derive(Serialize)]
pub(crate) struct ObjectReference<'a> {
    group: &'a str,
    kind: &'a str,
    namespace: Option<&'a str>,
    name: &'a str,
}

impl<'a> From<&'a ObjectId> for ObjectReference<'a> {
    fn from(id: &'a ObjectId) -> Self {
        let namespace = id.namespace.as_deref();
        ObjectReference { group: &id.group, kind: &id.kind, namespace, name: &id.name }
    }
}

/// A report as indented JSON with a line end. Its keys are strings, so writing it can't fail.
pub(crate) fn to_text(report: &impl Serialize) -> String {
    serde_json::to_string_pretty(report).unwrap_or_default() + "\n"
}
