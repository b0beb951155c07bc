//! Programs of other projects, which tests/e2e/run builds and puts on the PATH.

use std::path::PathBuf;

/// The path of a program on the PATH. A missing program fails the test.
#[track_caller]
pub fn program(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
        .unwrap_or_else(|| panic!("`{name}` is not on the PATH: tests/e2e/run puts it there"))
}
