//! The budget of a run: bounds on the work and the memory of all stacks together.
//!
//! Limits on single files and templates do not bound their sum. A budget counts nodes and bytes, never
//! time, so a run has the same result on every machine: the sums do not depend on the order in which
//! threads add to them.

use std::sync::atomic::{AtomicU64, Ordering};

use yaml_spans::diagnostic::{Diagnostic, Diagnostics};
use yaml_spans::{Node, Value};

/// A quantity that a run may use a limited amount of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// The bytes of all values files.
    ValuesBytes,
    /// The nodes of all values, overlays included.
    ValuesNodes,
    /// The bytes that templates write and that their filters take.
    OutputBytes,
    /// The nodes of all objects.
    ObjectNodes,
    /// The nodes of objects beyond 2,500 of each stack.
    ExtraNodes,
    /// The nodes of manifests that are validated.
    ManifestNodes,
    /// The bytes of policies times the stacks that they are evaluated for.
    PolicyWork,
    /// The fields that differ in a comparison.
    ChangedFields,
}

/// The nodes of a stack's objects that only count together with those of all stacks. This repository's stack
/// has 1,226. A few stacks get no room for what a thousand need.
const ORDINARY_NODES: usize = 2_500;

impl Resource {
    const ALL: [Resource; 8] = [
        Resource::ValuesBytes,
        Resource::ValuesNodes,
        Resource::OutputBytes,
        Resource::ObjectNodes,
        Resource::ExtraNodes,
        Resource::ManifestNodes,
        Resource::PolicyWork,
        Resource::ChangedFields,
    ];

    /// The limit. 1,000 copies of this repository's stack use less than half of each.
    const fn limit(self) -> u64 {
        match self {
            Resource::ValuesBytes => 16 << 20,
            Resource::ValuesNodes => 1_000_000,
            Resource::OutputBytes => 64 << 20,
            Resource::ObjectNodes | Resource::ManifestNodes => 2_000_000,
            Resource::ExtraNodes => 200_000,
            Resource::ChangedFields => 100_000,
            Resource::PolicyWork => 64 << 20,
        }
    }
}

/// A budget that is spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.describe())]
pub struct BudgetExceeded {
    resource: Resource,
    limit: u64,
}

impl BudgetExceeded {
    fn describe(self) -> String {
        let BudgetExceeded { resource, limit } = self;
        match resource {
            Resource::ValuesBytes => {
                format!("the values files of all stacks exceed {} MiB", limit >> 20)
            }
            Resource::ValuesNodes => {
                format!("the values of all stacks exceed {limit} keys and values")
            }
            Resource::OutputBytes => {
                format!("the templates' output of all stacks exceeds {} MiB", limit >> 20)
            }
            Resource::ObjectNodes => {
                format!("the objects of all stacks exceed {limit} keys and values")
            }
            Resource::ExtraNodes => format!(
                "the objects of all stacks exceed {limit} keys and values, without the first {ORDINARY_NODES} of each stack"
            ),
            Resource::PolicyWork => format!(
                "the policies' bytes times the number of stacks exceed {} MiB: name fewer stacks",
                limit >> 20
            ),
            Resource::ChangedFields => format!("more than {limit} fields differ"),
            Resource::ManifestNodes => {
                format!("the manifests exceed {limit} keys and values: validate fewer at once")
            }
        }
    }
}

impl From<BudgetExceeded> for Diagnostics {
    fn from(error: BudgetExceeded) -> Self {
        let diagnostic = Diagnostic::new(error.to_string());
        let diagnostic = match error.resource {
            Resource::ManifestNodes | Resource::ChangedFields => diagnostic,
            _ => diagnostic.note("a run has one budget for all stacks"),
        };
        diagnostic.note("a larger budget, for files that you trust: `--budget-factor 10`").into()
    }
}

/// The amounts that a run has used; shared by its threads.
#[derive(Debug)]
pub struct Budget {
    used: [AtomicU64; Resource::ALL.len()],
    factor: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Budget::with_factor(1)
    }
}

impl Budget {
    /// The largest factor.
    pub const MAX_FACTOR: u32 = 100;

    /// A budget of so many times the limits.
    pub fn with_factor(factor: u32) -> Self {
        Budget { used: Default::default(), factor: factor.into() }
    }

    /// Adds an amount.
    ///
    /// # Errors
    /// This sum or another one exceeds its limit, so the run can stop.
    pub fn spend(&self, resource: Resource, amount: usize) -> Result<(), BudgetExceeded> {
        self.used[resource as usize].fetch_add(amount as u64, Ordering::Relaxed);
        self.check()
    }

    /// Adds nodes of one stack's objects, which has some already.
    ///
    /// # Errors
    /// As for [`Budget::spend`].
    pub fn spend_object_nodes(&self, already: usize, nodes: usize) -> Result<(), BudgetExceeded> {
        let extra = |nodes: usize| nodes.saturating_sub(ORDINARY_NODES);
        self.spend(Resource::ObjectNodes, nodes)?;
        self.spend(Resource::ExtraNodes, extra(already + nodes) - extra(already))
    }

