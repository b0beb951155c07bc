//! The API server goes away while the gate runs, and comes back, or does not.

use super::exporter::roomy;
use super::stage::{DEPLOYMENT, Stage};
use crate::cluster::{Cluster, until};

/// How long the gate may try where the server comes back: a start of it takes long on a busy machine.
const PATIENT: [(&str, &str); 2] = [("SCALE_BUDGET", "10m"), ("DEADLINE", "12m")];

#[test]
#[ignore = "tests/e2e/run"]
fn it_outlives_the_servers_absence_within_its_budget_and_says_so_beyond() {
    let cluster = Cluster::start();
    let stage = Stage::new(&cluster, "tts");
    let name = format!("tts/{DEPLOYMENT}");
    let token = stage.token();
    let patient = |action, token: &str| {
        let gate = stage.gate(action).token(token);
        PATIENT.iter().fold(gate, |gate, (name, value)| gate.set(name, value))
    };

    // Both have all that a run takes, while the server is there; `up` is between its two readings when
    // it goes, `down` begins without it, with a token that the kubelet renews meanwhile.
    let up = patient("up", &token).page(roomy()).set("SAMPLE_INTERVAL", "5s");
    let down = patient("down", "stale");
    let beyond = stage.gate("up").page(roomy()).set("SCALE_BUDGET", "3s");
    let beyond_down = stage.gate("down").set("DEADLINE", "3s");
    let mut up = up.start();
    until("the first reading", || (up.looks() == 1).then_some(()));
    cluster.stop_server();

    // Gone for longer than they may try.
    for (gate, decided, method) in [
        (beyond, "to 1: the floor is free", "GET"),
        (beyond_down, "to 0: the window ends", "PATCH"),
    ] {
        let ran = gate.run();
        let said = format!("could not scale {name} {decided}; {method} scale: ");
        assert!(ran.code == 1 && ran.err.contains(&said), "exit {}: {}", ran.code, ran.err);
        for reason in ["Connection refused", "; no time is left to try again"] {
            assert!(ran.err.contains(reason), "{}", ran.err);
        }
    }

    until("the second reading", || (up.looks() == 2).then_some(()));
    assert!(up.runs(), "it tries");
    cluster.start_server();
    let ran = up.end();
    assert!(ran.err.contains(&format!(": scaled {name} to 1: ")), "{}", ran.err);
    assert_eq!((ran.code, stage.replicas()), (0, 1));

    cluster.stop_server();
    let mut down = down.start();
    std::thread::sleep(std::time::Duration::from_secs(2));
    assert!(down.runs(), "it tries");
    down.renew(&token);
    cluster.start_server();
    let ran = down.end();
    assert!(ran.err.contains(&format!(": scaled {name} to 0: the window ends ")), "{}", ran.err);
    assert_eq!((ran.code, stage.replicas()), (0, 0));
}
