//! What to do about a rule of a ClusterPolicy: which list to append to, or why not.

use super::change::Change;
use super::error::Error;
use super::evaluate::{Truth, chosen, match_leaves_out};
use super::model::{Block, Filter, Rule, kind_error, position, refuse, text};
use super::wildcard;
use yaml_spans::diagnostic::Located;
use yaml_spans::{Node, Path, Value};

/// What an exclusion takes.
pub(super) enum Decision {
    /// Nothing: this leaves them out already, the last of them.
    Covered(String),
    /// One of these, the first that the text allows.
    Change(Vec<Change>),
}

/// What leaves a namespace out already, in words.
fn covered(rule: &Rule<'_>, filter: &Filter<'_>, namespace: &str) -> Option<String> {
    if chosen(filter, namespace) == Truth::Yes {
        return Some(covering(filter, namespace));
    }
    let never = match_leaves_out(rule, namespace) == Truth::Yes;
    never.then(|| "`match`, which never chooses it".to_owned())
}

/// What to do for some namespaces. Those that are left out already need nothing.
pub(super) fn decide(rule: &Rule<'_>, namespaces: &[&str]) -> Result<Decision, Located<Error>> {
    let filter = Filter::read(rule, "exclude")?;
    let mut missing = Vec::new();
    let mut by = String::new();
    for &namespace in namespaces {
        match covered(rule, &filter, namespace) {
            Some(words) => by = words,
            None => missing.push(namespace),
        }
    }
    if missing.is_empty() {
        return Ok(Decision::Covered(by));
    }
    let path = rule.path.key("exclude");
    let span = rule.node.get("exclude").and_then(|node| node.span);
    let append = |block: &Block<'_>| Change::append_names(block.namespaces_path(), &missing);
    Ok(Decision::Change(match &filter {
        Filter::All(_) => return Err(refuse(Error::ExcludeAll, span, &path.key("all"))),
        Filter::Direct(block) => {
            check_block(block)?;
            if let Some(other) = block.other_attribute() {
                return Err(refuse(Error::DirectMixed(other.to_owned()), span, &path));
            }
            vec![append(block)]
        }
        Filter::Any(blocks) => {
            let alone: Vec<&Block<'_>> =
                blocks.iter().filter(|block| block.is_namespaces_alone()).collect();
            if alone.is_empty() {
                if let Some(mixed) = blocks.iter().find(|b| b.namespaces_node().is_some()) {
                    let other = mixed.other_attribute().unwrap_or("").to_owned();
                    let span = mixed.namespaces_node().and_then(|node| node.span);
                    return Err(refuse(Error::BlockMixed(other), span, &mixed.path));
                }
                vec![Change::append_block(path.key("any"), &missing)]
            } else {
                alone.iter().try_for_each(|block| check_block(block))?;
                alone.into_iter().map(append).collect()
            }
        }
        Filter::Empty => vec![first_block(rule, &missing)?],
    }))
}

/// The first block of a rule that leaves nothing out yet, put where its text has a place for it.
fn first_block(rule: &Rule<'_>, namespaces: &[&str]) -> Result<Change, Located<Error>> {
    if let Some((what, node, path)) = elsewhere(rule) {
        return Err(refuse(Error::Elsewhere(what), node.span, &path));
    }
    let path = rule.path.key("exclude");
    let Some(exclude) = rule.node.get("exclude") else {
        let after = rule.node.get("match").map(|_| "match");
        return Ok(Change::insert_exclude(rule.path.clone(), after, namespaces));
    };
    // `exclude: {resources: {namespaces: []}}`
    let list = exclude.get("resources").and_then(|resources| resources.get("namespaces"));
    match list {
        Some(list) if list.as_sequence().is_some() => {
            Ok(Change::append_names(path.key("resources").key("namespaces"), namespaces))
        }
        _ => Err(refuse(Error::EmptyExclude, exclude.span, &path)),
    }
}

/// Where else a rule speaks of namespaces: it has its own way to leave them out.
fn elsewhere<'a>(rule: &Rule<'a>) -> Option<(&'static str, &'a Node, Path)> {
    if let Ok(filter) = Filter::read(rule, "match") {
        for block in filter.blocks() {
            if let Some(node) = block.attribute("namespaceSelector") {
                let path = block.path.key("resources").key("namespaceSelector");
                return Some(("`match` and its `namespaceSelector`", node, path));
            }
        }
    }
    if let Some(node) = rule.node.get("preconditions")
        && speaks_of_namespace(node)
    {
        return Some(("a condition on the request", node, rule.path.key("preconditions")));
    }
    let context = rule.node.get("context")?;
    let entries = context.as_sequence()?.iter();
    let mut maps = entries.filter(|entry| entry.get("configMap").is_some());
    maps.next().map(|node| ("a ConfigMap", node, rule.path.key("context")))
}

