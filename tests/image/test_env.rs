//! A folder to work in, a program to put into an image, and the command.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::tool::{CommandOutput, Sandbox};

/// A folder in which `tts-render image` runs.
pub struct TestEnv {
    sandbox: Sandbox,
}

impl TestEnv {
    pub fn new() -> Self {
        TestEnv { sandbox: Sandbox::empty() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.sandbox.path(name)
    }

    pub fn write(&self, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        self.sandbox.write(name, contents)
    }

    /// The command in this folder, without the developer's own logins and proxies.
    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tts-render"));
        command.current_dir(self.path("")).env("HOME", self.path(""));
        let foreign = ["DOCKER_CONFIG", "SOURCE_DATE_EPOCH", "SSL_CERT_FILE", "SSL_CERT_DIR"];
        let proxies = ["http_proxy", "https_proxy", "all_proxy", "no_proxy"];
        for name in foreign.into_iter().chain(proxies) {
            command.env_remove(name).env_remove(name.to_uppercase());
        }
        command
    }

    pub fn run(&self, arguments: &[&str]) -> CommandOutput {
        CommandOutput::run(self.command().args(arguments))
    }

    /// Builds an image of a program that exits, in the folder `image`, tagged `1.0`; returns its digest.
    pub fn image(&self) -> String {
        self.image_of(&program(0))
    }

    pub fn image_of(&self, program: &[u8]) -> String {
        self.write("program", program);
        let build = ["image", "build", "--binary", "program", "--out", "image", "--tag", "1.0"];
        self.run(&build).result().to_owned()
    }
}

/// A static program for amd64 that exits with 0, padded with bytes that do not compress.
pub fn program(padding: usize) -> Vec<u8> {
    // mov eax, 60; xor edi, edi; syscall
    let code = [0xb8, 60, 0, 0, 0, 0x31, 0xff, 0x0f, 0x05];
    let base = 0x40_0000u64;
    let mut out = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    // ET_EXEC, EM_X86_64
    out.extend([2, 0, 62, 0, 1, 0, 0, 0]);
    for word in [base + 120, 64, 0] {
        out.extend(u64::to_le_bytes(word));
    }
    out.extend([0, 0, 0, 0, 64, 0, 56, 0, 1, 0, 64, 0, 0, 0, 0, 0]);
    // PT_LOAD, readable and executable
    out.extend([1, 0, 0, 0, 5, 0, 0, 0]);
    let size = 120 + code.len() as u64;
    for word in [0, base, base, size, size, 0x1000] {
        out.extend(u64::to_le_bytes(word));
    }
    out.extend(code);
    let mut state = 1u64;
    out.extend((0..padding).map(|_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56) as u8
    }));
    out
}

/// Every file below a folder, with its bytes.
pub fn tree(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(at) = folders.pop() {
        for entry in fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_owned();
                files.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    files
}
