//! An invalid token, a missing Role and a missing Deployment. The gate fails each time without a retry, with
//! the server's reason.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{KeyPair, SigningKey};
use serde_json::{Value, json};

use super::deployed_stack::{ACCOUNT, DEPLOYMENT, DeployedStack};
use super::exporter::{full, roomy};
use crate::cluster::{Cluster, until};

/// Runs all three actions, each of which must fail with this answer.
#[track_caller]
fn assert_all_fail(stack: &DeployedStack<'_>, token: &str, answer: &str) {
    // `up` stops if it cannot read the scale; the others try to scale down all the same.
    let table = [
        ("up", Some(roomy()), "to 1: the floor is free", "GET"),
        ("guard", Some(full()), "to 0: others leave less than the floor", "PATCH"),
        ("down", None, "to 0: the window ends", "PATCH"),
    ];
    for (action, page, decided, method) in table {
        let gate = stack.gate(action).token(token);
        let output = if let Some(page) = page { gate.page(page) } else { gate }.run();
        let name = format!("{}/{DEPLOYMENT}", stack.namespace);
        let start = format!(
            "vram-gate {action}: could not scale {name} {decided}; {method} scale: answered {answer}"
        );
        assert!(
            output.code == 1 && output.stderr.starts_with(&start),
            "{start}\nexit {}: {}",
            output.code,
            output.stderr
        );
        assert!(
            !output.stderr.contains("no time is left"),
            "it is not tried again: {}",
            output.stderr
        );
        assert!(!output.stderr.contains(token), "the token must not be logged");
    }
}

/// A token with other times, signed with the cluster's key: TokenRequest gives none of less than ten minutes.
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
    format!("{header}.{claims}.{}", URL_SAFE_NO_PAD.encode(to_jws_signature(&signature)))
}

/// Converts a P-256 signature from ASN.1's `SEQUENCE { INTEGER, INTEGER }` to a token's two numbers of 32 bytes
/// (RFC 7518, 3.4).
fn to_jws_signature(signature: &[u8]) -> Vec<u8> {
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

/// The status of the server's answer to a read of the scale with this token.
fn scale_status(stack: &DeployedStack<'_>, token: &str) -> u16 {
    stack.cluster.with_token(token).get(&stack.scale()).status
}

#[test]
#[ignore = "tests/e2e/run"]
fn a_token_that_has_expired_is_not_taken() {
    let stack = DeployedStack::new(Cluster::shared(), "gate-expired");
    let token = stack.token();
    // Signed in the same way, with time left, it is: so it is for its age that it is refused.
    let valid = resigned(stack.cluster, &token, 600);
    assert_eq!(stack.gate("up").page(roomy()).token(&valid).run().code, 0);
    assert_eq!(stack.replicas(), 1);
    stack.scale_to(0);

    let expired = resigned(stack.cluster, &token, -3600);
    assert_all_fail(&stack, &expired, "401: Unauthorized");
    assert_eq!(stack.replicas(), 0);
}

#[test]
#[ignore = "tests/e2e/run"]
fn a_token_of_a_deleted_service_account_is_not_taken() {
    let stack = DeployedStack::new(Cluster::shared(), "gate-account");
    let token = stack.token();
    assert_eq!(scale_status(&stack, &token), 200);
    let account = stack.rendered("ServiceAccount", ACCOUNT);
    delete(&stack, account);
    until("the account is gone", || (scale_status(&stack, &token) == 401).then_some(()));
    // Applied again it has another uid: the old token is not its own.
    stack.apply(account);
    assert_all_fail(&stack, &token, "401: Unauthorized");
    assert_eq!(stack.gate("up").page(roomy()).run().code, 0, "with a token of the new one");
}

#[test]
#[ignore = "tests/e2e/run"]
fn without_its_role_it_is_forbidden() {
    let stack = DeployedStack::new(Cluster::shared(), "gate-role");
    let token = stack.token();
    let role = stack.rendered("Role", ACCOUNT);
    delete(&stack, role);
    until("the role is gone", || (scale_status(&stack, &token) == 403).then_some(()));
    let refused = format!(
        "403: deployments.apps \"{DEPLOYMENT}\" is forbidden: User \
         \"system:serviceaccount:{}:{ACCOUNT}\" cannot ",
        stack.namespace
    );
    assert_all_fail(&stack, &token, &refused);
    assert_eq!(stack.replicas(), 0);

    stack.apply(role);
    until("the role is back", || (scale_status(&stack, &token) == 200).then_some(()));
    assert_eq!(stack.gate("up").page(roomy()).token(&token).run().code, 0);
}

#[test]
#[ignore = "tests/e2e/run"]
fn a_deleted_deployment_is_not_found() {
    let stack = DeployedStack::new(Cluster::shared(), "gate-deployment");
    let deployment = stack.rendered("Deployment", DEPLOYMENT);
    delete(&stack, deployment);
    let refused = format!("404: deployments.apps \"{DEPLOYMENT}\" not found");
    assert_all_fail(&stack, &stack.token(), &refused);
    assert_eq!(
        stack.cluster.admin().get(&stack.apps(&format!("deployments/{DEPLOYMENT}"))).status,
        404
    );

    stack.apply(deployment);
    assert_eq!(stack.gate("up").page(roomy()).run().code, 0);
    assert_eq!(stack.replicas(), 1);
}

#[track_caller]
fn delete(stack: &DeployedStack<'_>, object: &Value) {
    let admin = stack.cluster.admin();
    admin.send("DELETE", &admin.path(object), "", "").unwrap().object();
}
