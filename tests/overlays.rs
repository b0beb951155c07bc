//! The overlays of this repository: each changes what its comment says, and nothing else.
//! `overlays/seed-parity.yaml` is tested in `departures.rs`.

#![cfg(test)]

mod common;

use common::tool::generate;

/// The rendered lines that an overlay removes, and those that it adds.
fn changed_lines(overlay: &str) -> (Vec<String>, Vec<String>) {
    let [before, after] = [&[][..], &["-f", overlay]].map(trimmed_lines);
    (lines_only_in(&before, &after), lines_only_in(&after, &before))
}

fn trimmed_lines(arguments: &[&str]) -> Vec<String> {
    generate(arguments).lines().map(|line| line.trim().to_owned()).collect()
}

fn lines_only_in(lines: &[String], other: &[String]) -> Vec<String> {
    lines.iter().filter(|line| !other.contains(line)).cloned().collect()
}

#[test]
fn english_runs_the_lighter_model_and_rolls_the_pods() {
    let (removed, added) = changed_lines("overlays/english.yaml");
    assert_eq!(removed[0], "repo_id: chatterbox-multilingual");
    assert_eq!(added[0], "repo_id: chatterbox");
    assert!(
        removed[1].starts_with("checksum/config: ") && added[1].starts_with("checksum/config: ")
    );
    assert_eq!((removed.len(), added.len()), (2, 2));
}

#[test]
fn alerts_add_one_object() {
    let (removed, added) = changed_lines("overlays/alerts.yaml");
    assert_eq!(removed, Vec::<String>::new());
    assert!(added.contains(&"kind: PrometheusRule".to_owned()));
    assert_eq!(added.iter().filter(|line| line.starts_with("kind: ")).count(), 1);
}

#[test]
fn the_dashboard_adds_one_object() {
    let (removed, added) = changed_lines("overlays/dashboard.yaml");
    assert_eq!(removed, Vec::<String>::new());
    let named = added.iter().filter(|line| line.starts_with("name: "));
    assert_eq!(named.collect::<Vec<_>>(), ["name: chatterbox-tts-dashboard"]);
}

#[test]
fn watch_changes_the_job_of_up_and_the_guards_schedule() {
    let objects = |arguments: &[&str]| common::tool::objects(&generate(arguments));
    let (before, after) = (objects(&["tts"]), objects(&["tts", "-f", "overlays/watch.yaml"]));
    let changed: Vec<&str> = before
        .iter()
        .zip(&after)
        .filter(|(before, after)| before != after)
        .map(|(_, after)| after["metadata"]["name"].as_str().unwrap())
        .collect();
    assert_eq!(changed, ["chatterbox-vram-guard", "chatterbox-window-up"]);
    let watch = after.iter().find(|one| one["metadata"]["name"] == "chatterbox-window-up").unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(&watch["spec"]).unwrap());
}

/// The window is an hour shorter in the night in which the clocks go forward inside it.
#[test]
fn a_watch_ends_by_the_shortest_window_in_two_years() {
    let variables = |zone: &str| {
        let zone = format!("offPeak.timeZone={zone}");
        let sets =
            ["tts", "-f", "overlays/watch.yaml", "--set", &zone, "--set", "offPeak.up=0 1 * * *"];
        let all = common::tool::objects(&generate(&sets));
        let watch = all.into_iter().find(|one| one["metadata"]["name"] == "chatterbox-window-up");
        let spec = watch.unwrap()["spec"].clone();
        let pod = &spec["jobTemplate"]["spec"]["template"]["spec"];
        let env = pod["containers"][0]["env"].as_array().unwrap();
        let window = env.iter().find(|one| one["name"] == "WINDOW").unwrap()["value"].clone();
        let longest = spec["jobTemplate"]["spec"]["activeDeadlineSeconds"].clone();
        (window, longest, spec["startingDeadlineSeconds"].clone())
    };
    // In Berlin the clocks change at 02:00 and 03:00, between 01:00 and 06:00.
    assert_eq!(variables("Europe/Berlin"), ("14400s".into(), 22200.into(), 13500.into()));
    assert_eq!(variables("Etc/UTC"), ("18000s".into(), 18600.into(), 17100.into()));
}

#[test]
fn the_wiring_decides_nothing_that_is_rendered() {
    assert_eq!(changed_lines("overlays/gitops.yaml"), (Vec::new(), Vec::new()));
}

/// The directory is the only field that changes beside the volume's: the Pods' files are the same.
#[test]
fn a_sub_path_mounts_a_directory_of_the_export() {
    let (removed, added) = changed_lines("overlays/subpath.yaml");
    assert_eq!(removed, ["share: /srv/nfs-ssd/chatterbox"]);
    assert_eq!(added, ["share: /srv/nfs-ssd", "subPath: chatterbox"]);
}

#[test]
fn a_second_registry_has_its_own_secret_and_keel_leaves_its_image_alone() {
    let (removed, added) = changed_lines("overlays/registry.yaml");
    assert_eq!(removed, ["image: forgejo.viktorbarzin.me/viktor/chatterbox-tts:latest"]);
    assert!(added.contains(&"- name: chatterbox-registry".to_owned()), "{added:?}");
    assert!(added.contains(&"keel.sh/policy: never".to_owned()), "{added:?}");
}

/// The script is run as the container would, with folders in place of the image's and the volume's.
#[test]
fn voice_names_copies_each_voice_once_without_its_extension() {
    let all = common::tool::objects(&generate(&["tts", "-f", "overlays/voice-names.yaml"]));
    let deployment = all.iter().find(|one| one["kind"] == "Deployment").unwrap();
    let container = &deployment["spec"]["template"]["spec"]["initContainers"][0];
    assert_eq!(container["command"][0], "sh");
    let folder = tempfile::tempdir().unwrap();
    let [image, volume] = ["app", "data"].map(|name| folder.path().join(name));
    let voices = image.join("voices");
    std::fs::create_dir_all(&voices).unwrap();
    std::fs::write(voices.join("Emily.wav"), "Emily").unwrap();
    std::fs::write(voices.join("Two words.wav"), "Two").unwrap();
    let script = container["command"][2]
        .as_str()
        .unwrap()
        .replace("/app/", &format!("{}/", image.display()))
        .replace("/data/", &format!("{}/", volume.display()));
    let copies = volume.join("reference_audio");
    for time in ["first", "again"] {
        let run = std::process::Command::new("sh").args(["-c", &script]).status().unwrap();
        assert!(run.success(), "{time}");
        assert_eq!(std::fs::read_to_string(copies.join("Emily")).unwrap(), "Emily");
        // The user's own recording under that name stays.
        std::fs::write(copies.join("Two words"), "mine").unwrap();
    }
    assert_eq!(std::fs::read_to_string(copies.join("Two words")).unwrap(), "mine");
    assert_eq!(std::fs::read_dir(&copies).unwrap().count(), 2);
}
