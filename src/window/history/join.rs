//! Several files as one history.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{History, HistoryError, MAX_SAMPLES, Sample, Series, unit_name};

/// The metric's name and the other labels of a series.
type Identity = (Option<String>, Vec<(String, String)>);

impl History {
    /// Joins files, each with its name for messages. A sample that several files have counts once; where
    /// they disagree the larger counts. Overlaps and gaps become [`notes`](History::notes).
    ///
    /// # Errors
    /// Files of several metrics or units, or too many samples.
    pub fn join(mut files: Vec<(String, History)>) -> Result<Self, HistoryError> {
        if files.len() < 2 {
            return files.pop().map(|(_, history)| history).ok_or(HistoryError::Empty);
        }
        files.sort_by_key(|(_, history)| history.span());
        let mut joined = History::default();
        let mut series: BTreeMap<Identity, Vec<Sample>> = BTreeMap::new();
        joined.add_gap_note(&files);
        for (name, file) in files {
            joined.join_header(&file)?;
            joined.remarks.extend(file.remarks);
            joined.remarks.dedup();
            if joined.step != 0 && joined.step != file.step {
                let (before, its) = (joined.step / 1000, file.step / 1000);
                let note = format!("the step of `{name}` is {its} s, and {before} s before it");
                joined.notes.push(note);
            }
            joined.step = joined.step.max(file.step);
            let mut repeated = Repeated::default();
            for one in file.series {
                let present = series.entry((one.name, one.labels)).or_default();
                repeated.merge(present, one.samples);
            }
            joined.notes.extend(repeated.note(&name));
            if series.values().map(Vec::len).sum::<usize>() > MAX_SAMPLES {
                return Err(HistoryError::TooManySamples);
            }
        }
        joined.series = series
            .into_iter()
            .map(|((name, labels), samples)| Series { name, labels, samples })
            .collect();
        joined.check_span()
    }

    fn join_header(&mut self, file: &History) -> Result<(), HistoryError> {
        let Some(header) = &file.header else { return Ok(()) };
        match &mut self.header {
            empty @ None => *empty = Some(header.clone()),
            Some(first) if first.metric != header.metric => {
                return Err(HistoryError::OtherMetric {
                    history: header.metric.clone(),
                    gate: first.metric.clone(),
                });
            }
            Some(first) if first.unit != header.unit => {
                return Err(HistoryError::OtherUnit {
                    history: unit_name(header.unit),
                    gate: unit_name(first.unit),
                });
            }
            Some(first) => {
                first.windows.extend(&header.windows);
                first.windows.sort_by_key(|window| (window.start, window.end));
                first.windows.dedup();
            }
        }
        Ok(())
    }

    /// Notes the times that no file covers, between the first and the last.
    fn add_gap_note(&mut self, files: &[(String, History)]) {
        let mut end = i64::MIN;
        let mut gaps: Vec<(i64, i64)> = Vec::new();
        for (_, file) in files {
            let (start, until) = file.span();
            if end != i64::MIN && start - end > file.max_age() {
                gaps.push((end, start));
            }
            end = end.max(until);
        }
        let Some((from, until)) = gaps.iter().max_by_key(|(from, until)| until - from) else {
            return;
        };
        let [from, until] =
            [*from, *until].map(|at| Timestamp::from_millisecond(at).unwrap_or_default());
        let (count, files) = (gaps.len(), files.len());
        self.notes.push(match count {
            1 => format!("nothing is recorded between {from} and {until}"),
            _ => format!(
                "the {files} files leave {count} gaps, the longest between {from} and {until}"
            ),
        });
    }
}

/// The samples of a file that earlier files have, too.
#[derive(Default)]
struct Repeated {
    samples: usize,
    different: usize,
}

impl Repeated {
    fn merge(&mut self, present: &mut Vec<Sample>, mut new: Vec<Sample>) {
        let is_later = match (present.last(), new.first()) {
            (Some(last), Some(first)) => last.time < first.time,
            _ => true,
        };
        present.append(&mut new);
        if is_later {
            return;
        }
        present.sort_by_key(|sample| sample.time);
        present.dedup_by(|later, first| {
            if later.time != first.time {
                return false;
            }
            self.samples += 1;
            self.different += usize::from(later.value != first.value);
            first.value = first.value.max(later.value);
            true
        });
    }

    fn note(&self, name: &str) -> Option<String> {
        let Repeated { samples, different } = self;
        match (samples, different) {
            (0, _) => None,
            (_, 0) => Some(format!("`{name}` repeats {samples} samples of the files before it")),
            _ => Some(format!(
                "`{name}` repeats {samples} samples of the files before it, {different} of them with another value: the larger counts"
            )),
        }
    }
}
