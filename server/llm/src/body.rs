//! `Body`: the answer of a server as events or as one JSON value, whichever it sent, however its bytes were cut.
//!
//! Invariant: bounded in size (unpacked: 32 MiB in all, 8 MiB as one JSON value, 4 MiB as one event, and in the memory that a
//! value takes once it is read) and in silence. Any byte resets the idle clock, but only an event that carries something resets
//! the progress clock (five times as long), so a server that sends keep-alives for ever does not hold a task.

use std::{pin::Pin, time::Duration};

use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use serde_json::Value;
use sse_stream::SseByteStream;
use tokio::time::{Instant, timeout, timeout_at};

use limits::Meter;

use crate::{
    Error,
    error::{Refusal, short},
};

mod limits;
pub(crate) mod lines;

const LARGEST: usize = 32 << 20;
const LARGEST_JSON: usize = 8 << 20;

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

/// Bounds a stream of chunks in size and in silence: before the first chunk and behind it.
pub(crate) fn guarded(
    chunks: impl Stream<Item = Result<Bytes, Error>> + Send + 'static,
    provider: &str,
    (first, idle): (Duration, Duration),
) -> Chunks {
    let provider = provider.to_owned();
    Box::pin(stream::unfold(
        (Box::pin(chunks), 0usize, provider),
        move |(mut chunks, before, provider)| async move {
            let after = if before == 0 { first } else { idle };
            let next = match timeout(after, chunks.next()).await {
                Err(_) => Err(Error::Timeout {
                    provider: provider.clone(),
                    after,
                }),
                Ok(None) => return None,
                Ok(Some(next)) => next,
            };
            let size = before + next.as_ref().map_or(0, Bytes::len);
            let next = match size > LARGEST {
                true => Err(too_large(&provider, "it", LARGEST)),
                false => next,
            };
            Some((next, (chunks, size, provider)))
        },
    ))
}

/// What comes first and is not blank. Blank bytes keep a connection alive and are not kept.
async fn first_bytes(chunks: &mut Chunks, provider: &str, idle: Duration) -> Result<Bytes, Error> {
    let patience = idle.saturating_mul(5);
    let blank = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, 0xEF | 0xBB | 0xBF);
    let search = async {
        loop {
            let chunk = chunks.next().await;
            let chunk = chunk.ok_or_else(|| Error::broken(provider, "it is empty"))??;
            if let Some(at) = chunk.iter().position(|byte| !blank(byte)) {
                return Ok(chunk.slice(at..));
            }
        }
    };
    timeout(patience, search).await.unwrap_or_else(|_| {
        Err(Error::Timeout {
            provider: provider.to_owned(),
            after: patience,
        })
    })
}

/// Decides by the first byte that means something: content types are often wrong.
pub(crate) async fn open(
    mut chunks: Chunks,
    provider: &str,
    idle: Duration,
) -> Result<Body, Error> {
    let patience = idle.saturating_mul(5);
    let deadline = Instant::now() + patience;
    let late = || Error::Timeout {
        provider: provider.to_owned(),
        after: patience,
    };
    let first = first_bytes(&mut chunks, provider, idle).await?;
    if matches!(first.first(), Some(b'{' | b'[' | b'<')) {
        let mut start = first.to_vec();
        loop {
            if start.len() > LARGEST_JSON {
                return Err(too_large(provider, "it", LARGEST_JSON));
            }
            match timeout_at(deadline, chunks.next())
                .await
                .map_err(|_| late())?
            {
                Some(chunk) => start.extend_from_slice(&chunk?),
                None => return json(start, provider).map(Body::Json),
            }
        }
    }
    // The last event counts also where the server forgot the empty line behind it.
    let end = stream::iter([Ok(Bytes::from_static(b"\n\n"))]);
    let all = stream::iter([Ok(first)]).chain(chunks).chain(end);
    let mut meter = Meter::default();
    let name = provider.to_owned();
    let all = all.map(move |chunk| {
        let chunk = chunk?;
        match meter.pass(&chunk) {
            true => Ok(chunk),
            false => Err(too_large(&name, "an event", limits::LARGEST_EVENT)),
        }
    });
    Ok(Body::Events(Events {
        stream: Box::pin(SseByteStream::new(all)),
        provider: provider.to_owned(),
        patience,
    }))
}

fn too_large(provider: &str, what: &str, limit: usize) -> Error {
    Error::broken(
        provider,
        format!("{what} is larger than {} MiB", limit >> 20),
    )
}

fn json(bytes: Vec<u8>, provider: &str) -> Result<Value, Error> {
    if bytes.first() == Some(&b'<') {
        return Err(Refusal::from_body(200, None, &bytes).into_error(provider));
    }
    let Ok(text) = std::str::from_utf8(&bytes) else {
        return Err(Error::broken(provider, "it is not UTF-8"));
    };
    limits::parse(text.trim())
        .map_err(|message| Error::broken(provider, format!("its JSON {message}")))
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
                text => match limits::parse(text) {
                    // An error behind the reason to stop takes nothing away either.
                    Ok(value) if settled => feed(&value).unwrap_or(Step::Nothing),
                    Ok(value) => feed(&value)?,
                    Err(_) if settled => Step::Nothing,
                    // Without the text, which may quote anything.
                    Err(message) => {
                        return Err(Error::broken(&self.provider, format!("an event {message}")));
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
mod tests;
