//! What can be wrong with the API server.

use crate::support::api::{Certificate, Reply};
use crate::support::gate::{TOKEN, World};
use crate::{Case, Fault, To, Untouched, case, fault};

const BOTH_DONE: &[Case] = &[case("up", 0, To(1)), case("guard", 0, To(0)), case("down", 0, To(0))];
const BOTH_FAIL: &[Case] =
    &[case("up", 1, Untouched), case("guard", 1, Untouched), case("down", 1, Untouched)];
/// What is not known is not switched on, but it is switched off.
const DOWN_ONLY: &[Case] =
    &[case("up", 1, Untouched), case("guard", 0, To(0)), case("down", 0, To(0))];

/// Every request is answered so.
fn always(world: &mut World, reply: Reply) {
    world.api.get = vec![reply.clone()];
    world.api.patch = vec![reply];
}

/// The first of each kind is answered so, the next as it should be.
fn once(world: &mut World, reply: Reply) {
    world.api.get = vec![reply.clone(), Reply::Work];
    world.api.patch = vec![reply, Reply::Work];
}

fn short(world: &mut World) {
    world.set("SCALE_BUDGET", "1200ms");
}

fn say(status: u16, headers: &'static str, body: &str) -> Reply {
    Reply::Say(status, headers, body.to_owned())
}

