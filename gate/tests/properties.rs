//! Properties of every reading and every exposition, tested with random ones.

use kube_formats::quantity::parse_bytes;
use proptest::prelude::*;
use vram_gate::decision::{
    Action, Attribution, Count, NoSeries, OnScrapeFailure, Reading, Reason, Rules, decide,
    free_bytes,
};
use vram_gate::exposition::{Query, Selection, Series, Usage, parse};

const GPU: u64 = 32 << 30;

fn random_usage() -> impl Strategy<Value = Usage> {
    // Mostly small, so that every branch is taken often.
    let amount = prop_oneof![8 => 0..GPU / 4, 4 => Just(0), 2 => 0..GPU, 1 => 0..=u64::MAX];
    let total = prop_oneof![2 => Just(None), 1 => (0..2 * GPU).prop_map(Some)];
    (amount.clone(), amount.clone(), amount, 0..40usize, total).prop_map(
        |(tenant, unknown, others, series, total)| Usage { tenant, unknown, others, series, total },
    )
}

fn random_rules() -> impl Strategy<Value = Rules> {
    (
        (prop::option::weighted(0.8, 0..GPU), 0..GPU, 0..GPU, prop::option::of(0..GPU)),
        prop_oneof![3 => Just(Attribution::Namespaces), 1 => Just(Attribution::None)],
        prop_oneof![Just(Count::Residents), Just(Count::Everyone)],
        prop_oneof![Just(OnScrapeFailure::Yield), Just(OnScrapeFailure::Keep)],
        prop_oneof![Just(NoSeries::Unknown), Just(NoSeries::Idle)],
    )
        .prop_map(|(amounts, attribution, count, on_scrape_failure, no_series)| {
            let (total, floor, reserve, budget) = amounts;
            Rules {
                total,
                floor,
                reserve,
                budget,
                count,
                attribution,
                on_scrape_failure,
                no_series,
            }
        })
}

fn query() -> Query {
    Query { metric: "used".into(), namespace: "tts".into(), ..Query::default() }
}

/// Lines with a series of the metric, each with its part of the sum.
fn random_lines() -> impl Strategy<Value = Vec<(String, Usage)>> {
    let namespace = prop_oneof![Just("tts"), Just("unknown"), Just("immich"), Just("")];
    let blank = prop_oneof![Just(""), Just(" "), Just("\t ")];
    let line = (namespace, 0..GPU, "[^\\x00\"\\\\]{0,12}", blank, any::<bool>(), any::<bool>());
    prop::collection::vec(line, 0..12).prop_map(|lines| {
        let lines = lines.into_iter().enumerate();
        let line = |(pid, (namespace, bytes, process, blank, first, stamp)): (
            usize,
            (&str, u64, String, &str, bool, bool),
        )| {
            let namespace_label = format!("namespace{blank}={blank}\"{namespace}\"");
            let others = format!("pid=\"{pid}\",process_name=\"{process}\"");
            let labels = if first {
                format!("{namespace_label},{others}")
            } else {
                format!("{others}{blank},{namespace_label}{blank}")
            };
            let stamp = if stamp { " 1700000000000" } else { "" };
            let mut usage = Usage { series: 1, ..Usage::default() };
            match namespace {
                "tts" => usage.tenant = bytes,
                "unknown" => usage.unknown = bytes,
                _ => usage.others = bytes,
            }
            (format!("used{blank}{{{labels}}}{blank}{bytes}{stamp}\n"), usage)
        };
        lines.map(line).collect()
    })
}

