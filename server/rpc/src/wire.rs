//! Wire: one connection, with its limits. A connection on which nothing moves is cut after a while; one that waits for the agent
//! is not. One that never showed the token lives for a short while, whatever moves on it.

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// How long a request's head, and a TLS handshake, may take.
pub const HEAD_TIME: Duration = Duration::from_secs(30);

/// How long an answer may take that does not wait for the agent.
const ANSWER_TIME: Duration = Duration::from_secs(30);

/// How long a connection that is let go may take for what is under way.
const FAREWELL: Duration = Duration::from_secs(5);

/// How often a connection is judged.
const LOOK: Duration = Duration::from_secs(1);

/// Largest head of a request, in bytes.
const HEAD_LIMIT: u32 = 64 * 1024;

/// Most streams of one HTTP/2 connection at a time.
const STREAMS: u32 = 256;

/// Serves one connection until it ends; once `over`, it takes no new request.
pub async fn serve<S>(stream: S, router: Router, idle: Duration, over: CancellationToken)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let moving = Arc::new(Moving::default());
    let io = TokioIo::new(Watched {
        stream,
        moving: moving.clone(),
        limit: Box::pin(tokio::time::sleep(HEAD_TIME.min(idle))),
        idle,
    });
    let judged = moving.clone();
    let service = hyper::service::service_fn(move |mut request: Request<hyper::body::Incoming>| {
        let under_way = moving.begin();
        request.extensions_mut().insert(under_way.passage());
        let router = router.clone();
        async move {
            let answer = router.oneshot(request.map(Body::new)).await;
            // The answer is under way for as long as its body lives.
            answer.map(|answer| {
                answer.map(|body| {
                    Body::new(body.map_err(move |error| {
                        let _under_way = &under_way;
                        error
                    }))
                })
            })
        }
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(HEAD_LIMIT as usize);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(HEAD_LIMIT)
        .keep_alive_interval(idle)
        .keep_alive_timeout(idle);
    let mut connection = pin!(builder.serve_connection(io, service));
    // Why a connection broke says nothing that the streams on it do not.
    tokio::select! {
        _ = connection.as_mut() => return,
        () = judged.stuck() => return,
        () = judged.stranger(HEAD_TIME.min(idle)) => {
            connection.as_mut().graceful_shutdown();
            let _ = tokio::time::timeout(FAREWELL, connection.as_mut()).await;
            return;
        }
        () = over.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    tokio::select! {
        _ = connection => {}
        () = judged.stuck() => {}
    }
}

/// What moves on a connection.
#[derive(Debug, Default)]
struct Moving {
    /// Requests whose answers are not over: since when, and whether they may wait for the agent.
    under_way: Mutex<HashMap<u64, (Instant, Patience)>>,
    /// How many requests there were.
    begun: AtomicU64,
    /// Whether one of them showed the token.
    known: AtomicBool,
}

/// How long an answer may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Patience {
    /// [`ANSWER_TIME`].
    Little,
    /// As long as the agent.
    Agent,
}

impl Moving {
    fn begin(self: &Arc<Self>) -> UnderWay {
        let number = self.begun.fetch_add(1, Ordering::Relaxed);
        let since = (Instant::now(), Patience::Little);
        self.under_way.lock().insert(number, since);
        UnderWay(Passage {
            moving: self.clone(),
            number,
        })
    }

    /// Whether a client may be silent because it is owed an answer.
    fn owes(&self) -> bool {
        !self.under_way.lock().is_empty()
    }

    /// Over once an answer takes too long on a connection that does not wait for the agent. Bytes are no progress: a client that
    /// takes nothing of its answer can still answer pings.
    async fn stuck(&self) {
        loop {
            tokio::time::sleep(LOOK).await;
            let under_way = self.under_way.lock();
            let mut answers = under_way.values();
            let waits = answers.clone().any(|(_, how)| *how == Patience::Agent);
            if !waits && answers.any(|(since, _)| since.elapsed() > ANSWER_TIME) {
                return;
            }
        }
    }

    /// Over once nobody showed the token for this long.
    async fn stranger(&self, limit: Duration) {
        tokio::time::sleep(limit).await;
        if self.known.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
    }
}

/// What the guard says about a request to its connection.
#[derive(Debug, Clone)]
pub struct Passage {
    moving: Arc<Moving>,
    number: u64,
}

impl Passage {
    /// The request showed the token.
    pub fn knows(&self) {
        self.moving.known.store(true, Ordering::Relaxed);
    }

    /// Its answer may take as long as the agent.
    pub fn waits(&self) {
        if let Some((_, patience)) = self.moving.under_way.lock().get_mut(&self.number) {
            *patience = Patience::Agent;
        }
    }
}

/// A request whose answer is not over.
struct UnderWay(Passage);

impl UnderWay {
    fn passage(&self) -> Passage {
        self.0.clone()
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.moving.under_way.lock().remove(&self.0.number);
    }
}

/// A stream that fails once nothing moved for too long.
struct Watched<S> {
    stream: S,
    moving: Arc<Moving>,
    limit: Pin<Box<Sleep>>,
    idle: Duration,
}

impl<S> Watched<S> {
    /// Something moved. The first request has a limit of its own, whatever moves.
    fn moved(&mut self) {
        if self.moving.begun.load(Ordering::Relaxed) > 0 {
            let limit = Instant::now() + self.idle;
            self.limit.as_mut().reset(limit);
        }
    }

    fn waits<T>(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        self.limit
            .as_mut()
            .poll(cx)
            .map(|()| Err(io::ErrorKind::TimedOut.into()))
    }

    fn judge<T>(
        &mut self,
        cx: &mut Context<'_>,
        done: Poll<io::Result<T>>,
        patient: bool,
    ) -> Poll<io::Result<T>> {
        match done {
            Poll::Ready(_) => {
                self.moved();
                done
            }
            Poll::Pending if patient => Poll::Pending,
            Poll::Pending => self.waits(cx),
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let done = Pin::new(&mut self.stream).poll_read(cx, buf);
        // While the agent works, a client has nothing to say.
        let patient = self.moving.owes();
        self.judge(cx, done, patient)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let done = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.judge(cx, done, false)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let done = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.judge(cx, done, false)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.stream).poll_flush(cx) {
            Poll::Pending => self.waits(cx),
            // Flushing what is flushed is no movement.
            done => done,
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let done = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.judge(cx, done, false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_is_not_taken_ends_its_connection_unless_it_waits_for_the_agent() {
        let moving = Arc::new(Moving::default());
        let over = |limit: Duration| {
            let moving = moving.clone();
            async move { tokio::time::timeout(limit, moving.stuck()).await.is_ok() }
        };
        assert!(!over(ANSWER_TIME * 9).await, "nothing is owed");
        let small = moving.begin();
        let task = moving.begin();
        task.passage().waits();
        assert!(!over(ANSWER_TIME * 9).await, "the agent works");
        drop(task);
        assert!(over(ANSWER_TIME * 2).await);
        drop(small);
        assert!(!over(ANSWER_TIME * 9).await);
    }

    #[tokio::test(start_paused = true)]
    async fn only_who_showed_the_token_stays() {
        let moving = Arc::new(Moving::default());
        let limit = HEAD_TIME * 9;
        let stays = async |moving: &Moving| {
            let stranger = moving.stranger(HEAD_TIME);
            tokio::time::timeout(limit, stranger).await.is_err()
        };
        let asked = moving.begin();
        assert!(!stays(&moving).await);
        asked.passage().knows();
        assert!(stays(&moving).await);
    }
}
