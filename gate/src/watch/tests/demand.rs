//! A watch by demand: the demand opens and closes, within what the GPU allows.

use super::*;

const HOUR: u64 = 60 * MINUTE;

fn demand_plan() -> DemandPlan {
    DemandPlan {
        idle_for: Duration::from_secs(15 * MINUTE),
        at_most: Duration::from_secs(2 * HOUR),
    }
}

/// Runs a window in which each look comes with an answer about demand.
#[track_caller]
fn day(
    plan: Plan,
    world: impl Fn(u64) -> Now,
    answer: impl Fn(u64) -> Demand,
) -> Vec<(u64, &'static str)> {
    let watch = Watch::new(rules(), plan, 0).with_demand(demand_plan(), Duration::ZERO);
    let mut night = Night { watch, replicas: 0, events: Vec::new() };
    assert!(run(&mut night, world, answer), "it has no end");
    night.events
}

fn run(night: &mut Night, world: impl Fn(u64) -> Now, answer: impl Fn(u64) -> Demand) -> bool {
    for second in (0..5 * HOUR).step_by(5) {
        let elapsed = Duration::from_secs(second);
        night.watch.note_demand(Moment { elapsed, now_ms: 0 }, answer(second));
        if look_once(night, second, world(second)) {
            return true;
        }
    }
    false
}

/// Looks once at a second of the window.
fn look_once(night: &mut Night, second: u64, now: Now) -> bool {
    night.replicas = now.scaled.unwrap_or(night.replicas);
    let elapsed = Duration::from_secs(second);
    let now_ms = (SCHEDULED * 60 + i64::try_from(second).unwrap()) * 1000;
    let replicas = Some(night.replicas);
    let look = Look { replicas, reading: now.reading, number: now.number };
    let (decision, is_end) = match night.watch.look(Moment { elapsed, now_ms }, &look) {
        Step::Continue(decision) => (decision, false),
        Step::End(decision) => (decision, true),
    };
    if let Some(replicas) = decision.scale_to {
        night.watch.note_scaled(replicas);
        night.replicas = replicas.into();
    }
    if decision.scale_to.is_some() || is_end {
        night.events.push((second, decision.reason.name()));
    }
    is_end
}

/// There is demand from one second until before another.
fn between(from: u64, until: u64) -> impl Fn(u64) -> Demand {
    move |second| match (from..until).contains(&second) {
        true => Demand::Present,
        false => Demand::Absent,
    }
}

#[test]
fn demand_starts_the_tenant_and_its_end_stops_it() {
    let events = day(plan(), |_| quiet(), between(HOUR, HOUR + 10 * MINUTE));
    let stopped = HOUR + 25 * MINUTE;
    assert_eq!(events, [(HOUR, "floor-free"), (stopped, "idle"), (END, "window-end")]);
}

#[test]
fn without_a_count_nothing_starts_and_nothing_stops() {
    assert_eq!(day(plan(), |_| quiet(), |_| Demand::Unknown), [(END, "window-end")]);
    let lost = |second| if second < 30 { Demand::Present } else { Demand::Unknown };
    let long = DemandPlan { at_most: Duration::from_secs(10 * HOUR), ..demand_plan() };
    let watch = Watch::new(rules(), plan(), 0).with_demand(long, Duration::ZERO);
    let mut night = Night { watch, replicas: 0, events: Vec::new() };
    assert!(run(&mut night, |_| quiet(), lost));
    assert_eq!(night.events, [(20, "floor-free"), (END, "window-end")]);
}

#[test]
fn the_idle_time_is_made_of_explicit_nones() {
    // A minute without a count after each five: it adds nothing, and takes nothing.
    let answer = |second| match second {
        0..60 => Demand::Present,
        _ if second % (6 * MINUTE) < MINUTE => Demand::Unknown,
        _ => Demand::Absent,
    };
    let events = day(plan(), |_| quiet(), answer);
    assert_eq!(events[0], (20, "floor-free"));
    assert_eq!(events[1].1, "idle");
    let (idle_after, counted) = (events[1].0 - 60, 15 * MINUTE);
    assert!((counted + 2 * MINUTE..counted + 4 * MINUTE).contains(&idle_after), "{events:?}");
    // A queue that is empty between two items is not idle.
    let flapping = |second| if second % 600 < 10 { Demand::Present } else { Demand::Absent };
    let events = day(plan(), |_| quiet(), flapping);
    assert_eq!(events, [(600, "floor-free"), (605 + 2 * HOUR, "time-used"), (END, "window-end")]);
}

