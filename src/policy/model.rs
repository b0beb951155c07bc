//! The policies of a file, their rules, and the blocks that match objects.
//!
//! Only what an exclusion needs is read; the rest of a policy is ignored.

use std::collections::HashSet;

use super::error::Error;
use super::wildcard;
use yaml_spans::diagnostic::Located;
use yaml_spans::edit::EditError;
use yaml_spans::source::Span;
use yaml_spans::{Node, Path, Value};

/// The kinds of policy that can be edited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `kyverno.io`: deprecated since Kyverno 1.17; 1.20 refuses changes, 1.21 removes it.
    ClusterPolicy,
    /// `policies.kyverno.io`: the successor for mutation.
    MutatingPolicy,
    /// `policies.kyverno.io`: the successor for validation.
    ValidatingPolicy,
}

impl Kind {
    /// The kind as it is written in a manifest.
    pub fn name(self) -> &'static str {
        match self {
            Kind::ClusterPolicy => "ClusterPolicy",
            Kind::MutatingPolicy => "MutatingPolicy",
            Kind::ValidatingPolicy => "ValidatingPolicy",
        }
    }
}

/// One policy of a file.
#[derive(Debug, Clone)]
pub(super) struct Policy<'a> {
    pub kind: Kind,
    pub name: &'a str,
    /// The index of its document, empty ones not counted.
    pub document: usize,
    /// Its path: the root, or an item of a `List`.
    pub path: Path,
    pub node: &'a Node,
}

/// One rule of a ClusterPolicy.
#[derive(Debug, Clone)]
pub(super) struct Rule<'a> {
    pub name: &'a str,
    pub path: Path,
    pub node: &'a Node,
}

/// Finds all policies of the documents, including those in a `List` (as `kubectl get -o yaml` prints).
pub(super) fn find_policies(documents: &[Node]) -> Vec<Policy<'_>> {
    let mut found = Vec::new();
    for (document, node) in documents.iter().enumerate() {
        let is_list = string_at(node, "kind").is_some_and(|kind| kind.ends_with("List"));
        match node.get("items").and_then(Node::as_sequence).filter(|_| is_list) {
            Some(items) => found.extend(items.iter().enumerate().filter_map(|(at, item)| {
                read_policy(document, Path::root().key("items").index(at), item)
            })),
            None => found.extend(read_policy(document, Path::root(), node)),
        }
    }
    found
}

fn read_policy(document: usize, path: Path, node: &Node) -> Option<Policy<'_>> {
    let group = string_at(node, "apiVersion")?.split_once('/')?.0;
    let kind = match (group, string_at(node, "kind")?) {
        ("kyverno.io", "ClusterPolicy") => Kind::ClusterPolicy,
        ("policies.kyverno.io", "MutatingPolicy") => Kind::MutatingPolicy,
        ("policies.kyverno.io", "ValidatingPolicy") => Kind::ValidatingPolicy,
        _ => return None,
    };
    let name = node.get("metadata").and_then(|metadata| string_at(metadata, "name")).unwrap_or("");
    Some(Policy { kind, name, document, path, node })
}

/// The kinds of the documents, for a text without any policy that is known: `: found A, B`.
pub(super) fn found_kinds(documents: &[Node]) -> String {
    let items = documents.iter().flat_map(|node| {
        let items = node.get("items").and_then(Node::as_sequence);
        items.unwrap_or_else(|| std::slice::from_ref(node))
    });
    let mut names: Vec<String> = Vec::new();
    for kind in items.filter_map(|node| string_at(node, "kind")) {
        let name = format!("`{kind}`");
        if !names.contains(&name) && names.len() < MAX_KINDS {
            names.push(name);
        }
    }
    if names.is_empty() { String::new() } else { format!(": found {}", names.join(", ")) }
}

/// The most kinds that a message names.
const MAX_KINDS: usize = 5;

impl<'a> Policy<'a> {
    /// The rules of a ClusterPolicy.
    pub fn rules(&self) -> Vec<Rule<'a>> {
        let rules = self.node.get("spec").and_then(|spec| spec.get("rules"));
        let rules = rules.and_then(Node::as_sequence).unwrap_or_default();
        let path = self.path.key("spec").key("rules");
        let mut found = Vec::with_capacity(rules.len());
        for (at, node) in rules.iter().enumerate() {
            let name = string_at(node, "name").unwrap_or("");
            found.push(Rule { name, path: path.index(at), node });
        }
        found
    }

    /// The `namespaceSelector` of a policy with `matchConstraints`.
    pub fn namespace_selector(&self) -> Option<&'a Node> {
        self.node.get("spec")?.get("matchConstraints")?.get("namespaceSelector")
    }

    /// The `matchConditions` of a policy with `matchConstraints`.
    pub fn conditions(&self) -> &'a [Node] {
        let conditions = self.node.get("spec").and_then(|spec| spec.get("matchConditions"));
        conditions.and_then(Node::as_sequence).unwrap_or_default()
    }
}