fn speaks_of_namespace(node: &Node) -> bool {
    match &node.value {
        Value::String(text) => {
            text.contains("request.namespace") || text.contains("metadata.namespace")
        }
        Value::Sequence(items) => items.iter().any(speaks_of_namespace),
        Value::Mapping(map) => map.values().any(|entry| speaks_of_namespace(&entry.node)),
        _ => false,
    }
}

fn check_block(block: &Block<'_>) -> Result<(), Located<Error>> {
    match block.namespaces_node() {
        Some(node) => check_list(node, &block.namespaces_path()),
        None => Ok(()),
    }
}

/// Whether namespaces are a list of names and globs, nothing that is filled in later.
pub(super) fn check_list(node: &Node, path: &Path) -> Result<(), Located<Error>> {
    let template = |node: &Node| {
        let text = node.as_str()?;
        let marks = ["{{", "${", "$(", "%{"];
        marks.iter().any(|mark| text.contains(mark)).then(|| text.to_owned())
    };
    if let Some(text) = template(node) {
        return Err(refuse(Error::Template(text), node.span, path));
    }
    let Some(items) = node.as_sequence() else {
        return Err(kind_error("a list", node, path));
    };
    for (at, item) in items.iter().enumerate() {
        if let Some(text) = template(item) {
            return Err(refuse(Error::Template(text), item.span, &path.index(at)));
        }
        if item.as_str().is_none() {
            return Err(kind_error("a string", item, &path.index(at)));
        }
    }
    Ok(())
}

/// What leaves the namespace out already, in words.
pub(super) fn covering(filter: &Filter<'_>, namespace: &str) -> String {
    let globs = filter.blocks().iter().flat_map(Block::namespaces);
    let mut fits: Vec<&str> = globs.filter(|glob| wildcard::matches(glob, namespace)).collect();
    fits.sort_by_key(|glob| wildcard::is_glob(glob));
    match fits.first() {
        Some(glob) if *glob == namespace => "its name".to_owned(),
        Some(glob) => format!("`{glob}`"),
        None => "`exclude`".to_owned(),
    }
}

/// What could be taken out for a namespace's own name, the most first: the whole `exclude`, its
/// block, the name alone.
pub(super) fn listed(rule: &Rule<'_>, namespace: &str) -> Result<Vec<Change>, Located<Error>> {
    let filter = Filter::read(rule, "exclude")?;
    let blocks = match &filter {
        Filter::Any(blocks) => blocks.as_slice(),
        Filter::Direct(block) => std::slice::from_ref(block),
        Filter::All(_) | Filter::Empty => &[],
    };
    let mut found = Vec::new();
    for block in blocks.iter().filter(|block| block.is_namespaces_alone()) {
        let Some(list) = block.namespaces_node() else {
            continue;
        };
        let Some(at) = position(list, namespace) else {
            continue;
        };
        // The more an edit had to put in, the more it takes out again.
        if list.as_sequence().is_some_and(|items| items.len() == 1) {
            let any = matches!(filter, Filter::Any(_));
            found.extend((blocks.len() == 1).then(|| Change::Remove(rule.path.key("exclude"))));
            found.extend(any.then(|| Change::Remove(block.path.clone())));
        }
        found.push(Change::Remove(block.namespaces_path().index(at)));
    }
    Ok(found)
}

/// The names and globs that a rule leaves out for certain.
pub(super) fn certain<'a>(rule: &Rule<'a>) -> Vec<&'a str> {
    let Ok(Filter::Any(blocks)) = Filter::read(rule, "exclude").map(as_any) else {
        return Vec::new();
    };
    blocks.iter().filter(|b| b.is_namespaces_alone()).flat_map(Block::namespaces).collect()
}

fn as_any(filter: Filter<'_>) -> Filter<'_> {
    match filter {
        Filter::Direct(block) => Filter::Any(vec![block]),
        filter => filter,
    }
}

/// A rule's name for messages, or its number.
pub(super) fn rule_names<'a>(rules: &[Rule<'a>]) -> Vec<&'a str> {
    rules.iter().map(|rule| text(rule.node, "name").unwrap_or("")).collect()
}