/// A query of devices, lines of the metrics that it reads, and one more line.
fn random_devices() -> impl Strategy<Value = (Query, Vec<String>, String)> {
    let series = prop_oneof![Just(Series::Pods), Just(Series::Devices), Just(Series::DevicesAndPods)];
    let query = (series, any::<bool>(), any::<bool>(), any::<bool>()).prop_map(
        |(series, has_label, has_free, has_total)| Query {
            series,
            device_label: has_label.then(|| "UUID".into()),
            free_metric: has_free.then(|| "free".into()),
            total_metric: has_total.then(|| "total".into()),
            ..query()
        },
    );
    let metric = prop_oneof![4 => Just("used"), 2 => Just("free"), 1 => Just("total"), 1 => Just("other")];
    let device = prop_oneof![12 => Just("UUID=\"A\""), 1 => Just("UUID=\"B\""), 1 => Just("gpu=\"0\"")];
    let namespace = prop_oneof![3 => Just(""), 1 => Just("tts"), 1 => Just("unknown"), 1 => Just("immich")];
    // Few amounts, so that copies of a device's series are common.
    let amount = prop_oneof![Just(3u64), Just(5), Just(8), 0..GPU];
    let line = (metric, device, namespace, 0..40u8, amount).prop_map(
        |(metric, device, namespace, pod, amount)| {
            format!("{metric}{{{device},namespace=\"{namespace}\",pod=\"{pod}\"}} {amount}\n")
        },
    );
    (query, prop::collection::vec(line.clone(), 0..6), line)
}

fn sum_of(lines: &[(String, Usage)]) -> Usage {
    lines.iter().fold(Usage::default(), |sum, (_, usage)| Usage {
        tenant: sum.tenant + usage.tenant,
        unknown: sum.unknown + usage.unknown,
        others: sum.others + usage.others,
        series: sum.series + usage.series,
        total: None,
    })
}

