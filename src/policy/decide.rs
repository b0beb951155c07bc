//! Decides how a rule of a ClusterPolicy excludes a namespace: the list to append to, or the reason
//! for a refusal.

use super::change::Change;
use super::effect::{TargetReach, target_reach};
use super::error::Error;
use super::evaluate::{RuleExclusions, Subject, Ternary, filter_matches};
use super::model::{
    Block, Filter, Rule, error_at, is_template, kind_error, kind_selector, string_at, string_items,
    string_position,
};
use super::wildcard;
use yaml_spans::diagnostic::Located;
use yaml_spans::{Node, Path, Value};

/// The work that an exclusion takes.
pub(super) enum Decision {
    /// Nothing: all namespaces are excluded already. Describes what excludes the last of them.
    AlreadyExcluded(String),
    /// Nothing: the rule is only about these kinds, which have no namespace.
    NothingToExclude(String),
    /// One of these changes, the first that the text allows.
    Change(Vec<Change>),
}

/// Decides how a rule excludes some namespaces. Those that it excludes already need nothing.
pub(super) fn decide_for_rule(
    rule: &Rule<'_>,
    namespaces: &[&str],
) -> Result<Decision, Located<Error>> {
    if let Some(kinds) = targets_beyond_exclude(rule) {
        let mutate = rule.node.get("mutate");
        let span = mutate.and_then(|mutate| mutate.get("targets")).and_then(|node| node.span);
        let path = rule.path.key("mutate").key("targets");
        return Err(error_at(Error::RuleTargets(kinds), span, &path));
    }
    let filter = Filter::read(rule, "exclude")?;
    let exclusions = RuleExclusions::read(rule);
    let (excluded, missing): (Vec<&str>, Vec<&str>) =
        namespaces.iter().partition(|name| exclusions.exclude(name) == Ternary::Yes);
    if missing.is_empty() {
        let last = excluded.last().copied().unwrap_or_default();
        return Ok(Decision::AlreadyExcluded(exclusion_reason(&filter, last)));
    }
    if let Some(kinds) = cluster_scoped_kinds(rule) {
        return Ok(Decision::NothingToExclude(kinds));
    }
    let changes = match &filter {
        Filter::All(_) => {
            let span = rule.node.get("exclude").and_then(|node| node.span);
            let path = rule.path.key("exclude").key("all");
            return Err(error_at(Error::ExcludeAll, span, &path));
        }
        Filter::Direct(block) => vec![append_to_direct(rule, block, &missing)?],
        Filter::Any(blocks) => append_to_any(rule, blocks, &missing)?,
        Filter::Empty => vec![first_exclusion(rule, &missing)?],
    };
    Ok(Decision::Change(changes))
}

/// Describes what excludes a namespace that a rule excludes for certain.
fn exclusion_reason(exclude: &Filter<'_>, namespace: &str) -> String {
    if filter_matches(exclude, &Subject::pod(namespace)) == Ternary::Yes {
        return describe_exclusion(exclude, namespace);
    }
    "`match`, which never matches it".to_owned()
}

fn append_to_direct(
    rule: &Rule<'_>,
    block: &Block<'_>,
    missing: &[&str],
) -> Result<Change, Located<Error>> {
    check_block_list(block)?;
    if let Some(other) = block.other_attribute() {
        let span = rule.node.get("exclude").and_then(|node| node.span);
        let error = Error::DirectMixed(other.to_owned());
        return Err(error_at(error, span, &rule.path.key("exclude")));
    }
    Ok(Change::append_names(block.namespaces_path(), missing))
}

