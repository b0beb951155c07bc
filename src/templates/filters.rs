//! The filters and tests of templates. A filter turns a value into a value; the formatter still quotes
//! the result.

use minijinja::value::{Value as Context, ValueKind};
use minijinja::{Environment, Error, ErrorKind};
use oci_scratch::Digest;

use yaml_spans;

/// The longest output of a filter, in bytes: without a limit, each of several chained filters could
/// double a text.
const MAX_FILTERED_BYTES: usize = 1 << 20;

/// Adds all filters and tests.
pub(super) fn add_filters(environment: &mut Environment<'_>) {
    environment.add_filter("items", minijinja::filters::items);
    environment.add_filter("string", string);
    environment.add_filter("toyaml", to_yaml);
    environment.add_filter("sha256", sha256);
    environment.add_filter("basename", basename);
    environment.add_filter("image", image);
    environment.add_test("none", minijinja::tests::is_none);
    environment.add_test("string", minijinja::tests::is_string);
}

/// Converts a scalar to YAML's text for it; the engine's own filter writes `True`.
fn string(value: &Context) -> Result<String, Error> {
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
    let node = yaml_spans::to_node(value).map_err(|error| invalid(error.to_string()))?;
    let text = yaml_spans::emit(&node);
    if text.len() > MAX_FILTERED_BYTES {
        return Err(invalid(format!("more than {MAX_FILTERED_BYTES} bytes of YAML")));
    }
    Ok(text)
}

fn invalid(reason: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, reason.into())
}

/// The SHA-256 of a text, in lower-case hexadecimal: a checksum that rolls Pods.
fn sha256(text: &str) -> String {
    Digest::of(text.as_bytes()).hex().to_owned()
}

/// The last part of a path: the file's name.
fn basename(path: &str) -> String {
    path.trim_end_matches('/').rsplit('/').next().unwrap_or(path).to_owned()
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
