//! `.provenance`: the files that this program wrote into a folder; only those are ever replaced or
//! removed.
//!
//! The first line is `# tts-render VERSION`, then `SHA256  NAME` a file, sorted by name, which is the
//! form that `sha256sum -c` reads; a file with the line ends of Windows counts with those of Unix. While a folder is being changed a name has two lines, one for the old
//! bytes and one for the new ones.

use std::collections::{BTreeMap, BTreeSet};

use oci_scratch::Digest;

use super::plan::is_portable_name;

/// The file's name.
pub(super) const FILE: &str = ".provenance";

const TOOL: &str = "# tts-render ";
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The starts of the lines that a merge conflict leaves.
const CONFLICT: [&str; 4] = ["<<<<<<<", "|||||||", "=======", ">>>>>>>"];

/// The recorded files: each name with the hashes of the bytes that it may have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Provenance(BTreeMap<String, BTreeSet<Digest>>);

impl Provenance {
    /// Parses a `.provenance`; returns `None` if this program did not write it. In a merge conflict both
    /// sides count. A malformed line is ignored.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(text);
        let is_recognized = text.is_empty() || text.lines().any(|line| line.starts_with(TOOL));
        let mut provenance = Provenance::default();
        for line in text.lines() {
            let is_mark = CONFLICT.iter().any(|mark| line.starts_with(mark));
            let entry = line.split_once("  ").filter(|_| !is_mark);
            if let Some((hash, name)) = entry
                && let Some(hash) = Digest::from_hex(&hash.to_ascii_lowercase())
                && is_portable_name(name)
            {
                provenance.add(name, hash);
            }
        }
        is_recognized.then_some(provenance)
    }

    pub(super) fn add(&mut self, name: &str, hash: Digest) {
        self.0.entry(name.to_owned()).or_default().insert(hash);
    }

    /// Adds the hashes that another one has for a name.
    pub(super) fn keep(&mut self, other: &Provenance, name: &str) {
        other.0.get(name).into_iter().flatten().for_each(|hash| self.add(name, hash.clone()));
    }

    /// The recorded names.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Returns true if a name is recorded.
    pub(super) fn has_name(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Returns true if a name is recorded with these bytes.
    pub(super) fn has(&self, name: &str, hash: &Digest) -> bool {
        self.0.get(name).is_some_and(|hashes| hashes.contains(hash))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The file's text.
    pub(super) fn to_text(&self) -> String {
        let files = self.0.iter().flat_map(|(name, hashes)| hashes.iter().map(move |h| (name, h)));
        let lines = files.map(|(name, hash)| format!("{}  {name}\n", hash.hex()));
        std::iter::once(format!("{TOOL}{VERSION}\n")).chain(lines).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_parsed_back() {
        let mut provenance = Provenance::default();
        provenance.add("b.yaml", Digest::of(b"two"));
        provenance.add("a  b.yaml", Digest::of(b"one"));
        provenance.add("b.yaml", Digest::of(b"old"));
        let text = provenance.to_text();
        assert_eq!(Provenance::parse(text.as_bytes()), Some(provenance));
        assert_eq!(text.lines().next(), Some(concat!("# tts-render ", env!("CARGO_PKG_VERSION"))));
        // RFC 6234's digest of nothing.
        let upper = "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855";
        let text = format!("{TOOL}0.1.0\n{upper}  empty.yaml\n");
        let provenance = Provenance::parse(text.as_bytes()).unwrap();
        assert!(provenance.has("empty.yaml", &Digest::of(b"")));
    }

    #[test]
    fn a_merge_conflict_counts_as_both_sides() {
        let [base, head, other, same] =
            ["base", "head", "other", "same"].map(|b| Digest::of(b.as_bytes()));
        let [base_hex, head_hex, other_hex, same_hex] =
            [&base, &head, &other, &same].map(|digest| digest.hex());
        let text = format!(
            "<<<<<<< HEAD\r\n# tts-render 0.2.0\r\n||||||| 1234567\r\n# tts-render 0.1.0\n=======\n\
             # tts-render 0.3.0\n>>>>>>> other\n{same_hex}  a.yaml\n<<<<<<< HEAD\n{head_hex}  b.yaml\n\
             ||||||| 1234567\n{base_hex}  b.yaml\n=======\n{other_hex}  b.yaml\n{other_hex}  c.yaml\n>>>>>>> other\n"
        );
        let read = Provenance::parse(text.as_bytes()).unwrap();
        assert_eq!(read.names().collect::<Vec<_>>(), ["a.yaml", "b.yaml", "c.yaml"]);
        assert!([&base, &head, &other].iter().all(|hash| read.has("b.yaml", hash)));
        assert!(!read.has("b.yaml", &same));
    }

    #[test]
    fn malformed_lines_are_ignored() {
        let digest = Digest::of(b"x");
        let hash = digest.hex();
        let text = format!(
            "# tts-render 0.1.0\n{hash} one-space.yaml\n{hash}  ../outside.yaml\n{hash}  .hidden\n\
             12ab  short.yaml\n{hash}  \nrubbish\n{hash}  sub/file.yaml\n\u{e4}{}  umlaut.yaml\n",
            &hash[2..]
        );
        assert!(Provenance::parse(text.as_bytes()).unwrap().is_empty());
        assert_eq!(Provenance::parse(format!("{hash}  a.yaml\n").as_bytes()), None);
        assert_eq!(Provenance::parse(b""), Some(Provenance::default()));
    }
}
