//! What `rendered/` should hold: folders of files, each claimed once.

use std::collections::{BTreeMap, HashMap};

use super::error::Error;

/// The most bytes that one file may have. Kubernetes takes no object of a tenth of this; what is
/// larger on the disk can't be ours and is not read.
pub(super) const MOST_BYTES: u64 = 16 << 20;

/// What `rendered/` should hold.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    folders: BTreeMap<String, BTreeMap<String, Vec<u8>>>,
    /// Every path in lower case, as it was claimed and by whom: on many disks upper and lower case
    /// are one.
    claims: HashMap<String, Claim>,
}

#[derive(Debug, Clone)]
struct Claim {
    path: String,
    claimant: String,
}

impl Plan {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Plans a file: its whole contents, and who wants it there (a values file, as the user knows
    /// it), for messages.
    ///
    /// # Errors
    /// A name that is no plain file name, contents over 16 MiB, and a path that is taken already,
    /// whatever it holds: what two stacks share is merged before it is planned.
    pub fn add(
        &mut self,
        folder: &str,
        file: &str,
        contents: impl Into<Vec<u8>>,
        claimant: &str,
    ) -> Result<(), Error> {
        let contents = contents.into();
        let claimant = claimant.to_owned();
        if let Some(name) = [folder, file].into_iter().find(|name| !is_plain(name)) {
            return Err(Error::Name { name: name.to_owned(), claimant });
        }
        let path = format!("{folder}/{file}");
        if contents.len() as u64 > MOST_BYTES {
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

    /// The files of a folder with their bytes, by name; none of a folder that is not planned.
    pub fn files(&self, folder: &str) -> impl Iterator<Item = (&str, &[u8])> {
        let files = self.folders.get(folder).into_iter().flatten();
        files.map(|(name, contents)| (name.as_str(), contents.as_slice()))
    }

    /// Whether nothing is planned.
    pub fn is_empty(&self) -> bool {
        self.folders.is_empty()
    }
}

#[derive(Clone, Copy)]
enum Sharing {
    Allowed,
    Refused,
}

/// Whether a name is a file's or folder's own, on every system: no separator, nothing that hides it
/// (which is ours: `.provenance`), nothing that breaks a line of `.provenance`.
pub(super) fn is_plain(name: &str) -> bool {
    let fits = (1..=255).contains(&name.len()) && !name.starts_with('.');
    fits && !name.chars().any(|c| matches!(c, '/' | '\\') || c.is_control())
}
