//! Images of this project's own programs: what each holds, how it is compiled, where its digest is pinned.

mod compile;
mod pin;
mod recipe;

pub use compile::{CompileError, Compiled, Compiler};
pub use pin::{Pin, PinError, pin};
pub use recipe::{Kind, own_about};
