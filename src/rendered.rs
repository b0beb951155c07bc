//! stub
#![allow(missing_docs, clippy::all)]
use std::collections::*;
use std::path::Path;
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Error(pub String);
pub struct Plan {
    pub f: Vec<(String, String, String)>,
}
pub enum Scope {
    All,
    Folders(BTreeSet<String>),
}
impl Plan {
    pub fn new() -> Self {
        Plan { f: vec![] }
    }
    pub fn add(&mut self, a: &str, b: &str, c: &str, _: &str) -> Result<(), Error> {
        self.f.push((a.into(), b.into(), c.into()));
        Ok(())
    }
}
pub fn compare(_: &Path, _: &Plan, _: &Scope) -> Result<Vec<String>, Error> {
    Ok(vec![])
}
pub fn write(out: &Path, p: &Plan, _: &Scope, _: bool) -> Result<String, Error> {
    for (a, b, c) in &p.f {
        std::fs::create_dir_all(out.join(a)).unwrap();
        std::fs::write(out.join(a).join(b), c).unwrap();
    }
    Ok(format!("{} files", p.f.len()))
}