    /// The amount that is used.
    pub fn used(&self, resource: Resource) -> u64 {
        self.used[resource as usize].load(Ordering::Relaxed)
    }

    /// Checks the sums. Called at the end of a run, since an error of one stack must not depend on the
    /// order of the stacks.
    ///
    /// # Errors
    /// A sum exceeds its limit.
    pub fn check(&self) -> Result<(), BudgetExceeded> {
        for resource in Resource::ALL {
            let limit = resource.limit() * self.factor;
            if self.used(resource) > limit {
                return Err(BudgetExceeded { resource, limit });
            }
        }
        Ok(())
    }
}

/// The budget of trial renderings, which find the values behind a field. When it is spent, the remaining
/// values are not tried.
#[derive(Debug)]
pub struct Trials {
    left: AtomicU64,
}

impl Trials {
    /// The work of all trials of a run, in bytes that templates write. A stack of ordinary size takes
    /// 20 MiB to try each of its values.
    const BYTES: u64 = 192 << 20;
    /// The share of each of many stacks.
    const MIN_BYTES: u64 = 2 << 20;
    /// The least [`part`](Self::part). A smaller one would often be spent, and its work be done twice.
    const MIN_PART_BYTES: u64 = 1 << 20;
    /// The work of a trial for each node of the values, in the same unit: they are read again.
    const BYTES_PER_NODE: u64 = 128;

    /// The share of one stack of a run with some number of stacks.
    pub fn share_of(stacks: usize) -> Self {
        let share = Self::BYTES / (stacks.max(1) as u64);
        Trials { left: AtomicU64::new(share.max(Self::MIN_BYTES)) }
    }

    /// Returns true if no further trial is allowed.
    pub fn are_spent(&self) -> bool {
        self.left.load(Ordering::Relaxed) == 0
    }

    /// Counts a trial's reading of the values. Returns false if no trial is allowed.
    pub(crate) fn start(&self, nodes: usize) -> bool {
        if self.are_spent() {
            return false;
        }
        self.subtract((nodes as u64).saturating_mul(Self::BYTES_PER_NODE));
        true
    }

    /// Counts what a trial's templates wrote.
    pub(crate) fn add_output(&self, budget: &Budget) {
        self.subtract(budget.used(Resource::OutputBytes));
    }

    /// One of several equal parts of the work that is left, in bytes, for threads that count by themselves.
    /// None if it would be too small for a leaf of ordinary values.
    pub(crate) fn part(&self, parts: usize) -> Option<u64> {
        let part = self.left.load(Ordering::Relaxed) / parts.max(1) as u64;
        (part >= Self::MIN_PART_BYTES).then_some(part)
    }

    /// Trials for a part of the work.
    pub(crate) fn of_part(bytes: u64) -> Self {
        Trials { left: AtomicU64::new(bytes) }
    }

    /// Counts what was done with a part.
    pub(crate) fn take_back(&self, part: u64, trials: &Trials) {
        self.subtract(part.saturating_sub(trials.left.load(Ordering::Relaxed)));
    }

    /// One thread counts with a value at a time, so the two steps need not be one.
    fn subtract(&self, amount: u64) {
        let left = self.left.load(Ordering::Relaxed);
        self.left.store(left.saturating_sub(amount), Ordering::Relaxed);
    }
}

/// The number of nodes of a tree: keys are not counted.
pub(crate) fn count_nodes(node: &Node) -> usize {
    1 + match &node.value {
        Value::Mapping(map) => map.values().map(|entry| count_nodes(&entry.node)).sum(),
        Value::Sequence(items) => items.iter().map(count_nodes).sum::<usize>(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_of_many_ordinary_stacks_do_not_add_up_to_those_of_a_large_one() {
        let budget = Budget::default();
        for _ in 0..700 {
            budget.spend_object_nodes(0, 1_500).unwrap();
            budget.spend_object_nodes(1_500, 1_000).unwrap();
        }
        assert_eq!(budget.used(Resource::ExtraNodes), 0);
        budget.spend_object_nodes(2_000, 100_500).unwrap();
        assert_eq!(budget.used(Resource::ExtraNodes), 100_000);
        let error = budget.spend_object_nodes(102_500, 100_001).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("exceed 200000 keys and values, without the first 2500 of each stack"),
            "{error}"
        );
    }

    #[test]
    fn a_spent_budget_is_named() {
        for (resource, name) in [
            (Resource::ObjectNodes, "the objects of all stacks"),
            (Resource::ManifestNodes, "the manifests"),
            (Resource::PolicyWork, "the policies' bytes"),
            (Resource::ChangedFields, "more than 100000 fields differ"),
            (Resource::OutputBytes, "the templates' output"),
            (Resource::ValuesBytes, "the values files"),
            (Resource::ValuesNodes, "the values of all stacks"),
        ] {
            let budget = Budget::default();
            budget.spend(resource, resource.limit() as usize).unwrap();
            let error = budget.spend(resource, 1).unwrap_err();
            assert!(error.to_string().starts_with(name), "{error}");
            assert_eq!(budget.check(), Err(error));
        }
    }
}
