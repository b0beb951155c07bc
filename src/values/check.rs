//! The rules that a schema can't express: values that can never work together. Risky values are lint's.

use std::collections::BTreeMap;
use std::path::Path as FilePath;

use jiff::tz::TimeZone;

use super::{KyvernoMode, LoadError, Loaded, Mode, Target, Values};
use crate::model::{nearest_written, workload};
use kube_validate::MAX_CRON_JOB_NAME;
use yaml_spans::Path;
use yaml_spans::diagnostic::Located;

/// Values that can never work together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckError {
    /// A name that differs from the file's.
    #[error("the stack is named `{name}`, but its file `{stem}.yaml`: the two must agree")]
    Stem {
        /// The value.
        name: String,
        /// The file's stem.
        stem: String,
    },
    /// A CronJob's name leaves no room for its Jobs' suffix.
    #[error(
        "invalid CronJob name `{name}`: expected at most {MAX_CRON_JOB_NAME} characters, not {length}"
    )]
    CronJobName {
        /// The name.
        name: String,
        /// Its length.
        length: usize,
    },
    /// One name for two things.
    #[error("`{name}` is already {first}")]
    Twice {
        /// The name.
        name: String,
        /// The first thing with the name.
        first: String,
    },
    /// The namespace's default account would give every Pod there the gate's rights.
    #[error("`default` is every Pod's service account: the gate needs its own")]
    DefaultServiceAccount,
    /// A Service without a port behind it.
    #[error("`service` needs `server.port`, the port that it leads to, or `service.targetPort`")]
    NoServerPort,
    /// A Service without a port.
    #[error("`service` needs `port`, or `ports` in Kubernetes' format")]
    NoServicePort,
    /// A route without a Service behind it.
    #[error("`{0}` needs `service`, which it leads to")]
    NoService(&'static str),
    /// A claim without a size.
    #[error("`storage` needs `size`, or `existingClaim` for a claim that exists already")]
    NoSize,
    /// A property of a claim that is not rendered.
    #[error(
        "`storage.{0}` can't be combined with `storage.existingClaim`: that claim is used as it is"
    )]
    ExistingClaim(&'static str),
    /// An admission that could not trust the exporter.
    #[error(
        "`server.admission` needs an http URL to read: the server's Pods mount no CA certificate for https"
    )]
    NoAdmissionCa,
    /// A gate with nothing to read.
    #[error(
        "the gate has nothing to read: set `gate.metricsUrl`, such as `http://SERVICE.NAMESPACE.svc.cluster.local:PORT/metrics`, or `gate.prometheus`"
    )]
    NoSource,
    /// A mode that needs a policy.
    #[error("`kyverno.mode: {0}` needs `kyverno.policy`, the owner's policy file")]
    NoPolicy(&'static str),
    /// An exporter without a preset for a setting.
    #[error("`gate.exporter: custom` needs `gate.{0}`: nothing is known about the exporter")]
    NoPreset(&'static str),
    /// A built-in kind that can't be scaled.
    #[error(
        "`{kind}` of `{api_version}` has no scale subresource: expected `Deployment`, `StatefulSet` or \
         `ReplicaSet` of `apps/v1`, or a custom kind with its own `target.apiVersion`"
    )]
    NoScale {
        /// The kind.
        kind: String,
        /// Its API version.
        api_version: String,
    },
    /// Demand without the loop that follows it.
    #[error(
        "`offPeak.demand` needs `offPeak.mode: watch`, which looks at the GPU every few seconds"
    )]
    DemandNeedsWatch,
    /// Two watches over one server at a time.
    #[error(
        "the hours of demand from {opens} overlap a window of `offPeak.up`, or never end: let a run of `offPeak.down` close each before the other opens"
    )]
    DemandOverlaps {
        /// The first such hours.
        opens: String,
    },
    /// A label or annotation that another value decides.
    #[error("`{key}` is set by `{by}`")]
    Reserved {
        /// The label's or annotation's key.
        key: &'static str,
        /// The value that sets it.
        by: &'static str,
    },
}

