//! The selection: labels that a series must have to be read.

use std::fmt;
use std::str::from_utf8;

use super::cursor::Cursor;
use super::usage_sum::{NAME_LABEL, unescape};
use super::{ExpositionFault, line};

/// Labels with the values that a series must have. An empty value also matches a missing label.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selection {
    labels: Vec<(String, String)>,
}

impl Selection {
    /// Parses labels in the exposition's own syntax: `gpu="0",GPU_I_ID=""`.
    ///
    /// # Errors
    /// The expected syntax.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut cursor = Cursor::new(text.as_bytes());
        let mut labels: Vec<(String, String)> = Vec::new();
        loop {
            let (name, value) = take_pair(&mut cursor).map_err(|fault| fault.to_string())?;
            if name.as_bytes() == NAME_LABEL {
                return Err("expected labels without `__name__`, the metric's name".to_owned());
            }
            if labels.iter().any(|(other, _)| *other == name) {
                return Err(format!("expected the label `{name}` once"));
            }
            labels.push((name, value));
            if cursor.is_done() {
                return Ok(Self { labels });
            }
            if !cursor.skip_byte(b',') {
                return Err("expected `,` between labels".to_owned());
            }
        }
    }

    /// The labels with their values.
    pub fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        self.labels.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Returns true if every series is read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }
}

fn take_pair(cursor: &mut Cursor<'_>) -> Result<(String, String), ExpositionFault> {
    cursor.skip_blanks();
    let (name, value) = line::take_label(cursor)?;
    cursor.skip_blanks();
    // Names are ASCII.
    let name = from_utf8(name).map_err(|_| ExpositionFault::LabelName)?;
    Ok((name.to_owned(), unescape(value).into_owned()))
}

/// The syntax that [`Selection::parse`] reads.
impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, value)) in self.labels().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            let value = value.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n");
            write!(f, "{comma}{name}=\"{value}\"")?;
        }
        Ok(())
    }
}

impl FromIterator<(String, String)> for Selection {
    fn from_iter<T: IntoIterator<Item = (String, String)>>(labels: T) -> Self {
        Self { labels: labels.into_iter().collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selection(labels: &[(&str, &str)]) -> Selection {
        labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn selections_are_parsed_as_they_are_written() {
        for (text, labels) in [
            ("gpu=\"0\"", &[("gpu", "0")][..]),
            ("gpu=\"0\",GPU_I_ID=\"\"", &[("gpu", "0"), ("GPU_I_ID", "")]),
            (r#"a="b\"c\\d\ne""#, &[("a", "b\"c\\d\ne")]),
            ("é=\"\"", &[]),
        ] {
            let parsed = Selection::parse(text);
            if labels.is_empty() {
                assert!(parsed.is_err(), "{text}");
                continue;
            }
            assert_eq!(parsed.as_ref(), Ok(&selection(labels)), "{text}");
            assert_eq!(parsed.unwrap().to_string(), text);
        }
        assert_eq!(
            Selection::parse(" gpu = \"0\" , a=\"\" "),
            Ok(selection(&[("gpu", "0"), ("a", "")]))
        );
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "gpu",
            "gpu=0",
            "gpu='0'",
            "gpu=\"0",
            "gpu=\"0\",",
            "gpu=\"0\" a=\"1\"",
            "gpu=\"0\",gpu=\"0\"",
            "{gpu=\"0\"}",
            "gpu!=\"0\"",
            "gpu=~\"0\"",
            "__name__=\"m\"",
            "0=\"0\"",
        ] {
            assert!(Selection::parse(text).is_err(), "{text}");
        }
    }
}
