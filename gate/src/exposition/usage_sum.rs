//! The sum over the series that are read.

use std::borrow::Cow;
use std::collections::HashSet;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

use super::value::{self, Number};
use super::{ExpositionFault, Query, Series, UNKNOWN, Usage};

/// The label that Prometheus keeps a metric's name in.
pub(super) const NAME_LABEL: &[u8] = b"__name__";

/// The label of a part of a GPU (MIG), as DCGM's exporter writes it: each part is a device of its own.
const INSTANCE_LABEL: &[u8] = b"GPU_I_ID";

/// The separator of labels in a series' identity; it never occurs in UTF-8.
const SEPARATOR: u8 = 0xff;

/// A metric that the query reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ReadMetric {
    Used,
    Free,
    Total,
}

/// The sum so far, and the series being read.
///
/// Invariant: adding a series never lowers the memory in use by everyone, whatever its labels.
#[derive(Debug)]
pub struct UsageSum<'a> {
    query: &'a Query,
    /// The parts, and the number of series of the metric of memory in use.
    parts: Usage,
    /// The device's own amounts, in bytes.
    device_used: Option<u64>,
    device_free: Option<u64>,
    device_total: Option<u64>,
    /// The device of the series so far.
    device: Option<String>,
    /// The series so far, by [`Self::series_identity`].
    identities: HashSet<u64>,
    hash_keys: RandomState,
    /// The metric of the series being read; `None` for one that the query does not read.
    metric: Option<ReadMetric>,
    /// Its labels, with values as they are written.
    labels: Vec<(&'a [u8], &'a str)>,
    /// The labels' values have escapes.
    is_escaped: bool,
}

impl<'a> UsageSum<'a> {
    /// Returns the sum of no series.
    #[must_use]
    pub fn new(query: &'a Query) -> Self {
        Self {
            query,
            parts: Usage::default(),
            device_used: None,
            device_free: None,
            device_total: None,
            device: None,
            identities: HashSet::new(),
            hash_keys: RandomState::new(),
            metric: None,
            labels: Vec::new(),
            is_escaped: true,
        }
    }

    /// Adds a series whose labels have no escapes, with its value as it is written. A series that the
    /// query does not read has no effect.
    ///
    /// # Errors
    /// The fault that makes the sum unreliable.
    pub fn add_series(
        &mut self,
        name: &str,
        labels: impl IntoIterator<Item = (&'a str, &'a str)>,
        value: &str,
    ) -> Result<(), ExpositionFault> {
        let number = value::parse_number(value.as_bytes()).ok_or(ExpositionFault::Number)?;
        self.add_number(name, labels, number)
    }

    /// Adds a series as [`add_series`](Self::add_series) does, with its value as Prometheus stores it.
    ///
    /// # Errors
    /// The fault that makes the sum unreliable.
    pub fn add_sample(
        &mut self,
        name: &str,
        labels: impl IntoIterator<Item = (&'a str, &'a str)>,
        value: f64,
    ) -> Result<(), ExpositionFault> {
        self.add_number(name, labels, Number::Float(value))
    }

    fn add_number(
        &mut self,
        name: &str,
        labels: impl IntoIterator<Item = (&'a str, &'a str)>,
        number: Number,
    ) -> Result<(), ExpositionFault> {
        self.start_series(name.as_bytes());
        let labels = labels.into_iter();
        self.labels.extend(labels.map(|(name, value)| (name.as_bytes(), value)));
        self.is_escaped = false;
        self.finish_series(number).map(drop)
    }

    /// Starts a series of this name.
    pub(super) fn start_series(&mut self, name: &[u8]) {
        let is_named = |metric: &Option<String>| {
            metric.as_ref().is_some_and(|metric| metric.as_bytes() == name)
        };
        self.metric = if name == self.query.metric.as_bytes() {
            Some(ReadMetric::Used)
        } else if is_named(&self.query.free_metric) {
            Some(ReadMetric::Free)
        } else if is_named(&self.query.total_metric) {
            Some(ReadMetric::Total)
        } else {
            None
        };
        self.labels.clear();
        self.is_escaped = true;
    }

