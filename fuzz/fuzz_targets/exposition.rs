//! Any bytes as an exposition. It must not panic, and a sum must never lack a line.
//! Run by `fuzz/run.sh`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use vram_gate::exposition::{Query, parse};

const METRIC: &str = "m";
const MORE: &[u8] = b"m{fuzz_only_label=\"1\"} 1000\n";

fuzz_target!(|exposition: &[u8]| {
    let query = Query { metric: METRIC.into(), namespace: "tts".into(), ..Query::default() };
    let Ok(usage) = parse(exposition, &query) else {
        // One more line does not make invalid text valid, unless the text was empty.
        if !exposition.is_empty() && exposition.last() == Some(&b'\n') {
            assert!(parse(&[MORE, exposition].concat(), &query).is_err());
        }
        return;
    };
    assert!(usage.residents() <= usage.everyone());
    // One more line is one more series, at the start or at the end.
    let before = parse(&[MORE, exposition].concat(), &query);
    let after = parse(&[exposition, MORE].concat(), &query);
    assert_eq!(before.is_ok(), after.is_ok());
    if let (Ok(before), Ok(after)) = (before, after) {
        assert_eq!(before, after);
        assert_eq!(before.series, usage.series + 1);
        assert_eq!(before.everyone(), usage.everyone() + 1000);
    }
    // Repeating the text repeats every series, which is an error.
    if usage.series > 0 {
        assert!(parse(&exposition.repeat(2), &query).is_err());
    }
    // Without its last newline the text was cut.
    assert!(
        parse(&exposition[..exposition.len() - 1], &query).is_err()
            || exposition.ends_with(b"\n\n")
    );
});
