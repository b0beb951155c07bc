//! What can be wrong with the page itself.

use crate::support::gate::{GI, METRIC, World, full, page_of, roomy};
use crate::support::plain::{Step, page};
use crate::{Case, Fault, NO_READING, To, Untouched, case, fault};

/// A page on which `bad` follows a line that is well.
fn with(world: &mut World, bad: &[u8]) {
    let mut text = format!("{METRIC}{{namespace=\"immich\"}} 1\n").into_bytes();
    text.extend_from_slice(bad);
    world.exporter = vec![page(text)];
}

/// Pages one after the other.
fn pages(world: &mut World, pages: &[&str]) {
    world.exporter = pages.iter().map(page).collect();
}

/// `unknown` bytes alone break the floor.
fn unknown_breaks_it() -> String {
    page_of(&[("immich", 8 * GI), ("unknown", 4 * GI)])
}

const UP_STARTS: &[Case] = &[case("up", 0, To(1))];
const UP_WAITS: &[Case] = &[case("up", 0, Untouched)];
const GUARD_YIELDS: &[Case] = &[case("guard", 0, To(0))];
const GUARD_STAYS: &[Case] = &[case("guard", 0, Untouched)];

pub(crate) const FAULTS: &[Fault] = &[
    fault("not one byte", NO_READING, "the page is empty", |world| pages(world, &[""])),
    fault(
        "comments but no series: idle card, or failed probe",
        NO_READING,
        "has no series of the metric",
        |world| {
            pages(world, &["# TYPE gpu_pod_memory_used_bytes gauge\n"]);
        },
    ),
    fault("the same, with NO_SERIES=idle", UP_STARTS, "the floor is free", |world| {
        pages(world, &["# TYPE gpu_pod_memory_used_bytes gauge\n"]);
        world.set("NO_SERIES", "idle");
    }),
    fault("the page of another exporter", NO_READING, "has no series of the metric", |world| {
        pages(world, &["up 1\n"])
    }),
    fault("cut inside the last number", NO_READING, "the page was cut", |world| {
        with(world, b"gpu_pod_memory_used_bytes{a=\"b\"} 17")
    }),
    fault("cut inside the labels", NO_READING, "the page was cut", |world| {
        with(world, b"gpu_pod_memory_used_bytes{a=\"")
    }),
    fault("NaN", NO_READING, "line 2: the metric's value is NaN", |world| {
        with(world, b"gpu_pod_memory_used_bytes{a=\"b\"} NaN\n")
    }),
    fault("infinite", NO_READING, "more memory than any card has", |world| {
        with(world, b"gpu_pod_memory_used_bytes{a=\"b\"} +Inf\n")
    }),
    fault("negative", NO_READING, "is negative", |world| {
        with(world, b"gpu_pod_memory_used_bytes{a=\"b\"} -5\n")
    }),
    fault("a word for a number, as nvidia-smi has it", NO_READING, "not a number", |world| {
        with(world, b"gpu_pod_memory_used_bytes{a=\"b\"} [N/A]\n")
    }),
    fault("a series without a value", NO_READING, "expected a value", |world| {
        with(world, b"gpu_pod_memory_used_bytes{a=\"b\"}\n")
    }),
    fault("one series twice", NO_READING, "one series of the metric twice", |world| {
        with(world, b"gpu_pod_memory_used_bytes{namespace=\"immich\"} 1\n")
    }),
    fault("one label twice", NO_READING, "one label twice", |world| {
        with(world, b"x{a=\"b\",a=\"c\"} 1\n")
    }),
    fault("a quote in a process' name, not escaped", NO_READING, "expected `=`", |world| {
        with(world, b"gpu_pod_memory_used_bytes{a=\"x\"y\"} 1\n")
    }),
    fault("an exemplar, which is OpenMetrics", NO_READING, "expected a timestamp", |world| {
        with(world, b"gpu_pod_memory_used_bytes{a=\"b\"} 1 # {} 1\n")
    }),
    fault("a word for a timestamp", NO_READING, "expected a timestamp", |world| {
        with(world, b"gpu_pod_memory_used_bytes{a=\"b\"} 1 now\n")
    }),
    fault("a zero byte", NO_READING, "a zero byte", |world| with(world, b"\0\n")),
    fault("Windows' line ends", NO_READING, "not a number", |world| with(world, b"x 1\r\n")),
    fault("a label that is not UTF-8", NO_READING, "not UTF-8", |world| {
        with(world, b"x{a=\"\xff\"} 1\n")
    }),
    fault(
        "a proxy's HTML with status 200",
        NO_READING,
        "line 1: expected a metric's name",
        |world| pages(world, &["<html>\n</html>\n"]),
    ),
    fault("a line of another metric that can't be read", NO_READING, "line 2", |world| {
        with(world, b"x{\n")
    }),
    fault("more than 8 MiB", NO_READING, "larger than request limit", |world| {
        pages(world, &["# comment\n".repeat(900_000).as_str()])
    }),
    fault(
        "more in use than the card has",
        &[case("up", 0, Untouched), case("guard", 0, To(0))],
        "free=-",
        |world| {
            pages(world, &[page_of(&[("immich", 20 * GI)]).as_str()]);
        },
    ),
    fault("an amount past 2⁶³", NO_READING, "more memory than any card has", |world| {
        with(world, b"gpu_pod_memory_used_bytes{a=\"b\"} 1e19\n")
    }),
    fault(
        "unreadable the first time, whole the second",
        &[case("up", 0, To(1))],
        "the floor is free",
        |world| {
            let whole = world.exporter[0].clone();
            world.exporter = vec![page("x"), whole];
        },
    ),
    fault(
        "no reading, with ON_SCRAPE_FAILURE=keep",
        GUARD_STAYS,
        "alone: there is no reading",
        |world| {
            pages(world, &["x"]);
            world.set("ON_SCRAPE_FAILURE", "keep");
        },
    ),
    fault(
        "cut between lines the first time: looks idle, the second sample shows it",
        UP_WAITS,
        "looks=2",
        |world| {
            pages(world, &[page_of(&[("immich", GI)]).as_str(), full().as_str()]);
            two_samples(world);
        },
    ),
    fault(
        "a resident wakes between two samples",
        UP_WAITS,
        "less than the floor is free",
        |world| {
            pages(world, &[roomy().as_str(), full().as_str()]);
            two_samples(world);
        },
    ),
    fault("the second sample fails", UP_WAITS, "there is no reading", |world| {
        pages(world, &[roomy().as_str(), "x"]);
        two_samples(world);
    }),
    fault(
        "`unknown` bytes break the floor, and are the tenant's at the second look",
        GUARD_STAYS,
        "looks=2",
        |world| {
            pages(
                world,
                &[
                    unknown_breaks_it().as_str(),
                    page_of(&[("immich", 8 * GI), ("tts", 4 * GI)]).as_str(),
                ],
            );
            world.set("LOOK_AGAIN", "50ms");
        },
    ),
    fault(
        "`unknown` bytes break the floor, and still do at the second look",
        GUARD_YIELDS,
        "looks=2",
        |world| {
            pages(world, &[unknown_breaks_it().as_str()]);
            world.set("LOOK_AGAIN", "50ms");
        },
    ),
    fault(
        "`unknown` bytes break the floor, and the second look fails",
        GUARD_YIELDS,
        "there is no reading",
        |world| {
            pages(world, &[unknown_breaks_it().as_str(), "x"]);
            world.set("LOOK_AGAIN", "50ms");
        },
    ),
    fault(
        "`unknown` bytes break the floor, and the deadline leaves no second look",
        GUARD_YIELDS,
        "looks=1",
        |world| {
            pages(world, &[unknown_breaks_it().as_str()]);
            world.set("DEADLINE", "60s");
        },
    ),
    fault("`unknown` bytes break the floor, with LOOK_AGAIN=0", GUARD_YIELDS, "looks=1", |world| {
        pages(world, &[unknown_breaks_it().as_str()]);
        world.set("LOOK_AGAIN", "0");
    }),
    fault(
        "the tenant itself grows into the reserve",
        GUARD_YIELDS,
        "less than the reserve",
        |world| {
            pages(world, &[page_of(&[("immich", 8 * GI), ("tts", 8 * GI - 1)]).as_str()]);
        },
    ),
    fault(
        "a metric that counts in MiB, said so by METRIC_UNIT",
        &[case("up", 0, Untouched)],
        "used=12884901888",
        |world| {
            world.exporter = vec![Step::Send(
                b"HTTP/1.0 200 OK\r\n\r\nDCGM_FI_DEV_FB_USED{gpu=\"0\"} 12288\n".to_vec(),
            )];
            world.set("METRIC", "DCGM_FI_DEV_FB_USED");
            world.set("METRIC_UNIT", "MiB");
        },
    ),
];

fn two_samples(world: &mut World) {
    world.set("SAMPLES", "2");
    world.set("SAMPLE_INTERVAL", "0");
}
