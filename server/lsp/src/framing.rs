//! Frames: the client's bytes, cut into messages. Whatever comes in, the reader behind it sees only well-formed
//! JSON-RPC messages; a message that is none becomes a call of [`REFUSED`], which the ingress answers with an error.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use serde_json::{Value, json};
use tokio::io::{AsyncRead, ReadBuf};
use tokio_util::bytes::{Buf, BytesMut};
use tokio_util::sync::CancellationToken;
use tower_lsp::jsonrpc::{ErrorCode, Request, Response};

/// Method that stands in for a message which could not be read; its params are `{"code", "message"}`.
pub const REFUSED: &str = "$/animus/refused";

/// Most bytes of one header section.
const HEADER_CAP: usize = 16 * 1024;
/// Most bytes of one message.
const BODY_CAP: u64 = 64 * 1024 * 1024;
const END_OF_HEADER: &[u8] = b"\r\n\r\n";
const LENGTH: &[u8] = b"content-length:";

/// A reader that yields only whole, well-formed messages.
#[derive(Debug)]
pub struct Frames<R> {
    input: R,
    raw: BytesMut,
    ready: BytesMut,
    state: State,
    ended: CancellationToken,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// Before or inside a header section.
    Header,
    /// A body of this many bytes follows.
    Body(usize),
    /// This many bytes of a body that is too long still have to be passed over.
    Skip(u64),
    /// A header was malformed: look for the next one.
    Lost,
}

/// Whether a step got anywhere.
enum Step {
    On,
    NeedsMore,
}

impl<R> Frames<R> {
    /// Cuts what `input` reads; `ended` is cancelled when there is nothing more to read.
    pub fn new(input: R, ended: CancellationToken) -> Self {
        Self {
            input,
            raw: BytesMut::new(),
            ready: BytesMut::new(),
            state: State::Header,
            ended,
        }
    }

    fn step(&mut self) -> Step {
        match self.state {
            State::Header => self.header(),
            State::Body(length) => self.body(length),
            State::Skip(0) => {
                self.emit(&refusal(
                    ErrorCode::InvalidRequest,
                    &Value::Null,
                    "the message is longer than 64 MiB",
                ));
                self.state = State::Header;
                Step::On
            }
            State::Skip(_) if self.raw.is_empty() => Step::NeedsMore,
            State::Skip(left) => {
                let here = usize::try_from(left)
                    .unwrap_or(usize::MAX)
                    .min(self.raw.len());
                self.raw.advance(here);
                self.state = State::Skip(left - here as u64);
                Step::On
            }
            State::Lost => self.seek(),
        }
    }

    fn header(&mut self) -> Step {
        let window = &self.raw[..self.raw.len().min(HEADER_CAP)];
        let Some(end) = find(window, END_OF_HEADER) else {
            if self.raw.len() < HEADER_CAP {
                return Step::NeedsMore;
            }
            return self.lose("the header section is longer than 16 KiB");
        };
        match content_length(&self.raw[..end]) {
            Some(length) if length > BODY_CAP => {
                self.raw.advance(end + END_OF_HEADER.len());
                self.state = State::Skip(length);
            }
            Some(length) => {
                self.raw.advance(end + END_OF_HEADER.len());
                self.state = State::Body(usize::try_from(length).unwrap_or(usize::MAX));
            }
            None => return self.lose("the header section has no valid Content-Length"),
        }
        Step::On
    }

    fn body(&mut self, length: usize) -> Step {
        if self.raw.len() < length {
            return Step::NeedsMore;
        }
        let body = self.raw.split_to(length);
        self.state = State::Header;
        match judge(&body) {
            Ok(()) => self.emit(&body),
            Err(refused) => self.emit(&refused),
        }
        Step::On
    }

    /// Gives up on this header section: one error, then on from the next header.
    fn lose(&mut self, why: &str) -> Step {
        self.emit(&refusal(ErrorCode::ParseError, &Value::Null, why));
        self.raw.advance(1);
        self.state = State::Lost;
        Step::On
    }

    fn seek(&mut self) -> Step {
        let found = self
            .raw
            .windows(LENGTH.len())
            .position(|window| window.eq_ignore_ascii_case(LENGTH));
        match found {
            Some(start) => {
                self.raw.advance(start);
                self.state = State::Header;
                Step::On
            }
            None => {
                let keep = self.raw.len().min(LENGTH.len() - 1);
                self.raw.advance(self.raw.len() - keep);
                Step::NeedsMore
            }
        }
    }

