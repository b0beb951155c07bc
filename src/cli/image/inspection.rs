//! The output of `image inspect`.

use std::io::{self, Write};

use super::super::table::write_table;
use oci_scratch::Inspection;

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
    write_section(out, &["LABEL", "VALUE"], labels.collect())?;
    let blobs = image
        .blobs
        .iter()
        .map(|(name, digest, size)| vec![name.clone(), size.to_string(), digest.to_string()]);
    write_section(out, &["BLOB", "BYTES", "DIGEST"], blobs.collect())?;
    let files = image.files.iter().map(|file| {
        let (user, group) = file.owner;
        let digest = file.digest.as_ref().map_or_else(String::new, ToString::to_string);
        let mode = format!("{:04o}", file.mode);
        vec![file.path.clone(), mode, format!("{user}:{group}"), file.size.to_string(), digest]
    });
    write_section(out, &["FILE", "MODE", "OWNER", "BYTES", "DIGEST"], files.collect())?;
    let Some((packages, source)) = &image.packages else {
        return writeln!(
            out,
            "\nThe packages linked in are not known: a program given with `--binary` lists them only if cargo-auditable built it."
        );
    };
    let rows = packages.iter().map(|package| vec![package.name.clone(), package.version.clone()]);
    write_section(out, &["PACKAGE", "VERSION"], rows.collect())?;
    writeln!(out, "\n{} packages are linked in, according to {source}.", packages.len())
}

/// Writes a table below a blank line, if it has rows.
fn write_section(out: &mut dyn Write, header: &[&str], rows: Vec<Vec<String>>) -> io::Result<()> {
    if !rows.is_empty() {
        writeln!(out)?;
    }
    write_table(out, header, rows)
}
