//! Puts an image's digest into a values file, and leaves every other byte as it was.

use oci_scratch::Digest;
use yaml_spans::diagnostic::Located;
use yaml_spans::edit::{EditError, Editor};
use yaml_spans::source::{SourceId, Sources};
use yaml_spans::{self, Dialect, Node, ParseError, Path, Segment};

/// A values file with a digest in it.
#[derive(Debug, PartialEq, Eq)]
pub struct Pin {
    /// The new text.
    pub text: String,
    /// The `repository` that stands beside the digest, if one does.
    pub repository: Option<String>,
}

/// Why a digest is not written.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PinError {
    /// The file is not YAML as values are.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// The map that should hold the digest is not there; a path with a slip of the pen must not add
    /// a new one.
    #[error("there is no map `{0}` to write a digest into")]
    NoMap(String),
    /// The path ends in a list.
    #[error("`{0}` is no key of a map")]
    NoKey(String),
    /// The file has no document, or several.
    #[error("the file holds {0} documents; one is expected")]
    Documents(usize),
    /// The place can't be edited.
    #[error(transparent)]
    Edit(#[from] EditError),
}

/// Edits a text. The digest's key may be missing; the map around it may not.
pub fn pin(
    sources: &Sources,
    id: SourceId,
    path: &Path,
    digest: &Digest,
) -> Result<Pin, Vec<Located<PinError>>> {
    let documents = yaml_spans::parse(sources, id, Dialect::Strict)
        .map_err(|errors| errors.into_iter().map(|e| e.map(PinError::Parse)).collect::<Vec<_>>())?;
    let [root] = &*documents else {
        let error = PinError::Documents(documents.len());
        return Err(vec![Located::new(error, None, Path::root())]);
    };
    let parent = path.parent().unwrap_or_default();
    let Some(map) = parent.find(root).filter(|node| node.as_mapping().is_some()) else {
        return Err(vec![missing(root, &parent)]);
    };
    if !matches!(path.segments().last(), Some(Segment::Key(_))) {
        let error = PinError::NoKey(path.to_string());
        return Err(vec![Located::new(error, map.span, parent)]);
    }
    let repository = map.get("repository").and_then(|node| node.as_str()).map(str::to_owned);
    let text = Editor::open(sources, id)
        .and_then(|editor| editor.set(0, path, digest.as_str()))
        .map_err(|error| vec![error.map(PinError::Edit)])?;
    Ok(Pin { text, repository })
}

/// Points at the last node on the way that is there.
fn missing(root: &Node, path: &Path) -> Located<PinError> {
    let error = PinError::NoMap(path.to_string());
    let (mut node, mut way) = (root, Path::root());
    for segment in path.segments() {
        let mut next = way.clone();
        next.push(segment.clone());
        let Some(found) = next.find(root) else {
            let located = Located::new(error, node.span, way);
            let (Segment::Key(key), Some(map)) = (segment, node.as_mapping()) else {
                return located;
            };
            let allowed: Vec<&str> = map.keys().map(String::as_str).collect();
            let hint = yaml_spans::suggestion(key, &allowed);
            return Located { hint, ..located };
        };
        (node, way) = (found, next);
    }
    Located::new(error, node.span, way)
}

#[cfg(test)]
mod tests {
    use super::*;
    use yaml_spans::source::Source;

    fn pinned(text: &str, path: &str) -> Result<Pin, String> {
        let mut sources = Sources::new();
        let id = sources.add(Source::written("values/a.yaml", text));
        pin(&sources, id, &path.parse().unwrap(), &Digest::of(b"")).map_err(|errors| {
            errors.iter().map(|e| e.error.to_string()).collect::<Vec<_>>().join("\n")
        })
    }

    const EMPTY: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn the_digest_is_put_in_or_replaced_and_all_else_stays() {
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
    fn a_place_that_is_not_there_is_not_made() {
        let text = "gate:\n  image: {tag: a}\n  list: [a]\n";
        for (path, why) in [
            ("gaet.image.digest", "there is no map `gaet.image`"),
            ("gate.image.tag.digest", "there is no map `gate.image.tag`"),
            ("gate.list[0]", "there is no map `gate.list`"),
        ] {
            let error = pinned(text, path).unwrap_err();
            assert!(error.contains(why), "{path}: {error}");
        }
        assert!(pinned("a: 1\n---\nb: 1\n", "digest").unwrap_err().contains("2 documents"));
        assert!(pinned("a: [\n", "a.digest").is_err());
    }
}
