use super::*;

const GI: u64 = 1 << 30;
const RULES: Rules = Rules {
    total: 16 * GI,
    floor: 6 * GI,
    reserve: GI / 2,
    count: Count::Residents,
    on_scrape_failure: OnScrapeFailure::Yield,
    no_series: NoSeries::Unknown,
};

fn reading_of(others: u64, tenant: u64, unknown: u64) -> Reading {
    Usage { others, tenant, unknown, series: 3 }.into()
}

fn decide_finally(action: Action, reading: &Reading, rules: &Rules) -> (Option<u32>, Reason) {
    let decision = decide(action, reading, rules);
    assert!(!decision.recheck);
    (decision.scale_to, decision.reason)
}

#[test]
fn up_starts_at_the_floor_and_not_a_byte_below() {
    assert_eq!(
        decide_finally(Action::Up, &reading_of(10 * GI, 0, 0), &RULES),
        (Some(1), Reason::FloorFree)
    );
    assert_eq!(
        decide_finally(Action::Up, &reading_of(10 * GI + 1, 0, 0), &RULES),
        (None, Reason::FloorNotFree)
    );
    assert_eq!(
        decide_finally(Action::Up, &reading_of(0, 0, 10 * GI + 1), &RULES),
        (None, Reason::FloorNotFree)
    );
    assert_eq!(
        decide_finally(Action::Up, &reading_of(0, 10 * GI + 1, 0), &RULES),
        (None, Reason::FloorNotFree)
    );
}

#[test]
fn guard_stays_at_the_floor_and_yields_a_byte_below() {
    assert_eq!(
        decide_finally(Action::Guard, &reading_of(10 * GI, 0, 0), &RULES),
        (None, Reason::FloorHolds)
    );
    assert_eq!(
        decide_finally(Action::Guard, &reading_of(10 * GI + 1, 0, 0), &RULES),
        (Some(0), Reason::FloorBroken)
    );
}

#[test]
fn the_tenants_own_model_does_not_trip_the_guard() {
    // 8 GiB were free before a model of 4 GiB was loaded.
    let reading = reading_of(8 * GI, 4 * GI, 0);
    assert_eq!(decide_finally(Action::Guard, &reading, &RULES), (None, Reason::FloorHolds));
    let everyone = Rules { count: Count::Everyone, ..RULES };
    assert_eq!(decide_finally(Action::Guard, &reading, &everyone), (Some(0), Reason::FloorBroken));
}

#[test]
fn the_tenants_growth_into_the_reserve_makes_the_guard_yield() {
    let reserve = GI / 2;
    assert_eq!(
        decide_finally(Action::Guard, &reading_of(8 * GI, 8 * GI - reserve, 0), &RULES).0,
        None
    );
    let reading = reading_of(8 * GI, 8 * GI - reserve + 1, 0);
    assert_eq!(decide_finally(Action::Guard, &reading, &RULES), (Some(0), Reason::ReserveBroken));
}

#[test]
fn more_in_use_than_the_gpu_has_leaves_nothing_free() {
    assert_eq!(decide_finally(Action::Guard, &reading_of(20 * GI, 0, 0), &RULES).0, Some(0));
    let lax = Rules { floor: 0, reserve: 0, ..RULES };
    assert_eq!(decide_finally(Action::Up, &reading_of(16 * GI + 1, 0, 0), &lax).0, None);
    assert_eq!(decide_finally(Action::Up, &reading_of(u64::MAX, u64::MAX, u64::MAX), &lax).0, None);
}

#[test]
fn without_a_reading_up_waits_and_guard_yields() {
    let keep = Rules { on_scrape_failure: OnScrapeFailure::Keep, ..RULES };
    for (reading, reason) in
        [(Reading::Failed, Reason::NoReading), (Usage::default().into(), Reason::NoSeries)]
    {
        assert_eq!(decide_finally(Action::Up, &reading, &RULES), (None, reason));
        assert_eq!(decide_finally(Action::Guard, &reading, &RULES), (Some(0), reason));
        assert_eq!(decide_finally(Action::Guard, &reading, &keep), (None, reason));
        assert_eq!(decide_finally(Action::Down, &reading, &keep), (Some(0), Reason::WindowEnd));
    }
}

#[test]
fn no_series_is_an_idle_gpu_only_if_configured() {
    let idle = Rules { no_series: NoSeries::Idle, ..RULES };
    let empty = Usage::default().into();
    assert_eq!(decide_finally(Action::Up, &empty, &idle), (Some(1), Reason::FloorFree));
    assert_eq!(decide_finally(Action::Guard, &empty, &idle), (None, Reason::FloorHolds));
    assert_eq!(decide_finally(Action::Up, &Reading::Failed, &idle), (None, Reason::NoReading));
}

#[test]
fn the_guard_rechecks_only_if_unknown_bytes_alone_break_the_floor() {
    fn rechecks(reading: Reading, rules: Rules) -> bool {
        decide(Action::Guard, &reading, &rules).recheck
    }
    assert!(rechecks(reading_of(8 * GI, 0, 4 * GI), RULES));
    // The others break it by themselves.
    assert!(!rechecks(reading_of(11 * GI, 0, 4 * GI), RULES));
    // The reserve is broken, whoever owns the `unknown` bytes.
    assert!(!rechecks(reading_of(8 * GI, 4 * GI, 4 * GI), RULES));
    // With `Count::Everyone` their owner makes no difference.
    assert!(!rechecks(reading_of(8 * GI, 0, 4 * GI), Rules { count: Count::Everyone, ..RULES }));
    // The floor is free.
    assert!(!rechecks(reading_of(8 * GI, 0, 2 * GI), RULES));
    // `up` counts them, and never rechecks.
    assert!(!decide(Action::Up, &reading_of(8 * GI, 0, 4 * GI), &RULES).recheck);
}

#[test]
fn a_decision_to_recheck_yields_if_it_is_the_last() {
    assert_eq!(decide(Action::Guard, &reading_of(8 * GI, 0, 4 * GI), &RULES).scale_to, Some(0));
}
