//! The filters and tests of templates. A filter turns a value into a value; the formatter still quotes
//! the result.

use std::cell::Cell;

use minijinja::value::{Value as Context, ValueKind};
use minijinja::{Environment, Error, ErrorKind};
use oci_scratch::Digest;
use serde::de::DeserializeOwned;
use vram_gate::exposition::Selection;

use super::context::to_context;
use crate::alerts;
use crate::dashboard;
use crate::model::run_times::RunTimes;
use crate::model::window::WindowSchedule;
use crate::values::parse_span;
use yaml_spans;

/// The longest output of a filter, in bytes: without a limit, each of several chained filters could
/// double a text.
const MAX_FILTERED_BYTES: usize = 1 << 20;
/// The most bytes that all filters of one template take. A filter costs one unit of fuel, whatever it
/// reads.
const MAX_TEMPLATE_BYTES: usize = 4 << 20;
/// The cost of a value in a list or a map, besides its text.
const BYTES_PER_VALUE: usize = 16;

thread_local! {
    /// The bytes that the filters of the current template took. A template renders on one thread.
    static FILTERED: Cell<usize> = const { Cell::new(0) };
}

/// Resets the count of bytes for the next template.
pub(super) fn start_template() {
    FILTERED.set(0);
}

/// The bytes that filters took since [`start_template`].
pub(super) fn filtered_bytes() -> usize {
    FILTERED.get()
}

fn charge(bytes: usize) -> Result<(), Error> {
    FILTERED.set(FILTERED.get().saturating_add(bytes));
    if FILTERED.get() > MAX_TEMPLATE_BYTES {
        let limit = MAX_TEMPLATE_BYTES >> 10;
        return Err(invalid_operation(format!(
            "the filters of a template take more than {limit} KiB"
        )));
    }
    Ok(())
}

/// Charges a value with everything in it.
fn charge_value(value: &Context) -> Result<(), Error> {
    charge(BYTES_PER_VALUE + value.as_str().map_or(0, str::len))?;
    match value.kind() {
        ValueKind::Seq | ValueKind::Iterable => {
            value.try_iter()?.try_for_each(|item| charge_value(&item))
        }
        ValueKind::Map => value.try_iter()?.try_for_each(|key| {
            charge_value(&key)?;
            charge_value(&value.get_item(&key)?)
        }),
        _ => Ok(()),
    }
}

/// The names of all filters, those that a template of one's own may need first.
pub(super) const NAMES: [&str; 12] = [
    "string",
    "items",
    "toyaml",
    "sha256",
    "basename",
    "image",
    "group",
    "seconds",
    "selection",
    "windowlengths",
    "alertrules",
    "dashboard",
];

/// Adds all filters and tests.
pub(super) fn add_filters(environment: &mut Environment<'_>) {
    environment.add_filter("items", items);
    environment.add_filter("string", to_string);
    environment.add_filter("toyaml", to_yaml);
    environment.add_filter("sha256", sha256);
    environment.add_filter("basename", file_name);
    environment.add_filter("image", image_reference);
    environment.add_filter("selection", selection);
    environment.add_filter("group", api_group);
    environment.add_filter("seconds", seconds);
    environment.add_filter("alertrules", alert_rules);
    environment.add_filter("dashboard", dashboard_json);
    environment.add_filter("windowlengths", window_lengths);
    environment.add_test("none", minijinja::tests::is_none);
    environment.add_test("string", minijinja::tests::is_string);
}

/// The pairs of a map, each a key and its value.
fn items(value: &Context) -> Result<Context, Error> {
    charge(value.len().unwrap_or_default().saturating_mul(BYTES_PER_VALUE))?;
    minijinja::filters::items(value)
}

/// Converts a scalar to YAML's text for it; the engine's own filter writes `True`.
fn to_string(value: &Context) -> Result<String, Error> {
    charge(value.as_str().map_or(BYTES_PER_VALUE, str::len))?;
    match value.kind() {
        ValueKind::Bool => Ok(value.is_true().to_string()),
        ValueKind::Number | ValueKind::String => Ok(value.to_string()),
        kind => Err(invalid_operation(format!("expected a scalar, not a {kind}"))),
    }
}

/// Converts a map or a list to YAML text: an application's configuration file.
fn to_yaml(value: &Context) -> Result<String, Error> {
    if value.as_str().is_some() {
        return Err(invalid_operation("`toyaml` expects a map or a list, not text"));
    }
    charge_value(value)?;
    let node = yaml_spans::to_node(value).map_err(|error| invalid_operation(error.to_string()))?;
    let text = yaml_spans::emit(&node);
    if text.len() > MAX_FILTERED_BYTES {
        return Err(invalid_operation(format!("more than {MAX_FILTERED_BYTES} bytes of YAML")));
    }
    charge(text.len())?;
    Ok(text)
}

fn invalid_operation(reason: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, reason.into())
}

/// The SHA-256 of a text, in lower-case hexadecimal: a checksum that rolls Pods.
fn sha256(text: &str) -> Result<String, Error> {
    charge(text.len())?;
    Ok(Digest::of(text.as_bytes()).hex().to_owned())
}

