//! Writes an image's digest into a values file without changing any other byte.

use oci_scratch::Digest;
use yaml_spans::diagnostic::{Diagnostic, Diagnostics, Located};
use yaml_spans::edit::Editor;
use yaml_spans::source::{SourceId, Sources};
use yaml_spans::{Dialect, Node, Path, Segment};

/// A values file with a digest in it.
#[derive(Debug, PartialEq, Eq)]
pub struct Pin {
    /// The new text.
    pub text: String,
    /// The `repository` beside the digest, if there is one.
    pub repository: Option<String>,
}

/// Writes a digest into a file's text. The digest's key may be missing; the map around it must
/// exist, so that a typo in the path adds nothing.
///
/// # Errors
/// The file is not one document of values, or has no such map.
pub fn pin_digest(
    sources: &Sources,
    id: SourceId,
    path: &Path,
    digest: &Digest,
) -> Result<Pin, Diagnostics> {
    let documents = yaml_spans::parse(sources, id, Dialect::Strict)
        .map_err(|errors| Diagnostics::locate(&errors, sources))?;
    let [root] = &*documents else {
        let message =
            format!("invalid values file: expected one document, not {}", documents.len());
        return Err(Diagnostic::new(message).into());
    };
    let parent = path.parent().unwrap_or_default();
    let Some(map) = parent.find(root).filter(|node| node.as_mapping().is_some()) else {
        return Err(missing_map(root, &parent).diagnose(sources).into());
    };
    if !matches!(path.segments().last(), Some(Segment::Key(_))) {
        let message = format!("invalid path `{path}`: expected a key of a map at its end");
        return Err(Located::new(message, map.span, parent).diagnose(sources).into());
    }
    let repository = map.get("repository").and_then(|node| node.as_str()).map(str::to_owned);
    let text = Editor::open(sources, id)
        .and_then(|editor| editor.set(0, path, digest.as_str()))
        .map_err(|error| error.diagnose(sources))?;
    Ok(Pin { text, repository })
}

/// The error for a path without a map, at the last node of the path that exists.
fn missing_map(root: &Node, path: &Path) -> Located<String> {
    let message = format!("there is no map `{path}` to write a digest into");
    let (mut node, mut known) = (root, Path::root());
    for segment in path.segments() {
        let mut next = known.clone();
        next.push(segment.clone());
        let Some(found) = next.find(root) else {
            let located = Located::new(message, node.span, known);
            let (Segment::Key(key), Some(map)) = (segment, node.as_mapping()) else {
                return located;
            };
            let allowed: Vec<&str> = map.keys().map(String::as_str).collect();
            return Located { hint: yaml_spans::suggestion(key, &allowed), ..located };
        };
        (node, known) = (found, next);
    }
    Located::new(message, node.span, known)
}

#[cfg(test)]
mod tests {
    use super::*;
    use yaml_spans::source::Source;

    fn pinned(text: &str, path: &str) -> Result<Pin, String> {
        let mut sources = Sources::new();
        let id = sources.add(Source::written("values/a.yaml", text));
        pin_digest(&sources, id, &path.parse().unwrap(), &Digest::of(b""))
            .map_err(|Diagnostics(errors)| errors[0].message.to_string())
    }

    const EMPTY: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn only_the_digest_is_added_or_replaced() {
        let text = "# why\ngate:\r\n  image:   {repository: a/b, tag: \"1\"}   # here\n  x: 1\n";
        let once = pinned(text, "gate.image.digest").unwrap();
        let want = text.replace("\"1\"}", &format!("\"1\", digest: \"{EMPTY}\"}}"));
        assert_eq!(once.text, want);
        assert_eq!(once.repository.as_deref(), Some("a/b"));
        assert_eq!(pinned(&want, "gate.image.digest").unwrap().text, want);
        let old = "server:\n  image:\n    digest: 'sha256:old' # pinned\n";
        let new = pinned(old, "server.image.digest").unwrap();
        assert_eq!(new.text, old.replace("sha256:old", EMPTY));
    }

    #[test]
    fn a_missing_map_is_not_created() {
        let text = "gate:\n  image: {tag: a}\n  list: [a]\n";
        for (path, reason) in [
            ("gaet.image.digest", "there is no map `gaet.image`"),
            ("gate.image.tag.digest", "there is no map `gate.image.tag`"),
            ("gate.list[0]", "there is no map `gate.list`"),
        ] {
            let error = pinned(text, path).unwrap_err();
            assert!(error.contains(reason), "{path}: {error}");
        }
        assert!(
            pinned("a: 1\n---\nb: 1\n", "digest")
                .unwrap_err()
                .contains("expected one document, not 2")
        );
        assert!(pinned("a: [\n", "a.digest").is_err());
    }
}
