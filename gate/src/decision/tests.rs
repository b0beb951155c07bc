use super::*;

const GI: u64 = 1 << 30;
const RULES: Rules = Rules {
    total: Some(16 * GI),
    floor: 6 * GI,
    reserve: GI / 2,
    budget: None,
    attribution: Attribution::Namespaces,
    count: Count::Residents,
    on_scrape_failure: OnScrapeFailure::Yield,
    no_series: NoSeries::Unknown,
};

fn reading_of(others: u64, tenant: u64, unknown: u64) -> Reading {
    Usage { others, tenant, unknown, series: 3, total: None }.into()
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

#[test]
fn the_smaller_total_counts() {
    let usage = |total| Usage { others: 6 * GI, series: 1, total, ..Usage::default() };
    let up = |rules: &Rules, total| decide_finally(Action::Up, &usage(total).into(), rules).0;
    let measured = Rules { total: None, ..RULES };
    // 6 GiB are in use, and the floor is 6 GiB.
    assert_eq!(up(&RULES, None), Some(1));
    assert_eq!(up(&RULES, Some(12 * GI - 1)), None);
    assert_eq!(up(&RULES, Some(64 * GI)), Some(1));
    assert_eq!(up(&Rules { total: Some(12 * GI - 1), ..RULES }, Some(64 * GI)), None);
    assert_eq!(up(&measured, Some(12 * GI)), Some(1));
    assert_eq!(up(&measured, Some(12 * GI - 1)), None);
    // Without both, nothing is free.
    assert_eq!(up(&measured, None), None);
    let guard = decide_finally(Action::Guard, &usage(None).into(), &measured);
    assert_eq!(guard, (Some(0), Reason::FloorBroken));
}

#[test]
fn the_tenant_yields_above_its_budget() {
    let rules = Rules { budget: Some(5 * GI), ..RULES };
    let guard = |tenant, rules: &Rules| {
        decide_finally(Action::Guard, &reading_of(2 * GI, tenant, 0), rules)
    };
    assert_eq!(guard(5 * GI, &rules), (None, Reason::FloorHolds));
    assert_eq!(guard(5 * GI + 1, &rules), (Some(0), Reason::BudgetBroken));
    assert_eq!(guard(5 * GI + 1, &RULES), (None, Reason::FloorHolds));
    // `up` does not judge it.
    let reading = reading_of(2 * GI, 6 * GI, 0);
    assert_eq!(decide_finally(Action::Up, &reading, &rules), (Some(1), Reason::FloorFree));
}

#[test]
fn unknown_bytes_that_would_break_the_budget_are_not_read_again() {
    let rules = Rules { budget: Some(5 * GI), ..RULES };
    let rechecks = |tenant| {
        decide(Action::Guard, &reading_of(8 * GI, tenant, 3 * GI), &rules).recheck
    };
    assert!(rechecks(2 * GI));
    assert!(!rechecks(2 * GI + 1));
}

#[test]
fn without_attribution_the_floor_without_the_budget_must_be_free() {
    let rules = Rules { budget: Some(5 * GI), attribution: Attribution::None, ..RULES };
    let guard = |used, rules: &Rules| {
        decide_finally(Action::Guard, &reading_of(used, 0, 0), rules)
    };
    // Floor 6 GiB less budget 5 GiB.
    assert_eq!(guard(15 * GI, &rules), (None, Reason::HeadroomHolds));
    assert_eq!(guard(15 * GI + 1, &rules), (Some(0), Reason::HeadroomBroken));
    // The reserve of 512 MiB is the larger amount.
    let large = Rules { budget: Some(7 * GI), ..rules };
    assert_eq!(guard(15 * GI + GI / 2, &large), (None, Reason::HeadroomHolds));
    assert_eq!(guard(15 * GI + GI / 2 + 1, &large), (Some(0), Reason::ReserveBroken));
    // Without a budget nothing is known, and the whole floor must be free.
    let none = Rules { budget: None, ..rules };
    assert_eq!(guard(10 * GI + 1, &none), (Some(0), Reason::HeadroomBroken));
    // With `Count::Everyone` the residents need not be known.
    let everyone = Rules { count: Count::Everyone, ..rules };
    assert_eq!(guard(10 * GI, &everyone), (None, Reason::FloorHolds));
    assert_eq!(guard(10 * GI + 1, &everyone), (Some(0), Reason::FloorBroken));
}