/// A change for each block that has only namespaces; a new block if there is none.
fn append_to_any(
    rule: &Rule<'_>,
    blocks: &[Block<'_>],
    missing: &[&str],
) -> Result<Vec<Change>, Located<Error>> {
    let suitable: Vec<&Block<'_>> =
        blocks.iter().filter(|block| block.has_only_namespaces()).collect();
    if !suitable.is_empty() {
        suitable.iter().try_for_each(|block| check_block_list(block))?;
        let paths = suitable.iter().map(|block| block.namespaces_path());
        return Ok(paths.map(|path| Change::append_names(path, missing)).collect());
    }
    if let Some(mixed) = blocks.iter().find(|block| block.namespaces_node().is_some()) {
        let other = mixed.other_attribute().unwrap_or("").to_owned();
        let span = mixed.namespaces_node().and_then(|node| node.span);
        return Err(error_at(Error::BlockMixed(other), span, &mixed.path));
    }
    Ok(vec![Change::append_block(rule.path.key("exclude").key("any"), missing)])
}

/// The first block of a rule that excludes nothing yet.
fn first_exclusion(rule: &Rule<'_>, namespaces: &[&str]) -> Result<Change, Located<Error>> {
    if let Some((filter, node, path)) = other_namespace_filter(rule) {
        return Err(error_at(Error::Elsewhere(filter), node.span, &path));
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
        _ => Err(error_at(Error::EmptyExclude, exclude.span, &path)),
    }
}

/// A part of the rule, besides `exclude`, in which the owner keeps a list of namespaces: a condition, or
/// a ConfigMap that is read by a namespace.
fn other_namespace_filter<'a>(rule: &Rule<'a>) -> Option<(&'static str, &'a Node, Path)> {
    if let Some(node) = rule.node.get("preconditions")
        && mentions_namespace(node)
    {
        return Some(("a precondition", node, rule.path.key("preconditions")));
    }
    let context = rule.node.get("context").filter(|_| looks_up_namespace(rule.node))?;
    let entries = context.as_sequence()?.iter();
    let mut maps = entries.filter(|entry| entry.get("configMap").is_some());
    maps.next().map(|node| ("a ConfigMap", node, rule.path.key("context")))
}

/// The kinds that a rule is only about, if all are cluster-scoped. Namespaces are not among them:
/// Kyverno matches them by their name.
pub(super) fn cluster_scoped_kinds(rule: &Rule<'_>) -> Option<String> {
    let filter = Filter::read(rule, "match").ok()?;
    let mut names = Vec::new();
    for block in filter.blocks() {
        let kinds = string_items(block.attribute("kinds"));
        if kinds.is_empty() {
            return None;
        }
        for text in kinds {
            let kind = kind_selector(text).kind;
            if kind == "Namespace" || !kube_validate::is_cluster_scoped_kind(kind) {
                return None;
            }
            names.push(format!("`{kind}`"));
        }
    }
    (!names.is_empty()).then(|| names.join(", "))
}

/// The kinds of the existing objects that a rule changes although their namespace is excluded.
pub(super) fn targets_beyond_exclude(rule: &Rule<'_>) -> Option<String> {
    let targets = rule.node.get("mutate")?.get("targets")?.as_sequence()?;
    let beyond = targets.iter().filter(|target| target_reach(target) == TargetReach::Any);
    let kinds: Vec<String> =
        beyond.map(|target| format!("`{}`", string_at(target, "kind").unwrap_or("*"))).collect();
    (!kinds.is_empty()).then(|| kinds.join(", "))
}

fn mentions_namespace(node: &Node) -> bool {
    match &node.value {
        Value::String(text) => reads_namespace(text),
        Value::Sequence(items) => items.iter().any(mentions_namespace),
        Value::Mapping(map) => map.values().any(|entry| mentions_namespace(&entry.node)),
        _ => false,
    }
}

fn reads_namespace(text: &str) -> bool {
    text.contains("request.namespace") || text.contains("metadata.namespace")
}

/// Returns true if an expression reads data by a namespace, such as
/// `{{ map.data."{{ request.namespace }}" }}`.
fn looks_up_namespace(node: &Node) -> bool {
    match &node.value {
        Value::String(text) => expressions(text)
            .iter()
            .any(|expression| expression.contains(".data") && reads_namespace(expression)),
        Value::Sequence(items) => items.iter().any(looks_up_namespace),
        Value::Mapping(map) => map.values().any(|entry| looks_up_namespace(&entry.node)),
        _ => false,
    }
}

