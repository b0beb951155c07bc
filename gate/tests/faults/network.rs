//! Faults of the connection to the exporter.

use std::io::Write;
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::support::api_server::{Validity, another_authority, authority};
use crate::support::http_server::{Step, ok, read_head, serve, serve_with};
use crate::support::test_env::{TestEnv, full_gpu, roomy_gpu};
use crate::{Case, Fault, NO_READING, To, Untouched, case, fault};

/// Lets the exporter answer with this head, and with enough free memory in the body.
fn answer_with_head(env: &mut TestEnv, head: &str) {
    env.exporter = vec![Step::Send(format!("{head}\r\n{}", roomy_gpu()).into_bytes())];
}

/// Sets the exporter's step and a short timeout.
fn answer_slowly(env: &mut TestEnv, step: Step) {
    env.exporter = vec![step];
    env.set("SCRAPE_TIMEOUT", "300ms");
}

/// The end of an answer over TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TlsEnd {
    Length,
    CloseNotify,
    LengthOnly,
    Nothing,
}

/// Starts an https exporter with enough free memory.
fn use_https(env: &mut TestEnv, config: Arc<ServerConfig>) {
    use_https_ending(env, config, TlsEnd::Length);
}

/// Starts an https exporter with enough free memory, and a certificate that is trusted.
fn use_trusted_https(env: &mut TestEnv, end: TlsEnd) {
    use_https_ending(env, authority().server_config(&["127.0.0.1"], Validity::Current), end);
}

fn use_https_ending(env: &mut TestEnv, config: Arc<ServerConfig>, end: TlsEnd) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    env.url = Some(format!("https://{}/metrics", listener.local_addr().unwrap()));
    thread::spawn(move || {
        for tcp in listener.incoming().flatten() {
            let mut stream = StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), tcp);
            read_head(&mut stream);
            let body = roomy_gpu();
            let length = match end {
                TlsEnd::Length | TlsEnd::LengthOnly => {
                    format!("Content-Length: {}\r\n", body.len())
                }
                TlsEnd::CloseNotify | TlsEnd::Nothing => String::new(),
            };
            let _ = write!(stream, "HTTP/1.1 200 OK\r\n{length}\r\n{body}");
            if matches!(end, TlsEnd::Length | TlsEnd::CloseNotify) {
                stream.conn.send_close_notify();
            }
            let _ = stream.flush();
        }
    });
}

/// Starts another exporter, with enough free memory; returns its URL.
fn start_decoy() -> String {
    let server = serve(vec![ok(roomy_gpu())]);
    format!("http://{}", server.address)
}

/// Returns an answer with this head, and with the metrics of a full GPU cut off after their first series.
fn cut_page(head: &str) -> Vec<u8> {
    let page = full_gpu();
    let lines: Vec<&str> = page.split_inclusive('\n').take(2).collect();
    format!("{head}\r\n{}", lines.concat()).into_bytes()
}

/// Returns the same as an answer in chunks, with these bytes after the cut.
fn cut_chunks(end: &str) -> Vec<u8> {
    let page = cut_page("");
    let body = String::from_utf8_lossy(&page[2..]).into_owned();
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n";
    format!("{head}\r\n{:x}\r\n{body}\r\n{end}", body.len()).into_bytes()
}

/// Lets the exporter of a full GPU answer once in this way, then with the whole scrape.
fn answer_once(env: &mut TestEnv, step: Step) {
    env.exporter = vec![step, ok(full_gpu())];
}

const CLOSED: &str = "HTTP/1.0 200 OK\r\n";
const FULL: &[Case] = &[case("up", 0, Untouched), case("guard", 0, To(0))];
const WORKS: &[Case] = &[case("up", 0, To(1)), case("guard", 0, Untouched)];