    /// Adds a label of the series, with the escapes in its value.
    pub(super) fn add_label(&mut self, name: &'a [u8], value: &'a str) {
        self.labels.push((name, value));
    }

    /// Ends the series with its value; returns true if it is one that is read.
    pub(super) fn finish_series(&mut self, number: Number) -> Result<bool, ExpositionFault> {
        // Sorted, so that a thousand labels do not cost a million comparisons.
        self.labels.sort_unstable_by_key(|(name, _)| *name);
        let has_duplicate = self.labels.windows(2).any(|pair| pair[0].0 == pair[1].0);
        if has_duplicate || self.labels.iter().any(|(name, _)| *name == NAME_LABEL) {
            return Err(ExpositionFault::LabelTwice);
        }
        let Some(metric) = self.metric else { return Ok(false) };
        let mut selected = self.query.select.labels();
        if !selected.all(|(name, value)| self.label(name.as_bytes()) == value) {
            return Ok(false);
        }
        let bytes = value::to_bytes(number, self.query.unit.bytes())?;
        if !self.identities.insert(self.series_identity(metric)) {
            return Err(ExpositionFault::SeriesTwice);
        }
        self.check_device()?;
        match metric {
            ReadMetric::Used => self.add_used(bytes),
            ReadMetric::Free => self.set_once(|sum| &mut sum.device_free, bytes),
            ReadMetric::Total => self.set_once(|sum| &mut sum.device_total, bytes),
        }?;
        Ok(true)
    }

    /// Returns the whole usage.
    ///
    /// # Errors
    /// The fault that makes the sum unreliable.
    pub fn total_usage(&self) -> Result<Usage, ExpositionFault> {
        let mut usage = self.parts;
        if usage.series == 0 {
            return Ok(usage);
        }
        if self.query.series != Series::Pods && self.device_used.is_none() {
            return Err(ExpositionFault::NoDevice);
        }
        if self.query.free_metric.is_some() && self.device_free.is_none() {
            return Err(ExpositionFault::NoFree);
        }
        if self.query.total_metric.is_some() && self.device_total.is_none() {
            return Err(ExpositionFault::NoTotal);
        }
        // Of the device's own figure and the sum of the parts, the larger one is true: the exporter may
        // not know every process, and the two may be of different instants.
        let parts = usage.everyone();
        let device = self.device_used.unwrap_or(parts);
        let mut used = device.max(parts);
        usage.total = match (self.device_total, self.device_free) {
            (Some(total), Some(free)) => {
                // Memory that the driver keeps for itself is in neither figure.
                let not_free = total.checked_sub(free).ok_or(ExpositionFault::FreeAboveTotal)?;
                used = used.max(not_free);
                Some(total)
            }
            (Some(total), None) => Some(total),
            (None, Some(free)) => Some(device.saturating_add(free)),
            (None, None) => None,
        };
        usage.others = usage.others.saturating_add(used - parts);
        // A total that is too large would let a full device seem to have room.
        let is_real = usage.total.is_none_or(|total| total <= value::MAX_DEVICE_BYTES);
        if usage.everyone() <= value::MAX_BYTES && is_real {
            Ok(usage)
        } else {
            Err(ExpositionFault::TooLarge)
        }
    }

    /// Adds a series of the metric of memory in use.
    fn add_used(&mut self, bytes: u64) -> Result<(), ExpositionFault> {
        let namespace = self.label(self.query.namespace_label.as_bytes());
        let is_unknown = namespace == UNKNOWN;
        let is_tenant = namespace == self.query.namespace && !namespace.is_empty();
        let is_device = match self.query.series {
            Series::Pods => false,
            Series::Devices => true,
            Series::DevicesAndPods => namespace.is_empty(),
        };
        self.parts.series += 1;
        if is_device {
            return self.set_once(|sum| &mut sum.device_used, bytes);
        }
        let share = if is_unknown {
            &mut self.parts.unknown
        } else if is_tenant {
            &mut self.parts.tenant
        } else {
            &mut self.parts.others
        };
        // Both are at most 2⁶³ − 1, so the sum fits a u64; the next line keeps it below that limit.
        *share += bytes;
        if *share <= value::MAX_BYTES { Ok(()) } else { Err(ExpositionFault::TooLarge) }
    }

