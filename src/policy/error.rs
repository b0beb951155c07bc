//! Why a policy is not edited.

use yaml_spans::ParseError;
use yaml_spans::edit;

/// What stands in the way of an edit, or of reading a policy.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// The text is not read.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// The text can't be edited there.
    #[error(transparent)]
    Edit(#[from] edit::Error),
    /// Not a name that a namespace can have: Kubernetes' DNS label. A glob would let others out.
    #[error("`{0}` is no namespace's name")]
    Namespace(String),
    /// The file holds no policy of a kind that is known.
    #[error("there is no ClusterPolicy and no MutatingPolicy in the file")]
    NoPolicy,
    /// No policy has the name.
    #[error("there is no policy `{0}` in the file")]
    UnknownPolicy(String),
    /// Several policies, and none is named.
    #[error("the file holds {0} policies: name one")]
    WhichPolicy(usize),
    /// The policy has no rules.
    #[error("the policy has no rules")]
    NoRules,
    /// No rule has the name.
    #[error("the policy has no rule `{0}`")]
    UnknownRule(String),
    /// Several rules could be meant, and none is named.
    #[error("the policy has {0} rules: name one")]
    WhichRule(usize),
    /// A MutatingPolicy has no rules, so none can be named.
    #[error("a MutatingPolicy has no rules")]
    RuleOfMutatingPolicy,
    /// Something else stands where a list or a map should.
    #[error("{expected} should stand here, not {found}")]
    Kind {
        /// What Kyverno's schema has.
        expected: &'static str,
        /// What is there.
        found: &'static str,
    },
    /// `exclude.any` and `exclude.all`: Kyverno's schema refuses both together.
    #[error("`any` and `all` may not stand together")]
    AnyAndAll,
    /// `exclude.all`: one block more would have to match too.
    #[error("`exclude.all` leaves out what every block matches: one more would narrow it")]
    ExcludeAll,
    /// The direct form with another attribute: all attributes of a block must match.
    #[error("`{0}` must match too: a namespace here would be left out only together with it")]
    DirectMixed(String),
    /// A block of `exclude.any` that has namespaces and another attribute.
    #[error(
        "`{0}` must match too: the namespaces of this block are left out only together with it"
    )]
    BlockMixed(String),
    /// An `exclude` that leaves nothing out: what was put there could not be taken out exactly.
    #[error("`exclude` is empty")]
    EmptyExclude,
    /// A variable or a template in the list.
    #[error("`{0}` is filled in later: what the list holds is not known here")]
    Template(String),
    /// Namespaces are left out by something else than `exclude`.
    #[error("namespaces are left out by {0} here, which is not edited")]
    Elsewhere(&'static str),
    /// A MutatingPolicy that changes objects other than those that trigger it.
    #[error("`targetMatchConstraints` choose what is changed: they are not edited")]
    Targets,
    /// Neither the selector nor a condition of a MutatingPolicy has a list to append to.
    #[error(
        "no list leaves namespaces out: neither a `NotIn` on `kubernetes.io/metadata.name` nor a condition of the form `!(request.namespace in [...])`"
    )]
    NoList,
    /// More than one condition has a list.
    #[error("several conditions have a list of namespaces: it is not clear which to append to")]
    SeveralLists,
    /// Quotes with escapes around a CEL expression.
    #[error("the expression is written with escapes: it is not edited")]
    EscapedExpression,
    /// The edited text does not do what it should.
    #[error("the edited policy was checked, and {0}")]
    Check(&'static str),
}

impl Error {
    /// What would be right, where one cure is always the same.
    pub(super) fn cure(&self) -> Option<&'static str> {
        Some(match self {
            Error::Namespace(_) => "lower case letters, digits and `-`, at most 63",
            Error::WhichPolicy(_) => "`--policy NAME`",
            Error::WhichRule(_) => "`--rule NAME`, or `kyverno.rule` in the values",
            Error::RuleOfMutatingPolicy => "leave the rule's name out",
            Error::ExcludeAll | Error::DirectMixed(_) => {
                "make it `exclude.any` with a block of its own for namespaces"
            }
            Error::BlockMixed(_) => "give `any` a block whose only attribute is `namespaces`",
            Error::EmptyExclude => "delete the key",
            Error::Edit(edit::Error::Anchor | edit::Error::Alias) => {
                "write the list out in this rule"
            }
            Error::Edit(edit::Error::Missing(_)) => "a merge key `<<` may bring it: write it out",
            Error::Template(_) | Error::Elsewhere(_) | Error::EscapedExpression => {
                "edit it by hand, where the owner keeps it"
            }
            Error::NoList | Error::SeveralLists | Error::Targets => "edit it by hand",
            _ => return None,
        })
    }
}