/// The last part of a path: the file's name.
fn file_name(path: &str) -> Result<String, Error> {
    charge(path.len())?;
    Ok(path.trim_end_matches('/').rsplit('/').next().unwrap_or(path).to_owned())
}

/// The group of an `apiVersion`; empty for the core group.
fn api_group(api_version: &str) -> Result<String, Error> {
    charge(api_version.len())?;
    Ok(kube_validate::group(api_version).to_owned())
}

/// Reads a map of values as the input of a part of this program.
fn read_input<T: DeserializeOwned>(value: &Context) -> Result<T, Error> {
    charge_value(value)?;
    let node = yaml_spans::to_node(value).map_err(|error| invalid_operation(error.to_string()))?;
    yaml_spans::read(&node).map_err(|errors| {
        let first = errors.first().map(|error| format!("`{}`: {}", error.path, error.error));
        invalid_operation(first.unwrap_or_default())
    })
}

/// The groups of alerts for a map of the values that they are about: [`alerts::Input`].
fn alert_rules(value: &Context) -> Result<Context, Error> {
    let rules = yaml_spans::to_node(&alerts::rules(&read_input(value)?));
    let rules = to_context(&rules.map_err(|error| invalid_operation(error.to_string()))?);
    charge_value(&rules)?;
    Ok(rules)
}

/// A dashboard as JSON for a map of the values that it is about: [`dashboard::Input`].
fn dashboard_json(value: &Context) -> Result<String, Error> {
    let dashboard = dashboard::dashboard(&read_input(value)?);
    let mut text = serde_json::to_string_pretty(&dashboard)
        .map_err(|error| invalid_operation(error.to_string()))?;
    text.push('\n');
    charge(text.len())?;
    Ok(text)
}

/// The seconds of the shortest and of the longest window in two years, and the longest delay of a start that
/// leaves a quarter of an hour of the shortest, for a map with the schedules `up` and `down` and their
/// `timeZone`. Without a window they are 0.
fn window_lengths(value: &Context) -> Result<Context, Error> {
    charge_value(value)?;
    let times = |schedule: &str| {
        let (schedule, zone) = (value.get_attr(schedule).ok()?, value.get_attr("timeZone").ok()?);
        RunTimes::parse(schedule.as_str()?, zone.as_str()?)
    };
    let lengths = times("up").zip(times("down")).and_then(|(up, down)| {
        let (shortest, longest) = WindowSchedule { up: &up, down: &down }.window_lengths()?;
        Some((shortest.as_secs(), longest.as_secs()))
    });
    let (shortest, longest) = lengths.unwrap_or_default();
    let late_start = (shortest - 15 * 60).max(10);
    let pairs = [("shortest", shortest), ("longest", longest), ("lateStart", late_start)];
    Ok(Context::from_pairs(pairs.map(|(key, seconds)| (key, Context::from(seconds)))))
}

/// The seconds of a span of time such as `26h`.
fn seconds(text: &str) -> Result<i64, Error> {
    charge(text.len())?;
    let span = parse_span(text);
    Ok(span
        .ok_or_else(|| {
            invalid_operation(format!("invalid span of time `{text}`: expected one such as `26h`"))
        })?
        .as_secs())
}

/// An image's reference: `repository[:tag][@digest]`.
fn image_reference(value: &Context) -> Result<String, Error> {
    let [repository, tag, digest] =
        [value.get_attr("repository")?, value.get_attr("tag")?, value.get_attr("digest")?];
    let Some(repository) = repository.as_str() else {
        return Err(invalid_operation("`image` expects a map with `repository`"));
    };
    let tag = tag.as_str().map(|tag| format!(":{tag}")).unwrap_or_default();
    let digest = digest.as_str().map(|digest| format!("@{digest}")).unwrap_or_default();
    Ok(format!("{repository}{tag}{digest}"))
}

/// A map of labels as the gate reads it: `gpu="0",Hostname="node-1"`.
fn selection(value: &Context) -> Result<String, Error> {
    charge_value(value)?;
    let labels = value.try_iter()?.map(|name| {
        let value = value.get_item(&name)?;
        match (name.as_str(), value.as_str()) {
            (Some(name), Some(value)) => Ok((name.to_owned(), value.to_owned())),
            _ => Err(invalid_operation("`selection` expects a map of labels to texts")),
        }
    });
    let text = labels.collect::<Result<Selection, Error>>()?.to_string();
    charge(text.len())?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use minijinja::ErrorKind;

    #[test]
    fn the_list_of_names_has_every_filter() {
        let registered =
            include_str!("filters.rs").matches("    environment.add_filter(\"").count();
        assert_eq!(registered, NAMES.len());
        let mut environment = Environment::empty();
        add_filters(&mut environment);
        for name in NAMES {
            let rendered = environment.render_str(&format!("{{{{ 'x' | {name} }}}}"), ());
            let error = rendered.err().map(|error| error.kind());
            assert_ne!(error, Some(ErrorKind::UnknownFilter), "{name}");
        }
    }
}
