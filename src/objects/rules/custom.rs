//! The custom resources that this project writes or edits: `objects::custom` has their types.

use super::{CheckRow, Row};

pub const ROWS: &[Row] = &[];

pub const CHECKS: &[CheckRow] = &[];
