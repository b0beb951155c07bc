//! Who has the card: the rules by which one Deployment is scaled to 1 or 0.
//!
//! In: the bytes of a Prometheus page and checked settings. Out: a decision
//! with its reason. Nothing here reads a clock, a file, the network or the
//! environment, so a replay of recorded pages runs the very code that runs in
//! the cluster; the binary beside this library does the reading and scaling.
//!
//! ```
//! use vram_gate::decision::{Action, Reading, Rules, decide};
//! use vram_gate::page::{Query, Unit, parse};
//!
//! let query = Query { metric: "used_bytes".into(), unit: Unit::Bytes, namespace: "tts".into() };
//! let usage = parse(b"used_bytes{namespace=\"immich\"} 2034237440\n", &query)?;
//! let rules = Rules { total: 16 << 30, floor: 6 << 30, ..Rules::default() };
//! assert_eq!(decide(Action::Up, &Reading::from(usage), &rules).scale_to, Some(1));
//! # Ok::<(), vram_gate::page::PageError>(())
//! ```
//!
//! Called by: this package's binary, and the renderer's simulation.

pub mod decision;
pub mod duration;
pub mod page;
pub mod quantity {
    //! Amounts of memory, by the one grammar of [`kube_formats`].

    pub use kube_formats::quantity::{BytesError, parse_bytes as parse};
}
pub mod settings;
