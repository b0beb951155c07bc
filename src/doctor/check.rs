//! The check of one requirement: a call of `kubectl` and what it must print, or a look into a registry.
//!
//! Each check has a shell command that fails if the thing is missing, for people, and a form that
//! [`run`](super::run) judges itself. No command reads standard input, so that a script of them is not
//! read by one of them.

use crate::shell::shell_command;
use vram_gate::exposition::Query;
use vram_gate::settings::DemandNumber;

/// The way to check a requirement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Check {
    /// A call of `kubectl` that changes nothing.
    Kubectl {
        /// Its arguments.
        arguments: Vec<String>,
        /// The answer of a cluster that meets the requirement.
        expected: Expected,
    },
    /// An image in its registry.
    Image {
        /// The image's reference.
        image: String,
        /// The Secrets with which the cluster pulls it.
        secrets: Vec<String>,
    },
    /// A shell command that creates a Pod, and so is left to a person.
    Pod {
        /// The command.
        command: String,
    },
}

/// The answer of `kubectl` that a requirement needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// It succeeds: the object exists.
    Success,
    /// It prints something.
    Output,
    /// It prints a text.
    Text(String),
    /// It prints a version of the API server with this minor version or a later one.
    MinorVersion(u32),
    /// It prints lines of a node's name and an amount, of which one is not zero.
    Amount,
    /// It prints two numbers, the first at least as large as the second.
    AtLeast,
    /// It prints images of Kyverno that still run a ClusterPolicy.
    KyvernoBefore120,
    /// It prints images, of which those of this program have at least this version.
    Image {
        /// The last part of the image's repository.
        program: &'static str,
        /// The major and the minor version.
        least: (u32, u32),
        /// False if the cluster need not have it.
        is_required: bool,
    },
    /// It prints a policy that keeps the priority of the Pods of a namespace.
    PolicyExcludes {
        /// The namespace.
        namespace: String,
        /// The priority class of its Pods.
        priority_class: Option<String>,
        /// The extended resource that they request.
        resource: String,
        /// The kind of the object that makes them.
        controller: String,
    },
    /// It prints the quotas of a namespace, which leave room for each of these Pods.
    Quota {
        /// The namespace.
        namespace: String,
        /// The Pods.
        demands: Vec<Demand>,
        /// The number of finished Jobs that are kept, each with a Pod.
        kept_jobs: usize,
    },
    /// It prints an answer in which the gate finds a count of the demand.
    Count(Box<DemandNumber>),
    /// It prints an exposition that the gate can read.
    Exposition {
        /// The gate's query; `None` if only the cluster knows its settings.
        query: Option<Box<Query>>,
        /// The filters of the shell command.
        filters: Vec<String>,
    },
}

/// The amounts that a quota counts a Pod by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demand {
    /// The object that makes the Pod.
    pub owner: String,
    /// Names such as `requests.memory`, with amounts.
    pub amounts: Vec<(String, String)>,
}

impl Check {
    /// A call of `kubectl` with words.
    pub(super) fn kubectl(words: &[&str], expected: Expected) -> Self {
        let arguments = words.iter().map(|&word| word.to_owned()).collect();
        Check::Kubectl { arguments, expected }
    }

    /// A call of `kubectl get` that fails if an object does not exist.
    pub(super) fn object(namespace: Option<&str>, resource: &str, name: &str) -> Self {
        let mut words = Vec::new();
        if let Some(namespace) = namespace {
            words.extend(["-n", namespace]);
        }
        words.extend(["get", resource]);
        // A name of a template's making could be a flag.
        if name.starts_with('-') {
            words.push("--");
        }
        words.push(name);
        Check::kubectl(&words, Expected::Success)
    }

    /// A shell command that fails if the requirement is not met. Its input is never read.
    pub fn command(&self) -> String {
        let (arguments, expected) = match self {
            Check::Kubectl { arguments, expected } => (arguments, expected),
            Check::Image { image, .. } => {
                return shell_command(&["tts-render", "image", "inspect", "--remote", image])
                    + NO_INPUT;
            }
            Check::Pod { command } => return command.clone(),
        };
        let words: Vec<&str> =
            ["kubectl"].into_iter().chain(arguments.iter().map(String::as_str)).collect();
        let call = shell_command(&words) + NO_INPUT;
        match expected {
            Expected::Success => call,
            Expected::Output | Expected::Count(_) => call + " | grep .",
            Expected::Text(text) => {
                format!("{call} | {}", shell_command(&["grep", "-F", "-e", text]))
            }
            Expected::MinorVersion(least) => {
                format!("{call} | grep -E '\"minor\": *\"{}'", at_least(*least))
            }
            Expected::Amount => call + " | grep ' [1-9]'",
            Expected::AtLeast => {
                call + " | { read -r first second && [ \"$first\" -ge \"$second\" ]; }"
            }
            Expected::KyvernoBefore120 => call + " | grep -E ':v?1[.]1?[0-9]([.-]|$)'",
            Expected::Image { program, least: (major, minor), is_required } => {
                let newer = format!("(v?[{}-9][.]|v?{major}[.]{})", major + 1, at_least(*minor));
                let found = format!("grep -E '{program}:{newer}'");
                match is_required {
                    true => format!("{call} | {found}"),
                    false => format!(
                        "{{ images=$({call}) && {{ [ -z \"$images\" ] || printf '%s\\n' \"$images\" | {found}; }}; }}"
                    ),
                }
            }
            Expected::PolicyExcludes { namespace, .. } => {
                format!("{call} | {}", shell_command(&["grep", "-Fw", "-e", namespace]))
            }
            Expected::Quota { namespace, .. } => {
                shell_command(&["kubectl", "-n", namespace, "describe", "resourcequota,limitrange"])
                    + NO_INPUT
            }
            Expected::Exposition { filters, .. } => {
                let filters: String = filters.iter().map(|filter| format!(" | {filter}")).collect();
                // The last command's status is the pipe's.
                format!("{call}{filters} | grep -m1 .")
            }
        }
    }
}

/// Keeps a command from reading the script that it is part of.
pub(super) const NO_INPUT: &str = " </dev/null";

/// An expression for numbers of at least `least`, which has one digit or two.
fn at_least(least: u32) -> String {
    if least < 10 {
        return format!("([{least}-9]|[1-9][0-9]+)([^0-9]|$)");
    }
    let (tens, ones) = (least / 10, least % 10);
    format!("({tens}[{ones}-9]|[{}-9][0-9]|[1-9][0-9][0-9])", tens + 1)
}
