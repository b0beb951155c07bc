//! What can be wrong between the gate and the page.

use std::io::Write;
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::support::api::{another_authority, authority};
use crate::support::gate::{World, full, roomy};
use crate::support::plain::{Step, page, read_head, serve};
use crate::{Fault, NO_READING, To, Untouched, case, fault};

/// An answer of these headers, and a page with room as its body.
fn answer(world: &mut World, head: &str) {
    world.exporter = vec![Step::Send(format!("{head}\r\n{}", roomy()).into_bytes())];
}

/// Little time for a page that never comes.
fn impatient(world: &mut World, step: Step) {
    world.exporter = vec![step];
    world.set("SCRAPE_TIMEOUT", "300ms");
}

/// An https exporter with a page of room.
fn https(world: &mut World, config: Arc<ServerConfig>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    world.url = Some(format!("https://{}/metrics", listener.local_addr().unwrap()));
    thread::spawn(move || {
        for tcp in listener.incoming().flatten() {
            let mut stream = StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), tcp);
            read_head(&mut stream);
            let page = roomy();
            let _ =
                write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{page}", page.len());
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
    });
}

/// An exporter elsewhere that would let everything pass.
fn tempting() -> String {
    let server = serve(vec![page(roomy())]);
    format!("http://{}", server.address)
}

pub(crate) const FAULTS: &[Fault] = &[
    fault("nobody listens", NO_READING, "Connection refused", |world| {
        world.url = Some("http://127.0.0.1:1/metrics".into())
    }),
    fault("the name is not known", NO_READING, "there is no reading", |world| {
        world.url = Some("http://gpu-pod-exporter.invalid./metrics".into());
        // A resolver that does not answer is another way not to know.
        world.set("SCRAPE_TIMEOUT", "1s");
    }),
    fault(
        "the connection is closed without an answer",
        NO_READING,
        "there is no reading",
        |world| world.exporter = vec![Step::Close],
    ),
    fault("no answer comes", NO_READING, "timeout", |world| {
        impatient(world, Step::SendAndHang(Vec::new()))
    }),
    fault("the answer stops in mid head", NO_READING, "timeout", |world| {
        impatient(world, Step::SendAndHang(b"HTTP/1.1 200 OK\r\nContent-".to_vec()))
    }),
    fault("the answer stops in mid page", NO_READING, "timeout", |world| {
        impatient(world, Step::SendAndHang(b"HTTP/1.1 200 OK\r\n\r\nx 1\n".to_vec()))
    }),
    fault("a byte at a time, for ever", NO_READING, "timeout", |world| {
        impatient(
            world,
            Step::Drip(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX: ".to_vec()),
        );
    }),
    fault("not HTTP", NO_READING, "there is no reading", |world| {
        world.exporter = vec![Step::Send(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec())]
    }),
    fault("a page without a head", NO_READING, "there is no reading", |world| {
        world.exporter = vec![Step::Send(roomy().into_bytes())]
    }),
    fault("a head of 100 KiB", NO_READING, "there is no reading", |world| {
        let head = format!("HTTP/1.1 200 OK\r\nX: {}\r\n", "x".repeat(100 << 10));
        answer(world, &head);
    }),
    fault("status 204", NO_READING, "answered 204", |world| {
        answer(world, "HTTP/1.1 204 No Content\r\n")
    }),
    fault("status 206, a part", NO_READING, "answered 206", |world| {
        answer(world, "HTTP/1.1 206 Partial Content\r\n")
    }),
    fault("status 301 to a page with room", NO_READING, "answered 301", |world| {
        answer(
            world,
            &format!(
                "HTTP/1.1 301 Moved\r\nLocation: {}/metrics\r\nContent-Length: 0\r\n",
                tempting()
            ),
        );
    }),
    fault("status 403", NO_READING, "answered 403", |world| {
        answer(world, "HTTP/1.1 403 Forbidden\r\n")
    }),
    fault("status 404", NO_READING, "answered 404", |world| {
        answer(world, "HTTP/1.1 404 Not Found\r\n")
    }),
    fault("status 500", NO_READING, "answered 500", |world| answer(world, "HTTP/1.1 500 Oops\r\n")),
    fault(
        "status 503 twice, then the page",
        &[case("up", 0, To(1)), case("guard", 0, To(0))],
        "series=2",
        |world| {
            let busy = Step::Send(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n".to_vec());
            let page = world.exporter[0].clone();
            world.exporter = vec![busy.clone(), busy, page];
        },
    ),
    fault("fewer bytes than Content-Length says", NO_READING, "there is no reading", |world| {
        answer(world, "HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n")
    }),
    fault("a Content-Length that ends inside a line", NO_READING, "the page was cut", |world| {
        answer(world, "HTTP/1.1 200 OK\r\nContent-Length: 90\r\n")
    }),
    fault("two Content-Lengths", NO_READING, "content-length", |world| {
        answer(world, "HTTP/1.1 200 OK\r\nContent-Length: 37\r\nContent-Length: 38\r\n")
    }),
    fault("a Content-Length that is no number", NO_READING, "content-length", |world| {
        answer(world, "HTTP/1.1 200 OK\r\nContent-Length: many\r\n")
    }),
    fault("Content-Length and chunks", NO_READING, "length is given in two ways", |world| {
        world.exporter = vec![Step::Send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nx 1\n\r\n0\r\n\r\n".to_vec())];
    }),
    fault("chunks that are cut", NO_READING, "there is no reading", |world| {
        world.exporter = vec![Step::Send(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nx 1\n\r\n".to_vec(),
        )];
    }),
    fault("chunks of a size that is no number", NO_READING, "there is no reading", |world| {
        world.exporter = vec![Step::Send(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nx 1\n\r\n0\r\n\r\n"
                .to_vec(),
        )];
    }),
    fault("chunks in HTTP/1.0", NO_READING, "length is given in two ways", |world| {
        answer(world, "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n")
    }),
    fault("an unknown transfer coding", NO_READING, "length is given in two ways", |world| {
        answer(world, "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n")
    }),
    fault("compressed, though not asked for", NO_READING, "compressed", |world| {
        answer(world, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n")
    }),
    fault(
        "proxy variables that lead elsewhere: not read",
        &[case("up", 0, Untouched)],
        "less than the floor is free",
        |world| {
            world.exporter = vec![page(full())];
            for name in
                ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]
            {
                world.set(name, tempting());
            }
        },
    ),
    fault(
        "https, with a certificate of the mounted CA: read",
        &[case("up", 0, To(1))],
        "the floor is free",
        |world| {
            https(world, authority().server(&["127.0.0.1"], false));
        },
    ),
    fault(
        "https, with a certificate of another CA",
        NO_READING,
        "invalid peer certificate",
        |world| {
            https(world, another_authority().server(&["127.0.0.1"], false));
        },
    ),
    fault("https to a server that talks http", NO_READING, "there is no reading", |world| {
        // Both wait for the other to speak.
        world.url = Some("https://127.0.0.1:{port}/metrics".into());
        world.set("SCRAPE_TIMEOUT", "1s");
    }),
];
