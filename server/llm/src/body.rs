//! `Body`: the answer of a server as events or as one JSON value, whichever it sent, however its bytes were cut.
//!
//! Invariant: bounded in size (32 MiB, unpacked) and in silence. Any byte resets the idle clock, but only an event that carries
//! something resets the progress clock (five times as long), so a server that sends keep-alives for ever does not hold a task.

use std::{pin::Pin, time::Duration};

use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use serde_json::Value;
use sse_stream::SseByteStream;
use tokio::time::{Instant, timeout, timeout_at};

use crate::{
    Error,
    error::{Refusal, short},
};

const LARGEST: usize = 32 << 20;

/// How long a server that has said why it stops may take to say `[DONE]` and the usage.
const FAREWELL: Duration = Duration::from_secs(5);

pub(crate) type Chunks = Pin<Box<dyn Stream<Item = Result<Bytes, Error>> + Send>>;

/// What the server sent.
pub(crate) enum Body {
    /// `text/event-stream`.
    Events(Events),
    /// One value, though a stream was asked for.
    Json(Value),
}

/// A stream of events.
pub(crate) struct Events {
    stream: Pin<Box<dyn Stream<Item = Result<sse_stream::Sse, sse_stream::Error>> + Send>>,
    provider: String,
    patience: Duration,
}

/// What an event meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// A keep-alive.
    Nothing,
    /// Content.
    Progress,
    /// The reason to stop is known; only usage may follow.
    Settled,
    /// The server said that nothing follows.
    Done,
}

/// How a stream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// By the dialect's own word.
    Said,
    /// By the connection.
    Closed,
}

/// Bounds a stream of chunks in size and in silence.
pub(crate) fn guarded(
    chunks: impl Stream<Item = Result<Bytes, Error>> + Send + 'static,
    provider: &str,
    idle: Duration,
) -> Chunks {
    let provider = provider.to_owned();
    Box::pin(stream::unfold(
        (Box::pin(chunks), 0usize, provider),
        move |(mut chunks, before, provider)| async move {
            let next = match timeout(idle, chunks.next()).await {
                Err(_) => Err(Error::Timeout {
                    provider: provider.clone(),
                    after: idle,
                }),
                Ok(None) => return None,
                Ok(Some(next)) => next,
            };
            let size = before + next.as_ref().map_or(0, Bytes::len);
            let next = if size > LARGEST {
                Err(Error::broken(
                    &provider,
                    format!("it is larger than {} MiB", LARGEST >> 20),
                ))
            } else {
                next
            };
            Some((next, (chunks, size, provider)))
        },
    ))
}

/// Decides by the first byte that means something: content types are often wrong.
pub(crate) async fn open(
    mut chunks: Chunks,
    provider: &str,
    idle: Duration,
) -> Result<Body, Error> {
    let mut start = Vec::new();
    let first = loop {
        let blank = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, 0xEF | 0xBB | 0xBF);
        if let Some(byte) = start.iter().find(|byte| !blank(byte)) {
            break *byte;
        }
        match chunks.next().await {
            Some(chunk) => start.extend_from_slice(&chunk?),
            None => return Err(Error::broken(provider, "it is empty")),
        }
    };
    if matches!(first, b'{' | b'[' | b'<') {
        while let Some(chunk) = chunks.next().await {
            start.extend_from_slice(&chunk?);
        }
        return json(&start, provider).map(Body::Json);
    }
    // The last event counts also where the server forgot the empty line behind it.
    let end = stream::iter([Ok(Bytes::from_static(b"\n\n"))]);
    let all = stream::iter([Ok(Bytes::from(start))])
        .chain(chunks)
        .chain(end);
    Ok(Body::Events(Events {
        stream: Box::pin(SseByteStream::new(all)),
        provider: provider.to_owned(),
        patience: idle * 5,
    }))
}

fn json(bytes: &[u8], provider: &str) -> Result<Value, Error> {
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim_start_matches('\u{feff}').trim();
    match serde_json::from_str(text) {
        Ok(value) => Ok(value),
        Err(_) if text.starts_with('<') => {
            Err(Refusal::from_body(200, None, bytes).into_error(provider))
        }
        Err(error) => Err(Error::broken(
            provider,
            format!("its JSON is not valid ({error})"),
        )),
    }
}

