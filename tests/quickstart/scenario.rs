//! The commands of docs/quickstart.md with what they need: a registry on loopback, a bare Git remote, and the
//! gate's program beside the folder.

use std::fs;
use std::path::PathBuf;

use crate::common::git::{git, isolate_git};
use crate::common::guide::{self, Ran};
use crate::common::write_program;
use crate::registry::{Options, RealRegistry};
use crate::test_env::{TestEnv, program};

const DOCUMENT: &str = "docs/quickstart.md";

/// The registry and the remote of the page.
const REGISTRY: &str = "git.example/me/";
const REMOTE: &str = "https://git.example/me/tenants.git";
/// The remote that the controller is given: nothing here connects to it, and lint reports `git.example`.
pub const CONTROLLERS_REMOTE: &str = "https://git.home.arpa/me/tenants.git";

/// A folder with everything that the page takes for granted.
pub struct Scenario {
    env: TestEnv,
    registry: RealRegistry,
}

impl Scenario {
    /// Prepares it; none if the registry's programs are missing.
    pub fn prepare() -> Option<Self> {
        let registry = RealRegistry::start(&Options::default())?;
        let env = TestEnv::new();
        let folder = env.path("");
        git(&folder, &["init", "--quiet", "--bare", "remote.git"]);
        // The server's own image, which somebody pushed before.
        env.image();
        let server = format!("{}/me/whisper:1.0.0", registry.address);
        let pushed = env.run(&["image", "push", "--plain-http", "--from", "image", &server]);
        assert_eq!(pushed.code, 0, "{}", pushed.stderr);
        env.write("vram-gate", program(100));
        let programs = env.path("programs");
        fs::create_dir(&programs).unwrap();
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_tts-render"), programs.join("tts-render"))
            .unwrap();
        Some(Scenario { env, registry })
    }

    /// A path beside the repository's folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.env.path(name)
    }

    /// Puts a program first on the PATH.
    pub fn add_program(&self, name: &str, script: &str) {
        write_program(&self.env.path("programs").join(name), script);
    }

    /// The page's commands, with the addresses of this scenario and without TLS.
    pub fn commands(&self) -> Vec<String> {
        let commands = guide::commands(DOCUMENT);
        assert!(commands.len() > 25, "{commands:#?}");
        commands.iter().map(|command| self.localize(command)).collect()
    }

    fn localize(&self, command: &str) -> String {
        if command.starts_with("git remote add ") {
            let remote = self.env.path("remote.git").display().to_string();
            assert!(command.contains(REMOTE), "{command}");
            return command.replace(REMOTE, &remote);
        }
        let registry = format!("{}/me/", self.registry.address);
        let parts: Vec<String> =
            command.split(REMOTE).map(|part| part.replace(REGISTRY, &registry)).collect();
        let command = parts
            .join(CONTROLLERS_REMOTE)
            .replace(",git.example/me,", &format!(",{registry},").replace("/,", ","));
        ["image push ", "image pin "]
            .iter()
            .fold(command, |command, verb| command.replace(verb, &format!("{verb}--plain-http ")))
    }

    /// Runs commands of the page.
    pub fn run(&self, commands: &[String], variables: &[(&str, &str)]) -> Vec<Ran> {
        guide::run_all(commands, &self.env.path(""), &self.env.path("programs"), |shell| {
            isolate_git(shell).env("HOME", self.env.path("")).env("TOKEN", "t0k3n");
            shell.env_remove("DOCKER_CONFIG").env("NO_COLOR", "1");
            for proxy in ["http_proxy", "https_proxy", "all_proxy"] {
                shell.env_remove(proxy).env_remove(proxy.to_uppercase());
            }
            shell.envs(variables.iter().copied());
        })
    }

    /// The registry's address: `127.0.0.1:5000`.
    pub fn registry_address(&self) -> &str {
        &self.registry.address
    }
}