    fn emit(&mut self, body: &[u8]) {
        if !body.is_empty() {
            self.ready
                .extend_from_slice(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
            self.ready.extend_from_slice(body);
        }
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Frames<R> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            if !this.ready.is_empty() {
                let count = this.ready.len().min(out.remaining());
                out.put_slice(&this.ready[..count]);
                this.ready.advance(count);
                return Poll::Ready(Ok(()));
            }
            if let Step::On = this.step() {
                continue;
            }
            this.raw.reserve(8 * 1024);
            let read = ready!(tokio_util::io::poll_read_buf(
                Pin::new(&mut this.input),
                cx,
                &mut this.raw
            ));
            if !matches!(read, Ok(1..)) {
                this.ended.cancel();
                return Poll::Ready(read.map(drop));
            }
        }
    }
}

/// Whether the decoder behind will take the body; else the message to show it instead.
fn judge(body: &[u8]) -> Result<(), Vec<u8>> {
    if body.is_empty() {
        return Ok(());
    }
    let text = std::str::from_utf8(body).map_err(|_| {
        refusal(
            ErrorCode::ParseError,
            &Value::Null,
            "the message is not UTF-8",
        )
    })?;
    match serde_json::from_str::<Request>(text) {
        Ok(request) if request.method() == REFUSED => Err(refusal(
            ErrorCode::MethodNotFound,
            &id_of(text),
            "that method is not for clients",
        )),
        Ok(request) if !request.method().is_empty() => Ok(()),
        Ok(_) if serde_json::from_str::<Response>(text).is_ok() => Ok(()),
        Ok(_) => Err(silent_answer(text).unwrap_or_else(|| {
            refusal(
                ErrorCode::InvalidRequest,
                &id_of(text),
                "neither a request nor a response",
            )
        })),
        Err(error) if error.is_data() => Err(refusal(
            ErrorCode::InvalidRequest,
            &id_of(text),
            &format!("not a JSON-RPC 2.0 message: {error}"),
        )),
        Err(error) => Err(refusal(
            ErrorCode::ParseError,
            &Value::Null,
            &format!("not JSON: {error}"),
        )),
    }
}

/// An answer that leaves out a result of null, as some clients do, with it put in.
fn silent_answer(text: &str) -> Option<Vec<u8>> {
    let value: Value = serde_json::from_str(text).ok()?;
    let fields = value.as_object()?;
    let only = fields.keys().all(|key| key == "jsonrpc" || key == "id");
    let id = id_of(text);
    // Our own requests are numbered.
    (only && id.is_i64()).then(|| {
        json!({ "jsonrpc": "2.0", "id": id, "result": null })
            .to_string()
            .into_bytes()
    })
}

/// The id of a message that is no request, so that the answer finds its asker; null where there is none.
fn id_of(text: &str) -> Value {
    let value: Value = serde_json::from_str(text).unwrap_or_default();
    match value.get("id") {
        Some(id) if id.as_i64().is_some() || id.is_string() => id.clone(),
        _ => Value::Null,
    }
}

fn refusal(code: ErrorCode, id: &Value, message: &str) -> Vec<u8> {
    let params = json!({ "code": code.code(), "message": message });
    json!({ "jsonrpc": "2.0", "id": id, "method": REFUSED, "params": params })
        .to_string()
        .into_bytes()
}

fn content_length(header: &[u8]) -> Option<u64> {
    let header = std::str::from_utf8(header).ok()?;
    let line = header.split("\r\n").find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim()
            .eq_ignore_ascii_case("content-length")
            .then_some(value.trim())
    })?;
    line.parse().ok()
}

