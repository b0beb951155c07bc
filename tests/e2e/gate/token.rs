//! What can become of the gate's token, its Role and its Deployment: each time it fails once, at once,
//! with the server's reason.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{KeyPair, SigningKey};
use serde_json::{Value, json};

use super::exporter::{full, roomy};
use super::stage::{ACCOUNT, DEPLOYMENT, Stage};
use crate::cluster::{Cluster, until};

/// Runs all three actions, which have something to do, and fail: what was asked, and the answer.
#[track_caller]
fn all_fail(stage: &Stage<'_>, token: &str, answer: &str) {
    // `up` stops at a scale that it can't read; the others try to go down all the same.
    let table = [
        ("up", Some(roomy()), "to 1: the floor is free", "GET"),
        ("guard", Some(full()), "to 0: others leave less than the floor", "PATCH"),
        ("down", None, "to 0: the window ends", "PATCH"),
    ];
    for (action, page, decided, method) in table {
        let gate = stage.gate(action).token(token);
        let ran = if let Some(page) = page { gate.page(page) } else { gate }.run();
        let name = format!("{}/{DEPLOYMENT}", stage.namespace);
        let start = format!(
            "vram-gate {action}: could not scale {name} {decided}; {method} scale: answered {answer}"
        );
        assert!(
            ran.code == 1 && ran.err.starts_with(&start),
            "{start}\nexit {}: {}",
            ran.code,
            ran.err
        );
        assert!(!ran.err.contains("no time is left"), "it is not tried again: {}", ran.err);
        assert!(!ran.err.contains(token), "the token is not told");
    }
}

/// A token with other times, signed as the cluster signs: TokenRequest gives none of less than ten
/// minutes.
fn resigned(cluster: &Cluster, token: &str, from_now: i64) -> String {
    let mut parts = token.split('.');
    let (header, claims) = (parts.next().unwrap(), parts.next().unwrap());
    let mut claims: Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    let start = claims["iat"].as_i64().unwrap() - 7200;
    for (name, value) in [("iat", start), ("nbf", start), ("exp", start + 7200 + from_now)] {
        claims[name] = json!(value);
    }
    let claims = URL_SAFE_NO_PAD.encode(claims.to_string());
    let key = std::fs::read_to_string(cluster.ca().with_file_name("service-account.key")).unwrap();
    let key = KeyPair::from_pem(&key).unwrap();
    let signature = key.sign(format!("{header}.{claims}").as_bytes()).unwrap();
    format!("{header}.{claims}.{}", URL_SAFE_NO_PAD.encode(fixed(&signature)))
}

/// A P-256 signature as a token has it (RFC 7518, 3.4): two numbers of 32 bytes each, where ASN.1 has
/// `SEQUENCE { INTEGER, INTEGER }`.
fn fixed(signature: &[u8]) -> Vec<u8> {
    let mut rest = &signature[2..];
    let mut fixed = Vec::new();
    for _ in 0..2 {
        let (number, after) = rest[2..].split_at(rest[1].into());
        let number = number.strip_prefix(&[0]).unwrap_or(number);
        fixed.extend(vec![0; 32 - number.len()]);
        fixed.extend(number);
        rest = after;
    }
    fixed
}

/// What the server answers to a read of the scale with this token.
fn status(stage: &Stage<'_>, token: &str) -> u16 {
    stage.cluster.with_token(token).get(&stage.scale()).status
}

#[test]
#[ignore = "tests/e2e/run"]
fn a_token_that_has_expired_is_not_taken() {
    let stage = Stage::new(Cluster::shared(), "gate-expired");
    let token = stage.token();
    // Signed in the same way, with time left, it is: so it is for its age that it is refused.
    let valid = resigned(stage.cluster, &token, 600);
    assert_eq!(stage.gate("up").page(roomy()).token(&valid).run().code, 0);
    assert_eq!(stage.replicas(), 1);
    stage.scale_to(0);

    let expired = resigned(stage.cluster, &token, -3600);
    all_fail(&stage, &expired, "401: Unauthorized");
    assert_eq!(stage.replicas(), 0);
}

#[test]
#[ignore = "tests/e2e/run"]
fn a_token_of_a_deleted_service_account_is_not_taken() {
    let stage = Stage::new(Cluster::shared(), "gate-account");
    let token = stage.token();
    assert_eq!(status(&stage, &token), 200);
    let account = stage.rendered("ServiceAccount", ACCOUNT);
    delete(&stage, account);
    until("the account is gone", || (status(&stage, &token) == 401).then_some(()));
    // Applied again it has another uid: the old token is not its own.
    stage.apply(account);
    all_fail(&stage, &token, "401: Unauthorized");
    assert_eq!(stage.gate("up").page(roomy()).run().code, 0, "with a token of the new one");
}

#[test]
#[ignore = "tests/e2e/run"]
fn without_its_role_it_is_forbidden() {
    let stage = Stage::new(Cluster::shared(), "gate-role");
    let token = stage.token();
    let role = stage.rendered("Role", ACCOUNT);
    delete(&stage, role);
    until("the role is gone", || (status(&stage, &token) == 403).then_some(()));
    let refused = format!(
        "403: deployments.apps \"{DEPLOYMENT}\" is forbidden: User \
         \"system:serviceaccount:{}:{ACCOUNT}\" cannot ",
        stage.namespace
    );
    all_fail(&stage, &token, &refused);
    assert_eq!(stage.replicas(), 0);

    stage.apply(role);
    until("the role is back", || (status(&stage, &token) == 200).then_some(()));
    assert_eq!(stage.gate("up").page(roomy()).token(&token).run().code, 0);
}

#[test]
#[ignore = "tests/e2e/run"]
fn a_deleted_deployment_is_not_found() {
    let stage = Stage::new(Cluster::shared(), "gate-deployment");
    let deployment = stage.rendered("Deployment", DEPLOYMENT);
    delete(&stage, deployment);
    let refused = format!("404: deployments.apps \"{DEPLOYMENT}\" not found");
    all_fail(&stage, &stage.token(), &refused);
    assert_eq!(
        stage.cluster.admin().get(&stage.apps(&format!("deployments/{DEPLOYMENT}"))).status,
        404
    );

    stage.apply(deployment);
    assert_eq!(stage.gate("up").page(roomy()).run().code, 0);
    assert_eq!(stage.replicas(), 1);
}

#[track_caller]
fn delete(stage: &Stage<'_>, object: &Value) {
    let admin = stage.cluster.admin();
    admin.send("DELETE", &admin.path(object), "", "").unwrap().object();
}
