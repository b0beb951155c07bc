use std::collections::BTreeSet;
use std::path::PathBuf;

use super::*;
use crate::project::Project;
use crate::project::load::{LoadedStack, Request};
use crate::values::derived::{DERIVED_DEFAULTS, changed_with, meets_any};
use crate::values::{Assignment, Shape};

/// The values of this repository, alone and with each overlay; and with other values that add or replace
/// defaults.
fn stacks() -> Vec<(String, LoadedStack)> {
    let project = Project::new(env!("CARGO_MANIFEST_DIR"));
    let mut requests = Vec::new();
    for assignments in [
        &[][..],
        &["kyverno.mode=exception"],
        &[
            "alerts.prometheus=file",
            "dashboard.labels.a=b",
            "gate.exporter=dcgm",
            "gate.budget=5Gi",
        ],
    ] {
        let assignments = assignments.iter().map(|text| Assignment::parse(text).unwrap());
        let request = Request { assignments: assignments.collect(), ..Request::default() };
        requests.push((format!("{:?}", request.assignments), request));
    }
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/overlays");
    let mut overlays: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    overlays.sort();
    requests.extend(overlays.into_iter().map(|overlay| {
        let name = overlay.display().to_string();
        (name, Request { overlays: vec![overlay], ..Request::default() })
    }));
    let load = |(name, request): (String, Request)| {
        let mut loaded = LoadedStack::load_all(&project, &request).unwrap();
        (name, loaded.remove(0))
    };
    requests.into_iter().map(load).collect()
}

/// The paths that differ between two values.
fn changed_paths(before: &Node, after: &Node) -> Vec<Path> {
    let mut paths = Vec::new();
    collect_differences(before, after, &mut Path::root(), &mut |path| paths.push(path));
    paths
}

/// The paths of the schema that values do not have, as far as a default can follow from them: those of
/// Kubernetes' types are below a path that the values have.
fn unset_paths(values: &Node, shape: &Shape, path: &Path, paths: &mut Vec<Path>) {
    for name in shape.properties() {
        let path = path.key(name);
        let Some(shape) = shape.step(&Segment::Key(name.to_owned())) else { continue };
        match path.find(values) {
            None => paths.push(path),
            Some(_) => unset_paths(values, &shape, &path, paths),
        }
    }
}

/// The paths that change with a value but should not, by the table of derived defaults.
fn unforeseen_paths(before: &Node, after: &Values, path: &Path) -> Vec<Path> {
    let after = yaml_spans::to_node(after).unwrap();
    let foreseen = changed_with(path);
    let mut changed = changed_paths(before, &after);
    // A map that the values did not have changes with what is set in it.
    let is_new = |changed: &Path| {
        let is_set = changed.find(before).is_some_and(|node| node.value != Value::Null);
        path.starts_with(changed) && !is_set
    };
    changed.retain(|changed| {
        !foreseen.iter().any(|path| changed.starts_with(path)) && !is_new(changed)
    });
    changed
}

/// All that a template can see, in its order. The items that one thread reads are limited.
fn to_json(context: &templates::Context) -> String {
    std::thread::scope(|scope| {
        scope.spawn(|| serde_json::to_string(context).unwrap()).join().unwrap()
    })
}

/// Other values for a leaf that are valid, each with all values.
fn alternatives(stack: &LoadedStack, values: &Node, leaf: &Path) -> Vec<Loaded> {
    let candidates = change::alternative_values(leaf.find(values), leaf).into_iter();
    let changed = candidates.filter_map(|candidate| {
        let mut tree = stack.loaded.tree.clone();
        change::set_value(&mut tree, leaf, candidate).then_some(tree)
    });
    changed.filter_map(|tree| Loaded::from_tree_if_valid(tree).ok()).collect()
}

