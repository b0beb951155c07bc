//! What a schema can't say: values that can never work together. What is unwise is lint's.

use std::collections::BTreeMap;
use std::path::Path as FilePath;

use super::{KyvernoMode, LoadError, Loaded, Values};
use crate::model::nearest_written;
use yaml_spans::Path;
use yaml_spans::diagnostic::Located;

/// Kubernetes gives a CronJob's Jobs its name and 11 characters more; a Job's name ends at 63.
/// <https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/>
const CRON_JOB_NAME: usize = 52;

/// Why values do not go together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckError {
    /// The name is not the file's.
    #[error("the stack is named `{name}`, its file `{stem}.yaml`: the two must agree")]
    Stem {
        /// The value.
        name: String,
        /// The file's stem.
        stem: String,
    },
    /// More is asked for than the card has.
    #[error("`{what}` is {amount}, more than the whole card (`gpu.total` is {total})")]
    MoreThanTheCard {
        /// The value's path.
        what: &'static str,
        /// How much it is.
        amount: String,
        /// How much there is.
        total: String,
    },
    /// A CronJob's name leaves no room for its Jobs' suffix.
    #[error("`{name}` has {length} characters: a CronJob's name has at most 52")]
    CronJobName {
        /// The name.
        name: String,
        /// Its length.
        length: usize,
    },
    /// One name for two things.
    #[error("`{name}` is {first} already")]
    Twice {
        /// The name.
        name: String,
        /// What it is already.
        first: String,
    },
    /// The namespace's default account would give every Pod there the gate's rights.
    #[error("`default` is every Pod's service account: the gate needs one of its own")]
    DefaultServiceAccount,
    /// A Service without a port behind it.
    #[error("the service leads to the server's port, but `server.port` is not set")]
    NoServerPort,
    /// A mode that needs a policy.
    #[error("`kyverno.mode: {0}` needs `kyverno.policy`: the owner's policy file")]
    NoPolicy(&'static str),
    /// A label or annotation that another value decides.
    #[error("`{key}` is set by `{by}`")]
    Reserved {
        /// The label's or annotation's key.
        key: &'static str,
        /// What sets it.
        by: &'static str,
    },
}

/// Everything that is wrong, in the order of the file's sections.
pub(super) fn check(loaded: &Loaded, stem: &FilePath) -> Vec<Located<LoadError>> {
    let values = &loaded.values;
    let mut errors = Vec::new();
    let mut report = |path: Path, error: CheckError| {
        let span = nearest_written(&loaded.tree, &path);
        errors.push(Located::new(LoadError::Check(error), span, path));
    };
    let key = |keys: &[&str]| keys.iter().fold(Path::root(), |path, key| path.key(*key));

    let stem = stem.to_string_lossy();
    if values.name.as_str() != stem {
        let name = values.name.to_string();
        report(key(&["name"]), CheckError::Stem { name, stem: stem.into_owned() });
    }
    if values.namespace.tier.is_some() && values.namespace.labels.contains_key("tier") {
        let error = CheckError::Reserved { key: "tier", by: "namespace.tier" };
        report(key(&["namespace", "labels", "tier"]), error);
    }
    if values.server.config.is_some()
        && values.server.pod_annotations.contains_key("checksum/config")
    {
        let error = CheckError::Reserved { key: "checksum/config", by: "server.config" };
        report(key(&["server", "podAnnotations", "checksum/config"]), error);
    }
    if values.service.is_some() && values.server.port.is_none() {
        report(key(&["service"]), CheckError::NoServerPort);
    }
    if let (Some(config), Some(storage)) = (&values.server.config, &values.storage)
        && trimmed(config.mount_path.as_str()) == trimmed(storage.mount_path.as_str())
    {
        let name = storage.mount_path.to_string();
        let error = CheckError::Twice { name, first: "`server.config.mountPath`".to_owned() };
        report(key(&["storage", "mountPath"]), error);
    }
    let (gate, total) = (&values.gate, values.gpu.total);
    for (what, amount, path) in [
        ("gate.floor", gate.floor, ["gate", "floor"]),
        ("gate.reserve", gate.reserve, ["gate", "reserve"]),
    ] {
        if amount > total {
            let (amount, total) = (amount.to_string(), total.to_string());
            report(key(&path), CheckError::MoreThanTheCard { what, amount, total });
        }
    }
    check_names(values, |leaf, error| report(key(&["offPeak", "names", leaf]), error));
    let mode = match values.kyverno.mode {
        KyvernoMode::Edit => Some("edit"),
        KyvernoMode::Exception => Some("exception"),
        KyvernoMode::None => None,
    };
    if let (Some(mode), None) = (mode, &values.kyverno.policy) {
        report(key(&["kyverno", "mode"]), CheckError::NoPolicy(mode));
    }
    let mut seen = BTreeMap::new();
    for (index, client) in values.clients.iter().enumerate() {
        let place = (&client.namespace, &client.config_map);
        let first = format!("the ConfigMap of `clients[{index}]`");
        if let (Some(first), Some(name)) = (seen.insert(place, first), &client.config_map) {
            let path = key(&["clients"]).index(index);
            report(path, CheckError::Twice { name: name.to_string(), first });
        }
    }
    errors
}

fn check_names(values: &Values, mut report: impl FnMut(&'static str, CheckError)) {
    let names = &values.off_peak.names;
    let mut seen = BTreeMap::new();
    for (leaf, name) in [("up", &names.up), ("guard", &names.guard), ("down", &names.down)] {
        let Some(name) = name else { continue };
        let length = name.as_str().len();
        if length > CRON_JOB_NAME {
            report(leaf, CheckError::CronJobName { name: name.to_string(), length });
        }
        if let Some(first) = seen.insert(name, leaf) {
            let first = format!("the name of the CronJob `{first}`");
            report(leaf, CheckError::Twice { name: name.to_string(), first });
        }
    }
    if names.service_account.as_ref().is_some_and(|name| name.as_str() == "default") {
        report("serviceAccount", CheckError::DefaultServiceAccount);
    }
}

fn trimmed(path: &str) -> &str {
    path.trim_end_matches('/')
}
