//! A history as a file: the answer that Prometheus would give, with a description, compressed.

use std::fmt::Write as _;
use std::io::{self, Write};

use flate2::{Compression, GzBuilder};
use serde_json::json;

use super::{Header, History, Sample, Series};

impl History {
    /// Returns the history as a compressed file that [`History::read`] reads. The same history gives the
    /// same bytes.
    ///
    /// # Errors
    /// None in memory; the compressor's interface has them.
    pub fn to_file(&self, header: &Header) -> io::Result<Vec<u8>> {
        // Without a time and a file's name.
        let mut encoder = GzBuilder::new().write(Vec::new(), Compression::best());
        let remarks = self.remarks.as_slice();
        write!(
            encoder,
            "{{\"history\":{},\"status\":\"success\",\"infos\":{},\"data\":{{\"resultType\":\"matrix\",\"result\":[",
            json!(header),
            json!(remarks),
        )?;
        for (index, series) in self.series.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(encoder, "{comma}\n{{\"metric\":{},\"values\":[", metric_json(series))?;
            encoder.write_all(samples_text(&series.samples).as_bytes())?;
            encoder.write_all(b"]}")?;
        }
        encoder.write_all(b"\n]}}\n")?;
        encoder.finish()
    }
}

fn metric_json(series: &Series) -> serde_json::Value {
    let name = series.name.iter().map(|name| ("__name__", name.as_str()));
    let labels: serde_json::Map<_, _> =
        name.chain(series.labels()).map(|(name, value)| (name.to_owned(), value.into())).collect();
    labels.into()
}

fn samples_text(samples: &[Sample]) -> String {
    let mut text = String::with_capacity(samples.len() * 24);
    for (index, Sample { time, value }) in samples.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        let (seconds, ms) = (time / 1000, time % 1000);
        // Writing to a String can't fail.
        let _ = match ms {
            0 => write!(text, "{comma}[{seconds},\"{value}\"]"),
            _ => write!(text, "{comma}[{seconds}.{ms:03},\"{value}\"]"),
        };
    }
    text
}
