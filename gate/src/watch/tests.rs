mod demand;

use super::*;
use crate::decision::{Count, NoSeries};
use crate::exposition::Usage;

const GI: u64 = 1 << 30;
const MINUTE: u64 = 60;
/// 2026-01-01 02:00 UTC, in minutes since 1970.
const SCHEDULED: i64 = 29_453_880;

fn rules() -> Rules {
    Rules { total: Some(16 * GI), floor: 6 * GI, reserve: GI / 2, ..Rules::default() }
}

fn plan() -> Plan {
    Plan { scheduled_minute: SCHEDULED, ..Plan::default() }
}

/// A reading in which others use this much.
fn others(bytes: u64) -> Reading {
    Reading::Scraped(Usage { others: bytes, series: 1, ..Usage::default() })
}

const QUIET: u64 = 4 * GI;
const BUSY: u64 = 11 * GI;

/// The state of the world at a second of the window.
#[derive(Clone, Copy)]
struct Now {
    reading: Reading,
    number: Option<f64>,
    /// Somebody else scales the tenant to this.
    scaled: Option<i64>,
    /// The API server answers.
    api: bool,
    /// The seconds by which the node's clock is ahead.
    clock_ahead: i64,
}

fn quiet() -> Now {
    Now { reading: others(QUIET), number: None, scaled: None, api: true, clock_ahead: 0 }
}

fn with(reading: Reading) -> Now {
    Now { reading, ..quiet() }
}

/// A watch with a scale that obeys it, looking every five seconds.
struct Night {
    watch: Watch,
    replicas: i64,
    /// The seconds of the window at which the watch acted, and why.
    events: Vec<(u64, &'static str)>,
}

impl Night {
    fn new(plan: Plan, replicas: i64) -> Self {
        Self { watch: Watch::new(rules(), plan, 0), replicas, events: Vec::new() }
    }

