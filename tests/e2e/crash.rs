//! `rendered/` under everything that may happen to a run: it is killed, the disk is full or read-only,
//! no file may be opened, others run beside it. Whatever happens, each file is whole, nothing foreign
//! is touched, and the next run ends right.

mod at_once;
mod fleet;
mod handles;
mod kills;
mod room;
mod tree;
