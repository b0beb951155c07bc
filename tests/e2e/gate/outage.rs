//! The API server stops while the gate runs, and starts again, or does not.

use super::deployed_stack::{DEPLOYMENT, DeployedStack};
use super::exporter::roomy;
use crate::cluster::{Cluster, until};

/// Longer limits for the gate if the server comes back, since a server's start is slow on a busy machine.
const PATIENT: [(&str, &str); 2] = [("SCALE_BUDGET", "4m"), ("DEADLINE", "5m")];

#[test]
#[ignore = "tests/e2e/run"]
fn the_gate_survives_an_outage_within_its_budget_and_reports_a_longer_one() {
    let cluster = Cluster::start();
    let stack = DeployedStack::new(&cluster, "tts");
    let name = format!("tts/{DEPLOYMENT}");
    let token = stack.token();
    let patient = |action, token: &str| {
        let gate = stack.gate(action).token(token);
        PATIENT.iter().fold(gate, |gate, (name, value)| gate.set(name, value))
    };

    // `up` is between its two samples when the server stops. `down` starts without the server, with a token
    // that the kubelet renews meanwhile.
    let up = patient("up", &token).page(roomy()).set("SAMPLE_INTERVAL", "5s");
    let down = patient("down", "stale");
    let beyond = stack.gate("up").page(roomy()).set("SCALE_BUDGET", "3s");
    let beyond_down = stack.gate("down").set("DEADLINE", "3s");
    let mut up = up.start();
    until("the first reading", || (up.scrapes() >= 2).then_some(()));
    cluster.stop_server();

    // The outage is longer than their budget.
    for (gate, decided, method) in [
        (beyond, "to 1: the floor is free", "GET"),
        (beyond_down, "to 0: the window ends", "PATCH"),
    ] {
        let output = gate.run();
        let said = format!("could not scale {name} {decided}; {method} scale: ");
        assert!(
            output.code == 1 && output.stderr.contains(&said),
            "exit {}: {}",
            output.code,
            output.stderr
        );
        for reason in ["Connection refused", "; no time is left for another attempt"] {
            assert!(output.stderr.contains(reason), "{}", output.stderr);
        }
    }

    until("the second reading", || (up.scrapes() >= 4).then_some(()));
    assert!(up.is_running(), "it tries");
    cluster.start_server();
    let output = up.end();
    assert!(output.stderr.contains(&format!(": scaled {name} to 1: ")), "{}", output.stderr);
    assert_eq!((output.code, stack.replicas()), (0, 1));

    cluster.stop_server();
    let mut down = down.start();
    std::thread::sleep(std::time::Duration::from_secs(2));
    assert!(down.is_running(), "it tries");
    down.renew(&token);
    cluster.start_server();
    let output = down.end();
    assert!(
        output.stderr.contains(&format!(": scaled {name} to 0: the window ends ")),
        "{}",
        output.stderr
    );
    assert_eq!((output.code, stack.replicas()), (0, 0));
}
