//! What a template can do with a value. Each takes a value and gives a value; what is written is
//! still quoted by the formatter.

use minijinja::value::{Value as Context, ValueKind};
use minijinja::{Environment, Error, ErrorKind};
use oci_scratch::Digest;

use yaml_spans;

/// The bytes that a filter may make: chained filters could else double a text each time.
const FILTERED: usize = 1 << 20;

/// Adds all filters and tests that templates have.
pub(super) fn add_to(environment: &mut Environment<'_>) {
    environment.add_filter("items", minijinja::filters::items);
    environment.add_filter("string", string);
    environment.add_filter("toyaml", to_yaml);
    environment.add_filter("sha256", sha256);
    environment.add_filter("basename", basename);
    environment.add_filter("image", image);
    environment.add_test("none", minijinja::tests::is_none);
    environment.add_test("string", minijinja::tests::is_string);
}

/// A scalar as text, as YAML has it; the engine's own filter writes `True`.
fn string(value: &Context) -> Result<String, Error> {
    match value.kind() {
        ValueKind::Bool => Ok(value.is_true().to_string()),
        ValueKind::Number | ValueKind::String => Ok(value.to_string()),
        kind => Err(Error::new(ErrorKind::InvalidOperation, format!("{kind} is no scalar"))),
    }
}

/// A map or a list as YAML text: an application's configuration file.
fn to_yaml(value: &Context) -> Result<String, Error> {
    let wrong = |reason: String| Error::new(ErrorKind::InvalidOperation, reason);
    if value.as_str().is_some() {
        return Err(wrong("`toyaml` takes a map or a list, and this is text already".to_owned()));
    }
    let node = yaml_spans::to_node(value).map_err(|error| wrong(error.to_string()))?;
    let text = yaml_spans::emit(&node);
    if text.len() > FILTERED {
        return Err(wrong(format!("more than {FILTERED} bytes of YAML")));
    }
    Ok(text)
}

/// The SHA-256 of a text, in lower case hexadecimal: a checksum that rolls Pods.
fn sha256(text: &str) -> String {
    Digest::of(text.as_bytes()).hex().to_owned()
}

/// The last part of a path: the name of the file in it.
fn basename(path: &str) -> String {
    path.trim_end_matches('/').rsplit('/').next().unwrap_or(path).to_owned()
}

/// An image's reference: `repository[:tag][@digest]`.
fn image(value: &Context) -> Result<String, Error> {
    let part = |key: &str| {
        let part = value.get_attr(key)?;
        Ok::<_, Error>(part.as_str().map(str::to_owned))
    };
    let repository = part("repository")?.ok_or_else(|| {
        Error::new(ErrorKind::InvalidOperation, "`image` takes a map with `repository`")
    })?;
    let tag = part("tag")?.map(|tag| format!(":{tag}")).unwrap_or_default();
    let digest = part("digest")?.map(|digest| format!("@{digest}")).unwrap_or_default();
    Ok(repository + &tag + &digest)
}