pub(crate) const FAULTS: &[Fault] = &[
    fault("connection refused", NO_READING, "Connection refused", |env| {
        env.url = Some("http://127.0.0.1:1/metrics".into())
    }),
    fault("unknown host name", NO_READING, "could not be read", |env| {
        env.url = Some("http://gpu-pod-exporter.invalid./metrics".into());
        // The resolver may also not answer at all.
        env.set("SCRAPE_TIMEOUT", "1s");
    }),
    fault("the connection is closed without an answer", NO_READING, "could not be read", |env| {
        env.exporter = vec![Step::Close]
    }),
    fault("no answer", NO_READING, "timeout", |env| {
        answer_slowly(env, Step::SendAndHang(Vec::new()))
    }),
    fault("the answer stops inside the head", NO_READING, "timeout", |env| {
        answer_slowly(env, Step::SendAndHang(b"HTTP/1.1 200 OK\r\nContent-".to_vec()))
    }),
    fault("the answer stops inside the body", NO_READING, "timeout", |env| {
        answer_slowly(env, Step::SendAndHang(b"HTTP/1.1 200 OK\r\n\r\nx 1\n".to_vec()))
    }),
    fault("one byte at a time, forever", NO_READING, "timeout", |env| {
        answer_slowly(
            env,
            Step::Drip(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX: ".to_vec()),
        );
    }),
    fault("not HTTP", NO_READING, "could not be read", |env| {
        env.exporter = vec![Step::Send(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec())]
    }),
    fault("a body without a head", NO_READING, "could not be read", |env| {
        env.exporter = vec![Step::Send(roomy_gpu().into_bytes())]
    }),
    fault("a head of 100 KiB", NO_READING, "could not be read", |env| {
        let head = format!("HTTP/1.1 200 OK\r\nX: {}\r\n", "x".repeat(100 << 10));
        answer_with_head(env, &head);
    }),
    fault("status 204", NO_READING, "answered 204", |env| {
        answer_with_head(env, "HTTP/1.1 204 No Content\r\n")
    }),
    fault("status 206, partial content", NO_READING, "answered 206", |env| {
        answer_with_head(env, "HTTP/1.1 206 Partial Content\r\n")
    }),
    fault("status 301 to an exporter with enough free memory", NO_READING, "answered 301", |env| {
        answer_with_head(
            env,
            &format!(
                "HTTP/1.1 301 Moved\r\nLocation: {}/metrics\r\nContent-Length: 0\r\n",
                start_decoy()
            ),
        );
    }),
    fault("status 403", NO_READING, "answered 403", |env| {
        answer_with_head(env, "HTTP/1.1 403 Forbidden\r\n")
    }),
    fault("status 404", NO_READING, "answered 404", |env| {
        answer_with_head(env, "HTTP/1.1 404 Not Found\r\n")
    }),
    fault("status 500", NO_READING, "answered 500", |env| {
        answer_with_head(env, "HTTP/1.1 500 Oops\r\n")
    }),
    fault(
        "status 503 twice, then a whole answer",
        &[case("up", 0, To(1)), case("guard", 0, To(0))],
        "series=2",
        |env| {
            let busy = Step::Send(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n".to_vec());
            let whole = env.exporter[0].clone();
            env.exporter = vec![busy.clone(), busy, whole];
        },
    ),
    fault("fewer bytes than Content-Length says", NO_READING, "could not be read", |env| {
        answer_with_head(env, "HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n")
    }),
    fault("a Content-Length that ends inside a line", NO_READING, "was cut off", |env| {
        answer_with_head(env, "HTTP/1.1 200 OK\r\nContent-Length: 90\r\n")
    }),
    fault("two Content-Lengths", NO_READING, "content-length", |env| {
        answer_with_head(env, "HTTP/1.1 200 OK\r\nContent-Length: 37\r\nContent-Length: 38\r\n")
    }),
    fault("a Content-Length that is not a number", NO_READING, "content-length", |env| {
        answer_with_head(env, "HTTP/1.1 200 OK\r\nContent-Length: many\r\n")
    }),
    fault("Content-Length and chunks", NO_READING, "length is ambiguous", |env| {
        env.exporter = vec![Step::Send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nx 1\n\r\n0\r\n\r\n".to_vec())];
    }),
    fault("chunks that are cut off", NO_READING, "could not be read", |env| {
        env.exporter = vec![Step::Send(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nx 1\n\r\n".to_vec(),
        )];
    }),
    fault("chunks with a size that is not a number", NO_READING, "could not be read", |env| {
        env.exporter = vec![Step::Send(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nx 1\n\r\n0\r\n\r\n"
                .to_vec(),
        )];
    }),
    fault("chunks with trailers and extensions", WORKS, "series=2", |env| {
        let page = roomy_gpu();
        let answer = format!(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x};a=b\r\n{page}\r\n0\r\nExpires: 0\r\n\r\n",
            page.len()
        );
        env.exporter = vec![Step::Send(answer.into_bytes())];
    }),
    fault("100 Continue and 103 Early Hints before the answer", WORKS, "series=2", |env| {
        let page = roomy_gpu();
        let answer = format!(
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{page}",
            page.len()
        );
        env.exporter = vec![Step::Send(answer.into_bytes())];
    }),
    fault("an exporter at an IPv6 address", WORKS, "series=2", |env| {
        let page = ok(roomy_gpu());
        // A machine may have no IPv6.
        let has_ipv6 = TcpListener::bind("[::1]:0").is_ok();
        let address = if has_ipv6 { "[::1]:0" } else { "127.0.0.1:0" };
        let server = serve_with(address, move |_, _| page.clone());
        env.url = Some(format!("http://{}/metrics", server.address));
    }),
    fault("100 Continue alone, then closed", NO_READING, "could not be read", |env| {
        env.exporter = vec![Step::Send(b"HTTP/1.1 100 Continue\r\n\r\n".to_vec())];
    }),
    fault(
        "status 101, an upgrade that was not asked for",
        NO_READING,
        "could not be read",
        |env| answer_with_head(env, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n"),
    ),
    fault("a negative Content-Length", NO_READING, "content-length", |env| {
        answer_with_head(env, "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n")
    }),
    fault("a Content-Length of 0 before a scrape", NO_READING, "the exposition is empty", |env| {
        answer_with_head(env, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n")
    }),
    fault("a gzip body that no header names", NO_READING, "could not be read", |env| {
        let mut answer = b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n".to_vec();
        answer.extend([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, b'\n']);
        env.exporter = vec![Step::Send(answer)];
    }),
    fault("chunks in HTTP/1.0", NO_READING, "length is ambiguous", |env| {
        answer_with_head(env, "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n")
    }),
    fault("an unknown transfer coding", NO_READING, "length is ambiguous", |env| {
        answer_with_head(env, "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n")
    }),
    fault("compressed, though the request does not accept it", NO_READING, "compressed", |env| {
        answer_with_head(env, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n")
    }),
    fault(
        "proxy variables, which are ignored",
        &[case("up", 0, Untouched)],
        "less than the floor is free",
        |env| {
            env.exporter = vec![ok(full_gpu())];
            for name in
                ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]
            {
                env.set(name, start_decoy());
            }
        },
    ),
    fault(
        "https with a certificate of the mounted CA",
        &[case("up", 0, To(1))],
        "the floor is free",
        |env| {
            use_https(env, authority().server_config(&["127.0.0.1"], Validity::Current));
        },
    ),
    fault(
        "https with a certificate of another CA",
        NO_READING,
        "invalid peer certificate",
        |env| {
            use_https(env, another_authority().server_config(&["127.0.0.1"], Validity::Current));
        },
    ),
    fault("https to a server without TLS", NO_READING, "could not be read", |env| {
        // Each side waits for the other.
        env.url = Some("https://127.0.0.1:{port}/metrics".into());
        env.set("SCRAPE_TIMEOUT", "1s");
    }),
    fault("no length, reset between two lines", NO_READING, "connection was lost", |env| {
        env.exporter = vec![Step::Reset(cut_page(CLOSED))];
    }),
    fault("no length, reset between two lines once", FULL, "used=12Gi", |env| {
        answer_once(env, Step::Reset(cut_page(CLOSED)));
    }),
    fault("no length, reset after the whole scrape", NO_READING, "connection was lost", |env| {
        let page = format!("{CLOSED}\r\n{}", roomy_gpu());
        env.exporter = vec![Step::Reset(page.into_bytes())];
    }),
    fault("no length, closed between two lines once", FULL, "used=12Gi", |env| {
        answer_once(env, Step::Send(cut_page(CLOSED)));
    }),
    fault("the Content-Length of a cut scrape, once", FULL, "used=12Gi", |env| {
        let length = cut_page("").len() - 2;
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n");
        answer_once(env, Step::Send(cut_page(&head)));
    }),
    fault("the Content-Length is reached, then a reset", WORKS, "series=2", |env| {
        let page = roomy_gpu();
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{page}", page.len());
        env.exporter = vec![Step::Reset(answer.into_bytes())];
    }),
    fault("a reset before the Content-Length", NO_READING, "connection was lost", |env| {
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n";
        env.exporter = vec![Step::Reset(cut_page(head))];
    }),
    fault("chunks of a cut scrape, once", FULL, "used=12Gi", |env| {
        answer_once(env, Step::Send(cut_chunks("0\r\n\r\n")));
    }),
    fault("chunks, reset before the last one", NO_READING, "connection was lost", |env| {
        env.exporter = vec![Step::Reset(cut_chunks(""))];
    }),
    fault("chunks, closed inside one", NO_READING, "could not be read", |env| {
        let mut answer = cut_chunks("");
        answer.truncate(answer.len() - 9);
        env.exporter = vec![Step::Send(answer)];
    }),
    fault("closed between two lines, with SENTINEL", NO_READING, "the sentinel does", |env| {
        env.exporter = vec![Step::Send(cut_page(CLOSED))];
        env.set("SENTINEL", "gpu_exporter_up");
    }),
    fault("the second answer of each attempt never comes", NO_READING, "timeout", |env| {
        let hang = Step::SendAndHang(Vec::new());
        env.exporter = [ok(roomy_gpu()), hang].into_iter().cycle().take(6).collect();
        env.set("SCRAPE_TIMEOUT", "300ms");
    }),
    fault("https, no length, with a close_notify", WORKS, "series=2", |env| {
        use_trusted_https(env, TlsEnd::CloseNotify);
    }),
    fault("https, no length, without a close_notify", NO_READING, "connection was lost", |env| {
        use_trusted_https(env, TlsEnd::Nothing);
    }),
    fault("https, a Content-Length, without a close_notify", WORKS, "series=2", |env| {
        use_trusted_https(env, TlsEnd::LengthOnly);
    }),
];