/// Returns every error, in the order of the file's sections.
pub(super) fn check_together(loaded: &Loaded, stem: &FilePath) -> Vec<Located<LoadError>> {
    let values = &loaded.values;
    let mut errors = Vec::new();
    let mut report = |path: Path, error: CheckError| {
        let span = nearest_written(&loaded.tree, &path);
        errors.push(Located::new(LoadError::Check(error), span, path));
    };

    let stem = stem.to_string_lossy();
    if values.name.as_str() != stem {
        let name = values.name.to_string();
        report(Path::of_keys(["name"]), CheckError::Stem { name, stem: stem.into_owned() });
    }
    check_labels(values, &mut report);
    if values.server.config.is_some()
        && values.server.pod_annotations.contains_key("checksum/config")
    {
        let error = CheckError::Reserved { key: "checksum/config", by: "server.config" };
        report(Path::of_keys(["server", "podAnnotations", "checksum/config"]), error);
    }
    check_service(values, &mut report);
    check_storage(values, &mut report);
    if values.server.admission && values.gate.source_url().starts_with("https:") {
        report(Path::of_keys(["server", "admission"]), CheckError::NoAdmissionCa);
    }
    if let (Some(config), Some(storage)) = (&values.server.config, &values.storage)
        && without_trailing_slash(config.mount_path.as_str())
            == without_trailing_slash(storage.mount_path.as_str())
    {
        let name = storage.mount_path.to_string();
        let error = CheckError::Twice { name, first: "`server.config.mountPath`".to_owned() };
        report(Path::of_keys(["storage", "mountPath"]), error);
    }
    let gate = &values.gate;
    let unknown = [("metric", gate.metric.is_none()), ("metricUnit", gate.metric_unit.is_none())];
    for (key, _) in unknown.into_iter().filter(|(_, is_missing)| *is_missing) {
        report(Path::of_keys(["gate", "exporter"]), CheckError::NoPreset(key));
    }
    if values.gate.metrics_url.is_none() && values.gate.prometheus.is_none() {
        report(Path::of_keys(["gate"]), CheckError::NoSource);
    }
    if let Some(error) = check_target(&values.target) {
        report(Path::of_keys(["target", "kind"]), error);
    }
    if values.off_peak.demand.is_some() {
        let off_peak = &values.off_peak;
        if off_peak.mode != Mode::Watch {
            report(Path::of_keys(["offPeak", "demand"]), CheckError::DemandNeedsWatch);
        }
        if let Some(opens) = off_peak.find_demand_overlap() {
            let zone = TimeZone::get(off_peak.time_zone.as_str()).unwrap_or(TimeZone::UTC);
            let opens = opens.to_zoned(zone).strftime("%a %-d %b %Y %H:%M").to_string();
            report(
                Path::of_keys(["offPeak", "demand", "opens"]),
                CheckError::DemandOverlaps { opens },
            );
        }
    }
    check_names(values, |leaf, error| report(Path::of_keys(["offPeak", "names", leaf]), error));
    let mode = match values.kyverno.mode {
        KyvernoMode::Edit => Some("edit"),
        KyvernoMode::Exception => Some("exception"),
        KyvernoMode::None => None,
    };
    if let (Some(mode), None) = (mode, &values.kyverno.policy) {
        report(Path::of_keys(["kyverno", "mode"]), CheckError::NoPolicy(mode));
    }
    let mut seen = BTreeMap::new();
    for (index, client) in values.clients.iter().enumerate() {
        let place = (&client.namespace, &client.config_map);
        let first = format!("the ConfigMap of `clients[{index}]`");
        if let (Some(first), Some(name)) = (seen.insert(place, first), &client.config_map) {
            let path = Path::of_keys(["clients"]).index(index);
            report(path, CheckError::Twice { name: name.to_string(), first });
        }
    }
    errors
}