fn text_of(lines: &[(String, Usage)]) -> String {
    let head = "# TYPE used gauge\n".to_owned();
    lines.iter().fold(head, |text, (line, _)| text + line)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn up_starts_the_tenant_exactly_when_the_floor_is_free(usage in random_usage(), rules in random_rules()) {
        let reads = usage.series > 0 || rules.no_series == NoSeries::Idle;
        let starts = reads && free_bytes(&rules, &usage, usage.everyone()) >= i128::from(rules.floor);
        prop_assert_eq!(decide(Action::Up, &usage.into(), &rules).scale_to, starts.then_some(1));
    }

    #[test]
    fn guard_yields_exactly_when_floor_reserve_or_budget_is_broken(usage in random_usage(), rules in random_rules()) {
        let rules = Rules {
            count: Count::Residents,
            attribution: Attribution::Namespaces,
            ..rules
        };
        let holds = free_bytes(&rules, &usage, usage.residents()) >= i128::from(rules.floor)
            && free_bytes(&rules, &usage, usage.everyone()) >= i128::from(rules.reserve)
            && rules.budget.is_none_or(|budget| usage.tenant <= budget);
        prop_assume!(usage.series > 0);
        let decision = decide(Action::Guard, &usage.into(), &rules);
        prop_assert_eq!(decision.scale_to, if holds { None } else { Some(0) });
    }

    #[test]
    fn guard_never_starts_the_tenant(usage in random_usage(), rules in random_rules()) {
        for reading in [Reading::from(usage), Reading::Failed] {
            prop_assert_ne!(decide(Action::Guard, &reading, &rules).scale_to, Some(1));
        }
    }

    #[test]
    fn guard_rechecks_only_if_unknown_bytes_make_the_difference(usage in random_usage(), rules in random_rules()) {
        let decision = decide(Action::Guard, &usage.into(), &rules);
        let known = Usage { unknown: 0, tenant: usage.tenant.saturating_add(usage.unknown), ..usage };
        if decision.recheck {
            prop_assert_eq!(decision.reason, Reason::FloorBroken);
            prop_assert_eq!(decide(Action::Guard, &known.into(), &rules).scale_to, None);
        }
    }

    #[test]
    fn down_always_yields(usage in random_usage(), rules in random_rules()) {
        for reading in [Reading::from(usage), Reading::Failed] {
            prop_assert_eq!(decide(Action::Down, &reading, &rules).scale_to, Some(0));
        }
    }

    #[test]
    fn no_reading_never_starts_the_tenant(rules in random_rules()) {
        for action in [Action::Up, Action::Guard, Action::Down] {
            prop_assert_ne!(decide(action, &Reading::Failed, &rules).scale_to, Some(1));
        }
    }

    #[test]
    fn residents_are_never_more_than_everyone(usage in random_usage()) {
        prop_assert!(usage.residents() <= usage.everyone());
    }

    #[test]
    fn less_in_use_is_never_worse(usage in random_usage(), less in 0..GPU, rules in random_rules()) {
        prop_assume!(usage.series > 0);
        let better = Usage { others: usage.others.saturating_sub(less), ..usage };
        let (before, after) = (decide(Action::Up, &usage.into(), &rules), decide(Action::Up, &better.into(), &rules));
        prop_assert!(before.scale_to.is_none() || after.scale_to == Some(1));
        let (before, after) = (decide(Action::Guard, &usage.into(), &rules), decide(Action::Guard, &better.into(), &rules));
        prop_assert!(before.scale_to.is_some() || after.scale_to.is_none());
    }

    #[test]
    fn without_attribution_guard_keeps_a_lower_bound_of_the_floor(usage in random_usage(), rules in random_rules()) {
        let rules = Rules { count: Count::Residents, attribution: Attribution::None, ..rules };
        prop_assume!(usage.series > 0);
        let needed = rules.reserve.max(rules.floor.saturating_sub(rules.budget.unwrap_or(0)));
        let holds = free_bytes(&rules, &usage, usage.everyone()) >= i128::from(needed);
        let decision = decide(Action::Guard, &usage.into(), &rules);
        prop_assert_eq!(decision.scale_to, if holds { None } else { Some(0) });
    }

    #[test]
    fn more_in_use_by_anyone_never_keeps_the_tenant(usage in random_usage(), more in 0..GPU, user in 0..3, rules in random_rules()) {
        let mut worse = usage;
        let share = match user {
            0 => &mut worse.tenant,
            1 => &mut worse.unknown,
            _ => &mut worse.others,
        };
        *share = share.saturating_add(more);
        for action in [Action::Up, Action::Guard] {
            let (before, after) = (decide(action, &usage.into(), &rules), decide(action, &worse.into(), &rules));
            prop_assert!(before.scale_to != Some(0) || after.scale_to == Some(0));
            prop_assert!(after.scale_to != Some(1) || before.scale_to == Some(1));
        }
    }

    #[test]
    fn stricter_rules_never_keep_the_tenant(usage in random_usage(), less in 0..GPU, rules in random_rules()) {
        let stricter = [
            Rules { budget: Some(rules.budget.unwrap_or(u64::MAX).saturating_sub(less)), ..rules },
            Rules { total: rules.total.map(|total| total.saturating_sub(less)), ..rules },
            Rules { floor: rules.floor + less, ..rules },
            Rules { reserve: rules.reserve + less, ..rules },
        ];
        for strict in stricter {
            if strict.budget != rules.budget && rules.budget.is_none() && rules.attribution == Attribution::None {
                continue; // Without a budget the whole floor must be free, which is stricter than any budget.
            }
            for action in [Action::Up, Action::Guard] {
                let (before, after) = (decide(action, &usage.into(), &rules), decide(action, &usage.into(), &strict));
                prop_assert!(before.scale_to != Some(0) || after.scale_to == Some(0), "{:?}", strict);
                prop_assert!(after.scale_to != Some(1) || before.scale_to == Some(1), "{:?}", strict);
            }
        }
    }

    #[test]
    fn a_smaller_measured_total_never_keeps_the_tenant(usage in random_usage(), total in 0..GPU, rules in random_rules()) {
        let smaller = Usage { total: Some(usage.total.map_or(total, |old| old.min(total))), ..usage };
        prop_assume!(usage.total.is_some() || rules.total.is_some());
        for action in [Action::Up, Action::Guard] {
            let (before, after) = (decide(action, &usage.into(), &rules), decide(action, &smaller.into(), &rules));
            prop_assert!(before.scale_to != Some(0) || after.scale_to == Some(0));
            prop_assert!(after.scale_to != Some(1) || before.scale_to == Some(1));
        }
    }

    #[test]
    fn one_more_series_never_lowers_the_sum_or_raises_what_is_free(
        (query, lines, more) in random_devices(),
        at in any::<prop::sample::Index>(),
    ) {
        let before = parse(lines.concat().as_bytes(), &query);
        let mut longer = lines.clone();
        longer.insert(at.index(lines.len() + 1), more);
        let after = parse(longer.concat().as_bytes(), &query);
        // A series that is refused stays so, unless only the device's own was missing.
        if let (Ok(before), Ok(after)) = (before, after) {
            prop_assert!(after.everyone() >= before.everyone());
            prop_assert!(after.series >= before.series);
            let free = |usage: &Usage| usage.total.map(|total| i128::from(total) - i128::from(usage.everyone()));
            // The scrape before may have had no series of the metric, and so no total.
            if before.series > 0 {
                prop_assert!(free(&after) <= free(&before));
            }
        }
    }

    #[test]
    fn the_order_of_series_makes_no_difference((query, lines, _) in random_devices()) {
        let forwards = parse(lines.concat().as_bytes(), &query);
        let backwards: Vec<String> = lines.iter().rev().cloned().collect();
        let backwards = parse(backwards.concat().as_bytes(), &query);
        prop_assert_eq!(forwards.as_ref().ok(), backwards.as_ref().ok());
    }

    #[test]
    fn series_that_are_not_selected_make_no_difference((query, lines, _) in random_devices(), amount in 0..GPU) {
        prop_assume!(!lines.is_empty());
        let select = Selection::parse("selected=\"yes\"").unwrap();
        let query = Query { select, ..query };
        let marked: Vec<String> = lines.iter().map(|line| line.replacen('{', "{selected=\"yes\",", 1)).collect();
        let others = format!("used{{UUID=\"Z\"}} {amount}\nfree{{UUID=\"Z\"}} NaN\ntotal{{selected=\"no\"}} 1\n");
        let with_others = [others.clone(), marked.concat(), others.replace("Z", "Y")].concat();
        prop_assert_eq!(parse(marked.concat().as_bytes(), &query).ok(), parse(with_others.as_bytes(), &query).ok());
    }

    #[test]
    fn every_series_is_counted_once_and_where_it_belongs(lines in random_lines()) {
        prop_assert_eq!(parse(text_of(&lines).as_bytes(), &query()), Ok(sum_of(&lines)));
    }

    #[test]
    fn an_exposition_that_is_cut_off_is_invalid_unless_between_lines(lines in random_lines(), at in any::<prop::sample::Index>()) {
        let text = text_of(&lines);
        let at = at.index(text.len());
        if let Ok(usage) = parse(&text.as_bytes()[..at], &query()) {
            prop_assert!(text.as_bytes()[at - 1] == b'\n');
            prop_assert!(usage.everyone() <= sum_of(&lines).everyone());
        }
    }

    #[test]
    fn an_exposition_with_one_changed_byte_never_counts_less_than_its_other_lines(
        lines in random_lines(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        prop_assume!(!lines.is_empty());
        let mut bytes = text_of(&lines).into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        // At most two lines differ: the changed one, and the next if a newline was removed or added.
        if let Ok(usage) = parse(&bytes, &query()) {
            let mut shares: Vec<u64> = lines.iter().map(|(_, usage)| usage.everyone()).collect();
            shares.sort_unstable();
            let sure: u64 = shares.iter().rev().skip(2).sum();
            prop_assert!(usage.everyone() >= sure);
        }
    }

    #[test]
    fn any_bytes_are_parsed_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&bytes, &query());
    }

    #[test]
    fn any_text_of_the_formats_own_bytes_is_parsed_or_refused(text in "(used|# (HELP|TYPE) |[a{}=\",\\\\ \t\n0-9.e+#-]){0,60}\n") {
        if let Ok(usage) = parse(text.as_bytes(), &query()) {
            prop_assert!(usage.residents() <= usage.everyone());
            prop_assert!(usage.series <= text.matches("used").count());
        }
    }

    #[test]
    fn plain_bytes_are_quantities(bytes in 0..=i64::MAX as u64) {
        prop_assert_eq!(parse_bytes(&bytes.to_string()), Ok(bytes));
        let gibibytes = bytes >> 34;
        prop_assert_eq!(parse_bytes(&format!("{gibibytes}Gi")), Ok(gibibytes << 30));
    }
}
