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

fn page(others: u64, tenant: u64, unknown: u64) -> Reading {
    Usage { others, tenant, unknown, series: 3 }.into()
}

fn scale(action: Action, reading: &Reading, rules: &Rules) -> (Option<u32>, Reason) {
    let decision = decide(action, reading, rules);
    assert!(!decision.look_again);
    (decision.scale_to, decision.reason)
}

#[test]
fn up_at_the_floor_and_a_byte_past_it() {
    assert_eq!(scale(Action::Up, &page(10 * GI, 0, 0), &RULES), (Some(1), Reason::FloorFree));
    assert_eq!(scale(Action::Up, &page(10 * GI + 1, 0, 0), &RULES), (None, Reason::FloorNotFree));
    assert_eq!(scale(Action::Up, &page(0, 0, 10 * GI + 1), &RULES), (None, Reason::FloorNotFree));
    assert_eq!(scale(Action::Up, &page(0, 10 * GI + 1, 0), &RULES), (None, Reason::FloorNotFree));
}

#[test]
fn guard_at_the_floor_and_a_byte_past_it() {
    assert_eq!(scale(Action::Guard, &page(10 * GI, 0, 0), &RULES), (None, Reason::FloorHolds));
    assert_eq!(
        scale(Action::Guard, &page(10 * GI + 1, 0, 0), &RULES),
        (Some(0), Reason::FloorBroken)
    );
}

#[test]
fn the_tenants_own_model_does_not_trip_the_guard() {
    // Entry 8 of the history: free was 8 GiB before a model of 4 GiB loaded.
    let reading = page(8 * GI, 4 * GI, 0);
    assert_eq!(scale(Action::Guard, &reading, &RULES), (None, Reason::FloorHolds));
    let everyone = Rules { count: Count::Everyone, ..RULES };
    assert_eq!(scale(Action::Guard, &reading, &everyone), (Some(0), Reason::FloorBroken));
}

#[test]
fn the_tenants_growth_is_not_hidden() {
    let reserve = GI / 2;
    assert_eq!(scale(Action::Guard, &page(8 * GI, 8 * GI - reserve, 0), &RULES).0, None);
    let reading = page(8 * GI, 8 * GI - reserve + 1, 0);
    assert_eq!(scale(Action::Guard, &reading, &RULES), (Some(0), Reason::ReserveBroken));
}

#[test]
fn more_in_use_than_the_card_has() {
    assert_eq!(scale(Action::Guard, &page(20 * GI, 0, 0), &RULES).0, Some(0));
    let lax = Rules { floor: 0, reserve: 0, ..RULES };
    assert_eq!(scale(Action::Up, &page(16 * GI + 1, 0, 0), &lax).0, None);
    assert_eq!(scale(Action::Up, &page(u64::MAX, u64::MAX, u64::MAX), &lax).0, None);
}

#[test]
fn without_a_reading() {
    let keep = Rules { on_scrape_failure: OnScrapeFailure::Keep, ..RULES };
    for (reading, reason) in
        [(Reading::Failed, Reason::NoReading), (Usage::default().into(), Reason::NoSeries)]
    {
        assert_eq!(scale(Action::Up, &reading, &RULES), (None, reason));
        assert_eq!(scale(Action::Guard, &reading, &RULES), (Some(0), reason));
        assert_eq!(scale(Action::Guard, &reading, &keep), (None, reason));
        assert_eq!(scale(Action::Down, &reading, &keep), (Some(0), Reason::WindowEnd));
    }
}

#[test]
fn an_idle_card_if_it_is_said_to_be_one() {
    let idle = Rules { no_series: NoSeries::Idle, ..RULES };
    let empty = Usage::default().into();
    assert_eq!(scale(Action::Up, &empty, &idle), (Some(1), Reason::FloorFree));
    assert_eq!(scale(Action::Guard, &empty, &idle), (None, Reason::FloorHolds));
    assert_eq!(scale(Action::Up, &Reading::Failed, &idle), (None, Reason::NoReading));
}

#[test]
fn unknown_bytes_alone_are_looked_at_again() {
    let again = |reading, rules| decide(Action::Guard, &reading, &rules).look_again;
    assert!(again(page(8 * GI, 0, 4 * GI), RULES));
    // The others break it themselves.
    assert!(!again(page(11 * GI, 0, 4 * GI), RULES));
    // The reserve is broken, whoever `unknown` is.
    assert!(!again(page(8 * GI, 4 * GI, 4 * GI), RULES));
    // Where everyone counts, it makes no difference.
    assert!(!again(page(8 * GI, 0, 4 * GI), Rules { count: Count::Everyone, ..RULES }));
    // Nothing breaks.
    assert!(!again(page(8 * GI, 0, 2 * GI), RULES));
    // `up` counts them, and asks no second time.
    assert!(!decide(Action::Up, &page(8 * GI, 0, 4 * GI), &RULES).look_again);
}

#[test]
fn a_decision_to_look_again_yields_when_it_is_the_last() {
    assert_eq!(decide(Action::Guard, &page(8 * GI, 0, 4 * GI), &RULES).scale_to, Some(0));
}