impl Events {
    /// Hands the data of each event to `feed` until the stream ends or `feed` is done. An end in the middle is no error here:
    /// the dialect knows whether its reply is whole.
    pub(crate) async fn drain(
        mut self,
        mut feed: impl FnMut(&Value) -> Result<Step, Error>,
    ) -> Result<End, Error> {
        let mut deadline = Instant::now() + self.patience;
        let mut settled = false;
        loop {
            let data = match timeout_at(deadline, self.stream.next()).await {
                // Whatever happens behind the reason to stop cannot take the reply away.
                _farewell @ (Err(_) | Ok(Some(Err(_)) | None)) if settled => {
                    return Ok(End::Closed);
                }
                Err(_) => {
                    return Err(Error::Timeout {
                        provider: self.provider,
                        after: self.patience,
                    });
                }
                Ok(None) => return Ok(End::Closed),
                Ok(Some(Err(error))) => return Err(self.fault(error)),
                Ok(Some(Ok(event))) => event.data.unwrap_or_default(),
            };
            let step = match data.trim() {
                "" => Step::Nothing,
                "[DONE]" => Step::Done,
                text => match serde_json::from_str::<Value>(text) {
                    Ok(value) => feed(&value)?,
                    Err(_) if settled => Step::Nothing,
                    // Without the text, which may quote anything.
                    Err(error) => {
                        let message = format!("an event is not valid JSON ({error})");
                        return Err(Error::broken(&self.provider, message));
                    }
                },
            };
            match step {
                Step::Nothing => {}
                Step::Progress if settled => {}
                Step::Progress => deadline = Instant::now() + self.patience,
                Step::Settled => {
                    settled = true;
                    deadline = Instant::now() + FAREWELL.min(self.patience);
                }
                Step::Done => return Ok(End::Said),
            }
        }
    }

    fn fault(&self, error: sse_stream::Error) -> Error {
        match error {
            sse_stream::Error::Body(inner) => match inner.downcast::<Error>() {
                Ok(ours) => *ours,
                Err(other) => Error::broken(&self.provider, short(&other.to_string())),
            },
            other => Error::broken(&self.provider, format!("it is no event stream ({other})")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENTS: &str = "\u{feff}: hello\n\ndata: {\"a\":\"żółw 🐢\"}\n\nevent: x\nid: 7\ndata:{\"b\":\ndata: 2}\n\n: ping\n\ndata: {\"c\":3}\n\ndata: [DONE]\n\n";

    async fn read(chunks: Vec<Vec<u8>>) -> Result<Vec<Value>, Error> {
        let chunks = stream::iter(chunks.into_iter().map(|chunk| Ok(Bytes::from(chunk))));
        let idle = Duration::from_secs(5);
        let mut values = Vec::new();
        match open(guarded(chunks, "p", idle), "p", idle).await? {
            Body::Json(value) => values.push(value),
            Body::Events(events) => {
                let take = |value: &Value| {
                    values.push(value.clone());
                    Ok(Step::Progress)
                };
                events.drain(take).await?;
            }
        }
        Ok(values)
    }

    #[tokio::test]
    async fn events_are_the_same_wherever_the_bytes_are_cut() {
        let whole = read(vec![EVENTS.into()]).await.unwrap();
        assert_eq!(whole.len(), 3);
        assert_eq!(whole[0]["a"], "żółw 🐢");
        for newline in ["\n", "\r\n", "\r"] {
            let text = EVENTS.replace('\n', newline);
            let bytes = text.as_bytes();
            for at in 0..=bytes.len() {
                let cut = vec![bytes[..at].to_vec(), bytes[at..].to_vec()];
                assert_eq!(read(cut).await.unwrap(), whole, "{newline:?} cut at {at}");
            }
            let single = bytes.iter().map(|byte| vec![*byte]).collect();
            assert_eq!(
                read(single).await.unwrap(),
                whole,
                "{newline:?} byte by byte"
            );
        }
    }

    #[tokio::test]
    async fn what_is_no_answer_is_a_clear_error() {
        for (bytes, says) in [
            (&b""[..], "it is empty"),
            (b" \r\n ", "it is empty"),
            (b"\xEF\xBB\xBF", "it is empty"),
            (b"{\"choices\":", "JSON is not valid"),
            (b"<!doctype html><p>Login", "HTML page"),
            (b"data: {\"a\":\n\n", "not valid JSON"),
            (b"data: \xff\xfe\n\n", "no event stream"),
        ] {
            let error = read(vec![bytes.to_vec()]).await.unwrap_err();
            assert!(error.to_string().contains(says), "{bytes:?}: {error}");
        }
        assert_eq!(
            read(vec![b"data: {\"a\":1}".to_vec()]).await.unwrap().len(),
            1,
            "no empty line at the end"
        );
    }

    #[tokio::test]
    async fn an_answer_without_end_is_cut_at_32_mib() {
        let mebibyte = vec![b'x'; 1 << 20];
        let chunks = std::iter::once(b"data: ".to_vec()).chain(std::iter::repeat_n(mebibyte, 40));
        let error = read(chunks.collect()).await.unwrap_err();
        assert!(error.to_string().contains("larger than 32 MiB"), "{error}");
    }
}
