//! The overlays of this repository: each changes what its comment says, and nothing else.
//! `overlays/seed-parity.yaml` is tested in `departures.rs`.

#![cfg(test)]

mod common;

use common::tool::generate;
use kube_validate::schedule::{Schedule, zone};

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

/// Until the first guard of a night, `GuardNotRunning` takes the last one of the night before.
#[test]
fn the_guard_beside_a_watch_runs_when_the_window_opens() {
    for overlay in ["overlays/watch.yaml", "overlays/demand.yaml"] {
        let all = common::tool::objects(&generate(&["tts", "-f", overlay]));
        let first_run = |name: &str| {
            let job = all.iter().find(|one| one["metadata"]["name"] == name).unwrap();
            let schedule: Schedule = job["spec"]["schedule"].as_str().unwrap().parse().unwrap();
            let zone = zone(job["spec"]["timeZone"].as_str().unwrap()).unwrap();
            schedule.next_after("2026-01-13T00:30:00Z".parse().unwrap(), &zone)
        };
        assert_eq!(first_run("chatterbox-vram-guard"), first_run("chatterbox-window-up"));
    }
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

/// The job of demand differs from the watch by night in its name, its times, and the demand.
#[test]
fn demand_adds_a_job_of_its_own() {
    let objects = |arguments: &[&str]| common::tool::objects(&generate(arguments));
    let all = objects(&["tts", "-f", "overlays/demand.yaml"]);
    let job = |name: &str| all.iter().find(|one| one["metadata"]["name"] == name).unwrap();
    let (watch, demand) = (job("chatterbox-window-up"), job("chatterbox-tts-demand"));
    let lines = |object: &serde_json::Value| {
        let text = serde_json::to_string_pretty(&object["spec"]).unwrap();
        text.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let (watch, demand) = (lines(watch), lines(demand));
    let added: Vec<&str> =
        demand.iter().filter(|line| !watch.contains(line)).map(|line| line.trim()).collect();
    insta::assert_snapshot!(added.join("\n"));
    // Nobody gets other permissions.
    let before = objects(&["tts", "-f", "overlays/watch.yaml"]);
    let role = |all: &[serde_json::Value]| all.iter().find(|one| one["kind"] == "Role").cloned();
    assert_eq!(role(&before), role(&all));
}

#[test]
fn window_next_lists_the_hours_of_demand() {
    let next = |format: &str| {
        let from = "2026-11-25T00:00:00Z";
        let arguments =
            ["window", "next", "tts", "-f", "overlays/demand.yaml", "--from", from, "--for", "1d"];
        let all = [&arguments[..], &["--format", format]].concat();
        common::tool::run_in(common::tool::repository(), &all).stdout
    };
    let lines: Vec<String> = next("text").lines().skip(1).map(str::to_owned).collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].starts_with("  Wed 25 Nov 2026 02:00 → 06:00  4 h "), "{lines:?}");
    assert!(lines[1].starts_with("  Wed 25 Nov 2026 08:00 → 22:00  14 h "), "{lines:?}");
    assert!(lines[1].ends_with(", by demand"), "{lines:?}");
    let json: serde_json::Value = serde_json::from_str(&next("json")).unwrap();
    assert_eq!(json["windows"].as_array().unwrap().len(), 1);
    assert_eq!(json["demandHours"][0]["start"], "2026-11-25T08:00:00Z");
    assert_eq!(json["demandHours"][0]["guardRuns"], 28);
    assert_eq!(next("ics").matches("SUMMARY:tts: hours of demand").count(), 1);
}

#[test]
fn status_does_not_take_a_server_that_runs_by_demand_for_one_outside_its_window() {
    let arguments = ["tts", "-f", "overlays/demand.yaml"];
    let mut live = common::tool::objects(&generate(&arguments));
    for object in &mut live {
        if object["kind"] == "Deployment" {
            object["spec"]["replicas"] = 1.into();
        }
    }
    let sandbox = common::tool::Sandbox::empty();
    let list = serde_json::json!({"apiVersion": "v1", "kind": "List", "items": live});
    let file = sandbox.write("live.json", list.to_string());
    let status = |now: &str| {
        let from = ["--from", file.to_str().unwrap(), "--now", now];
        let all = [&["status"], &arguments[..], &from].concat();
        common::tool::run_in(common::tool::repository(), &all).stdout
    };
    let outside = "`Deployment/chatterbox-tts` has replicas outside its window";
    let by_day = status("2026-11-25T12:00:00Z");
    assert!(!by_day.contains(outside), "{by_day}");
    let window = "tts: Wed 25 Nov 08:00 to 22:00 by demand Europe/London, open now";
    assert!(by_day.contains(window), "{by_day}");
    assert!(by_day.contains("next window Thu 26 Nov 02:00 to 06:00"), "{by_day}");
    for now in ["2026-11-25T07:30:00Z", "2026-11-25T22:30:00Z"] {
        let text = status(now);
        assert!(text.contains(outside), "{now}: {text}");
    }
    assert!(!status("2026-11-25T03:00:00Z").contains(outside));
}

#[test]
fn hours_of_demand_must_not_overlap_the_window() {
    let refused = |sets: &[&str]| {
        let mut arguments = vec!["lint", "-f", "overlays/demand.yaml"];
        sets.iter().for_each(|set| arguments.extend(["--set", set]));
        let output = common::tool::run_in(common::tool::repository(), &arguments);
        (output.code, output.stderr)
    };
    for (sets, part) in [
        (&["offPeak.demand.opens=0 4 * * *"][..], "overlap a window of `offPeak.up`"),
        (&["offPeak.demand.opens=30 23 * * *", "offPeak.down=0 6,22 * * *"], "overlap a window"),
        (&["offPeak.mode=jobs"], "needs `offPeak.mode: watch`"),
        (&["offPeak.demand.number=queued now"], "DEMAND_NUMBER"),
        (&["offPeak.demand.idleFor=5s"], "IDLE_FOR"),
        (&["offPeak.demand.atMost=0h"], "AT_MOST"),
    ] {
        let (code, errors) = refused(sets);
        assert_eq!(code, 2, "{sets:?}: {errors}");
        assert!(errors.contains(part), "{sets:?}: {errors}");
    }
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