pub(crate) const FAULTS: &[Fault] = &[
    fault("nobody listens", BOTH_FAIL, "Connection refused", |world| {
        world.set("KUBERNETES_SERVICE_PORT", "1");
        short(world);
    }),
    fault("no answer comes", BOTH_FAIL, "timeout", |world| {
        always(world, Reply::Hang);
        short(world);
    }),
    fault(
        "no answer to the GET comes, but to the PATCH",
        DOWN_ONLY,
        "tts/chatterbox-tts to",
        |world| {
            world.api.get = vec![Reply::Hang];
            world.set("SCALE_BUDGET", "3s");
        },
    ),
    fault("the connection is lost once", BOTH_DONE, "scaled", |world| once(world, Reply::Close)),
    fault("the connection is always lost", BOTH_FAIL, "no time is left", |world| {
        always(world, Reply::Close);
        short(world);
    }),
    fault("the PATCH is done, its answer lost", BOTH_DONE, "scaled", |world| {
        world.api.patch = vec![Reply::WorkAndClose, Reply::Work]
    }),
    fault("409 once", BOTH_DONE, "scaled", |world| {
        once(world, Reply::Status(409, "the object has been modified"))
    }),
    fault("429 once, without Retry-After", BOTH_DONE, "scaled", |world| {
        once(world, Reply::Status(429, "too many requests"))
    }),
    fault("429 once, with Retry-After: 1", BOTH_DONE, "scaled", |world| {
        once(world, say(429, "Retry-After: 1\r\n", "{}"))
    }),
    fault("429, with a Retry-After past the budget", BOTH_FAIL, "no time is left", |world| {
        always(world, say(429, "Retry-After: 3600\r\n", "{}"))
    }),
    fault("500 once", BOTH_DONE, "scaled", |world| {
        once(world, Reply::Status(500, "etcd has no leader"))
    }),
    fault("503 for ever", BOTH_FAIL, "no time is left", |world| {
        always(world, Reply::Status(503, "shutting down"));
        short(world);
    }),
    fault("401: the token is not taken", BOTH_FAIL, "answered 401: Unauthorized", |world| {
        always(world, Reply::Status(401, "Unauthorized"))
    }),
    fault("lost, then 403, then well: the server starts", BOTH_DONE, "scaled", |world| {
        let start = [Reply::Close, Reply::Status(403, "no RBAC yet"), Reply::Work];
        world.api.get = start.to_vec();
        world.api.patch = start.to_vec();
    }),
    fault("503 once to the GET, then 401 once to the PATCH", BOTH_DONE, "scaled", |world| {
        world.api.get = vec![Reply::Status(503, "starting"), Reply::Work];
        world.api.patch = vec![Reply::Status(401, "Unauthorized"), Reply::Work];
    }),
    fault("lost once, then 403 for ever", BOTH_FAIL, "no time is left", |world| {
        world.api.get = vec![Reply::Close, Reply::Status(403, "no")];
        world.api.patch = vec![Reply::Status(403, "no")];
        short(world);
    }),
    fault("409 once, then 403", BOTH_FAIL, "answered 403: no", |world| {
        let replies = [Reply::Status(409, "modified"), Reply::Status(403, "no")];
        world.api.get = replies.to_vec();
        world.api.patch = replies.to_vec();
    }),
    fault("403 to both", BOTH_FAIL, "scale: answered 403: no", |world| {
        world.api.get = vec![Reply::Status(403, "no")];
        world.api.patch = vec![Reply::Status(403, "no")];
    }),
    fault("403 to the GET alone", DOWN_ONLY, "", |world| {
        world.api.get = vec![Reply::Status(403, "no get")]
    }),
    fault("403 to the PATCH alone", BOTH_FAIL, "answered 403: no patch", |world| {
        world.api.patch = vec![Reply::Status(403, "no patch")]
    }),
    fault("404: no such Deployment", BOTH_FAIL, "answered 404", |world| {
        world.set("DEPLOYMENT", "another-tts")
    }),
    fault("422: the patch is not taken", BOTH_FAIL, "answered 422: invalid", |world| {
        world.api.patch = vec![Reply::Status(422, "invalid")]
    }),
    fault(
        "307 to elsewhere: not followed, no token sent there",
        BOTH_FAIL,
        "answered 307",
        |world| {
            always(world, say(307, "Location: https://127.0.0.1:1/\r\n", ""));
        },
    ),
    fault("a certificate of another CA", BOTH_FAIL, "invalid peer certificate", |world| {
        world.api.certificate = Certificate::OfAnotherCa
    }),
    fault("a certificate for another host", BOTH_FAIL, "not valid for", |world| {
        world.api.certificate = Certificate::OfAnotherHost
    }),
    fault("a certificate that has expired", BOTH_FAIL, "expired", |world| {
        world.api.certificate = Certificate::Expired
    }),
    fault("no TLS", BOTH_FAIL, "could not scale", |world| {
        world.api.certificate = Certificate::None;
        short(world);
    }),
    fault("the GET is answered with something that is not JSON", DOWN_ONLY, "", |world| {
        world.api.get = vec![say(200, "", "<html>")];
        world.set("SCALE_BUDGET", "3s");
    }),
    fault("the GET is answered with another kind", DOWN_ONLY, "", |world| {
        world.api.get = vec![say(200, "", "{\"kind\":\"Deployment\",\"spec\":{\"replicas\":1}}")];
        world.set("SCALE_BUDGET", "3s");
    }),
    fault("the GET is answered with two mebibytes", DOWN_ONLY, "", |world| {
        world.api.get = vec![say(200, "", &" ".repeat(2 << 20))];
        world.set("SCALE_BUDGET", "3s");
    }),
    fault("the GET is answered with JSON nested 100,000 deep", DOWN_ONLY, "", |world| {
        world.api.get = vec![say(200, "", &"[".repeat(100_000))];
        world.set("SCALE_BUDGET", "3s");
    }),
    fault(
        "the PATCH is done, but answered with other replicas",
        &[case("up", 1, To(1)), case("down", 1, To(0))],
        "made 7 replicas",
        |world| {
            world.api.patch =
                vec![Reply::WorkAndSay("{\"kind\":\"Scale\",\"spec\":{\"replicas\":7}}".into())];
        },
    ),
    fault(
        "the PATCH is done, but answered with something that is not a Scale",
        &[case("up", 1, To(1)), case("down", 1, To(0))],
        "not a Scale",
        |world| {
            world.api.patch = vec![Reply::WorkAndSay("ok".into())];
            short(world);
        },
    ),
    fault(
        "the scale of 0 is written out",
        &[case("up", 0, To(1)), case("down", 0, To(0))],
        "scaled",
        |world| world.api.write_zero = true,
    ),
    fault(
        "the scale is 1 already",
        &[case("up", 0, Untouched)],
        "left tts/chatterbox-tts at 1",
        |world| world.api.replicas = 1,
    ),
    fault(
        "the scale is 0 already",
        &[case("guard", 0, Untouched), case("down", 0, Untouched)],
        "left tts/chatterbox-tts at 0",
        |world| world.api.replicas = 0,
    ),
    fault(
        "somebody made it 3",
        &[case("up", 0, To(1)), case("down", 0, To(0))],
        "before=3",
        |world| world.api.replicas = 3,
    ),
    fault(
        "the server sends the token back in its message",
        BOTH_FAIL,
        "bad token (token)",
        |world| {
            let body = format!("{{\"message\":\"bad token {TOKEN}\\n{}\"}}", "x".repeat(9000));
            always(world, say(400, "", &body));
        },
    ),
    fault("the server's address is IPv6", BOTH_DONE, "scaled", |world| {
        world.api.address = "[::1]:0"
    }),
    fault("the deadline comes before the budget ends", BOTH_FAIL, "could not scale", |world| {
        always(world, Reply::Status(503, "busy"));
        world.set("DEADLINE", "1500ms");
    }),
];
