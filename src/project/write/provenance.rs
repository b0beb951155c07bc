//! `.provenance`: what we wrote into a folder, so that only that is ever replaced or removed.
//!
//! The first line is `# tts-render VERSION`, then `SHA256  NAME` a file, sorted by name, which is the
//! form that `sha256sum -c` reads. While a folder is being changed a name has two lines, the old
//! bytes' and the new ones'.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use sha2::{Digest, Sha256};

use super::plan::is_plain;

/// The file's name in every folder of ours.
pub(super) const FILE: &str = ".provenance";

const TOOL: &str = "# tts-render ";
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The lines that a merge in conflict leaves, by their start.
const CONFLICT: [&str; 4] = ["<<<<<<<", "|||||||", "=======", ">>>>>>>"];

/// The SHA-256 of a file's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Hash([u8; 32]);

impl Hash {
    pub(super) fn of(bytes: &[u8]) -> Self {
        Hash(Sha256::digest(bytes).into())
    }

    fn read(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        let mut hash = [0; 32];
        if digits.len() != 64 {
            return None;
        }
        for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
            let digit = |at: usize| char::from(pair[at]).to_digit(16);
            *byte = (digit(0)? * 16 + digit(1)?) as u8;
        }
        Some(Hash(hash))
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// What we wrote: each name with the hashes of the bytes that it may have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Provenance(BTreeMap<String, BTreeSet<Hash>>);

impl Provenance {
    /// Reads a file; none if it is not of our making. Of one in conflict both sides count. A line
    /// that makes no sense claims nothing.
    pub(super) fn read(text: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(text);
        let ours = text.is_empty() || text.lines().any(|line| line.starts_with(TOOL));
        let mut provenance = Provenance::default();
        for line in text.lines() {
            let is_mark = CONFLICT.iter().any(|mark| line.starts_with(mark));
            let entry = line.split_once("  ").filter(|_| !is_mark);
            if let Some((hash, name)) = entry
                && let Some(hash) = Hash::read(hash)
                && is_plain(name)
            {
                provenance.add(name, hash);
            }
        }
        ours.then_some(provenance)
    }

    pub(super) fn add(&mut self, name: &str, hash: Hash) {
        self.0.entry(name.to_owned()).or_default().insert(hash);
    }

    /// Takes in what another one has under a name.
    pub(super) fn keep(&mut self, other: &Provenance, name: &str) {
        other.0.get(name).into_iter().flatten().for_each(|&hash| self.add(name, hash));
    }

    /// The names that we wrote.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Whether we wrote a file of that name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Whether we wrote these very bytes under that name.
    pub(super) fn wrote(&self, name: &str, hash: Hash) -> bool {
        self.0.get(name).is_some_and(|hashes| hashes.contains(&hash))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The file's text.
    pub(super) fn text(&self) -> String {
        let files = self.0.iter().flat_map(|(name, hashes)| hashes.iter().map(move |h| (name, h)));
        let lines = files.map(|(name, hash)| format!("{hash}  {name}\n"));
        std::iter::once(format!("{TOOL}{VERSION}\n")).chain(lines).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let mut provenance = Provenance::default();
        provenance.add("b.yaml", Hash::of(b"two"));
        provenance.add("a  b.yaml", Hash::of(b"one"));
        provenance.add("b.yaml", Hash::of(b"old"));
        let text = provenance.text();
        assert_eq!(Provenance::read(text.as_bytes()), Some(provenance));
        assert_eq!(text.lines().next(), Some(concat!("# tts-render ", env!("CARGO_PKG_VERSION"))));
        // RFC 6234's digest of nothing.
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Hash::of(b"").to_string(), empty);
        assert_eq!(Hash::read(&empty.to_uppercase()), Some(Hash::of(b"")));
    }

    #[test]
    fn a_conflict_is_read_as_both_sides() {
        let [base, ours, theirs, same] =
            ["base", "ours", "theirs", "same"].map(|b| Hash::of(b.as_bytes()));
        let text = format!(
            "<<<<<<< HEAD\r\n# tts-render 0.2.0\r\n||||||| 1234567\r\n# tts-render 0.1.0\n=======\n\
             # tts-render 0.3.0\n>>>>>>> other\n{same}  a.yaml\n<<<<<<< HEAD\n{ours}  b.yaml\n\
             ||||||| 1234567\n{base}  b.yaml\n=======\n{theirs}  b.yaml\n{theirs}  c.yaml\n>>>>>>> other\n"
        );
        let read = Provenance::read(text.as_bytes()).unwrap();
        assert_eq!(read.names().collect::<Vec<_>>(), ["a.yaml", "b.yaml", "c.yaml"]);
        assert!([base, ours, theirs].iter().all(|&hash| read.wrote("b.yaml", hash)));
        assert!(!read.wrote("b.yaml", same));
    }

    #[test]
    fn lines_that_make_no_sense_claim_nothing() {
        let hash = Hash::of(b"x");
        let text = format!(
            "# tts-render 0.1.0\n{hash} one-space.yaml\n{hash}  ../outside.yaml\n{hash}  .hidden\n\
             12ab  short.yaml\n{hash}  \nrubbish\n{hash}  sub/file.yaml\n\u{e4}{}  umlaut.yaml\n",
            &hash.to_string()[2..]
        );
        assert!(Provenance::read(text.as_bytes()).unwrap().is_empty());
        assert_eq!(Provenance::read(format!("{hash}  a.yaml\n").as_bytes()), None);
        assert_eq!(Provenance::read(b""), Some(Provenance::default()));
    }
}
