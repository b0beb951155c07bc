//! `window next`: the coming windows.

use crate::common::tool::{repository, run_in};

#[test]
fn the_span_starts_where_the_user_says() {
    let output = run_in(repository(), &["window", "next", "--at", "2027-03-27T00:00:00Z"]);
    assert!(output.result().contains("2027-03-27T00:00:00Z"), "{}", output.stdout);
}
