//! Lint: risky settings of a project that renders.
//!
//! In: loaded stacks, and the owners' policies. Out: a [`Report`] of findings, each by a [`Rule`] with
//! a stable id and at the place to change; [`report`] writes them as JSON, SARIF or workflow commands.
//! Lint reads neither files nor a clock, so that the same input always has the same findings.
//!
//! A setting that can never work is not lint's: rendering refuses it.

mod allow;
mod context;
mod off_peak;
pub mod report;
mod rules;
mod texts;
mod value_paths;

use std::collections::BTreeSet;

use crate::explain::Rendering;
use crate::model::{Message, Severity, nearest_written};
use crate::parallel;
use crate::project::Project;
use crate::project::load::{LoadedStack, RenderCheck};
use kube_validate::ObjectId;
use yaml_spans::diagnostic::{Diagnostic, Diagnostics};
use yaml_spans::source::{Place, Source, SourceId, Sources, Span};

use allow::Comment;
pub(crate) use allow::allow_comments;
use context::{Line, Policies, RuleContext, Violation, read_times};
use rules::{Check, StackTimes};
pub use rules::{RULES, Rule, find_rule, rule_ids};

/// The input of a run.
#[derive(Debug)]
pub struct Input<'a> {
    /// The project.
    pub project: &'a Project,
    /// The stacks.
    pub stacks: &'a [LoadedStack],
    /// The owners' policies: every file of their folder.
    pub policies: Vec<Source>,
    /// The stacks' share of the project.
    pub scope: Scope,
    /// The origin of the stacks' values.
    pub trial: Trial,
}

/// The stacks' share of the project. A policy or a template's comment can only be called unused if all
/// stacks are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// All stacks of the project.
    Project,
    /// Only some of them.
    NamedStacks,
}

/// The origin of the stacks' values. A comment may only have something to allow without the values
/// that are tried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trial {
    /// The values files alone.
    None,
    /// Overlays or assignments change the values.
    ChangedValues,
}

/// The result of a run.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// The findings, the most severe first.
    pub findings: Vec<Finding>,
    /// The findings that a comment allows, in the same order.
    pub allowed: Vec<Allowed>,
    /// The number of stacks that were checked.
    pub stacks: usize,
}

/// A violation of a rule, with its place.
#[derive(Debug, Clone)]
pub struct Finding {
    /// The rule.
    pub rule: &'static Rule,
    /// The effect in the cluster, as a sentence without a full stop.
    pub message: Message,
    /// The text to change; `None` if nothing was written that could be pointed at.
    pub place: Option<Place>,
    /// The path of the value or the field.
    pub path: Option<String>,
    /// The object of a field.
    pub object: Option<ObjectId>,
}

/// A finding that a comment allows.
#[derive(Debug, Clone)]
pub struct Allowed {
    /// The finding.
    pub finding: Finding,
    /// The comment's reason.
    pub reason: String,
}

impl Report {
    /// The number of findings with a severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.rule.severity == severity).count()
    }
}

/// Checks every rule.
///
/// # Errors
/// The first reason for which the project does not render, or a policy can't be read.
pub fn run(input: &Input<'_>) -> Result<Report, Diagnostics> {
    let policies =
        Policies::read(&input.policies, input.stacks.len(), &input.project.new_budget())?;
    let stacks = read_times(input.stacks)?;
    let mut collected = Collected::default();
    let rendering = RenderCheck::new(input.project, input.stacks);
    // A thread drops the rendering of one stack before it starts the next.
    let results = parallel::map(&stacks, MIN_STACKS_PER_THREAD, |stack| {
        let (rendering, objects) = rendering.render(stack.stack)?;
        Ok::<_, Diagnostics>((check_stack(stack, rendering, &policies)?, objects))
    });
    let mut objects = Vec::new();
    for result in results {
        let (found, rendered) = result?;
        collected.append(found);
        objects.extend(rendered);
    }
    rendering.finish(objects)?;
    check_project(input, &stacks, &policies, &mut collected);
    check_comments(input, &policies, &mut collected);
    Ok(collected.into_report(input.stacks.len()))
}

/// The stacks that one thread checks before another thread is worth starting.
const MIN_STACKS_PER_THREAD: usize = 3;

/// Checks the rules that apply to each stack.
fn check_stack(
    stack: &StackTimes<'_>,
    rendering: Rendering,
    policies: &Policies,
) -> Result<Collected, Diagnostics> {
    let context = RuleContext::new(stack, rendering, policies)?;
    let mut collected = Collected::default();
    for rule in RULES {
        if let Check::Stack(check) = rule.check {
            for violation in check(&context) {
                let span = context.find_span(&violation.location);
                collected.add(rule, context.sources(), span, violation);
            }
        }
    }
    Ok(collected)
}