    /// Looks from a second of the window on, until one before another. Returns true once it has ended.
    fn run(&mut self, from: u64, until: u64, world: impl Fn(u64) -> Now) -> bool {
        for second in (from..until).step_by(5) {
            let now = world(second);
            self.replicas = now.scaled.unwrap_or(self.replicas);
            let seconds = i64::try_from(second).unwrap();
            let moment = Moment {
                elapsed: Duration::from_secs(second - from),
                now_ms: (SCHEDULED * 60 + seconds + now.clock_ahead) * 1000,
            };
            let look = Look {
                replicas: now.api.then_some(self.replicas),
                reading: now.reading,
                number: now.number,
            };
            let (decision, is_end) = match self.watch.look(moment, &look) {
                Step::Continue(decision) => (decision, false),
                Step::End(decision) => (decision, true),
            };
            if let Some(replicas) = decision.scale_to {
                self.watch.note_asked(replicas);
                if now.api {
                    self.replicas = replicas.into();
                    self.watch.note_scaled(replicas);
                }
            }
            if decision.scale_to.is_some() || is_end {
                self.events.push((second, decision.reason.name()));
            }
            if is_end {
                return true;
            }
        }
        false
    }
}

/// Runs a window from its first second; returns what the watch did.
#[track_caller]
fn night(plan: Plan, world: impl Fn(u64) -> Now) -> Vec<(u64, &'static str)> {
    let mut night = Night::new(plan, 0);
    assert!(night.run(0, 5 * 60 * MINUTE, world), "it has no end");
    night.events
}

const END: u64 = 4 * 60 * MINUTE;

#[test]
fn a_calm_night_is_one_start_and_one_end() {
    assert_eq!(night(plan(), |_| quiet()), [(20, "floor-free"), (END, "window-end")]);
}

#[test]
fn in_a_busy_night_nothing_starts() {
    assert_eq!(night(plan(), |_| with(others(BUSY))), [(END, "window-end")]);
}

#[test]
fn samples_in_a_row_must_leave_the_floor_free() {
    let world = |second| with(others(if second == 15 { BUSY } else { QUIET }));
    assert_eq!(night(plan(), world)[0], (40, "floor-free"));
    let four = Plan { samples: 4, ..plan() };
    assert_eq!(night(four, |_| quiet())[0], (60, "floor-free"));
}

#[test]
fn it_yields_at_once_and_starts_again_after_calm() {
    let world = |second| with(others(if second == 3600 { BUSY } else { QUIET }));
    let expected = [
        (20, "floor-free"),
        (3600, "floor-broken"),
        (3605 + 10 * MINUTE, "calm"),
        (END, "window-end"),
    ];
    assert_eq!(night(plan(), world), expected);
}

/// The floor is free, but not the hysteresis besides.
#[test]
fn the_floor_alone_is_not_calm() {
    let world = |second| {
        with(others(match second {
            0..3600 => QUIET,
            3600 => BUSY,
            _ => 10 * GI - GI / 4,
        }))
    };
    assert_eq!(night(plan(), world)[2..], [(END, "window-end")]);
}

#[test]
fn calm_begins_again_after_each_disturbance() {
    let world = |second| with(others(if [3600, 3900].contains(&second) { BUSY } else { QUIET }));
    assert_eq!(night(plan(), world)[2], (3905 + 10 * MINUTE, "calm"));
}

#[test]
fn it_starts_at_most_as_often_as_it_may() {
    let world = |second| with(others(if second % 1800 == 1500 { BUSY } else { QUIET }));
    let events = night(Plan { starts: 2, ..plan() }, world);
    let starts = events.iter().filter(|(_, reason)| ["floor-free", "calm"].contains(reason));
    assert_eq!(starts.count(), 2, "{events:?}");
    assert_eq!(events.last(), Some(&(END, "window-end")));
}

#[test]
fn it_does_not_start_in_the_last_part_of_the_window() {
    let last = END - 12 * MINUTE;
    for (free_from, expected) in [(last - 30, Some(last - 10)), (last - 20, None), (last + 5, None)]
    {
        let world = |second| with(others(if second < free_from { BUSY } else { QUIET }));
        let events = night(plan(), world);
        let start = events.iter().find(|(_, reason)| *reason == "floor-free");
        assert_eq!(start.map(|(second, _)| *second), expected, "{free_from}");
    }
}

#[test]
fn a_yield_two_minutes_before_the_end_is_final() {
    let yielded = END - 2 * MINUTE;
    let world = |second| with(others(if second == yielded { BUSY } else { QUIET }));
    let expected = [(20, "floor-free"), (yielded, "floor-broken"), (END, "window-end")];
    assert_eq!(night(plan(), world), expected);
}

#[test]
fn a_late_watch_ends_with_its_window() {
    let mut late = Night::new(plan(), 0);
    assert!(late.run(2 * 3600, 5 * 3600, |_| quiet()));
    assert_eq!(late.events, [(2 * 3600 + 20, "floor-free"), (END, "window-end")]);
    let mut too_late = Night::new(plan(), 0);
    assert!(too_late.run(END + 60, 5 * 3600, |_| quiet()));
    assert_eq!(too_late.events, [(END + 60, "window-end")]);
}

#[test]
fn a_restart_a_minute_before_the_end_guards_and_ends() {
    for (replicas, reading, expected) in [
        (1, others(QUIET), &[(END, "window-end")][..]),
        (1, others(BUSY), &[(END - 60, "floor-broken"), (END, "window-end")]),
        (0, others(QUIET), &[(END, "window-end")]),
    ] {
        let mut restarted = Night::new(plan(), replicas);
        assert!(restarted.run(END - 60, 5 * 3600, |_| with(reading)));
        assert_eq!(restarted.events, expected);
        assert_eq!(restarted.replicas, 0);
    }
}

#[test]
fn a_restart_guards_a_tenant_that_runs_at_once() {
    let mut restarted = Night::new(plan(), 1);
    restarted.run(3600, 3601, |_| with(others(BUSY)));
    assert_eq!(restarted.events, [(3600, "floor-broken")]);
    assert_eq!(restarted.watch.starts(), 0, "the start was another watch's");
}

/// In the same Pod the number of starts is known, so a yield may have been before.
#[test]
fn a_restart_with_earlier_starts_waits_for_calm() {
    let mut restarted = Night::new(plan(), 0);
    restarted.watch = Watch::new(rules(), plan(), 2);
    restarted.run(3600, 7200, |_| quiet());
    assert_eq!(restarted.events, [(3600 + 10 * MINUTE, "calm")]);
    assert_eq!(restarted.watch.starts(), 3);
}

#[test]
fn it_ends_once_somebody_else_has_stopped_the_tenant() {
    let world = |second| Now { scaled: (second == 3600).then_some(0), ..quiet() };
    assert_eq!(night(plan(), world), [(20, "floor-free"), (3600, "closed-by-another")]);
}

#[test]
fn a_tenant_that_somebody_else_starts_is_guarded() {
    let world = |second| Now {
        scaled: (second == 600).then_some(3),
        ..with(others(if second < 600 { BUSY } else { 10 * GI }))
    };
    let busy_again = |second| match second {
        1200 => with(others(BUSY)),
        second => world(second),
    };
    let expected = [(1200, "floor-broken"), (1205 + 10 * MINUTE, "calm"), (END, "window-end")];
    let wide = Plan { hysteresis: 0, ..plan() };
    assert_eq!(night(wide, busy_again), expected);
    // It is closed by another although the watch itself had asked for a stop before.
    let closed = |second| match second {
        3600 => Now { scaled: Some(0), ..quiet() },
        second => busy_again(second),
    };
    assert_eq!(night(wide, closed).last(), Some(&(3600, "closed-by-another")));
}

/// A guard beside the watch decides by the same rules, and both may see a resident wake at the same time.
#[test]
fn a_stop_that_the_watch_would_have_made_is_a_yield() {
    for reading in [others(BUSY), Reading::Failed] {
        let world = move |second| match second {
            3600 => Now { scaled: Some(0), ..with(reading) },
            _ => quiet(),
        };
        let expected = [(20, "floor-free"), (3605 + 10 * MINUTE, "calm"), (END, "window-end")];
        assert_eq!(night(plan(), world), expected);
    }
}

/// A person starts what the watch has stopped, and stops it again.
#[test]
fn a_stop_by_another_is_not_taken_for_an_earlier_one_of_its_own() {
    let world = |second| match second {
        1200 => with(others(BUSY)),
        1500 => Now { scaled: Some(1), ..quiet() },
        1800 => Now { scaled: Some(0), ..quiet() },
        _ => quiet(),
    };
    let expected = [(20, "floor-free"), (1200, "floor-broken"), (1800, "closed-by-another")];
    assert_eq!(night(plan(), world), expected);
}

#[test]
fn an_unreadable_gpu_is_yielded_after_a_while() {
    let no_series = Reading::Scraped(Usage::default());
    for (reading, reason) in [(Reading::Failed, "no-reading"), (no_series, "no-series")] {
        let world = move |second| match second {
            3600..3700 => with(reading),
            _ => quiet(),
        };
        // The last reading was that of 3595.
        let expected = [(20, "floor-free"), (3625, reason), (3700 + 10 * MINUTE, "calm")];
        assert_eq!(night(plan(), world)[..3], expected);
        // A shorter gap is none.
        let short = move |second| match second {
            3600..3625 => with(reading),
            _ => quiet(),
        };
        assert_eq!(night(plan(), short)[1..], [(END, "window-end")]);
    }
}

#[test]
fn with_keep_an_unreadable_gpu_is_not_yielded() {
    let mut night = Night::new(plan(), 1);
    let rules = Rules { on_scrape_failure: OnScrapeFailure::Keep, ..rules() };
    night.watch = Watch::new(rules, plan(), 0);
    night.run(0, 3600, |_| with(Reading::Failed));
    assert_eq!(night.events, []);
}

#[test]
fn nothing_starts_without_a_reading() {
    assert_eq!(night(plan(), |_| with(Reading::Failed)), [(END, "window-end")]);
    let idle = Rules { no_series: NoSeries::Idle, ..rules() };
    let mut night = Night::new(plan(), 0);
    night.watch = Watch::new(idle, plan(), 0);
    night.run(0, 60, |_| with(Reading::Scraped(Usage::default())));
    assert_eq!(night.events, [(20, "floor-free")]);
}

/// The exporter's number grows every 15 s, or not at all.
fn number(second: u64) -> Option<f64> {
    Some((second / 15) as f64)
}

#[test]
fn an_exporter_that_is_stuck_is_yielded() {
    let strict = Plan { must_advance: true, ..plan() };
    let world = |second: u64| Now { number: number(second.min(3600)), ..quiet() };
    // Two passes of different updates, and not before the first one is seen to change.
    assert_eq!(
        night(strict, world),
        [(35, "floor-free"), (3630, "stale-reading"), (END, "window-end")]
    );
    let stuck = |_| Now { number: Some(7.0), ..quiet() };
    assert_eq!(night(strict, stuck), [(END, "window-end")]);
    // Nor does it start the tenant again.
    let one = Plan { samples: 1, ..strict };
    assert_eq!(night(one, world)[1..], [(3630, "stale-reading"), (END, "window-end")]);
    // Without the setting an unchanged page is current: a quiet GPU's stays the same for hours.
    assert_eq!(night(plan(), |_| quiet()).len(), 2);
}

#[test]
fn an_exporter_that_starts_again_is_not_stuck() {
    let strict = Plan { must_advance: true, ..plan() };
    let world = |second: u64| Now { number: number(second % 3600), ..quiet() };
    assert_eq!(night(strict, world)[1..], [(END, "window-end")]);
    // Its number is smaller then, and still another one.
    let between_samples = |second: u64| Now {
        number: number(if second < 25 { second + 6000 } else { second - 25 }),
        ..quiet()
    };
    assert_eq!(night(strict, between_samples)[0], (35, "floor-free"));
}

#[test]
fn two_readings_of_one_sample_are_one() {
    let every_minute = |second: u64| Now { number: Some((second / 60) as f64), ..quiet() };
    assert_eq!(night(plan(), every_minute)[0], (60, "floor-free"));
}

#[test]
fn unknown_bytes_alone_are_yielded_after_a_while() {
    let usage = Usage { others: 9 * GI, unknown: 4 * GI, series: 2, ..Usage::default() };
    let world = |until: u64| {
        move |second: u64| match second {
            3600.. if second < until => with(Reading::Scraped(usage)),
            _ => quiet(),
        }
    };
    assert_eq!(night(plan(), world(3675))[1..], [(END, "window-end")]);
    assert_eq!(night(plan(), world(3680))[1], (3675, "floor-broken"));
    // Counted again each time: they are known in between, or the tenant is started again.
    let twice = move |second| match second {
        3600 | 3700 => with(Reading::Scraped(usage)),
        _ => quiet(),
    };
    assert_eq!(night(plan(), twice)[1..], [(END, "window-end")]);
    let started = 3680 + 10 * MINUTE;
    let young = move |second: u64| match second {
        3600..3680 => with(Reading::Scraped(usage)),
        _ if second > started && second < started + 60 => with(Reading::Scraped(usage)),
        _ => quiet(),
    };
    let expected = [(3675, "floor-broken"), (started, "calm"), (END, "window-end")];
    assert_eq!(night(plan(), young)[1..], expected);
    // Without a delay, and where their owner makes no difference, at once.
    let at_once = Plan { recheck_delay: Duration::ZERO, ..plan() };
    assert_eq!(night(at_once, world(3680))[1], (3600, "floor-broken"));
    let mut everyone = Night::new(plan(), 0);
    let rules = Rules { count: Count::Everyone, ..rules() };
    everyone.watch = Watch::new(rules, plan(), 0);
    everyone.run(0, 3700, world(3680));
    assert_eq!(everyone.events[1], (3600, "floor-broken"));
}

#[test]
fn while_the_api_server_is_away_it_guards_and_does_not_start() {
    let away = |from: u64, until: u64| {
        move |second: u64| Now { api: !(from..until).contains(&second), ..quiet() }
    };
    assert_eq!(night(plan(), away(0, 60))[0], (80, "floor-free"));
    assert_eq!(night(plan(), away(5, 60))[0], (60, "floor-free"));
    assert_eq!(night(plan(), away(3600, 3660))[1..], [(END, "window-end")]);
    // It asks at each look until the server is back, and takes the stop for its own then.
    let busy = |second: u64| match second {
        3600..3615 => Now { api: false, ..with(others(BUSY)) },
        3615 => Now { scaled: Some(0), ..quiet() },
        _ => quiet(),
    };
    let events = night(plan(), busy);
    assert_eq!(events[1..4], [3600, 3605, 3610].map(|second| (second, "floor-broken")));
    assert_eq!(events[4], (3615 + 10 * MINUTE, "calm"));
}

#[test]
fn a_tenant_of_which_nothing_is_known_is_stopped_when_others_need_the_gpu() {
    let mut night = Night::new(plan(), 1);
    night.run(0, 5, |_| Now { api: false, ..with(others(BUSY)) });
    assert_eq!(night.events, [(0, "floor-broken")]);
    let mut unread = Night::new(plan(), 1);
    unread.run(0, 60, |_| Now { api: false, ..with(Reading::Failed) });
    assert_eq!(unread.events.first(), Some(&(30, "no-reading")));
}

/// Whichever way the clock jumps, the tenant is up no longer than in its window.
#[test]
fn a_clock_that_jumps_ends_the_window_early_or_not_at_all() {
    let jump = |ahead: i64| {
        move |second: u64| Now { clock_ahead: if second < 3600 { 0 } else { ahead }, ..quiet() }
    };
    // Into the day after: over.
    assert_eq!(night(plan(), jump(86_400))[1..], [(3600, "window-end")]);
    // An hour ahead: over an hour early.
    assert_eq!(night(plan(), jump(3600))[1..], [(END - 3600, "window-end")]);
    // Back, inside the window: over when it would have been.
    assert_eq!(night(plan(), jump(-1800))[1..], [(END, "window-end")]);
    // Back, before the window: nothing is known of the end.
    assert_eq!(night(plan(), jump(-86_400))[1..], [(3600, "clock-wrong"), (END, "window-end")]);
    // Set right again, it starts after calm.
    let healed = |second: u64| match second {
        3600..3700 => Now { clock_ahead: -7200, ..quiet() },
        _ => quiet(),
    };
    assert_eq!(night(plan(), healed)[1..3], [(3600, "clock-wrong"), (3605 + 10 * MINUTE, "calm")]);
    // It begins too early, by a clock that is a little behind the controller's.
    let behind = |ahead: i64| move |_| Now { clock_ahead: ahead, ..quiet() };
    assert_eq!(night(plan(), behind(-60))[0], (20, "floor-free"));
    assert_eq!(night(plan(), behind(-86_400)), [(END, "window-end")]);
}

#[test]
fn without_a_look_the_end_and_a_long_silence_are_noticed() {
    let mut watch = Watch::new(rules(), plan(), 0);
    let at = |seconds: u64| Moment {
        elapsed: Duration::from_secs(seconds),
        now_ms: (SCHEDULED * 60 + i64::try_from(seconds).unwrap()) * 1000,
    };
    let look = Look { replicas: Some(1), reading: others(QUIET), number: None };
    assert_eq!(
        watch.look(at(0), &look),
        Step::Continue(decide(Action::Guard, &look.reading, &rules()))
    );
    assert_eq!(watch.wait(at(29)), None);
    let unread = Step::Continue(Decision::scale(0, Reason::NoReading));
    assert_eq!(watch.wait(at(30)), Some(unread));
    watch.note_scaled(0);
    assert_eq!(watch.wait(at(3600)), None);
    assert_eq!(watch.wait(at(END)), Some(Step::End(Decision::WINDOW_END)));
    assert_eq!(watch.end_ms(), at(END).now_ms);
}

/// Every minute that a name can have gives an end, and an old one has passed.
#[test]
fn a_minute_of_long_ago_is_over() {
    for scheduled_minute in [0, 1, SCHEDULED - 300] {
        let old = Plan { scheduled_minute, ..plan() };
        assert_eq!(night(old, |_| quiet()), [(0, "window-end")]);
    }
    let future = Plan { scheduled_minute: i64::from(u32::MAX), ..plan() };
    let mut night = Night::new(future, 1);
    night.run(0, 3600, |_| quiet());
    assert_eq!(night.events, [(0, "clock-wrong")]);
}

/// Random nights: the tenant never runs over a look that would have stopped it, nor past the end, and starts
/// at most as often as it may.
#[test]
fn no_random_night_breaks_the_rules() {
    let mut seed = 7_u64;
    let mut random = move |end: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % end
    };
    let mut opened = 0;
    for _ in 0..300 {
        let script: Vec<Now> = (0..=END / 5 + 10)
            .scan(QUIET, |used, _| {
                if random(60) == 0 {
                    *used = random(14) * GI;
                }
                let reading = if random(40) == 0 { Reading::Failed } else { others(*used) };
                Some(Now { api: random(30) != 0, ..with(reading) })
            })
            .collect();
        let mut night = Night::new(plan(), 0);
        let mut up_since_end = 0;
        for second in (0..=END + 30).step_by(5) {
            let now = script[usize::try_from(second / 5).unwrap()];
            let is_over = step(&mut night, second, now);
            let broken = now.reading == Reading::Failed
                || decide(Action::Guard, &now.reading, &rules()).scale_to == Some(0);
            if now.api && broken && now.reading != Reading::Failed {
                assert_eq!(night.replicas, 0, "second {second}");
            }
            up_since_end += u64::from(second >= END && now.api && night.replicas > 0);
            if is_over && night.replicas == 0 {
                break;
            }
        }
        assert_eq!(up_since_end, 0);
        assert!(night.watch.starts() <= 3);
        opened += night.watch.starts();
    }
    assert!(opened > 300, "{opened}");
}

/// Takes one look; returns true if it is the last.
fn step(night: &mut Night, second: u64, now: Now) -> bool {
    let moment = Moment {
        elapsed: Duration::from_secs(second),
        now_ms: (SCHEDULED * 60 + i64::try_from(second).unwrap()) * 1000,
    };
    let replicas = now.api.then_some(night.replicas);
    let look = Look { replicas, reading: now.reading, number: None };
    let (decision, is_end) = match night.watch.look(moment, &look) {
        Step::Continue(decision) => (decision, false),
        Step::End(decision) => (decision, true),
    };
    if let Some(replicas) = decision.scale_to {
        night.watch.note_asked(replicas);
        if now.api {
            night.replicas = replicas.into();
            night.watch.note_scaled(replicas);
        }
    }
    is_end
}