/// The string under a key.
pub(super) fn string_at<'a>(node: &'a Node, key: &str) -> Option<&'a str> {
    node.get(key)?.as_str()
}

/// The blocks of `match` or `exclude`. Kyverno takes the first form that is not empty, in this order
/// (`pkg/engine/utils/match.go` of 1.19).
#[derive(Debug, Clone)]
pub(super) enum Filter<'a> {
    /// `any`: one block must match.
    Any(Vec<Block<'a>>),
    /// `all`: every block must match.
    All(Vec<Block<'a>>),
    /// Attributes directly below the key, an older form.
    Direct(Block<'a>),
    /// No object matches.
    Empty,
}

/// A block of attributes, all of which must match.
#[derive(Debug, Clone)]
pub(super) struct Block<'a> {
    pub path: Path,
    pub node: &'a Node,
    /// The attributes that are not empty, by name, including those of `resources`.
    pub attributes: Vec<Attribute<'a>>,
}

/// An attribute of a block.
#[derive(Debug, Clone)]
pub(super) struct Attribute<'a> {
    pub name: &'a str,
    pub value: &'a Node,
    /// The entries of `namespaces`; none for any other attribute.
    pub patterns: NamePatterns<'a>,
}

impl<'a> Attribute<'a> {
    fn new(name: &'a str, value: &'a Node) -> Self {
        let list = (name == "namespaces").then_some(value);
        Attribute { name, value, patterns: NamePatterns::read(list) }
    }
}

/// Names and globs of namespaces, for many questions: names are looked up, so that a policy with a name for
/// each of many stacks is checked in a time that does not grow with their square.
#[derive(Debug, Clone)]
pub(super) struct NamePatterns<'a> {
    names: HashSet<&'a str>,
    globs: Vec<&'a str>,
    /// True if an entry is filled in later.
    pub has_templates: bool,
}

impl<'a> NamePatterns<'a> {
    fn read(list: Option<&'a Node>) -> Self {
        let items = string_items(list);
        let has_templates = items.iter().any(|item| is_template(item));
        let (globs, names): (Vec<&str>, Vec<&str>) =
            items.into_iter().partition(|item| wildcard::is_glob(item));
        NamePatterns { names: names.into_iter().collect(), globs, has_templates }
    }

    /// Returns true if a name is listed, or matches a glob.
    pub fn matches(&self, name: &str) -> bool {
        self.names.contains(name)
            || self.globs.iter().any(|glob| wildcard::glob_matches(glob, name))
    }
}

impl<'a> Filter<'a> {
    /// Reads `match` or `exclude` of a rule.
    pub fn read(rule: &Rule<'a>, key: &str) -> Result<Filter<'a>, Located<Error>> {
        let path = rule.path.key(key);
        let Some(node) = rule.node.get(key).filter(|node| node.value != Value::Null) else {
            return Ok(Filter::Empty);
        };
        if node.as_mapping().is_none() {
            return Err(kind_error("a map", node, &path));
        }
        let any = read_blocks(node, "any", &path)?;
        let all = read_blocks(node, "all", &path)?;
        Ok(match (any.is_empty(), all.is_empty()) {
            (false, false) => return Err(error_at(Error::AnyAndAll, node.span, &path)),
            (false, true) => Filter::Any(any),
            (true, false) => Filter::All(all),
            (true, true) => {
                let block = Block::read(node, path)?;
                if block.attributes.is_empty() { Filter::Empty } else { Filter::Direct(block) }
            }
        })
    }

    /// All blocks, in any of the forms.
    pub fn blocks(&self) -> &[Block<'a>] {
        match self {
            Filter::Any(blocks) | Filter::All(blocks) => blocks,
            Filter::Direct(block) => std::slice::from_ref(block),
            Filter::Empty => &[],
        }
    }
}

fn read_blocks<'a>(
    node: &'a Node,
    key: &str,
    path: &Path,
) -> Result<Vec<Block<'a>>, Located<Error>> {
    let path = path.key(key);
    match node.get(key).map(|list| (list, &list.value)) {
        None | Some((_, Value::Null)) => Ok(Vec::new()),
        Some((_, Value::Sequence(items))) => {
            items.iter().enumerate().map(|(at, item)| Block::read(item, path.index(at))).collect()
        }
        Some((list, _)) => Err(kind_error("a list", list, &path)),
    }
}

impl<'a> Block<'a> {
    fn read(node: &'a Node, path: Path) -> Result<Block<'a>, Located<Error>> {
        let map = node.as_mapping().ok_or_else(|| kind_error("a map", node, &path))?;
        let mut attributes: Vec<(&str, &Node)> = Vec::new();
        for (key, entry) in map {
            match (key.as_str(), &entry.node.value) {
                ("any" | "all", _) => {}
                ("resources", Value::Mapping(resources)) => {
                    attributes.extend(resources.iter().map(|(k, e)| (k.as_str(), &e.node)));
                }
                ("resources", Value::Null) => {}
                ("resources", _) => {
                    return Err(kind_error("a map", &entry.node, &path.key("resources")));
                }
                (key, _) => attributes.push((key, &entry.node)),
            }
        }
        attributes.retain(|(name, value)| !is_empty(name, value));
        let attributes = attributes.into_iter();
        let attributes = attributes.map(|(name, value)| Attribute::new(name, value)).collect();
        Ok(Block { path, node, attributes })
    }

    /// The value of an attribute that is not empty.
    pub fn attribute(&self, name: &str) -> Option<&'a Node> {
        self.attributes.iter().find(|found| found.name == name).map(|found| found.value)
    }

