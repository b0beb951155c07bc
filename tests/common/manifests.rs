//! Every manifest of this repository, for checks that must pass for all of them.

use std::collections::BTreeMap;

use super::tool::{Sandbox, generate, repository};

/// One object a file, by name: `rendered/`, the result of each overlay, an exception instead of the
/// policy's edit, and a second stack.
pub fn everything() -> BTreeMap<String, String> {
    let mut all = rendered();
    assert!(all.len() >= 14, "{:?}", all.keys());
    let mut generated = vec![
        ("exception".to_owned(), generate(&["tts", "--set", "kyverno.mode=exception"])),
        ("second".to_owned(), Sandbox::demo().ok(&["generate", "demo"]).stdout),
    ];
    for overlay in std::fs::read_dir(repository().join("overlays")).expect("overlays/") {
        let path = overlay.expect("an entry").path().display().to_string();
        let name = path.rsplit('/').next().expect("a name").to_owned();
        generated.push((name, generate(&["-f", &path])));
    }
    assert!(generated.len() >= 5, "three overlays");
    for (name, text) in generated {
        let documents = text.split("---\n").filter(|document| !document.trim().is_empty());
        for (number, document) in documents.enumerate() {
            all.insert(format!("{name}/{number}.yaml"), document.to_owned());
        }
    }
    all
}

fn rendered() -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let root = repository().join("rendered");
    for folder in std::fs::read_dir(&root).expect("rendered/") {
        for file in std::fs::read_dir(folder.expect("an entry").path()).expect("a folder") {
            let path = file.expect("an entry").path();
            if path.extension().is_some_and(|ending| ending == "yaml") {
                let name = path.strip_prefix(repository()).expect("within").display().to_string();
                found.insert(name, std::fs::read_to_string(&path).expect("a manifest"));
            }
        }
    }
    found
}

/// Writes manifests into a folder.
pub fn written(manifests: &BTreeMap<String, String>) -> Sandbox {
    let sandbox = Sandbox::empty();
    for (name, text) in manifests {
        sandbox.write(name, text);
    }
    sandbox
}

/// The oldest and the newest supported version of Kubernetes, from the README.
pub fn served() -> [String; 2] {
    let readme = std::fs::read_to_string(repository().join("README.md")).expect("README.md");
    let readme = readme.split_whitespace().collect::<Vec<_>>().join(" ");
    let (_, after) = readme.split_once("Kubernetes 1.").expect("the README names versions");
    let (oldest, after) = after.split_once(" and 1.").expect("and the newest");
    let newest: String = after.chars().take_while(char::is_ascii_digit).collect();
    let number = |text: &str| text.parse::<u32>().expect("a minor version");
    assert!(number(oldest) < number(&newest));
    [oldest.to_owned(), newest].map(|minor| format!("1.{minor}"))
}
