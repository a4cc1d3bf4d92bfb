//! Wire: what the processes of a workspace say to each other, one JSON value a line over a Unix socket. Both sides are the same
//! program of the same user; who does not show the token is not listened to.

use super::Door;
use agent::peers::Place;
use futures::{SinkExt, StreamExt};
use protocol::{Approval, Event, Failure, TaskId, TaskView};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use subtle::ConstantTimeEq;
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio_util::codec::{FramedRead, FramedWrite, LinesCodec};

/// Version of this wire.
const VERSION: u32 = 1;

/// Longest line, in bytes: an event with a large diff fits.
const LONGEST: usize = 64 * 1024 * 1024;

/// How long one that reads nothing is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long the first line may take.
const GREETING: Duration = Duration::from_secs(5);

/// One thing said.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "say", rename_all = "snake_case")]
pub enum Line {
    /// The first line of either side.
    Hello(Hello),
    /// A task that is under way.
    Task {
        /// As it stands.
        view: Box<TaskView>,
        /// What it asks a person.
        questions: Vec<Approval>,
    },
    /// A task that the listener had started is worked on by nobody any more.
    Gone {
        /// The task.
        task: TaskId,
    },
    /// A fact.
    Event {
        /// The fact.
        event: Arc<Event>,
    },
    /// A verb to carry out.
    Call {
        /// Answers name it.
        id: u64,
        /// One of the agent's verbs.
        verb: String,
        /// Its parameters.
        params: Value,
    },
    /// What came of a verb.
    Answer {
        /// Of the call.
        id: u64,
        /// The answer.
        value: Value,
    },
    /// Why nothing came of a verb.
    Refusal {
        /// Of the call.
        id: u64,
        /// Why.
        failure: Failure,
    },
}

impl Line {
    /// The answer to a call.
    pub fn answer(id: u64, result: Result<Value, Failure>) -> Line {
        match result {
            Ok(value) => Line::Answer { id, value },
            Err(failure) => Line::Refusal { id, failure },
        }
    }
}

/// Who speaks.
#[derive(Clone, Serialize, Deserialize)]
pub struct Hello {
    v: u32,
    token: String,
    /// What it is.
    pub door: Door,
    /// Stands for its version and configuration.
    pub config: String,
}

impl std::fmt::Debug for Hello {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hello")
            .field("door", &self.door)
            .finish_non_exhaustive()
    }
}

impl Hello {
    /// Says who one is.
    pub fn new(place: &Place, door: Door, config: &str) -> Hello {
        Hello {
            v: VERSION,
            token: place.token.clone(),
            door,
            config: config.to_owned(),
        }
    }

    fn is_one_of_us(&self, place: &Place) -> bool {
        self.v == VERSION && bool::from(self.token.as_bytes().ct_eq(place.token.as_bytes()))
    }
}

/// What comes in.
pub struct Reader(FramedRead<OwnedReadHalf, LinesCodec>);

impl Reader {
    /// The next line; none once the other side is gone or says what is no line of ours. Safe to drop while waiting.
    pub async fn next(&mut self) -> Option<Line> {
        let line = self.0.next().await?;
        let read = line
            .map_err(|error| error.to_string())
            .and_then(|line| serde_json::from_str(&line).map_err(|error| error.to_string()));
        read.inspect_err(
            |error| tracing::warn!(%error, "another process of this workspace is left"),
        )
        .ok()
    }

    async fn hello(&mut self, place: &Place) -> Option<Hello> {
        match tokio::time::timeout(GREETING, self.next()).await {
            Ok(Some(Line::Hello(hello))) if hello.is_one_of_us(place) => Some(hello),
            _ => None,
        }
    }
}

/// What goes out.
pub struct Writer(FramedWrite<OwnedWriteHalf, LinesCodec>);

impl Writer {
    /// Says a line. False once the other side is gone, or has not read for too long.
    #[must_use]
    pub async fn say(&mut self, line: &Line) -> bool {
        let Ok(text) = serde_json::to_string(line) else {
            return false;
        };
        matches!(
            tokio::time::timeout(PATIENCE, self.0.send(text)).await,
            Ok(Ok(()))
        )
    }
}

/// Greets the one that listens; none where it is not one of us.
pub async fn greet(
    stream: UnixStream,
    place: &Place,
    us: Hello,
) -> Option<(Hello, Reader, Writer)> {
    let (mut reader, mut writer) = split(stream);
    if !writer.say(&Line::Hello(us)).await {
        return None;
    }
    let hello = reader.hello(place).await?;
    Some((hello, reader, writer))
}

/// Answers a greeting; none where who came is not one of us, who then hears nothing.
pub async fn welcome(
    stream: UnixStream,
    place: &Place,
    us: Hello,
) -> Option<(Hello, Reader, Writer)> {
    let (mut reader, mut writer) = split(stream);
    let hello = reader.hello(place).await?;
    writer
        .say(&Line::Hello(us))
        .await
        .then_some((hello, reader, writer))
}

fn split(stream: UnixStream) -> (Reader, Writer) {
    let (read, write) = stream.into_split();
    let codec = || LinesCodec::new_with_max_length(LONGEST);
    (
        Reader(FramedRead::new(read, codec())),
        Writer(FramedWrite::new(write, codec())),
    )
}
