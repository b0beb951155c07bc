//! `window simulate` and `window calibrate`, over the synthetic month and random histories.

use serde_json::Value;

use crate::common::tool::{Sandbox, repository};
use crate::common::{require, run};

/// The synthetic month, in the format of `window fetch`.
const MONTH: &str = "tests/fixtures/window/month.json.gz";

fn month() -> String {
    repository().join(MONTH).to_str().unwrap().to_owned()
}

fn json(sandbox: &Sandbox, args: &[&str]) -> Value {
    serde_json::from_str(&sandbox.ok(&[args, &["--format", "json"]].concat()).stdout).unwrap()
}

/// The options of every replay here: the GPU has less memory than the values say.
const T4: [&str; 2] = ["--set", "gpu.total=15360Mi"];

#[test]
fn the_month_is_replayed_under_several_settings() {
    let sandbox = Sandbox::repository();
    let month = month();
    let compare = ["--compare", "gate.floor=8Gi", "--compare", "offPeak.up=*/30 2-5 * * *"];
    let args = [&["window", "simulate", "tts", "--history", &month][..], &T4, &compare].concat();
    let text = sandbox.ok(&args).stdout;
    assert!(text.contains("note: synthetic, not recorded"), "{text}");
    insta::assert_snapshot!(text);
    let found = json(&sandbox, &args);
    let settings = found["settings"].as_array().unwrap();
    let names: Vec<&Value> = settings.iter().map(|setting| &setting["name"]).collect();
    assert_eq!(names, ["current", "gate.floor=8Gi", "offPeak.up=*/30 2-5 * * *"]);
    for setting in settings {
        assert_eq!(setting["nights"], 30);
        let nights = setting["nightList"].as_array().unwrap();
        let runs: usize = nights.iter().map(|night| night["runs"].as_array().unwrap().len()).sum();
        assert_eq!(setting["starts"], runs);
    }
    // The same settings, however they are given.
    let set = [&["window", "simulate", "--history", &month, "--set", "gate.floor=8Gi"][..], &T4];
    let set = json(&sandbox, &set.concat());
    for key in ["nightsServed", "starts", "yields", "hours", "starvedMinutes", "closestBytes"] {
        assert_eq!(set["settings"][0][key], settings[1][key], "{key}");
    }
}

#[test]
fn diff_has_the_same_figures() {
    let sandbox = Sandbox::repository();
    let month = month();
    let set = ["--set", "gate.floor=8Gi", "--history", &month];
    let simulated = json(&sandbox, &[&["window", "simulate", "tts"][..], &set].concat());
    let args = [&["diff", "--base-dir", "rendered", "--format", "json"][..], &set].concat();
    let diff: Value = serde_json::from_str(&sandbox.run(&args).stdout).unwrap();
    let after = diff["backTests"][0]["after"].as_object().unwrap();
    assert!(after.len() > 8, "{after:?}");
    for (key, value) in after {
        assert_eq!(&simulated["settings"][0][key], value, "{key}");
    }
}

#[test]
fn pictures_and_pages_are_well_formed() {
    let sandbox = Sandbox::repository();
    let month = month();
    let draw = |format: &str| {
        let args = ["window", "simulate", "tts", "--history", &month, "--format", format];
        sandbox.ok(&[&args[..], &T4].concat()).stdout
    };
    let (svg, html) = (draw("svg"), draw("html"));
    for text in [&svg, &html] {
        assert_eq!(text.matches("class=\"night-chart\"").count(), 30);
        assert!(text.contains("prefers-color-scheme: dark") && !text.contains("<script"));
        assert!(text.contains("immich") && text.contains("class=\"tenant\""));
    }
    assert!(html.contains("synthetic, not recorded"));
    if require(&["xmllint", "--version"]) {
        run(&["xmllint", "--noout", "-"], &svg);
        run(&["xmllint", "--noout", "-"], &html);
    }
}

#[test]
fn a_history_of_another_metric_or_unit_is_refused() {
    let sandbox = Sandbox::repository();
    let month = month();
    for (set, message) in [
        (
            "gate.metric=other_bytes",
            "the history has `gpu_pod_memory_used_bytes`, and the gate reads `other_bytes`",
        ),
        ("gate.metricUnit=MiB", "the history is in bytes, and the gate reads MiB"),
    ] {
        for command in ["simulate", "calibrate"] {
            let args = ["window", command, "tts", "--history", &month, "--set", set];
            let refused = sandbox.refused(&args);
            assert!(refused.contains(message), "{refused}");
        }
    }
    sandbox.write("broken.json", "{}");
    let broken = sandbox.refused(&["window", "simulate", "--history", "broken.json"]);
    assert!(broken.contains("broken.json"), "{broken}");
    for tenant in ["-4Gi", "6Gi..4Gi", "much"] {
        let tenant = format!("--tenant={tenant}");
        let args = ["window", "simulate", "--history", &month, &tenant];
        assert_eq!(sandbox.run(&args).code, 2, "{tenant}");
    }
}

