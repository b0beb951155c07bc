//! `tts-render image`, as a user runs it: against real tools, a real registry, and one that fails.
#![cfg(test)]

#[path = "../../gate/tests/support/api_server.rs"]
#[allow(dead_code, reason = "the gate's own tests use the rest")]
mod api_server;
#[path = "../common/mod.rs"]
mod common;
#[path = "../../gate/tests/support/http_server.rs"]
#[allow(dead_code, reason = "the gate's own tests use the rest")]
mod http_server;

mod build;
mod cluster;
mod faults;
mod hostile_registry;
mod pin;
mod push;
mod registry;
mod release;
mod test_env;
