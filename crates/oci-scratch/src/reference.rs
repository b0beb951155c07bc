//! References to images in a registry, as Docker's users write them: `registry/repository:tag`.

use std::fmt;
use std::str::FromStr;

use crate::{Digest, ImageError};

/// The name of an image in a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    inner: oci_client::Reference,
    has_tag: bool,
}

impl FromStr for Reference {
    type Err = ImageError;

    fn from_str(text: &str) -> Result<Self, ImageError> {
        let message =
            format!("invalid image reference `{text}`: expected `registry.example/repository:tag`");
        let inner: oci_client::Reference = match text.parse::<oci_client::Reference>() {
            Ok(inner) => inner,
            Err(error) => return Err(ImageError::caused(message, error)),
        };
        if inner.digest().is_some_and(|digest| Digest::parse(digest).is_none()) {
            return Err(ImageError::new(message + " or a sha256 digest"));
        }
        // The crate fills in `latest` for a missing tag; here the two differ.
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
    pub(crate) fn repository(&self) -> &str {
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
    pub fn with_tag(&self, tag: &str) -> Result<Self, ImageError> {
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
    fn a_missing_tag_is_not_filled_in() {
        for (text, tag) in [
            ("registry.example:5000/a/b:1.0", Some("1.0")),
            ("registry.example:5000/a/b", None),
            ("registry.example/a/b:latest", Some("latest")),
        ] {
            assert_eq!(text.parse::<Reference>().unwrap().tag(), tag, "{text}");
        }
        let plain: Reference = "localhost:5000/gate".parse().unwrap();
        assert_eq!(plain.with_tag("2").unwrap().to_string(), "localhost:5000/gate:2");
        assert!(plain.with_tag("a b").is_err());
    }

    #[test]
    fn invalid_references_are_refused() {
        let sha512 = format!("a/b@sha512:{}", "0".repeat(128));
        for text in ["", "a/B:1", "https://a/b", "a b", "a/b@sha256:00", &*sha512, "a/b:"] {
            assert!(text.parse::<Reference>().is_err(), "{text:?}");
        }
    }
}