#[test]
fn the_month_is_measured() {
    let sandbox = Sandbox::repository();
    let month = month();
    let args = [&["window", "calibrate", "tts", "--history", &month][..], &T4].concat();
    insta::assert_snapshot!(sandbox.ok(&args).stdout);
    let found = json(&sandbox, &args);
    assert_eq!(found["nights"], 30);
    assert_eq!(found["risk"], 1.0 / 31.0);
    assert_eq!(found["proposal"]["outcome"]["starvedNights"], 0);
    // One byte below the exact floor somebody starves, and above it nobody does.
    let exact = found["floorExact"].as_u64().unwrap();
    let proposed = |path: &str| {
        let values = found["proposal"]["values"].as_array().unwrap();
        let value = values.iter().find(|value| value["path"] == path);
        value.map(|value| format!("{path}={}", value["new"]))
    };
    for (floor, starves) in [(exact, false), (exact - 1, true), (exact - (1 << 20), true)] {
        let floor = format!("gate.floor={floor}");
        let mut args =
            [&["window", "simulate", "--history", &month, "--set", &floor][..], &T4].concat();
        let others: Vec<String> =
            ["gate.budget", "gate.reserve"].into_iter().filter_map(proposed).collect();
        others.iter().for_each(|other| args.extend(["--set", other]));
        let starved = json(&sandbox, &args)["settings"][0]["starvedNights"] != 0;
        assert_eq!(starved, starves, "{floor}");
    }
}

#[test]
fn measured_values_are_written_and_nothing_else() {
    let sandbox = Sandbox::repository();
    sandbox.replace(
        "values/tts.yaml",
        "  total: 15360Mi\n",
        "  total: 15000Mi  # to be measured\n",
    );
    sandbox.replace("values/tts.yaml", "  floor: 6Gi\n", "  floor: '6Gi'\r\n");
    let before = sandbox.read("values/tts.yaml");
    let month = month();
    // A value of `--set` is not in the file yet.
    let write = ["window", "calibrate", "--history", &month, "--write"];
    let output = sandbox.ok(&[&write[..], &T4].concat());
    assert!(output.stderr.contains("wrote `gate.floor: "), "{}", output.stderr);
    let after = sandbox.read("values/tts.yaml");
    let changed: Vec<(&str, &str)> = before
        .split_inclusive('\n')
        .zip(after.split_inclusive('\n'))
        .filter(|(before, after)| before != after)
        .collect();
    assert_eq!(before.lines().count(), after.lines().count());
    assert!(changed.len() <= 4 && !changed.is_empty(), "{changed:?}");
    for (before, after) in &changed {
        let key = before.split(':').next().unwrap();
        assert!(
            after.starts_with(key)
                && ["  floor", "  budget", "  reserve", "  total"].contains(&key),
            "{after}"
        );
    }
    assert!(after.contains("  total: 15Gi  # to be measured\n"), "{after}");
    assert!(after.contains("Mi'\r\n") || after.contains("Gi'\r\n"), "the quotes and line end stay");
    // What was written, replayed: nobody starves; measured again, there is nothing to write.
    let replayed = json(&sandbox, &["window", "simulate", "--history", &month]);
    assert_eq!(replayed["settings"][0]["starvedNights"], 0);
    let again = sandbox.ok(&write);
    assert!(again.stdout.contains("the values are as measured"), "{}", again.stdout);
    assert_eq!(sandbox.read("values/tts.yaml"), after);
}

#[test]
fn values_that_something_else_decides_are_not_written() {
    let sandbox = Sandbox::repository();
    let month = month();
    let write = ["window", "calibrate", "tts", "--history", &month, "--write"];
    sandbox.write("over.yaml", "gate:\n  floor: 7Gi\n");
    let before = sandbox.read("values/tts.yaml");
    let refused = sandbox.refused(&[&write[..], &T4, &["-f", "over.yaml"]].concat());
    assert!(refused.contains("`gate.floor` is decided by `over.yaml`"), "{refused}");
    sandbox.replace("values/tts.yaml", "  reserve: 512Mi", "  reserve: &r 512Mi");
    sandbox.replace("values/tts.yaml", "  floor: 6Gi", "  floor: &f 6Gi");
    let anchored = sandbox.read("values/tts.yaml");
    let refused = sandbox.refused(&[&write[..], &T4].concat());
    assert!(refused.contains("anchor"), "{refused}");
    assert_eq!(sandbox.read("values/tts.yaml"), anchored);
    // No floor is enough for a tenant as large as the GPU.
    sandbox.write("values/tts.yaml", before);
    let refused = sandbox.refused(&[&write[..], &T4, &["--tenant", "15Gi"]].concat());
    assert!(refused.contains("nothing is written"), "{refused}");
}

