//! Faults of the API server.

use crate::support::api_server::{Certificate, Reply};
use crate::support::test_env::{TOKEN, TestEnv};
use crate::{Case, Fault, To, Untouched, case, fault};

const ALL_DONE: &[Case] = &[case("up", 0, To(1)), case("guard", 0, To(0)), case("down", 0, To(0))];
const ALL_FAIL: &[Case] =
    &[case("up", 1, Untouched), case("guard", 1, Untouched), case("down", 1, Untouched)];
/// Without the current scale nothing is started, but the tenant is still stopped.
const ONLY_STOPS: &[Case] =
    &[case("up", 1, Untouched), case("guard", 0, To(0)), case("down", 0, To(0))];

/// Sets the reply to every request.
fn reply_always(env: &mut TestEnv, reply: Reply) {
    env.api.get = vec![reply.clone()];
    env.api.patch = vec![reply];
}

/// Sets the reply to the first GET and the first PATCH; later ones work.
fn reply_once(env: &mut TestEnv, reply: Reply) {
    env.api.get = vec![reply.clone(), Reply::Work];
    env.api.patch = vec![reply, Reply::Work];
}

fn shorten_budget(env: &mut TestEnv) {
    env.set("SCALE_BUDGET", "3s");
}

fn answer(status: u16, headers: &'static str, body: &str) -> Reply {
    Reply::Answer(status, headers, body.to_owned())
}

