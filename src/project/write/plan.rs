//! The planned content of `rendered/`: folders of files, each path claimed once.

use std::collections::{BTreeMap, HashMap};

use super::error::Error;

/// The most bytes that one file may have. Kubernetes accepts no object of a tenth of this size; a larger
/// file on the disk can't be from this program and is not read.
pub(super) const MAX_FILE_BYTES: u64 = 16 << 20;

/// The planned content of `rendered/`.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    folders: BTreeMap<String, BTreeMap<String, Vec<u8>>>,
    /// Every path in lower case, with its claim: many file systems are case-insensitive.
    claims: HashMap<String, Claim>,
}

#[derive(Debug, Clone)]
struct Claim {
    path: String,
    claimant: String,
}

impl Plan {
    /// An empty plan.
    pub fn new() -> Self {
        Self::default()
    }

    /// Plans a file: its whole contents, and the claimant, for messages: the values file that it is
    /// rendered from, as the user knows it.
    ///
    /// # Errors
    /// The name is not a portable file name, the contents exceed 16 MiB, or the path is planned
    /// already, even with the same contents: files that stacks share are merged before.
    pub fn add(
        &mut self,
        folder: &str,
        file: &str,
        contents: impl Into<Vec<u8>>,
        claimant: &str,
    ) -> Result<(), Error> {
        let contents = contents.into();
        let claimant = claimant.to_owned();
        if let Some(name) = [folder, file].into_iter().find(|name| !is_portable_name(name)) {
            return Err(Error::Name { name: name.to_owned(), claimant });
        }
        let path = format!("{folder}/{file}");
        if contents.len() as u64 > MAX_FILE_BYTES {
            return Err(Error::TooLarge { path, claimant });
        }
        self.claim(folder.to_owned(), &claimant, Sharing::Allowed)?;
        self.claim(path, &claimant, Sharing::Refused)?;
        self.folders.entry(folder.to_owned()).or_default().insert(file.to_owned(), contents);
        Ok(())
    }

    fn claim(&mut self, path: String, claimant: &str, sharing: Sharing) -> Result<(), Error> {
        let key = path.to_lowercase();
        let Some(first) = self.claims.get(&key) else {
            self.claims.insert(key, Claim { path, claimant: claimant.to_owned() });
            return Ok(());
        };
        let (first, second) = (first.clone(), claimant.to_owned());
        if first.path != path {
            let claimants = [first.claimant, second];
            return Err(Error::OnlyCase { paths: [first.path, path], claimants });
        }
        match sharing {
            Sharing::Allowed => Ok(()),
            Sharing::Refused => Err(Error::Twice { path, claimants: [first.claimant, second] }),
        }
    }

    /// The folders, by name.
    pub fn folders(&self) -> impl Iterator<Item = &str> {
        self.folders.keys().map(String::as_str)
    }

    /// The files of a folder with their bytes, by name; empty for a folder that is not planned.
    pub fn files(&self, folder: &str) -> impl Iterator<Item = (&str, &[u8])> {
        let files = self.folders.get(folder).into_iter().flatten();
        files.map(|(name, contents)| (name.as_str(), contents.as_slice()))
    }

    /// The bytes of every file, by its path below `rendered/`.
    pub fn paths(&self) -> BTreeMap<String, &[u8]> {
        let all = self
            .folders()
            .flat_map(|folder| self.files(folder).map(move |(name, bytes)| (folder, name, bytes)));
        all.map(|(folder, name, bytes)| (format!("{folder}/{name}"), bytes)).collect()
    }

    /// Returns true if no file is planned.
    pub fn is_empty(&self) -> bool {
        self.folders.is_empty()
    }
}

#[derive(Clone, Copy)]
enum Sharing {
    Allowed,
    Refused,
}

/// Returns true for a name that a file or folder can have on every system: without a separator, without
/// a leading dot (which is reserved for `.provenance`), without anything that breaks a line of
/// `.provenance`.
pub(super) fn is_portable_name(name: &str) -> bool {
    let fits = (1..=255).contains(&name.len()) && !name.starts_with('.');
    fits && !name.chars().any(|c| matches!(c, '/' | '\\') || c.is_control())
}
