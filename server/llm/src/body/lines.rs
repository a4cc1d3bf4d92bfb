//! JSON lines as events: one value a line, as Ollama streams.
//!
//! Invariant: bounded in all as every body is, and 4 MiB a line; a line is handed on as soon as it is whole, the last one also
//! where its end is missing.

use std::collections::VecDeque;

use futures::{StreamExt, stream};
use sse_stream::Sse;

use super::{Body, Chunks, Error, Events, first_bytes, open as open_any};

/// Bytes of one line at most.
const LARGEST: usize = 4 << 20;

/// The state between two lines.
struct Lines {
    provider: String,
    chunks: Chunks,
    rest: Vec<u8>,
    ready: VecDeque<Vec<u8>>,
    ended: bool,
}

/// Each line as an event; a page, or events after all, as [`super::open`] does.
pub(crate) async fn open(
    mut chunks: Chunks,
    provider: &str,
    idle: std::time::Duration,
) -> Result<Body, Error> {
    let start = first_bytes(&mut chunks, provider, idle).await?;
    let is_value = start.first() == Some(&b'{');
    let all: Chunks = Box::pin(stream::iter([Ok(start)]).chain(chunks));
    if !is_value {
        return open_any(all, provider, idle).await;
    }
    let lines = Lines {
        provider: provider.to_owned(),
        chunks: all,
        rest: Vec::new(),
        ready: VecDeque::new(),
        ended: false,
    };
    let events = stream::unfold(lines, |mut lines| async move {
        let next = lines.next().await?;
        Some((next, lines))
    });
    Ok(Body::Events(Events {
        stream: Box::pin(events),
        provider: provider.to_owned(),
        patience: idle.saturating_mul(5),
    }))
}

impl Lines {
    async fn next(&mut self) -> Option<Result<Sse, sse_stream::Error>> {
        loop {
            if let Some(line) = self.ready.pop_front() {
                let text = String::from_utf8(line).map_err(|error| error.utf8_error());
                let event = text.map(|text| Sse::default().data(text));
                return Some(event.map_err(sse_stream::Error::Utf8Parse));
            }
            if self.ended {
                return None;
            }
            match self.chunks.next().await {
                Some(Ok(chunk)) => {
                    self.take(&chunk);
                    if self.rest.len() > LARGEST {
                        self.ended = true;
                        let message = format!("a line is larger than {} MiB", LARGEST >> 20);
                        let error = Error::broken(&self.provider, message);
                        return Some(Err(sse_stream::Error::Body(Box::new(error))));
                    }
                }
                Some(Err(error)) => {
                    self.ended = true;
                    return Some(Err(sse_stream::Error::Body(Box::new(error))));
                }
                None => {
                    self.ended = true;
                    self.ready.push_back(std::mem::take(&mut self.rest));
                }
            }
        }
    }

    fn take(&mut self, chunk: &[u8]) {
        let mut parts = chunk.split(|byte| *byte == b'\n');
        self.rest
            .extend_from_slice(parts.next().unwrap_or_default());
        for part in parts {
            self.ready
                .push_back(std::mem::replace(&mut self.rest, part.to_vec()));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::*;
    use crate::body::{Step, guarded};
    use bytes::Bytes;

    async fn read(chunks: Vec<Vec<u8>>) -> Result<Vec<Value>, Error> {
        let chunks = stream::iter(chunks.into_iter().map(|chunk| Ok(Bytes::from(chunk))));
        let idle = Duration::from_secs(5);
        let mut values = Vec::new();
        match open(guarded(chunks, "p", (idle, idle)), "p", idle).await? {
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
    async fn lines_are_the_same_wherever_the_bytes_are_cut() {
        let whole = [
            json!({"a": "żółw 🐢"}),
            json!({"b": "x\ny"}),
            json!({"c": 3}),
        ];
        for (text, count) in [
            (
                "\u{feff}\n{\"a\":\"żółw 🐢\"}\n\n{\"b\":\"x\\ny\"}\r\n  {\"c\":3}",
                3,
            ),
            ("{\"a\":\"żółw 🐢\"}", 1),
            (
                "data: {\"a\":\"żółw 🐢\"}\n\ndata: {\"b\":\"x\\ny\"}\n\n",
                2,
            ),
        ] {
            let bytes = text.as_bytes();
            for at in 0..=bytes.len() {
                let cut = vec![bytes[..at].to_vec(), bytes[at..].to_vec()];
                assert_eq!(
                    read(cut).await.unwrap(),
                    whole[..count],
                    "{text:?} cut at {at}"
                );
            }
            let single = bytes.iter().map(|byte| vec![*byte]).collect();
            assert_eq!(read(single).await.unwrap(), whole[..count], "{text:?}");
        }
    }

    #[tokio::test]
    async fn what_is_no_line_is_a_clear_error() {
        for (bytes, says) in [
            (&b""[..], "it is empty"),
            (b" \r\n ", "it is empty"),
            (b"<html>", "HTML page"),
            (b"{\"a\":1}\n{\"a\":", "not valid JSON"),
            (b"{\"a\":\"\xff\xfe\"}\n", "no event stream"),
        ] {
            let error = read(vec![bytes.to_vec()]).await.unwrap_err();
            assert!(error.to_string().contains(says), "{bytes:?}: {error}");
        }
        let endless =
            std::iter::once(b"{".to_vec()).chain(std::iter::repeat_n(vec![b' '; 1 << 20], 6));
        let error = read(endless.collect()).await.unwrap_err();
        assert!(error.to_string().contains("larger than 4 MiB"), "{error}");
    }
}