#[test]
fn demand_needs_room_as_at_night() {
    let busy_until = |end| move |second| with(others(if second < end { BUSY } else { QUIET }));
    let events = day(plan(), busy_until(HOUR), |_| Demand::Present);
    assert_eq!(events[0], (HOUR + 20, "floor-free"));
    // A yield comes at once, whatever the demand, and the next start waits for calm.
    let world = |second| with(others(if (600..660).contains(&second) { BUSY } else { QUIET }));
    let events = day(plan(), world, |_| Demand::Present);
    assert_eq!(events[..3], [(20, "floor-free"), (600, "floor-broken"), (1260, "calm")]);
    let tight = with(others(BUSY));
    assert_eq!(day(plan(), |_| tight, |_| Demand::Present), [(END, "window-end")]);
}

#[test]
fn a_stop_for_want_of_demand_needs_no_calm_and_uses_no_start() {
    let plan = Plan { starts: 1, ..plan() };
    let answer = |second| match second % HOUR < MINUTE {
        true => Demand::Present,
        false => Demand::Absent,
    };
    let events = day(plan, |_| quiet(), answer);
    let starts: Vec<u64> =
        events.iter().filter(|(_, why)| *why == "floor-free").map(|(at, _)| *at).collect();
    assert_eq!(starts, [20, HOUR, 2 * HOUR, 3 * HOUR], "{events:?}");
    // A yield uses it.
    let world = |second| with(others(if second == 40 { BUSY } else { QUIET }));
    let events = day(plan, world, answer);
    assert_eq!(events, [(20, "floor-free"), (40, "floor-broken"), (END, "window-end")]);
}

#[test]
fn it_runs_for_so_long_in_a_window_at_most() {
    let events = day(plan(), |_| quiet(), |_| Demand::Present);
    assert_eq!(events, [(20, "floor-free"), (25 + 2 * HOUR, "time-used"), (END, "window-end")]);
    // The time of an earlier watch of the window counts too.
    let earlier = Duration::from_secs(HOUR);
    let watch = Watch::new(rules(), plan(), 0).with_demand(demand_plan(), earlier);
    let mut night = Night { watch, replicas: 0, events: Vec::new() };
    assert!(run(&mut night, |_| quiet(), |_| Demand::Present));
    assert_eq!(night.events[1], (25 + HOUR, "time-used"));
}

#[test]
fn a_tenant_that_somebody_starts_gets_the_whole_idle_time() {
    let world = |second| Now { scaled: (second == HOUR).then_some(1), ..quiet() };
    let events = day(plan(), world, |_| Demand::Absent);
    assert_eq!(events, [(HOUR + 15 * MINUTE + 5, "idle"), (END, "window-end")]);
}

#[test]
fn a_time_without_a_count_is_known() {
    let mut watch = Watch::new(rules(), plan(), 0);
    let at = |second| Moment { elapsed: Duration::from_secs(second), now_ms: 0 };
    watch.note_demand(at(0), Demand::Present);
    assert_eq!((watch.demand(), watch.demand_unknown_for(at(9))), (None, Duration::ZERO));
    let mut watch = watch.with_demand(demand_plan(), Duration::ZERO);
    watch.note_demand(at(10), Demand::Absent);
    assert_eq!(watch.demand_unknown_for(at(500)), Duration::ZERO);
    watch.note_demand(at(600), Demand::Unknown);
    assert_eq!(watch.demand_unknown_for(at(3610)), Duration::from_secs(3600));
    assert_eq!(watch.demand(), Some(Demand::Unknown));
}
