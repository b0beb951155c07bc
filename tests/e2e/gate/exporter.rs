//! A placeholder for the exporter, and its expositions.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const GI: u64 = 1 << 30;

/// A GPU of 16 GiB with 8 free: `up` may start.
pub fn roomy() -> String {
    page(&[("immich", 4 * GI), ("frigate", 4 * GI)])
}

/// A GPU of 16 GiB with 4 free: `guard` must yield.
pub fn full() -> String {
    page(&[("immich", 8 * GI), ("frigate", 4 * GI)])
}

/// An exposition as the exporter writes it.
fn page(usage: &[(&str, u64)]) -> String {
    let series = usage.iter().map(|(namespace, bytes)| {
        let labels = format!("namespace=\"{namespace}\",pod=\"{namespace}-0\",pid=\"1\"");
        format!("gpu_pod_memory_used_bytes{{{labels}}} {bytes}\n")
    });
    format!("# TYPE gpu_pod_memory_used_bytes gauge\n{}", series.collect::<String>())
}

/// A placeholder for the exporter, which always serves one exposition.
pub struct Exporter {
    pub address: SocketAddr,
    /// The number of scrapes.
    pub requests: Arc<AtomicUsize>,
}

impl Exporter {
    pub fn serve(page: String) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(AtomicUsize::new(0));
        let count = requests.clone();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let (mut head, mut byte) = (Vec::new(), [0]);
                while !head.ends_with(b"\r\n\r\n")
                    && stream.read(&mut byte).is_ok_and(|read| read > 0)
                {
                    head.push(byte[0]);
                }
                // Like the real exporter: HTTP/1.0 without a length.
                let kind = "Content-Type: text/plain; charset=utf-8";
                let _ = write!(stream, "HTTP/1.0 200 OK\r\n{kind}\r\n\r\n{page}");
                count.fetch_add(1, Ordering::SeqCst);
            }
        });
        Exporter { address, requests }
    }
}
