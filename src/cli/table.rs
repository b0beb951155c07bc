//! Tables of text for a terminal.

use std::io::{self, Write};

use yaml_spans::visible_line;

/// Writes columns as wide as their content, below a header if there is one. Nothing is written without
/// rows. Hidden characters are written out: an input of another origin must not steer the terminal.
pub(super) fn write_table(
    out: &mut dyn Write,
    header: &[&str],
    rows: Vec<Vec<String>>,
) -> io::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let header: Vec<String> = header.iter().map(|&text| text.to_owned()).collect();
    let all: Vec<&Vec<String>> =
        [&header].into_iter().filter(|row| !row.is_empty()).chain(&rows).collect();
    let columns = all.iter().map(|row| row.len()).max().unwrap_or(0);
    let mut widths = vec![0; columns];
    for row in &all {
        for (width, cell) in widths.iter_mut().zip(row.iter()) {
            *width = cell.chars().count().max(*width);
        }
    }
    for row in &all {
        let cells = row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:width$}"));
        let line = cells.collect::<Vec<_>>().join("  ");
        writeln!(out, "{}", visible_line(line.trim_end()))?;
    }
    Ok(())
}
