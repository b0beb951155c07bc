//! A loopback server with a scripted answer to each connection, to the byte.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// The action on a connection whose request was read.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Write these bytes, then close.
    Send(Vec<u8>),
    /// Write these bytes, then nothing for longer than any timeout.
    SendAndHang(Vec<u8>),
    /// Write these bytes one by one, slowly, forever.
    Drip(Vec<u8>),
    /// Close at once without an answer.
    Close,
    /// Write these bytes, then reset the connection.
    Reset(Vec<u8>),
}

/// A server that lives until the test's process ends.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) requests: Arc<AtomicUsize>,
    pub(crate) heads: Arc<Mutex<Vec<String>>>,
}

/// Starts a server: the first connection gets the first step, and so on. All further connections get the
/// last step.
pub(crate) fn serve(steps: Vec<Step>) -> Server {
    serve_with("127.0.0.1:0", move |_, index| steps[index.min(steps.len() - 1)].clone())
}

/// Starts a server that answers by the path and the index of a request.
pub(crate) fn serve_with(
    address: &str,
    answer: impl Fn(&str, usize) -> Step + Send + Sync + 'static,
) -> Server {
    let listener = TcpListener::bind(address).unwrap();
    let address = listener.local_addr().unwrap();
    let requests = Arc::new(AtomicUsize::new(0));
    let heads = Arc::new(Mutex::new(Vec::new()));
    let (count, seen, answer) = (requests.clone(), heads.clone(), Arc::new(answer));
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let index = count.fetch_add(1, Ordering::SeqCst);
            let (answer, seen) = (answer.clone(), seen.clone());
            thread::spawn(move || {
                let head = peek_head(&stream);
                let path = head.split(' ').nth(1).unwrap_or("/").to_owned();
                seen.lock().unwrap().push(head);
                match answer(&path, index) {
                    // The kernel resets a connection that is closed with unread bytes.
                    Step::Reset(bytes) => {
                        perform(&mut stream, Step::Send(bytes));
                        thread::sleep(Duration::from_millis(50));
                    }
                    step => {
                        read_head(&mut stream);
                        perform(&mut stream, step);
                    }
                }
            });
        }
    });
    Server { address, requests, heads }
}

/// Returns the request's head, and leaves it unread.
fn peek_head(stream: &TcpStream) -> String {
    let mut buffer = [0; 16 << 10];
    loop {
        let count = stream.peek(&mut buffer).unwrap_or_default();
        let head = &buffer[..count];
        if count == 0 || head.windows(4).any(|end| end == b"\r\n\r\n") || count == buffer.len() {
            return String::from_utf8_lossy(head).into_owned();
        }
        thread::sleep(Duration::from_millis(1));
    }
}

/// Reads up to the end of the request's head.
pub(crate) fn read_head(stream: &mut impl Read) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|count| count == 1) {
        head.push(byte[0]);
    }
    String::from_utf8_lossy(&head).into_owned()
}

/// Performs a step on a connection. An error means that the client has closed it.
pub(crate) fn perform(stream: &mut impl Write, step: Step) {
    match step {
        Step::Send(bytes) => {
            let _ = stream.write_all(&bytes).and_then(|()| stream.flush());
        }
        Step::SendAndHang(bytes) => {
            let _ = stream.write_all(&bytes).and_then(|()| stream.flush());
            thread::sleep(Duration::from_secs(60));
        }
        Step::Drip(bytes) => {
            for byte in bytes.iter().cycle() {
                if stream.write_all(&[*byte]).and_then(|()| stream.flush()).is_err() {
                    return;
                }
                thread::sleep(Duration::from_millis(20));
            }
        }
        Step::Close | Step::Reset(_) => {}
    }
}

/// Returns a 200 with this body as the exporter sends it: HTTP/1.0, no length.
pub(crate) fn ok(body: impl AsRef<[u8]>) -> Step {
    let mut bytes = b"HTTP/1.0 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n".to_vec();
    bytes.extend_from_slice(body.as_ref());
    Step::Send(bytes)
}
