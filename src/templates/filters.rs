//! The filters and tests of templates. A filter turns a value into a value; the formatter still quotes
//! the result.

use std::cell::Cell;

use minijinja::value::{Value as Context, ValueKind};
use minijinja::{Environment, Error, ErrorKind};
use oci_scratch::Digest;

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
        return Err(invalid(format!("the filters of a template take more than {limit} KiB")));
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

/// Adds all filters and tests.
pub(super) fn add_filters(environment: &mut Environment<'_>) {
    environment.add_filter("items", items);
    environment.add_filter("string", string);
    environment.add_filter("toyaml", to_yaml);
    environment.add_filter("sha256", sha256);
    environment.add_filter("basename", basename);
    environment.add_filter("image", image);
    environment.add_test("none", minijinja::tests::is_none);
    environment.add_test("string", minijinja::tests::is_string);
}

/// The pairs of a map, each a key and its value.
fn items(value: &Context) -> Result<Context, Error> {
    charge(value.len().unwrap_or_default().saturating_mul(BYTES_PER_VALUE))?;
    minijinja::filters::items(value)
}

/// Converts a scalar to YAML's text for it; the engine's own filter writes `True`.
fn string(value: &Context) -> Result<String, Error> {
    charge(value.as_str().map_or(BYTES_PER_VALUE, str::len))?;
    match value.kind() {
        ValueKind::Bool => Ok(value.is_true().to_string()),
        ValueKind::Number | ValueKind::String => Ok(value.to_string()),
        kind => Err(invalid(format!("expected a scalar, not a {kind}"))),
    }
}

/// Converts a map or a list to YAML text: an application's configuration file.
fn to_yaml(value: &Context) -> Result<String, Error> {
    if value.as_str().is_some() {
        return Err(invalid("`toyaml` expects a map or a list, not text"));
    }
    charge_value(value)?;
    let node = yaml_spans::to_node(value).map_err(|error| invalid(error.to_string()))?;
    let text = yaml_spans::emit(&node);
    if text.len() > MAX_FILTERED_BYTES {
        return Err(invalid(format!("more than {MAX_FILTERED_BYTES} bytes of YAML")));
    }
    charge(text.len())?;
    Ok(text)
}

fn invalid(reason: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, reason.into())
}

/// The SHA-256 of a text, in lower-case hexadecimal: a checksum that rolls Pods.
fn sha256(text: &str) -> Result<String, Error> {
    charge(text.len())?;
    Ok(Digest::of(text.as_bytes()).hex().to_owned())
}

/// The last part of a path: the file's name.
fn basename(path: &str) -> Result<String, Error> {
    charge(path.len())?;
    Ok(path.trim_end_matches('/').rsplit('/').next().unwrap_or(path).to_owned())
}

/// An image's reference: `repository[:tag][@digest]`.
fn image(value: &Context) -> Result<String, Error> {
    let part = |key: &str| {
        let part = value.get_attr(key)?;
        Ok::<_, Error>(part.as_str().map(str::to_owned))
    };
    let repository =
        part("repository")?.ok_or_else(|| invalid("`image` expects a map with `repository`"))?;
    let tag = part("tag")?.map(|tag| format!(":{tag}")).unwrap_or_default();
    let digest = part("digest")?.map(|digest| format!("@{digest}")).unwrap_or_default();
    Ok(repository + &tag + &digest)
}
