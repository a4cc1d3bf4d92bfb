//! Exporter: a bounded queue of spans and who sends them. What the collector does not take in time is dropped and counted.

use super::{Config, Fold, Outcome, count, span};
use agent::{Agent, Feed, Signal};
use futures::future::BoxFuture;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, any_value::Value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Spans that wait, at most; about 2 MiB.
const QUEUE: usize = 4096;

/// Spans that one request carries, at most.
const BATCH: usize = 512;

/// How long spans are gathered before they are sent.
const PAUSE: Duration = Duration::from_secs(1);

/// The first pause behind a failed request; each further one is twice as long.
const RETRY: Duration = Duration::from_millis(500);

/// Requests for one batch, at most: with 15 s of pauses between them.
const TRIES: u32 = 6;

/// What came of a request to the collector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// The collector has the spans.
    Taken,
    /// It may take them later: it was not reached, or is overloaded.
    Later,
    /// It never will.
    Never,
}

/// Posts the bytes of an `ExportTraceServiceRequest` to the collector.
pub type Post = Arc<dyn Fn(Vec<u8>) -> BoxFuture<'static, Sent> + Send + Sync>;

/// Sends the spans of one agent's tasks.
pub struct Exporter {
    queue: Arc<Queue>,
    /// Ends the reader.
    closing: CancellationToken,
    /// Ends the sender, once the reader told it all.
    told: CancellationToken,
    reader: JoinHandle<()>,
    sender: JoinHandle<()>,
}

#[derive(Default)]
struct Queue {
    spans: Mutex<VecDeque<Span>>,
    /// Spans that a request under way carries.
    out: Mutex<usize>,
    news: Notify,
}

impl Exporter {
    /// Follows the agent's events from now on. Needs a tokio runtime around it.
    pub fn start(agent: &Agent, config: &Config, post: Post) -> Exporter {
        let queue = Arc::new(Queue::default());
        let closing = CancellationToken::new();
        let fold = Fold::new(config.sample_percent);
        let told = CancellationToken::new();
        let reading = read(agent.feed(), fold, queue.clone(), closing.clone());
        let reader = tokio::spawn(reading);
        let service = config.service_name.clone();
        let sender = tokio::spawn(send(queue.clone(), service, post, told.clone()));
        Exporter {
            queue,
            closing,
            told,
            reader,
            sender,
        }
    }

    /// Sends what there is, for so long at most, and ends.
    pub async fn flush(mut self, bound: Duration) {
        self.closing.cancel();
        let done = async {
            // Neither panics; one that did has nothing left to say.
            let _ = (&mut self.reader).await;
            self.told.cancel();
            let _ = (&mut self.sender).await;
        };
        if tokio::time::timeout(bound, done).await.is_err() {
            self.reader.abort();
            self.sender.abort();
            count(Outcome::Dropped, self.queue.left());
        }
    }
}

impl Queue {
    fn push(&self, spans: &mut Vec<Span>) {
        if spans.is_empty() {
            return;
        }
        let mut queue = lock(&self.spans);
        let room = QUEUE.saturating_sub(queue.len());
        let lost = spans.len().saturating_sub(room);
        queue.extend(spans.drain(..).take(room));
        drop(queue);
        if lost > 0 {
            count(Outcome::Dropped, lost);
        }
        self.news.notify_one();
    }

    fn batch(&self) -> Vec<Span> {
        let mut queue = lock(&self.spans);
        let some = queue.len().min(BATCH);
        *lock(&self.out) = some;
        queue.drain(..some).collect()
    }

    fn left(&self) -> usize {
        let queued = lock(&self.spans).len();
        queued + *lock(&self.out)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From events to the queue, until the exporter closes and nothing more was told.
async fn read(mut feed: Feed, mut fold: Fold, queue: Arc<Queue>, closing: CancellationToken) {
    let mut over = Vec::new();
    loop {
        let signal = tokio::select! {
            biased;
            signal = feed.next() => signal,
            () = closing.cancelled() => return,
        };
        // Tasks of other processes are theirs to tell.
        if let Signal::Event(event) = signal {
            fold.apply(&event, &mut over);
            queue.push(&mut over);
        }
    }
}

/// From the queue to the collector, until all is told and the queue is empty.
async fn send(queue: Arc<Queue>, service: String, post: Post, told: CancellationToken) {
    loop {
        let spans = queue.batch();
        if spans.is_empty() {
            if told.is_cancelled() {
                return;
            }
            let gathered = async {
                queue.news.notified().await;
                tokio::time::sleep(PAUSE).await;
            };
            tokio::select! {
                () = gathered => {}
                () = told.cancelled() => {}
            }
            continue;
        }
        let batch = spans.len();
        let bytes = request(&service, spans).encode_to_vec();
        let outcome = match deliver(&post, bytes).await {
            Sent::Taken => Outcome::Sent,
            Sent::Later | Sent::Never => Outcome::Dropped,
        };
        *lock(&queue.out) = 0;
        count(outcome, batch);
    }
}

async fn deliver(post: &Post, bytes: Vec<u8>) -> Sent {
    let mut pause = RETRY;
    for _ in 1..TRIES {
        match post(bytes.clone()).await {
            Sent::Later => tokio::time::sleep(pause).await,
            answer => return answer,
        }
        pause *= 2;
    }
    post(bytes).await
}

fn request(service: &str, spans: Vec<Span>) -> ExportTraceServiceRequest {
    let word = |key, value: &str| span::pair(key, Value::StringValue(value.to_owned()));
    let version = env!("CARGO_PKG_VERSION");
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(Resource {
                attributes: vec![
                    word("service.name", service),
                    word("service.version", version),
                ],
                ..Resource::default()
            }),
            scope_spans: vec![ScopeSpans {
                scope: Some(InstrumentationScope {
                    name: "animus".to_owned(),
                    version: version.to_owned(),
                    ..InstrumentationScope::default()
                }),
                spans,
                ..ScopeSpans::default()
            }],
            ..ResourceSpans::default()
        }],
    }
}
