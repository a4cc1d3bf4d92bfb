//! `Server`: a loopback HTTP/1.1 server that answers with scripted bytes, on plain threads, so that sync and async tests share it.
//!
//! Invariant: one connection serves one request; what was asked is captured whole before the first byte of the answer.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

pub use model_server::ModelServer;
pub use refused::RefusedPort;

mod model_server;
mod refused;

/// One request as it arrived.
#[derive(Debug, Clone)]
pub struct Captured {
    /// `POST`, `GET`, ….
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Headers in order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, by `content-length`.
    pub body: Vec<u8>,
}

/// One thing that the server does while it answers.
#[derive(Debug, Clone)]
pub enum Step {
    /// Writes these bytes in one call.
    Bytes(Vec<u8>),
    /// Waits.
    Pause(Duration),
    /// Keeps the connection open, silent, until the client goes (see [`Server::left_at`]).
    Hang,
    /// Ends the connection with a TCP reset instead of an orderly close.
    Reset,
    /// Writes the same bytes so many times; for ever where absent. Nothing is kept, so a gigabyte costs no memory here.
    Repeat(Vec<u8>, Option<u64>),
    /// Writes byte by byte, with this pause between two.
    Drip(Vec<u8>, Duration),
}

/// The whole answer to one request.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// In order; the connection closes behind the last.
    pub steps: Vec<Step>,
}

/// A running server; it ends when dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    requests: Mutex<Vec<Captured>>,
    left: Mutex<Vec<Instant>>,
    stopped: AtomicBool,
}

impl Captured {
    /// The value of a header, by its name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// The body as JSON; null where it is none.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

impl Answer {
    /// Status line, headers with `content-length`, body.
    #[must_use]
    pub fn http(status: u16, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Answer {
        let body = body.as_ref();
        let length = body.len().to_string();
        let mut all = headers.to_vec();
        all.push(("content-length", &length));
        let mut bytes = head(status, &all);
        bytes.extend_from_slice(body);
        Answer {
            steps: vec![Step::Bytes(bytes)],
        }
    }

    /// A JSON answer.
    #[must_use]
    pub fn json(status: u16, value: &serde_json::Value) -> Answer {
        Answer::http(
            status,
            &[("content-type", "application/json")],
            value.to_string(),
        )
    }

    /// A 200 event stream without a length; it ends when the connection closes.
    #[must_use]
    pub fn sse(body: impl AsRef<[u8]>) -> Answer {
        Answer::sse_pieces([body.as_ref().to_vec()])
    }

    /// The same, each piece written (and flushed) on its own.
    #[must_use]
    pub fn sse_pieces(pieces: impl IntoIterator<Item = Vec<u8>>) -> Answer {
        let mut steps = vec![Step::Bytes(head(
            200,
            &[("content-type", "text/event-stream")],
        ))];
        steps.extend(pieces.into_iter().map(Step::Bytes));
        Answer { steps }
    }

    /// Bytes as they are, without a head.
    #[must_use]
    pub fn raw(bytes: impl AsRef<[u8]>) -> Answer {
        Answer {
            steps: vec![Step::Bytes(bytes.as_ref().to_vec())],
        }
    }

    /// Status line and headers alone; the body follows as steps.
    #[must_use]
    pub fn head(status: u16, headers: &[(&str, &str)]) -> Answer {
        Answer {
            steps: vec![Step::Bytes(head(status, headers))],
        }
    }

    /// A 200 whose body is `piece` so many times, compressed: a bomb where `piece` is large.
    ///
    /// # Panics
    /// Never: the memory to write to has no end.
    #[must_use]
    #[allow(clippy::expect_used, reason = "writing to memory does not fail")]
    pub fn gzip(start: &[u8], piece: &[u8], times: u64) -> Answer {
        let pack = |bytes: &[u8]| {
            let mut encoder =
                flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
            encoder.write_all(bytes).expect("memory");
            encoder.finish().expect("memory")
        };
        let headers = [
            ("content-type", "text/event-stream"),
            ("content-encoding", "gzip"),
        ];
        // The format allows one compressed member behind the other.
        Answer::head(200, &headers)
            .then(Step::Bytes(pack(start)))
            .then(Step::Repeat(pack(piece), Some(times)))
    }

    /// Adds a step at the end.
    #[must_use]
    pub fn then(mut self, step: Step) -> Answer {
        self.steps.push(step);
        self
    }
}

impl Server {
    /// Answers the n-th request with the n-th answer; the last answer repeats.
    ///
    /// # Panics
    /// Where no loopback port can be bound, or `answers` is empty.
    #[must_use]
    pub fn start(answers: Vec<Answer>) -> Server {
        assert!(!answers.is_empty(), "a server needs an answer");
        Server::with(move |turn, _| answers[turn.min(answers.len() - 1)].clone())
    }