/// The outermost expressions `{{ ... }}` of a text.
fn expressions(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let (mut depth, mut start, mut at) = (0_usize, 0, 0);
    while let Some(pair) = text.as_bytes().get(at..at + 2) {
        match pair {
            b"{{" => {
                if depth == 0 {
                    start = at;
                }
                depth += 1;
                at += 2;
            }
            b"}}" if depth > 0 => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    found.push(&text[start..at]);
                }
            }
            _ => at += 1,
        }
    }
    found
}

fn check_block_list(block: &Block<'_>) -> Result<(), Located<Error>> {
    match block.namespaces_node() {
        Some(node) => check_name_list(node, &block.namespaces_path()),
        None => Ok(()),
    }
}

/// Checks that a value is a list of names and globs, without variables or templates.
pub(super) fn check_name_list(node: &Node, path: &Path) -> Result<(), Located<Error>> {
    refuse_template(node, path)?;
    let Some(items) = node.as_sequence() else {
        return Err(kind_error("a list", node, path));
    };
    for (at, item) in items.iter().enumerate() {
        refuse_template(item, &path.index(at))?;
        if item.as_str().is_none() {
            return Err(kind_error("a string", item, &path.index(at)));
        }
    }
    Ok(())
}

/// Refuses a string that Kyverno, Helm, Terraform or Kubernetes fills in later.
fn refuse_template(node: &Node, path: &Path) -> Result<(), Located<Error>> {
    match node.as_str() {
        Some(text) if is_template(text) => {
            Err(error_at(Error::Template(text.to_owned()), node.span, path))
        }
        _ => Ok(()),
    }
}

/// Describes what excludes the namespace: its name, a glob, or `exclude` by another attribute.
pub(super) fn describe_exclusion(filter: &Filter<'_>, namespace: &str) -> String {
    let globs = filter.blocks().iter().flat_map(Block::namespaces);
    let mut matching: Vec<&str> =
        globs.filter(|glob| wildcard::glob_matches(glob, namespace)).collect();
    matching.sort_by_key(|glob| wildcard::is_glob(glob));
    match matching.first() {
        Some(glob) if *glob == namespace => "its name".to_owned(),
        Some(glob) => format!("`{glob}`"),
        None => "`exclude`".to_owned(),
    }
}

/// The possible removals of a namespace's own name, the largest first: the whole `exclude`, its
/// block, the name alone.
pub(super) fn rule_removals(
    rule: &Rule<'_>,
    namespace: &str,
) -> Result<Vec<Change>, Located<Error>> {
    let filter = Filter::read(rule, "exclude")?;
    let blocks = match &filter {
        Filter::Any(blocks) => blocks.as_slice(),
        Filter::Direct(block) => std::slice::from_ref(block),
        Filter::All(_) | Filter::Empty => &[],
    };
    let mut found = Vec::new();
    for block in blocks.iter().filter(|block| block.has_only_namespaces()) {
        let Some(list) = block.namespaces_node() else {
            continue;
        };
        let Some(at) = string_position(list, namespace) else {
            continue;
        };
        // An edit that had to add a block or a key removes it again.
        if list.as_sequence().is_some_and(|items| items.len() == 1) {
            if blocks.len() == 1 {
                found.push(Change::Remove(rule.path.key("exclude")));
            }
            if matches!(filter, Filter::Any(_)) {
                found.push(Change::Remove(block.path.clone()));
            }
        }
        found.push(Change::Remove(block.namespaces_path().index(at)));
    }
    Ok(found)
}

/// The names and globs that a rule excludes for certain.
pub(super) fn rule_exclusions<'a>(rule: &Rule<'a>) -> Vec<&'a str> {
    let blocks = match Filter::read(rule, "exclude") {
        Ok(Filter::Any(blocks)) => blocks,
        Ok(Filter::Direct(block)) => vec![block],
        _ => return Vec::new(),
    };
    let suitable = blocks.iter().filter(|block| block.has_only_namespaces());
    suitable.flat_map(Block::namespaces).collect()
}

/// The rules' names, empty where a rule has none.
pub(super) fn rule_names<'a>(rules: &[Rule<'a>]) -> Vec<&'a str> {
    rules.iter().map(|rule| string_at(rule.node, "name").unwrap_or("")).collect()
}
