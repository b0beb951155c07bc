//! The writes to etcd, and the Pods, by namespace: from a watch of all keys.

use std::collections::{BTreeSet, HashMap};
use std::io::{BufRead, BufReader};
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::cluster::Cluster;

/// The counts of a namespace.
#[derive(Debug, Clone, Default)]
pub struct Count {
    /// The puts and deletions of its objects.
    pub writes: usize,
    /// The names of the Pods that were created in it.
    pub pods: BTreeSet<String>,
}

/// The writes of a cluster since they were counted from.
#[derive(Clone, Default)]
pub struct Writes {
    counts: Arc<Mutex<HashMap<String, Count>>>,
}

impl Writes {
    /// Counts until the cluster stops.
    pub fn count(cluster: &Cluster) -> Self {
        let writes = Writes::default();
        let counting = writes.clone();
        let range = json!({"create_request": {
            "key": STANDARD.encode("/registry/"), "range_end": STANDARD.encode("/registry0"),
        }});
        let agent = ureq::Agent::config_builder().proxy(None).build().new_agent();
        let url = format!("{}/v3/watch", cluster.etcd_url());
        let response = agent.post(&url).send(range.to_string()).unwrap();
        std::thread::spawn(move || {
            let reader = BufReader::new(response.into_body().into_reader());
            for line in reader.lines().map_while(Result::ok) {
                counting.add(&serde_json::from_str(&line).unwrap_or_default());
            }
        });
        writes
    }

    /// Forgets what was counted so far.
    pub fn reset(&self) {
        self.counts.lock().unwrap().clear();
    }

    /// The counts of a namespace.
    pub fn of(&self, namespace: &str) -> Count {
        self.counts.lock().unwrap().get(namespace).cloned().unwrap_or_default()
    }

    /// Adds an answer of the watch.
    fn add(&self, answer: &Value) {
        let mut counts = self.counts.lock().unwrap();
        for event in answer["result"]["events"].as_array().into_iter().flatten() {
            let key = event["kv"]["key"].as_str().unwrap_or_default();
            let key =
                String::from_utf8(STANDARD.decode(key).unwrap_or_default()).unwrap_or_default();
            let Some((resource, namespace, name)) = parts(&key) else { continue };
            let count = counts.entry(namespace.to_owned()).or_default();
            count.writes += 1;
            if resource == "pods" {
                count.pods.insert(name.to_owned());
            }
        }
    }
}

/// The resource, the namespace and the name of a key; `None` for an object without a namespace.
fn parts(key: &str) -> Option<(&str, &str, &str)> {
    let (resource, object) =
        key.strip_prefix("/registry/")?.rsplit_once('/').and_then(|(rest, name)| {
            let (resource, namespace) = rest.rsplit_once('/')?;
            Some((resource, (namespace, name)))
        })?;
    Some((resource, object.0, object.1))
}

#[test]
fn writes_are_counted_by_namespace() {
    let writes = Writes::default();
    let event = |key: &str| json!({"kv": {"key": STANDARD.encode(key)}});
    let keys = [
        "/registry/pods/tts/a",
        "/registry/pods/tts/a",
        "/registry/events/tts/b",
        "/registry/deployments/other/c",
        "/registry/minions/gpu",
    ];
    writes.add(&json!({"result": {"events": keys.map(event)}}));
    let count = writes.of("tts");
    assert_eq!((count.writes, count.pods.len()), (3, 1));
    assert_eq!((writes.of("other").writes, writes.of("minions").writes), (1, 0));
    writes.reset();
    assert_eq!(writes.of("tts").writes, 0);
}
