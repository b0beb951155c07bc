//! What is unwise in a project, though it works.
//!
//! In: opened stacks, and the owners' policies. Out: a [`Report`] of findings, each by a [`Rule`] with
//! a stable id and at the place where it is mended, which [`report`] makes into JSON, SARIF or
//! workflow commands. `cli` calls it. It calls `review`'s reading of gates and workloads, `schedule`,
//! `policy` and the gate's library; it reads neither files nor a clock.
//!
//! What can never work is no matter of lint: it is an error when it is rendered.

mod allow;
mod case;
mod place;
pub mod report;
mod rules;
mod window;

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Message, Severity};
use crate::parallel;
use crate::project::load::LoadedStack;
use kube_validate::ObjectId;
use yaml_spans::diagnostic::{Diagnostic, Diagnostics};
use yaml_spans::source::{Place, Source, Sources, Span};

use allow::Comment;
use case::{At, Case, Policies, Site};
use rules::Look;
pub use rules::{RULES, Rule, find, ids};

/// What is looked at.
#[derive(Debug)]
pub struct Subject<'a> {
    /// The stacks.
    pub stacks: &'a [LoadedStack],
    /// The owners' policies: every file of their folder.
    pub policies: Vec<Source>,
    /// Whether these are all stacks of the project: only then can a policy or a template's comment be
    /// called unused.
    pub whole: bool,
    /// Whether something is laid over the values to be tried: what a comment allows without it may
    /// not be there then.
    pub trial: bool,
}

/// What was found.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// What is to be mended, the worst first.
    pub findings: Vec<Finding>,
    /// What a comment allows, in the same order.
    pub allowed: Vec<Allowed>,
    /// How many stacks were looked at.
    pub stacks: usize,
}

/// Something unwise.
#[derive(Debug, Clone)]
pub struct Finding {
    /// The rule.
    pub rule: &'static Rule,
    /// What is unwise here.
    pub words: Message,
    /// Where it is mended; none if nothing was written that could be pointed at.
    pub place: Option<Place>,
    /// The value's path, or the field's.
    pub path: Option<String>,
    /// The object, where a field is meant.
    pub object: Option<ObjectId>,
}

/// A finding that a comment allows.
#[derive(Debug, Clone)]
pub struct Allowed {
    /// What is allowed.
    pub finding: Finding,
    /// Why, as the comment has it.
    pub reason: String,
}

impl Report {
    /// How many findings have a severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.rule.severity == severity).count()
    }
}

/// Looks for everything that is unwise.
///
/// Errors: a stack that does not render, or a policy that can't be read.
pub fn run(subject: &Subject<'_>) -> Result<Report, Diagnostics> {
    let policies = Policies::read(&subject.policies)?;
    let mut found = Collected::default();
    // One after the other: what a stack renders is let go before the next.
    for stack in parallel::map(subject.stacks, FEW, |opened| look_at(opened, &policies)) {
        found.join(stack?);
    }
    for rule in RULES {
        match rule.look {
            Look::Fleet(look) => {
                for (opened, path, words) in look(subject.stacks) {
                    let span = place::written(&opened.loaded.tree, &path);
                    let site = Site { at: At::Value(path), words };
                    found.add(rule, &opened.sources, span, site);
                }
            }
            Look::Policies(look) if subject.whole => {
                for (policy, words) in look(subject.stacks, &policies) {
                    found.add_policy(rule, &policies, policy, words);
                }
            }
            _ => {}
        }
    }
    let comments = found.comments(subject, &policies);
    for rule in RULES {
        if let Look::Comments(look) = rule.look {
            for (comment, words) in look(&comments) {
                found.findings.push(comment.finding(rule, words));
            }
        }
    }
    Ok(found.report(subject.stacks.len()))
}

/// The stacks that one thread has looked at before another would start.
const FEW: usize = 3;

/// What is unwise in one stack.
fn look_at(opened: &LoadedStack, policies: &Policies) -> Result<Collected, Diagnostics> {
    let case = Case::of(opened, policies)?;
    let mut found = Collected::default();
    for rule in RULES {
        if let Look::Stack(look) = rule.look {
            for site in look(&case) {
                found.add(rule, case.sources(), case.span(&site.at), site);
            }
        }
    }
    Ok(found)
}

/// Findings as they come, and the comments that allowed some.
#[derive(Default)]
struct Collected {
    findings: Vec<Finding>,
    allowed: Vec<Allowed>,
    used: BTreeSet<Comment>,
}

impl Collected {
    fn join(&mut self, other: Collected) {
        self.findings.extend(other.findings);
        self.allowed.extend(other.allowed);
        self.used.extend(other.used);
    }

    fn add(&mut self, rule: &'static Rule, sources: &Sources, span: Option<Span>, site: Site) {
        let comment = span.and_then(|span| allow::over(sources, span, rule.id));
        let (path, object) = site.at.names();
        let place = span.map(|span| sources.place(span));
        let finding = Finding { rule, words: site.words, place, path, object };
        self.keep(finding, comment);
    }

    fn add_policy(
        &mut self,
        rule: &'static Rule,
        policies: &Policies,
        policy: usize,
        words: Message,
    ) {
        let span = policies.start(policy);
        let comment = span.and_then(|span| allow::over(&policies.sources, span, rule.id));
        let place = span.map(|span| policies.sources.place(span));
        self.keep(Finding { rule, words, place, path: None, object: None }, comment);
    }

    fn keep(&mut self, finding: Finding, comment: Option<Comment>) {
        match comment.filter(Comment::holds) {
            Some(comment) => {
                self.allowed.push(Allowed { finding, reason: comment.reason.clone() });
                self.used.insert(comment);
            }
            None => self.findings.push(finding),
        }
    }

    /// Every comment that allows something, and whether it did.
    fn comments(&self, subject: &Subject<'_>, policies: &Policies) -> Vec<(Comment, bool)> {
        let mut all: BTreeMap<Comment, bool> = BTreeMap::new();
        for stack in subject.stacks {
            let ours = |name: &str| subject.whole || name == stack.file;
            for comment in allow::all(&stack.sources, ours) {
                all.entry(comment).or_insert(false);
            }
        }
        if subject.whole {
            all.extend(allow::all(&policies.sources, |_| true).map(|comment| (comment, false)));
        }
        let used = |(comment, _)| {
            let used = subject.trial || self.used.contains(&comment);
            (comment, used)
        };
        all.into_iter().map(used).collect()
    }

    /// In the order of severity and place. What a template brings to several stacks is said once.
    fn report(self, stacks: usize) -> Report {
        let key = |finding: &Finding| {
            let place = finding.place.as_ref().map(|place| (place.name.clone(), place.line));
            (finding.rule.severity, place, finding.rule.id, finding.path.clone())
        };
        let mut report = Report { findings: self.findings, allowed: self.allowed, stacks };
        report.findings.sort_by_cached_key(key);
        report.findings.dedup_by(|later, first| {
            later.place.is_some() && key(later) == key(first) && later.words == first.words
        });
        report.allowed.sort_by_cached_key(|allowed| key(&allowed.finding));
        report
    }
}

fn failed(message: String) -> Diagnostics {
    Diagnostic::new(message).into()
}