#[test]
fn each_leaf_changes_itself_and_the_defaults_that_follow_from_it() {
    let mut wrong = BTreeSet::new();
    let mut tried = 0;
    for (name, stack) in stacks() {
        let values = yaml_spans::to_node(&stack.loaded.values).unwrap();
        let extra = stack.subject().extra.unwrap();
        let extra_paths = extra.read_paths();
        let mut leaves = leaves(&values);
        unset_paths(&values, &Shape::of_values(), &Path::root(), &mut leaves);
        let found = parallel::map(&leaves, 1, |leaf| {
            let alternatives = alternatives(&stack, &values, leaf).into_iter();
            alternatives
                .map(|Loaded { values: other, .. }| {
                    let paths = unforeseen_paths(&values, &other, leaf);
                    let mut paths: Vec<String> = paths.iter().map(Path::to_string).collect();
                    if !extra.are_same(&other)
                        && !changed_with(leaf).iter().any(|path| meets_any(path, &extra_paths))
                    {
                        paths.push("extra documents".to_owned());
                    }
                    paths
                })
                .collect::<Vec<_>>()
        });
        for (leaf, found) in leaves.iter().zip(found) {
            tried += found.len();
            let found = found.into_iter().flatten();
            wrong.extend(found.map(|changed| format!("{name}: {leaf} changes {changed}")));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(tried > 5_000, "{tried}");
}

#[test]
fn a_template_sees_what_it_would_see_of_all_values() {
    for (name, stack) in stacks() {
        let values = yaml_spans::to_node(&stack.loaded.values).unwrap();
        let context = templates::context(&stack.loaded).unwrap();
        let known = Known { values: &values, context, reads: vec![Path::root()], text: None };
        parallel::map(&leaves(&values), 1, |leaf| {
            let Some(loaded) = alternatives(&stack, &values, leaf).into_iter().next() else {
                return;
            };
            let seen = known.context_of(&loaded, leaf).unwrap();
            let seen = to_json(seen.as_ref().unwrap_or(&known.context));
            let expected = to_json(&templates::context(&loaded).unwrap());
            let same = seen.bytes().zip(expected.bytes()).take_while(|(a, b)| a == b).count();
            let (seen, expected) = (&seen[same..], &expected[same..]);
            assert!(seen == expected, "{name}: {leaf}: {seen}, not {expected}");
        });
    }
}

#[test]
fn the_tree_is_as_before_after_other_values_were_set() {
    let (_, stack) = stacks().remove(0);
    let own = format!("{:?}", stack.loaded.tree);
    let values = yaml_spans::to_node(&stack.loaded.values).unwrap();
    let mut paths = leaves(&values);
    unset_paths(&values, &Shape::of_values(), &Path::root(), &mut paths);
    paths.extend(
        ["clients[7].name", "clients.x.y", "x.y", "server.command[0]"]
            .map(|path| path.parse().unwrap()),
    );
    let mut tree = stack.loaded.tree.clone();
    for path in paths {
        for value in change::alternative_values(path.find(&values), &path) {
            change::set_value(&mut tree, &path, value);
        }
        change::restore_section(&mut tree, &stack.loaded.tree, &path);
        assert!(format!("{tree:?}") == own, "{path}");
    }
}

/// A value that changes a default, after other values are set: those, and the value.
type Case = (&'static [Setting], Setting);

/// A path, and the value as YAML.
type Setting = (&'static str, &'static str);

const DEMAND: Setting = ("offPeak.demand", "{opens: 30 6 * * *, url: http://x, number: /q}");
const ALERTS: Setting = ("alerts", "{prometheus: rule}");
const DASHBOARD: Setting = ("dashboard", "{}");

/// A case at least for each path that a default follows from.
const CASES: &[Case] = &[
    (&[("offPeak.names", "{}"), ("storage.name", "null")], ("server.name", "x")),
    (&[], DEMAND),
    (&[], ("gate.prometheus", "{url: http://x}")),
    (&[], ("gate.sentinel", "x")),
    (&[], ("gate.samples", "10")),
    (&[], ("gate.sampleIntervalSeconds", "100")),
    (&[("gate.prometheus", "{url: http://x}")], ("gate.maxAgeSeconds", "300")),
    (&[], ("gate.recheckDelaySeconds", "300")),
    (&[], ("offPeak.timeZone", "Etc/UTC")),
    (&[], ("offPeak.up", "0 1,3 * * *")),
    (&[], ("offPeak.guard", "0 3 * * *")),
    (&[], ("offPeak.down", "0 5,7 * * *")),
    (&[], ("offPeak.activeDeadlineSeconds", "3600")),
    (&[("offPeak.up", "\"@every 1h\"")], ("offPeak.startingDeadlineSeconds", "300")),
    (&[], ("offPeak.keep", "72h")),
    (&[], ("target.kind", "Job")),
    (&[], ("server.imagePullSecrets", "[x]")),
    (&[("server.imagePullSecrets", "[x, z]")], ("gate.imagePullSecrets[0]", "z")),
    (&[("gate.image.pullPolicy", "null")], ("gate.image.digest", DIGEST)),
    (&[("server.image.pullPolicy", "null")], ("server.image.digest", DIGEST)),
    (&[], ("gate.resources.requests.cpu", "1")),
    (&[], ("gate.exporter", "dcgm")),
    (&[("storage.name", "null")], ("storage.existingClaim", "x")),
    (&[], ("namespace.name", "x")),
    (
        &[ALERTS, ("offPeak.up", "0 2 20 * *"), ("offPeak.guard", "0 2,5 * * *")],
        ("offPeak.timeZone", "Asia/Tokyo"),
    ),
    (&[ALERTS, ("offPeak.guard", "0 2,5 * * *")], ("offPeak.up", "0 4 * * *")),
    (&[ALERTS], ("offPeak.guard", "0 3 * * *")),
    (&[ALERTS, ("offPeak.guard", "0 2,5 * * *")], ("offPeak.down", "0 3 * * *")),
    (&[ALERTS, ("offPeak.guard", "0-55/5 2-5,7 * * *")], DEMAND),
    (&[ALERTS], ("offPeak.activeDeadlineSeconds", "3600")),
    (&[DASHBOARD], ("namespace.name", "x")),
    (&[DASHBOARD, ALERTS], ("alerts.namespaceLabel", "x")),
    (&[], ("name", "x")),
];
const DIGEST: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

#[test]
fn each_row_of_the_derived_defaults_is_right() {
    let (_, stack) = stacks().remove(0);
    let mut needed = BTreeSet::new();
    for (before, (path, value)) in CASES {
        let mut tree = stack.loaded.tree.clone();
        let mut load = |(path, value): &Setting| {
            let mut sources = Sources::new();
            let id = sources.add(yaml_spans::source::Source::written("case", *value));
            let node = yaml_spans::parse(&sources, id, Dialect::Strict).unwrap().remove(0);
            assert!(change::set_value(&mut tree, &path.parse().unwrap(), node));
            Loaded::from_tree(tree.clone()).unwrap().values
        };
        let before = before.iter().map(&mut load).last().unwrap_or(stack.loaded.values.clone());
        let after = load(&(path, value));
        let (before, path) = (yaml_spans::to_node(&before).unwrap(), path.parse().unwrap());
        assert_eq!(unforeseen_paths(&before, &after, &path), [], "{path}");
        let changed = changed_paths(&before, &yaml_spans::to_node(&after).unwrap());
        let indirect: Vec<Path> =
            changed.into_iter().filter(|changed| !changed.starts_with(&path)).collect();
        for (default, sources) in DERIVED_DEFAULTS {
            let follows = |source: &&&str| meets_any(&path, &[source.parse().unwrap()]);
            if meets_any(&default.parse().unwrap(), &indirect) {
                needed.extend(sources.iter().filter(follows).map(|source| (*default, *source)));
            }
        }
    }
    let rows = DERIVED_DEFAULTS.iter();
    let all =
        rows.flat_map(|(default, sources)| sources.iter().map(move |source| (*default, *source)));
    let unused: Vec<_> = all.filter(|row| !needed.contains(row)).collect();
    assert!(unused.is_empty(), "no case needs {unused:?}");
}