/// Checks the rules that apply to all stacks together.
fn check_project(
    input: &Input<'_>,
    stacks: &[StackTimes<'_>],
    policies: &Policies,
    collected: &mut Collected,
) {
    for rule in RULES {
        match rule.check {
            Check::Project(check) => {
                for (stack, path, message) in check(stacks) {
                    let span = nearest_written(&stack.loaded.tree, &path);
                    let violation = Violation::at_value(path, message);
                    collected.add(rule, &stack.sources, span, violation);
                }
            }
            Check::Policies(check) if input.scope == Scope::Project => {
                for (source, message) in check(input.stacks, policies) {
                    collected.add_policy(rule, policies, source, message);
                }
            }
            _ => {}
        }
    }
}

/// Checks the comments that allow findings, after all other rules.
fn check_comments(input: &Input<'_>, policies: &Policies, collected: &mut Collected) {
    let comments = collected.comments(input, policies);
    for rule in RULES {
        if let Check::Comments(check) = rule.check {
            let violations = check(&comments).into_iter();
            collected
                .findings
                .extend(violations.map(|(comment, message)| comment.finding(rule, message)));
        }
    }
}

/// The findings so far, and the comments that allowed some.
#[derive(Default)]
struct Collected {
    findings: Vec<Finding>,
    allowed: Vec<Allowed>,
    used: BTreeSet<Comment>,
}

impl Collected {
    fn append(&mut self, other: Collected) {
        self.findings.extend(other.findings);
        self.allowed.extend(other.allowed);
        self.used.extend(other.used);
    }

    fn add(
        &mut self,
        rule: &'static Rule,
        sources: &Sources,
        span: Option<Span>,
        violation: Violation,
    ) {
        let comment = span.and_then(|span| allow::comment_for(sources, span, rule.id));
        let (path, object) = violation.location.into_names();
        let mut place = span.map(|span| sources.place(span));
        if let (Some(place), Line::Hidden) = (&mut place, violation.line) {
            place.excerpt.clear();
        }
        let finding = Finding { rule, message: violation.message, place, path, object };
        self.add_finding(finding, comment);
    }

    /// Adds a finding about a whole policy file.
    fn add_policy(
        &mut self,
        rule: &'static Rule,
        policies: &Policies,
        source: SourceId,
        message: Message,
    ) {
        let start = Span::new(source, 0, 0);
        let comment = allow::comment_for(&policies.sources, start, rule.id);
        let place = Some(policies.sources.place(start));
        self.add_finding(Finding { rule, message, place, path: None, object: None }, comment);
    }

    fn add_finding(&mut self, finding: Finding, comment: Option<Comment>) {
        match comment.filter(Comment::has_reason) {
            Some(comment) => {
                self.allowed.push(Allowed { finding, reason: comment.reason.clone() });
                self.used.insert(comment);
            }
            None => self.findings.push(finding),
        }
    }

    /// Every comment for this program, and true for those that allowed a finding.
    fn comments(&self, input: &Input<'_>, policies: &Policies) -> Vec<(Comment, bool)> {
        let mut all = BTreeSet::new();
        for stack in input.stacks {
            all.extend(allow::comments(&stack.sources, |name| {
                input.scope == Scope::Project || name == stack.file
            }));
        }
        if input.scope == Scope::Project {
            all.extend(allow::comments(&policies.sources, |_| true));
        }
        all.into_iter()
            .map(|comment| {
                let is_used = input.trial == Trial::ChangedValues || self.used.contains(&comment);
                (comment, is_used)
            })
            .collect()
    }

    /// Sorts by severity and place. A finding that a template causes in several stacks is reported
    /// once.
    fn into_report(self, stacks: usize) -> Report {
        let mut report = Report { findings: self.findings, allowed: self.allowed, stacks };
        report.findings.sort_by_cached_key(sort_key);
        report.findings.dedup_by(|later, first| {
            later.place.is_some()
                && sort_key(later) == sort_key(first)
                && later.message == first.message
        });
        report.allowed.sort_by_cached_key(|allowed| sort_key(&allowed.finding));
        report
    }
}

type SortKey = (Severity, Option<(String, u32)>, &'static str, Option<String>);

fn sort_key(finding: &Finding) -> SortKey {
    let place = finding.place.as_ref().map(|place| (place.name.clone(), place.line));
    (finding.rule.severity, place, finding.rule.id, finding.path.clone())
}

fn failed(message: String) -> Diagnostics {
    Diagnostic::new(message).into()
}