/// Labels that other values decide: `app` finds the stack's Pods, and `tier` is the namespace's.
fn check_labels(values: &Values, report: &mut impl FnMut(Path, CheckError)) {
    let mut maps = vec![
        (Path::of_keys(["commonLabels"]), &values.common_labels),
        (Path::of_keys(["server", "labels"]), &values.server.labels),
        (Path::of_keys(["server", "podLabels"]), &values.server.pod_labels),
        (Path::of_keys(["gate", "labels"]), &values.gate.labels),
        (Path::of_keys(["gate", "podLabels"]), &values.gate.pod_labels),
    ];
    maps.extend(
        values
            .service
            .iter()
            .map(|service| (Path::of_keys(["service", "labels"]), &service.labels)),
    );
    maps.extend(
        values
            .ingress
            .iter()
            .map(|ingress| (Path::of_keys(["ingress", "labels"]), &ingress.labels)),
    );
    maps.extend(
        values
            .http_route
            .iter()
            .map(|route| (Path::of_keys(["httpRoute", "labels"]), &route.labels)),
    );
    for (path, labels) in &maps {
        if labels.contains_key("app") {
            let error = CheckError::Reserved { key: "app", by: "server.name" };
            report(path.key("app"), error);
        }
    }
    if values.namespace.tier.is_none() {
        return;
    }
    for (path, labels) in [
        (Path::of_keys(["commonLabels"]), &values.common_labels),
        (Path::of_keys(["namespace", "labels"]), &values.namespace.labels),
        (Path::of_keys(["server", "labels"]), &values.server.labels),
    ] {
        if labels.contains_key("tier") {
            let error = CheckError::Reserved { key: "tier", by: "namespace.tier" };
            report(path.key("tier"), error);
        }
    }
}

/// A Service has a port that leads somewhere, and a route has a Service.
fn check_service(values: &Values, report: &mut impl FnMut(Path, CheckError)) {
    match &values.service {
        Some(service) if service.port.is_none() && service.ports.is_empty() => {
            report(Path::of_keys(["service"]), CheckError::NoServicePort);
        }
        Some(service)
            if service.port.is_some()
                && service.target_port.is_none()
                && values.server.port.is_none() =>
        {
            report(Path::of_keys(["service"]), CheckError::NoServerPort);
        }
        Some(_) => {}
        None => {
            let is_ingress = values.ingress.as_ref().is_some_and(|ingress| ingress.enabled);
            let is_route = values.http_route.as_ref().is_some_and(|route| route.enabled);
            for (key, _) in
                [("ingress", is_ingress), ("httpRoute", is_route)].iter().filter(|(_, on)| *on)
            {
                report(Path::of_keys([*key]), CheckError::NoService(key));
            }
        }
    }
}

/// A claim is rendered from its properties, or exists already and has none here.
fn check_storage(values: &Values, report: &mut impl FnMut(Path, CheckError)) {
    let Some(storage) = &values.storage else { return };
    if storage.existing_claim.is_none() {
        if storage.size.is_none() {
            report(Path::of_keys(["storage"]), CheckError::NoSize);
        }
        return;
    }
    for (key, is_set) in [
        ("name", storage.name.is_some()),
        ("size", storage.size.is_some()),
        ("storageClassName", storage.storage_class_name.is_some()),
        ("nfs", storage.nfs.is_some()),
    ] {
        if is_set {
            report(Path::of_keys(["storage", key]), CheckError::ExistingClaim(key));
        }
    }
}

/// Groups without a dot are Kubernetes' own (a CustomResourceDefinition's has one), so that their kinds
/// with a scale are known.
fn check_target(target: &Target) -> Option<CheckError> {
    let (api_version, kind) = (target.api_version.as_str(), target.kind.as_str());
    let is_custom = target.group().contains('.');
    (!is_custom && !workload::has_scale(target.group(), kind))
        .then(|| CheckError::NoScale { kind: kind.to_owned(), api_version: api_version.to_owned() })
}

fn check_names(values: &Values, mut report: impl FnMut(&'static str, CheckError)) {
    let names = &values.off_peak.names;
    let mut seen = BTreeMap::new();
    for (leaf, name) in [
        ("up", &names.up),
        ("guard", &names.guard),
        ("down", &names.down),
        ("demand", &names.demand),
    ] {
        let Some(name) = name else { continue };
        let length = name.as_str().len();
        if length > MAX_CRON_JOB_NAME {
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

fn without_trailing_slash(path: &str) -> &str {
    path.trim_end_matches('/')
}