    /// Answers by a function of the number of the request (from 0) and the request.
    ///
    /// # Panics
    /// Where no loopback port can be bound.
    #[must_use]
    #[allow(clippy::expect_used, reason = "a test without its server cannot go on")]
    pub fn with(answer: impl Fn(usize, &Captured) -> Answer + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
        let address = listener.local_addr().expect("the bound address");
        let shared = Arc::new(Shared::default());
        let seen = Arc::clone(&shared);
        let answer = Arc::new(answer);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if seen.stopped.load(Ordering::SeqCst) {
                    break;
                }
                let (Ok(stream), seen, answer) = (stream, Arc::clone(&seen), Arc::clone(&answer))
                else {
                    continue;
                };
                thread::spawn(move || serve(stream, &seen, &*answer));
            }
        });
        Server { address, shared }
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What was asked so far, in order of arrival.
    #[must_use]
    pub fn requests(&self) -> Vec<Captured> {
        lock(&self.shared.requests).clone()
    }

    /// When the client left each hanging answer, in order.
    #[must_use]
    pub fn left_at(&self) -> Vec<Instant> {
        lock(&self.shared.left).clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        // Wakes the listener, which then sees the flag.
        let _ = TcpStream::connect(self.address);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn head(status: u16, headers: &[(&str, &str)]) -> Vec<u8> {
    let mut text = format!("HTTP/1.1 {status} Scripted\r\nconnection: close\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    text.into_bytes()
}

fn serve(mut stream: TcpStream, shared: &Shared, answer: &dyn Fn(usize, &Captured) -> Answer) {
    let _ = stream.set_nodelay(true);
    let Ok(Some(request)) = read(&stream) else {
        return;
    };
    let turn = {
        let mut requests = lock(&shared.requests);
        requests.push(request.clone());
        requests.len() - 1
    };
    for step in answer(turn, &request).steps {
        match step {
            Step::Bytes(bytes) => {
                if stream
                    .write_all(&bytes)
                    .and_then(|()| stream.flush())
                    .is_err()
                {
                    return;
                }
            }
            Step::Pause(time) => thread::sleep(time),
            Step::Hang => {
                let mut rest = [0; 64];
                while matches!(stream.read(&mut rest), Ok(1..)) {}
                lock(&shared.left).push(Instant::now());
            }
            Step::Repeat(bytes, times) => {
                if (0..times.unwrap_or(u64::MAX)).any(|_| stream.write_all(&bytes).is_err()) {
                    return;
                }
            }
            Step::Drip(bytes, pause) => {
                for byte in bytes {
                    if stream.write_all(&[byte]).is_err() {
                        return;
                    }
                    thread::sleep(pause);
                }
            }
            Step::Reset => {
                let _ = rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO));
                return;
            }
        }
    }
}

fn read(stream: &TcpStream) -> std::io::Result<Option<Captured>> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let (Some(method), Some(path)) = (words.next(), words.next()) else {
        return Ok(None);
    };
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = headers
        .iter()
        .find(|(name, _)| name == "content-length")
        .and_then(|(_, value)| value.parse().ok())
        .unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Some(Captured {
        method,
        path,
        headers,
        body,
    }))
}