    /// Sets one of the device's own amounts. An exporter may write it once for each Pod on the device,
    /// so an equal amount of the same device is accepted.
    fn set_once(
        &mut self,
        amount: impl Fn(&mut Self) -> &mut Option<u64>,
        bytes: u64,
    ) -> Result<(), ExpositionFault> {
        let is_named = self.query.device_label.is_some();
        match amount(self) {
            empty @ None => *empty = Some(bytes),
            // Without a label of the device they may be two devices' that use the same amount.
            Some(_) if !is_named => return Err(ExpositionFault::DeviceUnnamed),
            Some(before) if *before != bytes => return Err(ExpositionFault::DeviceTwice),
            Some(_) => {}
        }
        Ok(())
    }

    /// Checks that the series is of the same device as those before.
    fn check_device(&mut self) -> Result<(), ExpositionFault> {
        let Some(label) = &self.query.device_label else { return Ok(()) };
        let device = self.label(label.as_bytes());
        if device.is_empty() {
            return Err(ExpositionFault::NoDeviceLabel);
        }
        let instance = self.label(INSTANCE_LABEL);
        let device = match instance.is_empty() {
            true => device,
            false => Cow::Owned(format!("{device}/{instance}")),
        };
        match &self.device {
            None => self.device = Some(device.into_owned()),
            Some(first) if *first == device => {}
            Some(first) => {
                let devices = [first.clone(), device.into_owned()];
                return Err(ExpositionFault::TwoDevices(devices.into()));
            }
        }
        Ok(())
    }

    /// The value of a label of the series; empty without it, as in Prometheus.
    fn label(&self, name: &[u8]) -> Cow<'a, str> {
        let label = self.labels.iter().find(|(other, _)| *other == name);
        label.map_or(Cow::Borrowed(""), |(_, value)| self.text(value))
    }

    /// The text of a label's value.
    fn text(&self, value: &'a str) -> Cow<'a, str> {
        if self.is_escaped { unescape(value) } else { value.into() }
    }

    /// Returns a hash of the labels that is equal for equal series, however they are written. As in
    /// Prometheus, a label with an empty value does not count.
    ///
    /// A collision of two series (once in about 10¹³ scrapes of a thousand series) costs one attempt: the
    /// scrape is refused, and the next attempt has other hash keys. No series is lost.
    fn series_identity(&self, metric: ReadMetric) -> u64 {
        let mut hasher = self.hash_keys.build_hasher();
        if metric != ReadMetric::Used {
            hasher.write_u8(metric as u8); // No label's name starts with such a byte.
        }
        for (name, value) in self.labels.iter().filter(|(_, value)| !value.is_empty()) {
            hasher.write(name);
            hasher.write_u8(SEPARATOR);
            hasher.write(self.text(value).as_bytes());
            hasher.write_u8(SEPARATOR);
        }
        hasher.finish()
    }
}

/// Replaces the escapes of a label's value: `\\`, `\"` and `\n`. Every other pair stays unchanged, as in
/// the scraper (`promparse.go`, `lvalReplacer`).
pub(super) fn unescape(value: &str) -> Cow<'_, str> {
    if !value.contains('\\') {
        return value.into();
    }
    let mut text = String::with_capacity(value.len());
    let mut rest = value.chars();
    while let Some(char) = rest.next() {
        if char != '\\' {
            text.push(char);
            continue;
        }
        match rest.next() {
            Some('n') => text.push('\n'),
            Some(escaped @ ('\\' | '"')) => text.push(escaped),
            other => {
                text.push('\\');
                text.extend(other);
            }
        }
    }
    text.into()
}

#[cfg(test)]
mod tests;
