//! Digests of content.

use std::fmt;

use sha2::{Digest as _, Sha256};

const HEX: [u8; 16] = *b"0123456789abcdef";

/// The sha256 of some bytes, as OCI writes it: `sha256:` and 64 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(String);

impl Digest {
    /// The digest of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let mut text = String::with_capacity("sha256:".len() + 64);
        text.push_str("sha256:");
        for byte in Sha256::digest(bytes) {
            text.extend([byte >> 4, byte & 0xf].map(|half| char::from(HEX[usize::from(half)])));
        }
        Digest(text)
    }

    /// Parses a digest; none for another algorithm or another form.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Digest::from_hex(text.strip_prefix("sha256:")?)
    }

    /// The digest with these digits; none unless they are 64 in lower case.
    pub fn from_hex(hex: &str) -> Option<Self> {
        let is_hex = hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        (hex.len() == 64 && is_hex).then(|| Digest(format!("sha256:{hex}")))
    }

    /// The digits alone, which are the blob's file name in a layout.
    pub fn hex(&self) -> &str {
        &self.0["sha256:".len()..]
    }

    /// The digest with its algorithm.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_sha256_in_lower_case() {
        let empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Digest::of(b"").as_str(), empty);
        assert_eq!(Digest::parse(empty).unwrap().hex(), &empty[7..]);
        for other in [&empty[7..], &empty[..70], &empty.to_uppercase(), "sha512:00", ""] {
            assert!(Digest::parse(other).is_none(), "{other:?}");
        }
    }
}