fn find(text: &[u8], needle: &[u8]) -> Option<usize> {
    text.windows(needle.len())
        .position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};
    use tokio::io::AsyncReadExt;

    fn frame(body: &str) -> String {
        format!("Content-Length: {}\r\n\r\n{body}", body.len())
    }

    async fn read(input: &[u8], chunk: usize) -> String {
        let chunks: Vec<io::Result<tokio_util::bytes::Bytes>> = input
            .chunks(chunk)
            .map(|part| Ok(tokio_util::bytes::Bytes::copy_from_slice(part)))
            .collect();
        let mut frames = Frames::new(
            tokio_util::io::StreamReader::new(futures::stream::iter(chunks)),
            CancellationToken::new(),
        );
        let mut out = String::new();
        frames.read_to_string(&mut out).await.unwrap();
        out.replace("\r\n\r\n", " ")
            .replace("Content-Length:", "\n")
            .trim_start()
            .to_owned()
    }

    /// The same comes out however the bytes are cut.
    async fn check(input: &[u8], expected: Expect) {
        let whole = read(input, usize::MAX).await;
        for chunk in [1, 2, 7] {
            assert_eq!(read(input, chunk).await, whole, "cut every {chunk} bytes");
        }
        expected.assert_eq(&whole);
    }

    const GOOD: &str = r#"{"jsonrpc":"2.0","method":"a"}"#;

    #[tokio::test]
    async fn good_messages_pass() {
        let response = r#"{"jsonrpc":"2.0","id":1,"result":null}"#;
        let input = format!(
            "{}content-length:{}\r\nContent-Type: application/vscode-jsonrpc; charset=utf8\r\nX: y\r\n\r\n{}Content-Length: 0\r\n\r\n",
            frame(GOOD),
            response.len(),
            response
        );
        check(
            input.as_bytes(),
            expect![[r#"
                30 {"jsonrpc":"2.0","method":"a"}
                 38 {"jsonrpc":"2.0","id":1,"result":null}"#]],
        )
        .await;
    }

    #[tokio::test]
    async fn an_answer_without_a_result_is_an_answer() {
        let input = format!(
            "{}{}",
            frame(r#"{"jsonrpc":"2.0","id":42}"#),
            frame(r#"{"jsonrpc":"2.0","id":43,"params":{}}"#)
        );
        check(input.as_bytes(), expect![[r#"
            39 {"id":42,"jsonrpc":"2.0","result":null}
             123 {"id":43,"jsonrpc":"2.0","method":"$/animus/refused","params":{"code":-32600,"message":"neither a request nor a response"}}"#]]).await;
    }

    #[tokio::test]
    async fn bad_messages_become_refusals_and_the_next_one_passes() {
        let deep = format!(
            "{{\"jsonrpc\":\"2.0\",\"method\":\"a\",\"params\":{}1",
            "[".repeat(200)
        );
        let cases = [
            "{\"jsonrpc\":\"2.0\",\"method\":",
            "[]",
            "{\"jsonrpc\":\"1.0\",\"id\":7,\"method\":\"a\"}",
            "{\"jsonrpc\":\"2.0\",\"id\":\"x\"}",
            "{\"jsonrpc\":\"2.0\",\"method\":\"a\",\"params\":\"\\ud800\"}",
            "{\"jsonrpc\":\"2.0\",\"method\":\"a\",\"params\":1e999}",
            "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"$/animus/refused\"}",
            deep.as_str(),
        ];
        for case in cases {
            let out = read(format!("{}{}", frame(case), frame(GOOD)).as_bytes(), 5).await;
            assert!(out.contains(REFUSED), "{case}: {out}");
            assert!(out.ends_with(GOOD), "{case}: {out}");
        }
        let out = read(
            &[
                frame("xx").replace("xx", "").as_bytes(),
                &[0xff, 0xfe],
                frame(GOOD).as_bytes(),
            ]
            .concat(),
            3,
        )
        .await;
        assert!(out.contains("not UTF-8") && out.ends_with(GOOD), "{out}");
    }

    #[tokio::test]
    async fn malformed_headers_recover_at_the_next_one() {
        let noise = "x".repeat(HEADER_CAP + 5);
        for header in [
            "Content-Length: x\r\n\r\n",
            "nothing\r\n\r\n",
            "Content-Length: -4\r\n\r\n",
            noise.as_str(),
            "\r\n\r\n",
        ] {
            let out = read(format!("{header}{}", frame(GOOD)).as_bytes(), 11).await;
            assert_eq!(out.matches(REFUSED).count(), 1, "{header:.20}: {out}");
            assert!(out.ends_with(GOOD), "{header:.20}: {out}");
        }
    }

    #[tokio::test]
    async fn a_body_over_the_cap_is_passed_over() {
        let mut input = format!("Content-Length: {}\r\n\r\n", BODY_CAP + 1).into_bytes();
        input.resize(input.len() + usize::try_from(BODY_CAP).unwrap() + 1, b' ');
        input.extend_from_slice(frame(GOOD).as_bytes());
        let out = read(&input, 1 << 20).await;
        assert!(
            out.contains("longer than 64 MiB") && out.ends_with(GOOD),
            "{out}"
        );
    }
}
