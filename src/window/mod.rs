//! Windows: the coming ones on the calendar, and the recorded memory of past ones.

mod amount;
pub mod calibrate;
pub mod fetch;
mod gates;
pub mod history;
pub mod next;
pub mod simulate;
mod stack;
