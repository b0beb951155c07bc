//! An exporter whose page the test changes while it serves.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The answer to the next scrape. As the real exporter's, it is HTTP/1.0 without a length.
#[derive(Clone)]
pub enum Page {
    Whole(String),
    /// The page up to the end of a line, and an orderly close.
    Cut(String),
    /// The same, once; the whole scrape afterwards.
    CutOnce(String),
    /// The page up to the end of a line, and a reset.
    Reset(String),
    /// A close without an answer.
    Nothing,
    /// No answer until another page is served; then a close.
    Silence,
}

/// A running exporter.
pub struct Exporter {
    port: u16,
    state: Arc<Mutex<State>>,
}

struct State {
    page: Page,
    scrapes: usize,
    /// The connections that get no answer.
    held: Vec<TcpStream>,
}

impl Exporter {
    pub fn start(page: Page) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State { page, scrapes: 0, held: Vec::new() }));
        let shared = state.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let page = {
                    let mut state = shared.lock().unwrap();
                    state.scrapes += 1;
                    let page = state.page.clone();
                    match &page {
                        Page::CutOnce(whole) => state.page = Page::Whole(whole.clone()),
                        Page::Silence => {
                            state.held.push(stream);
                            continue;
                        }
                        _ => {}
                    }
                    page
                };
                let _ = answer(stream, &page);
            }
        });
        Exporter { port, state }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/metrics", self.port)
    }

    /// Serves another page from now on.
    pub fn serve(&self, page: Page) {
        let mut state = self.state.lock().unwrap();
        state.page = page;
        state.held.clear();
    }

    /// The number of scrapes so far.
    pub fn scrapes(&self) -> usize {
        self.state.lock().unwrap().scrapes
    }
}

fn answer(mut stream: TcpStream, page: &Page) -> std::io::Result<()> {
    let head = "HTTP/1.0 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n";
    let (text, reset) = match page {
        Page::Whole(text) => (text.as_str(), false),
        Page::Cut(text) | Page::CutOnce(text) => (first_series(text), false),
        Page::Reset(text) => (first_series(text), true),
        Page::Nothing | Page::Silence => return Ok(()),
    };
    if reset {
        // A socket that is closed while it holds unread bytes answers with a reset. The pause lets the client
        // read what was sent before.
        stream.peek(&mut [0])?;
        write!(stream, "{head}{text}")?;
        std::thread::sleep(Duration::from_millis(200));
        return Ok(());
    }
    let (mut request, mut byte) = (Vec::new(), [0]);
    while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte)? > 0 {
        request.push(byte[0]);
    }
    write!(stream, "{head}{text}")
}

/// A page up to the end of its first series, which follows a comment.
fn first_series(page: &str) -> &str {
    let lines = page.split_inclusive('\n').take(2).map(str::len);
    &page[..lines.sum::<usize>()]
}
