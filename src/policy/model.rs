//! Policies as a file holds them: which there are, their rules, and the blocks that choose objects.
//!
//! Only what an exclusion needs is read. Everything else of a policy is the owner's, and passes
//! unread.

use super::error::Error;
use yaml_spans::diagnostic::Located;
use yaml_spans::source::Span;
use yaml_spans::{Node, Path, Value};

/// The kinds that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `kyverno.io`: deprecated since Kyverno 1.17; 1.20 refuses changes, 1.21 removes it.
    ClusterPolicy,
    /// `policies.kyverno.io`: the successor for mutation.
    MutatingPolicy,
}

impl Kind {
    /// As Kubernetes writes it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::ClusterPolicy => "ClusterPolicy",
            Kind::MutatingPolicy => "MutatingPolicy",
        }
    }
}

/// One policy of a file.
#[derive(Debug, Clone)]
pub(super) struct Policy<'a> {
    pub kind: Kind,
    pub name: &'a str,
    /// The number of its document, empty ones left out.
    pub document: usize,
    /// The root, or an item of a `List`.
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

/// All policies of the documents, those of a `List` (what `kubectl get -o yaml` prints) too.
pub(super) fn policies(documents: &[Node]) -> Vec<Policy<'_>> {
    let mut found = Vec::new();
    for (document, node) in documents.iter().enumerate() {
        let is_list = text(node, "kind").is_some_and(|kind| kind.ends_with("List"));
        match node.get("items").and_then(Node::as_sequence).filter(|_| is_list) {
            Some(items) => found.extend(items.iter().enumerate().filter_map(|(at, item)| {
                policy(document, Path::root().key("items").index(at), item)
            })),
            None => found.extend(policy(document, Path::root(), node)),
        }
    }
    found
}

fn policy(document: usize, path: Path, node: &Node) -> Option<Policy<'_>> {
    let group = text(node, "apiVersion")?.split_once('/')?.0;
    let kind = match (group, text(node, "kind")?) {
        ("kyverno.io", "ClusterPolicy") => Kind::ClusterPolicy,
        ("policies.kyverno.io", "MutatingPolicy") => Kind::MutatingPolicy,
        _ => return None,
    };
    let name = node.get("metadata").and_then(|metadata| text(metadata, "name")).unwrap_or("");
    Some(Policy { kind, name, document, path, node })
}

impl<'a> Policy<'a> {
    /// The rules of a ClusterPolicy.
    pub fn rules(&self) -> Vec<Rule<'a>> {
        let rules = self.node.get("spec").and_then(|spec| spec.get("rules"));
        let rules = rules.and_then(Node::as_sequence).unwrap_or_default();
        let path = self.path.key("spec").key("rules");
        let rule = |(at, node): (usize, &'a Node)| Rule {
            name: text(node, "name").unwrap_or(""),
            path: path.index(at),
            node,
        };
        rules.iter().enumerate().map(rule).collect()
    }
}

/// The string under a key.
pub(super) fn text<'a>(node: &'a Node, key: &str) -> Option<&'a str> {
    node.get(key)?.as_str()
}

/// What chooses objects in `match` or `exclude`. Kyverno takes the first that is not empty, in this
/// order (`pkg/engine/utils/match.go` of 1.19).
#[derive(Debug, Clone)]
pub(super) enum Filter<'a> {
    /// `any`: one block is enough.
    Any(Vec<Block<'a>>),
    /// `all`: every block must match.
    All(Vec<Block<'a>>),
    /// Attributes directly below, an older form.
    Direct(Block<'a>),
    /// Nothing is chosen.
    Empty,
}

/// A block of attributes, all of which must match.
#[derive(Debug, Clone)]
pub(super) struct Block<'a> {
    pub path: Path,
    pub node: &'a Node,
    /// The attributes that are not empty, by name, with their values; those of `resources` too.
    pub attributes: Vec<(&'a str, &'a Node)>,
}

impl<'a> Filter<'a> {
    /// Reads `match` or `exclude` of a rule; `path` is the rule's.
    pub fn read(rule: &Rule<'a>, key: &str) -> Result<Filter<'a>, Located<Error>> {
        let path = rule.path.key(key);
        let Some(node) = rule.node.get(key).filter(|node| node.value != Value::Null) else {
            return Ok(Filter::Empty);
        };
        if node.as_mapping().is_none() {
            return Err(kind_error("a map", node, &path));
        }
        let any = blocks(node, "any", &path)?;
        let all = blocks(node, "all", &path)?;
        Ok(match (any.is_empty(), all.is_empty()) {
            (false, false) => return Err(refuse(Error::AnyAndAll, node.span, &path)),
            (false, true) => Filter::Any(any),
            (true, false) => Filter::All(all),
            (true, true) => {
                let block = Block::read(node, path)?;
                if block.attributes.is_empty() { Filter::Empty } else { Filter::Direct(block) }
            }
        })
    }

    /// All blocks, whatever the form.
    pub fn blocks(&self) -> &[Block<'a>] {
        match self {
            Filter::Any(blocks) | Filter::All(blocks) => blocks,
            Filter::Direct(block) => std::slice::from_ref(block),
            Filter::Empty => &[],
        }
    }
}

fn blocks<'a>(node: &'a Node, key: &str, path: &Path) -> Result<Vec<Block<'a>>, Located<Error>> {
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
        let mut attributes = Vec::new();
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
        Ok(Block { path, node, attributes })
    }

    /// The value of an attribute that is not empty.
    pub fn attribute(&self, name: &str) -> Option<&'a Node> {
        self.attributes.iter().find(|(key, _)| *key == name).map(|(_, node)| *node)
    }

    /// The first attribute that is not `namespaces`.
    pub fn other_attribute(&self) -> Option<&'a str> {
        self.attributes.iter().map(|(name, _)| *name).find(|name| *name != "namespaces")
    }

    /// Whether a list of namespaces is written here, an empty one too, and no other attribute.
    pub fn is_namespaces_alone(&self) -> bool {
        self.namespaces_node().is_some() && self.other_attribute().is_none()
    }

    pub fn namespaces_path(&self) -> Path {
        self.path.key("resources").key("namespaces")
    }

    /// What is written under `namespaces`, an empty list too.
    pub fn namespaces_node(&self) -> Option<&'a Node> {
        self.node.get("resources")?.get("namespaces")
    }

    /// The names and globs of the block's list.
    pub fn namespaces(&self) -> Vec<&'a str> {
        strings(self.attribute("namespaces"))
    }
}

/// Whether Kyverno takes an attribute as not given: an empty list, map or string. An empty selector
/// is one, and matches everything (`ResourceDescription.IsEmpty` of 1.19).
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

/// The strings of a list.
pub(super) fn strings(node: Option<&Node>) -> Vec<&str> {
    let items = node.and_then(Node::as_sequence).unwrap_or_default();
    items.iter().filter_map(Node::as_str).collect()
}

/// Where a string stands in a list, whatever else is in it.
pub(super) fn position(list: &Node, text: &str) -> Option<usize> {
    list.as_sequence()?.iter().position(|item| item.as_str() == Some(text))
}

pub(super) fn kind_error(expected: &'static str, node: &Node, path: &Path) -> Located<Error> {
    refuse(Error::Kind { expected, found: node.kind() }, node.span, path)
}

/// An error at a place, with its cure.
pub(super) fn refuse(error: Error, span: Option<Span>, path: &Path) -> Located<Error> {
    let hint = error.cure().map(str::to_owned);
    Located { error, span, path: path.clone(), hint }
}