#[test]
fn the_guide_shows_what_the_commands_print() {
    let sandbox = Sandbox::repository();
    std::fs::copy(repository().join(MONTH), sandbox.path("month.json.gz")).unwrap();
    let docs = repository().join("docs");
    let guide = std::fs::read_to_string(docs.join("floor.md")).unwrap();
    let mut shown = 0;
    for listing in guide.split("```console\n$ tts-render window ").skip(1) {
        let (command, output) = listing.split("```").next().unwrap().split_once('\n').unwrap();
        let words = shell_words(command);
        let Some(format) = words.iter().position(|word| word == "svg") else {
            if output.is_empty() || command.starts_with("fetch") || command.contains("--write") {
                continue;
            }
            shown += 1;
            let args: Vec<&str> = words.iter().map(String::as_str).collect();
            let printed = sandbox.ok(&[&["window"], &args[..]].concat()).stdout;
            for line in output.lines().filter(|line| *line != "…") {
                assert!(printed.lines().any(|printed| printed == line), "{command}: {line}");
            }
            continue;
        };
        shown += 1;
        let args: Vec<&str> = words[..=format].iter().map(String::as_str).collect();
        let drawn = sandbox.ok(&[&["window"], &args[..]].concat()).stdout;
        let picture = std::fs::read_to_string(docs.join("floor.svg")).unwrap();
        assert_eq!(drawn, picture, "docs/floor.svg is not what it draws");
    }
    assert_eq!(shown, 4);
}

/// The words of a command, of which some are in single quotes.
fn shell_words(command: &str) -> Vec<String> {
    let quoted = command.split('\'').enumerate();
    quoted
        .flat_map(|(index, part)| match index % 2 {
            0 => part.split_whitespace().map(str::to_owned).collect(),
            _ => vec![part.to_owned()],
        })
        .collect()
}

#[test]
fn the_synthetic_month_comes_from_its_script() {
    if !require(&["python3", "--version"]) {
        return;
    }
    let script = repository().join("tests/tools/synthesise_history.py");
    let unpack = "import gzip, runpy, sys\n\
        made = runpy.run_path(sys.argv[1])['nights']()\n\
        sys.exit(gzip.decompress(made) != gzip.open(sys.argv[2]).read())";
    run(&["python3", "-c", unpack, script.to_str().unwrap(), &month()], "");
}

/// Runs a part of the independent replay; `TTS_RENDER_REPLAYS` sets another number of histories.
fn replay(part: &str, runs: u32) {
    let runs = std::env::var("TTS_RENDER_REPLAYS").unwrap_or(runs.to_string());
    run_replay(&[part, &runs]);
}

/// Runs a part of the independent replay with the numbers that follow its name.
fn run_replay(words: &[&str]) {
    let script = repository().join("tests/tools/replay_history.py");
    let (script, project) = (script.to_str().unwrap(), repository().to_str().unwrap());
    let (part, numbers) = words.split_first().unwrap();
    let program = env!("CARGO_BIN_EXE_tts-render");
    run(&[&["python3", script, part, program, project], numbers].concat(), "");
}

#[test]
fn an_independent_replay_has_the_same_figures() {
    if require(&["python3", "-c", "import zoneinfo; zoneinfo.ZoneInfo('Europe/London')"]) {
        replay("replay", 12);
    }
}

#[test]
fn each_flipped_comparison_of_a_decision_changes_a_figure() {
    if require(&["python3", "-c", "import zoneinfo; zoneinfo.ZoneInfo('Europe/London')"]) {
        run_replay(&["comparisons"]);
    }
}

#[test]
fn the_exact_floor_is_that_of_brute_force() {
    if require(&["python3", "-c", "import zoneinfo; zoneinfo.ZoneInfo('Europe/London')"]) {
        replay("floors", 6);
    }
}

#[test]
fn the_statistics_are_those_of_numpy() {
    if require(&["python3", "-c", "import numpy"]) {
        replay("statistics", 5);
        replay("warnings", 3);
    }
}
