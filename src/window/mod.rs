//! Windows on the calendar: the coming ones, from the objects that a project renders.

mod amount;
pub mod calibrate;
pub mod fetch;
mod gates;
pub mod history;
pub mod next;
pub mod simulate;
mod stack;