    /// The first attribute that is not `namespaces`.
    pub fn other_attribute(&self) -> Option<&'a str> {
        self.attributes.iter().map(|found| found.name).find(|name| *name != "namespaces")
    }

    /// Returns true if the block has a list of namespaces, maybe empty, and no other attribute.
    pub fn has_only_namespaces(&self) -> bool {
        self.namespaces_node().is_some() && self.other_attribute().is_none()
    }

    pub fn namespaces_path(&self) -> Path {
        self.path.key("resources").key("namespaces")
    }

    /// The value of `namespaces`, even if it is an empty list.
    pub fn namespaces_node(&self) -> Option<&'a Node> {
        self.node.get("resources")?.get("namespaces")
    }

    /// The names and globs in the block's list.
    pub fn namespaces(&self) -> Vec<&'a str> {
        string_items(self.attribute("namespaces"))
    }
}

/// Returns true if Kyverno treats an attribute as absent: an empty list, map or string. An empty
/// selector is present, and matches everything (`ResourceDescription.IsEmpty` of 1.19).
fn is_empty(name: &str, value: &Node) -> bool {
    match &value.value {
        Value::Null => true,
        Value::Mapping(_) if matches!(name, "selector" | "namespaceSelector") => false,
        Value::Mapping(map) => map.is_empty(),
        Value::Sequence(items) => items.is_empty(),
        Value::String(text) => text.is_empty(),
        _ => false,
    }
}

/// Returns true if Kyverno, Helm, Terraform or Kubernetes fills in a text later.
pub(super) fn is_template(text: &str) -> bool {
    ["{{", "${", "$(", "%{"].iter().any(|mark| text.contains(mark))
}

/// The parts of an entry of `kinds`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct KindSelector<'a> {
    pub group: &'a str,
    pub version: &'a str,
    pub kind: &'a str,
    /// Empty for the object itself.
    pub subresource: &'a str,
}

/// Reads an entry of `kinds` (`pkg/utils/kube/kind.go` of kyverno 1.19, `ParseKindSelector`).
pub(super) fn kind_selector(text: &str) -> KindSelector<'_> {
    let (front, last) = text.rsplit_once('/').map_or((None, text), |(a, b)| (Some(a), b));
    let mut parts: Vec<&str> = front.map(|front| front.split('/').collect()).unwrap_or_default();
    parts.extend(last.split('.'));
    let all = |kind, subresource| KindSelector { group: "*", version: "*", kind, subresource };
    match parts[..] {
        [kind] => all(kind, ""),
        ["*", "*"] => all("*", "*"),
        ["*", name] if name.to_lowercase() == name => all("*", name),
        [version, kind] if is_version(version) => KindSelector { version, ..all(kind, "") },
        [kind, subresource] => all(kind, subresource),
        [version, kind, subresource] if is_version(version) => {
            KindSelector { version, ..all(kind, subresource) }
        }
        [group, version, kind] => KindSelector { group, version, kind, subresource: "" },
        [group, version, kind, subresource] => KindSelector { group, version, kind, subresource },
        _ => KindSelector { group: "", version: "", kind: "", subresource: "" },
    }
}

/// `v1`, `v1beta1` or `*`.
fn is_version(part: &str) -> bool {
    let digits = |text: &str| text.len() == 1 && text.bytes().all(|byte| byte.is_ascii_digit());
    part == "*"
        || part.strip_prefix('v').is_some_and(|rest| {
            let split = rest.split_once("alpha").or_else(|| rest.split_once("beta"));
            split.map_or(digits(rest), |(major, minor)| digits(major) && digits(minor))
        })
}

/// The strings of a list.
pub(super) fn string_items(node: Option<&Node>) -> Vec<&str> {
    let items = node.and_then(Node::as_sequence).unwrap_or_default();
    items.iter().filter_map(Node::as_str).collect()
}

/// The index of a string in a list that may also contain other values.
pub(super) fn string_position(list: &Node, text: &str) -> Option<usize> {
    list.as_sequence()?.iter().position(|item| item.as_str() == Some(text))
}

pub(super) fn kind_error(expected: &'static str, node: &Node, path: &Path) -> Located<Error> {
    error_at(EditError::Kind { expected, found: node.kind() }.into(), node.span, path)
}

/// Attaches a place, and the error's usual fix as its hint.
pub(super) fn error_at(error: Error, span: Option<Span>, path: &Path) -> Located<Error> {
    let hint = error.fix().map(Into::into);
    Located { error, span, path: path.clone(), hint }
}
