//! What names an image in a registry, as Docker's users write it: `registry/repository:tag`.

use std::fmt;
use std::str::FromStr;

use crate::Digest;

/// An image, or where one shall go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    inner: oci_client::Reference,
    has_tag: bool,
}

/// Why a text names no image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no image reference ({why}); write `registry.example/repository:tag`")]
pub struct ReferenceError {
    text: String,
    why: String,
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let wrong = |why: String| ReferenceError { text: text.to_owned(), why };
        let inner: oci_client::Reference =
            text.parse().map_err(|error: oci_client::ParseError| wrong(error.to_string()))?;
        if let Some(digest) = inner.digest().filter(|digest| Digest::parse(digest).is_none()) {
            return Err(wrong(format!("`{digest}` is no sha256 digest")));
        }
        // The crate puts `latest` where no tag is; here that is not the same.
        let name = text.split('@').next().unwrap_or_default();
        let has_tag = name.rsplit('/').next().is_some_and(|last| last.contains(':'));
        Ok(Reference { inner, has_tag })
    }
}

impl Reference {
    /// The host, with its port if it has one.
    pub fn registry(&self) -> &str {
        self.inner.registry()
    }

    /// The path in the registry.
    pub fn repository(&self) -> &str {
        self.inner.repository()
    }

    /// The tag, if one was written.
    pub fn tag(&self) -> Option<&str> {
        self.inner.tag().filter(|_| self.has_tag)
    }

    /// The digest, if one was written.
    pub fn digest(&self) -> Option<&str> {
        self.inner.digest()
    }

    /// The same repository with this tag.
    pub fn with_tag(&self, tag: &str) -> Result<Self, ReferenceError> {
        format!("{}:{tag}", self.name()).parse()
    }

    /// `registry/repository`.
    pub fn name(&self) -> String {
        format!("{}/{}", self.registry(), self.repository())
    }

    pub(super) fn inner(&self) -> &oci_client::Reference {
        &self.inner
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())?;
        if let Some(tag) = self.tag() {
            write!(f, ":{tag}")?;
        }
        match self.digest() {
            Some(digest) => write!(f, "@{digest}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_only_what_was_written() {
        let tag = |text: &str| text.parse::<Reference>().unwrap().tag().map(str::to_owned);
        assert_eq!(tag("registry.example:5000/a/b:1.0").as_deref(), Some("1.0"));
        assert_eq!(tag("registry.example:5000/a/b"), None);
        assert_eq!(tag("registry.example/a/b:latest").as_deref(), Some("latest"));
        let plain: Reference = "localhost:5000/gate".parse().unwrap();
        assert_eq!(plain.with_tag("2").unwrap().to_string(), "localhost:5000/gate:2");
        assert!(plain.with_tag("a b").is_err());
    }

    #[test]
    fn what_names_no_image_is_refused() {
        let sha512 = format!("a/b@sha512:{}", "0".repeat(128));
        for text in ["", "a/B:1", "https://a/b", "a b", "a/b@sha256:00", &*sha512, "a/b:"] {
            assert!(text.parse::<Reference>().is_err(), "{text:?}");
        }
    }
}
