//! Images of this project's own programs: their content, the compilation, the pinning of digests.

mod compile;
mod pin;
mod recipe;

pub use compile::{Compiled, Compiler};
pub use pin::{Pin, pin_digest};
pub use recipe::{OwnImage, own_about};
