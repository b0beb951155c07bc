//! The rules by which the tenant of a shared GPU is scaled to 1 or 0.
//!
//! In: the bytes of a Prometheus exposition and checked settings. Out: a decision with its reason.
//! Nothing here reads a clock, a file, the network or the environment, so a replay of recorded scrapes
//! runs the very code that runs in the cluster. The binary beside this library scrapes and scales.
//!
//! ```
//! use vram_gate::decision::{Action, Reading, Rules, decide};
//! use vram_gate::exposition::{Query, parse};
//!
//! let query =
//!     Query { metric: "used_bytes".into(), namespace: "speech".into(), ..Query::default() };
//! let usage = parse(b"used_bytes{namespace=\"immich\"} 2034237440\n", &query)?;
//! let rules = Rules { total: Some(16 << 30), floor: 6 << 30, ..Rules::default() };
//! assert_eq!(decide(Action::Up, &Reading::from(usage), &rules).scale_to, Some(1));
//! # Ok::<(), vram_gate::exposition::ExpositionError>(())
//! ```

#[cfg(feature = "json")]
pub mod count;
pub mod decision;
pub mod demand;
pub mod duration;
pub mod exposition;
pub mod promql;
pub mod settings;
pub mod watch;