pub(crate) const FAULTS: &[Fault] = &[
    fault("connection refused", ALL_FAIL, "Connection refused", |env| {
        env.set("KUBERNETES_SERVICE_PORT", "1");
        shorten_budget(env);
    }),
    fault("no answer", ALL_FAIL, "timeout", |env| {
        reply_always(env, Reply::Hang);
        shorten_budget(env);
    }),
    fault("no answer to the GET, but to the PATCH", ONLY_STOPS, "tts/chatterbox-tts to", |env| {
        env.api.get = vec![Reply::Hang];
        env.set("SCALE_BUDGET", "3s");
    }),
    fault("the connection is lost once", ALL_DONE, "scaled", |env| reply_once(env, Reply::Close)),
    fault("the connection is always lost", ALL_FAIL, "no time is left", |env| {
        reply_always(env, Reply::Close);
        shorten_budget(env);
    }),
    fault("the PATCH is applied, its answer lost", ALL_DONE, "scaled", |env| {
        env.api.patch = vec![Reply::WorkAndClose, Reply::Work]
    }),
    fault("409 once", ALL_DONE, "scaled", |env| {
        reply_once(env, Reply::Status(409, "the object has been modified"))
    }),
    fault("429 once, without Retry-After", ALL_DONE, "scaled", |env| {
        reply_once(env, Reply::Status(429, "too many requests"))
    }),
    fault("429 once, with Retry-After: 1", ALL_DONE, "scaled", |env| {
        reply_once(env, answer(429, "Retry-After: 1\r\n", "{}"))
    }),
    fault("429, with a Retry-After beyond the budget", ALL_FAIL, "no time is left", |env| {
        reply_always(env, answer(429, "Retry-After: 3600\r\n", "{}"))
    }),
    fault("500 once", ALL_DONE, "scaled", |env| {
        reply_once(env, Reply::Status(500, "etcd has no leader"))
    }),
    fault("503 forever", ALL_FAIL, "no time is left", |env| {
        reply_always(env, Reply::Status(503, "shutting down"));
        shorten_budget(env);
    }),
    fault("401: the token is not accepted", ALL_FAIL, "answered 401: Unauthorized", |env| {
        reply_always(env, Reply::Status(401, "Unauthorized"))
    }),
    fault("401 twice: the token is read again", ALL_DONE, "scaled", |env| {
        let replies =
            [Reply::Status(401, "Unauthorized"), Reply::Status(401, "Unauthorized"), Reply::Work];
        env.api.get = replies.to_vec();
        env.api.patch = replies.to_vec();
    }),
    fault("lost, then 403, then an answer: the server starts", ALL_DONE, "scaled", |env| {
        let start = [Reply::Close, Reply::Status(403, "no RBAC yet"), Reply::Work];
        env.api.get = start.to_vec();
        env.api.patch = start.to_vec();
    }),
    fault("503 once to the GET, then 401 once to the PATCH", ALL_DONE, "scaled", |env| {
        env.api.get = vec![Reply::Status(503, "starting"), Reply::Work];
        env.api.patch = vec![Reply::Status(401, "Unauthorized"), Reply::Work];
    }),
    fault("lost once, then 403 forever", ALL_FAIL, "no time is left", |env| {
        env.api.get = vec![Reply::Close, Reply::Status(403, "no")];
        env.api.patch = vec![Reply::Status(403, "no")];
        shorten_budget(env);
    }),
    fault("409 once, then 403", ALL_FAIL, "answered 403: no", |env| {
        let replies = [Reply::Status(409, "modified"), Reply::Status(403, "no")];
        env.api.get = replies.to_vec();
        env.api.patch = replies.to_vec();
    }),
    fault("403 to GET and PATCH", ALL_FAIL, "scale: answered 403: no", |env| {
        env.api.get = vec![Reply::Status(403, "no")];
        env.api.patch = vec![Reply::Status(403, "no")];
    }),
    fault("403 to the GET only", ONLY_STOPS, "", |env| {
        env.api.get = vec![Reply::Status(403, "no get")]
    }),
    fault("403 to the PATCH only", ALL_FAIL, "answered 403: no patch", |env| {
        env.api.patch = vec![Reply::Status(403, "no patch")]
    }),
    fault("404: the Deployment does not exist", ALL_FAIL, "answered 404", |env| {
        env.set("DEPLOYMENT", "another-tts")
    }),
    fault("422: the patch is not accepted", ALL_FAIL, "answered 422: invalid", |env| {
        env.api.patch = vec![Reply::Status(422, "invalid")]
    }),
    fault(
        "307 to another host: not followed, and no token sent",
        ALL_FAIL,
        "answered 307",
        |env| {
            reply_always(env, answer(307, "Location: https://127.0.0.1:1/\r\n", ""));
        },
    ),
    fault("a certificate of another CA", ALL_FAIL, "invalid peer certificate", |env| {
        env.api.certificate = Certificate::OfAnotherCa
    }),
    fault("a certificate for another host", ALL_FAIL, "not valid for", |env| {
        env.api.certificate = Certificate::OfAnotherHost
    }),
    fault("a certificate that has expired", ALL_FAIL, "expired", |env| {
        env.api.certificate = Certificate::Expired
    }),
    fault("a server without TLS", ALL_FAIL, "could not scale", |env| {
        env.api.certificate = Certificate::None;
        shorten_budget(env);
    }),
    fault("the GET is answered without JSON", ONLY_STOPS, "", |env| {
        env.api.get = vec![answer(200, "", "<html>")];
        env.set("SCALE_BUDGET", "3s");
    }),
    fault("the GET is answered with another kind", ONLY_STOPS, "", |env| {
        env.api.get = vec![answer(200, "", "{\"kind\":\"Deployment\",\"spec\":{\"replicas\":1}}")];
        env.set("SCALE_BUDGET", "3s");
    }),
    fault("the GET is answered with two mebibytes", ONLY_STOPS, "", |env| {
        env.api.get = vec![answer(200, "", &" ".repeat(2 << 20))];
        env.set("SCALE_BUDGET", "3s");
    }),
    fault("the GET is answered with JSON nested 100,000 deep", ONLY_STOPS, "", |env| {
        env.api.get = vec![answer(200, "", &"[".repeat(100_000))];
        env.set("SCALE_BUDGET", "3s");
    }),
    fault("the GET is answered with the Scale of another Deployment", ONLY_STOPS, "", |env| {
        let scale = "{\"kind\":\"Scale\",\"metadata\":{\"name\":\"other\"},\"spec\":{}}";
        env.api.get = vec![answer(200, "", scale)];
    }),
    fault("the GET is answered with the Scale of another namespace", ONLY_STOPS, "", |env| {
        let scale = "{\"kind\":\"Scale\",\"metadata\":{\"name\":\"chatterbox-tts\",\"namespace\":\"other\"},\"spec\":{}}";
        env.api.get = vec![answer(200, "", scale)];
    }),
    fault(
        "the PATCH is applied, but answered with other replicas",
        &[case("up", 1, To(1)), case("down", 1, To(0))],
        "set 7 replicas",
        |env| {
            env.api.patch =
                vec![Reply::WorkAndAnswer("{\"kind\":\"Scale\",\"spec\":{\"replicas\":7}}".into())];
        },
    ),
    fault(
        "the PATCH is applied, but answered without a Scale",
        &[case("up", 1, To(1)), case("down", 1, To(0))],
        "not a Scale",
        |env| {
            env.api.patch = vec![Reply::WorkAndAnswer("ok".into())];
            shorten_budget(env);
        },
    ),
    fault(
        "replicas of 0 are written out",
        &[case("up", 0, To(1)), case("down", 0, To(0))],
        "scaled",
        |env| env.api.write_zero = true,
    ),
    fault(
        "the scale is already 1",
        &[case("up", 0, Untouched)],
        "left tts/chatterbox-tts alone: it already has a replica before=1",
        |env| env.api.replicas = 1,
    ),
    fault(
        "the scale is already 0",
        &[case("guard", 0, Untouched), case("down", 0, Untouched)],
        "left tts/chatterbox-tts at 0",
        |env| env.api.replicas = 0,
    ),
    fault(
        "someone scaled it to 3",
        &[case("up", 0, Untouched), case("down", 0, To(0))],
        "before=3",
        |env| env.api.replicas = 3,
    ),
    fault("the server echoes the token in its message", ALL_FAIL, "bad token (token)", |env| {
        let body = format!("{{\"message\":\"bad token {TOKEN}\\n{}\"}}", "x".repeat(9000));
        reply_always(env, answer(400, "", &body));
    }),
    fault("an IPv6 address of the server", ALL_DONE, "scaled", |env| env.api.address = "[::1]:0"),
    fault("the deadline passes before the budget", ALL_FAIL, "could not scale", |env| {
        reply_always(env, Reply::Status(503, "busy"));
        env.set("DEADLINE", "3s");
    }),
];
