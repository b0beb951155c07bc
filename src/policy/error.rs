//! The reasons why a policy is not edited.

use yaml_spans::ParseError;
use yaml_spans::edit::EditError;

/// An obstacle to editing or reading a policy.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// The text can't be read.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// The text can't be edited at this place.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// The namespace is not a DNS label. A glob would exclude other namespaces too.
    #[error(
        "invalid namespace `{0}`: expected lower-case letters, digits and `-`, at most 63 characters"
    )]
    Namespace(String),
    /// The file has no policy of a known kind; the kinds that it has, in words.
    #[error("the file contains no ClusterPolicy, MutatingPolicy or ValidatingPolicy{0}")]
    NoPolicy(String),
    /// No policy has the name.
    #[error("the file contains no policy `{0}`")]
    UnknownPolicy(String),
    /// There are several policies, and none is named.
    #[error("the file contains {0} policies: name one")]
    WhichPolicy(usize),
    /// The policy has no rules.
    #[error("the policy has no rules")]
    NoRules,
    /// No rule has the name.
    #[error("the policy has no rule `{0}`")]
    UnknownRule(String),
    /// There are several rules, and none is named.
    #[error("the policy has {0} rules: name one")]
    WhichRule(usize),
    /// A rule is named, but a policy of this kind has none.
    #[error("a {0} has no rules")]
    RuleOfPolicy(&'static str),
    /// `exclude.any` and `exclude.all`: Kyverno's schema refuses both together.
    #[error("`any` and `all` are mutually exclusive")]
    AnyAndAll,
    /// `exclude.all`: a further block would have to match too.
    #[error("`exclude.all` excludes what matches every block: another block would exclude less")]
    ExcludeAll,
    /// The direct form with another attribute: all attributes of a block must match.
    #[error("`{0}` must match too: a namespace added here would be excluded only together with it")]
    DirectMixed(String),
    /// A block of `exclude.any` with namespaces and another attribute.
    #[error(
        "`{0}` must match too: the namespaces of this block are excluded only together with it"
    )]
    BlockMixed(String),
    /// An `exclude` that excludes nothing: an addition could not be removed exactly.
    #[error("`exclude` is empty")]
    EmptyExclude,
    /// A variable or a template in the list.
    #[error("`{0}` is filled in later: the contents of the list are not known here")]
    Template(String),
    /// Something else than `exclude` filters namespaces.
    #[error("this rule filters namespaces by {0}, which is not edited")]
    Elsewhere(&'static str),
    /// A rule that changes existing objects in all namespaces.
    #[error(
        "`mutate.targets` ({0}) are changed in every namespace: `exclude` is about the object that triggers the rule"
    )]
    RuleTargets(String),
    /// A MutatingPolicy that changes objects other than those that trigger it.
    #[error("`targetMatchConstraints` select the objects that are changed: they are not edited")]
    Targets,
    /// More than one condition has a list.
    #[error("several conditions have a list of namespaces: it is not clear which to append to")]
    SeveralLists,
    /// A CEL expression in a string with escapes.
    #[error("the expression is written with escapes: it is not edited")]
    EscapedExpression,
    /// The edited text fails a check.
    #[error("the edited policy failed a check: {0}")]
    Check(&'static str),
}

impl Error {
    /// The fix, for errors that always have the same one.
    pub(super) fn fix(&self) -> Option<&'static str> {
        Some(match self {
            Error::WhichPolicy(_) => "`--policy NAME`",
            Error::WhichRule(_) => "`--all-rules`, or `--rule NAME` (`kyverno.rule` in the values)",
            Error::RuleOfPolicy(_) => "omit the rule's name",
            Error::ExcludeAll | Error::DirectMixed(_) => {
                "use `exclude.any` with a separate block for namespaces"
            }
            Error::BlockMixed(_) => "add a block to `any` whose only attribute is `namespaces`",
            Error::EmptyExclude => "delete the key",
            Error::Edit(EditError::Anchor | EditError::Alias) => "write the list out in this rule",
            Error::Edit(EditError::Missing(_)) => "a merge key `<<` may bring it: write it out",
            Error::Template(_) | Error::Elsewhere(_) | Error::EscapedExpression => {
                "edit it by hand, in the owner's file"
            }
            Error::SeveralLists => "edit it by hand",
            Error::Targets | Error::RuleTargets(_) => {
                "restrict the targets by hand: only their own `namespace` or selector excludes one"
            }
            _ => return None,
        })
    }
}
