//! The output of `image inspect`.

use std::io::{self, Write};

use oci_scratch::Inspection;
use yaml_spans::visible_line;

/// Prints the content of an image as tables.
pub(super) fn write_inspection(image: &Inspection, out: &mut dyn Write) -> io::Result<()> {
    let mut head = vec![
        ("image", image.digest.to_string()),
        ("name", image.ref_name.clone().unwrap_or_default()),
        ("platform", image.platform.clone()),
        ("entrypoint", image.entrypoint.join(" ")),
        ("user", image.user.clone()),
        ("folder", image.working_dir.clone()),
        ("environment", image.env.join(" ")),
        ("created", image.created.clone().unwrap_or_default()),
    ];
    head.retain(|(_, value)| !value.is_empty());
    let head = head.into_iter().map(|(key, value)| vec![key.to_owned(), value]);
    write_table(out, &[], head.collect())?;
    let labels = image.labels.iter().map(|(key, value)| vec![key.clone(), value.clone()]);
    write_table(out, &["LABEL", "VALUE"], labels.collect())?;
    let blobs = image
        .blobs
        .iter()
        .map(|(name, digest, size)| vec![name.clone(), size.to_string(), digest.to_string()]);
    write_table(out, &["BLOB", "BYTES", "DIGEST"], blobs.collect())?;
    let files = image.files.iter().map(|file| {
        let (user, group) = file.owner;
        let digest = file.digest.as_ref().map_or_else(String::new, ToString::to_string);
        let mode = format!("{:04o}", file.mode);
        vec![file.path.clone(), mode, format!("{user}:{group}"), file.size.to_string(), digest]
    });
    write_table(out, &["FILE", "MODE", "OWNER", "BYTES", "DIGEST"], files.collect())?;
    let Some((packages, source)) = &image.packages else {
        return writeln!(
            out,
            "\nThe packages linked in are not known: a program given with `--binary` lists them only if cargo-auditable built it."
        );
    };
    let rows = packages.iter().map(|package| vec![package.name.clone(), package.version.clone()]);
    write_table(out, &["PACKAGE", "VERSION"], rows.collect())?;
    writeln!(out, "\n{} packages are linked in, according to {source}.", packages.len())
}

/// Writes columns as wide as their content, with a blank line before a table that has a header.
/// Hidden characters are written out: an image of another origin must not steer the terminal.
fn write_table(out: &mut dyn Write, header: &[&str], rows: Vec<Vec<String>>) -> io::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let header: Vec<String> = header.iter().map(|&text| text.to_owned()).collect();
    if !header.is_empty() {
        writeln!(out)?;
    }
    let all: Vec<&Vec<String>> =
        [&header].into_iter().filter(|h| !h.is_empty()).chain(&rows).collect();
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
