//! What `image inspect` prints.

use std::io::{self, Write};

use oci_scratch::{Inspection, Package};

/// Prints what an image holds, as tables.
pub(super) fn write(image: &Inspection, out: &mut dyn Write) -> io::Result<()> {
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
        .map(|(what, digest, size)| vec![what.clone(), size.to_string(), digest.to_string()]);
    write_table(out, &["BLOB", "BYTES", "DIGEST"], blobs.collect())?;
    let files = image.files.iter().map(|file| {
        let (user, group) = file.owner;
        let digest = file.digest.as_ref().map_or_else(String::new, ToString::to_string);
        let mode = format!("{:04o}", file.mode);
        vec![file.path.clone(), mode, format!("{user}:{group}"), file.size.to_string(), digest]
    });
    write_table(out, &["FILE", "MODE", "OWNER", "BYTES", "DIGEST"], files.collect())?;
    let Some((packages, witness)) = &image.packages else {
        return writeln!(
            out,
            "\nThe packages linked in are not known: a program given with `--binary` tells them only if cargo-auditable built it."
        );
    };
    let row = |package: &Package| vec![package.name.clone(), package.version.clone()];
    write_table(out, &["PACKAGE", "VERSION"], packages.iter().map(row).collect())?;
    writeln!(out, "\n{} packages are linked in, says {witness}.", packages.len())
}

/// Columns as wide as they need; a blank line before a table that has a header. An image may be
/// anybody's: what would steer a terminal is not printed.
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
    let width = |column: usize| {
        all.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
    };
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    for row in &all {
        let cells = row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:width$}"));
        let line = cells.collect::<Vec<_>>().join("  ");
        writeln!(out, "{}", line.trim_end().replace(char::is_control, "\u{fffd}"))?;
    }
    Ok(())
}
