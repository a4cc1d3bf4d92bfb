//! Knowledge: the index over the user's files as they are now, unsaved buffers included, with the messages of earlier
//! commits. A thread of its own builds it, keeps it fresh and stores it; who asks is answered from what is there.

mod built;
mod fresh;
mod meaning;
mod read;
mod store;
mod worker;

use crate::config::ToolsConfig;
use built::Built;
use fresh::Fresh;
use meaning::Meaning;
use parking_lot::{Mutex, RwLock};
use protocol::{IndexState, IndexView, MeaningView};
use sandbox::Tree;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::watch;
use workspace::{Host, RelPath, Told};

/// How long a request that asks for all of the index waits for it at most.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// For how long the index is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// For the questions of one command: built at full speed, stored, then left as it is.
    Once,
    /// As long as the process: built at low priority, then kept fresh.
    Lasting,
}

/// What a build does at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Nothing was asked yet, or somebody stopped it.
    Idle,
    /// What was stored is being read.
    Loading,
    /// Files are being read.
    Files,
    /// The messages of commits are being read.
    History,
    /// All is there.
    Ready,
}

/// How far a build has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What it does.
    pub stage: Stage,
    /// Files that were read, of those that have to be.
    pub done: usize,
    /// Files that have to be read.
    pub total: usize,
}

/// The answer to a question.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The regions, best first.
    pub hits: Vec<index::Hit>,
    /// Whether files were still to be read, so that there may be better ones.
    pub partial: bool,
}

/// What is known at one moment. Nothing changes while it is looked at: keep it for milliseconds only.
pub struct View<'v> {
    inner: &'v Inner,
    built: &'v Built,
}

/// The index with all that keeps it. Dropping it stops its thread within the file that it reads.
pub struct Knowledge {
    inner: Arc<Inner>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

struct Inner {
    host: Arc<dyn Host>,
    limits: ToolsConfig,
    state: Option<Arc<Tree>>,
    life: Life,
    meaning: Option<Meaning>,
    built: RwLock<Built>,
    fresh: Mutex<Fresh>,
    progress: watch::Sender<Progress>,
    wake: Sender<Wake>,
    wakes: Mutex<Option<Receiver<Wake>>>,
    /// The thread must end.
    ended: AtomicBool,
    /// The build that is under way must stop.
    stopped: AtomicBool,
}

/// What the thread is told.
enum Wake {
    /// Something changed on disk.
    Told(Told),
    /// Look whether something changed: somebody asks.
    Look,
    /// As `Look`; the sender is dropped when it is done.
    LookNow(Sender<()>),
    /// Look at `ended`.
    End,
}

impl Knowledge {
    /// Nothing is read yet. Without a state folder nothing is stored.
    pub fn new(
        host: Arc<dyn Host>,
        limits: ToolsConfig,
        state: Option<Arc<Tree>>,
        life: Life,
    ) -> Self {
        Self::with_embeddings(host, limits, state, life, None)
    }

    /// As [`Knowledge::new`], with a model that makes vectors of the code.
    pub fn with_embeddings(
        host: Arc<dyn Host>,
        limits: ToolsConfig,
        state: Option<Arc<Tree>>,
        life: Life,
        embeddings: Option<llm::Embeddings>,
    ) -> Self {
        let (wake, wakes) = channel();
        let idle = Progress {
            stage: Stage::Idle,
            done: 0,
            total: 0,
        };
        Self {
            inner: Arc::new(Inner {
                host,
                limits,
                state,
                life,
                meaning: embeddings.map(Meaning::new),
                built: RwLock::default(),
                fresh: Mutex::default(),
                progress: watch::Sender::new(idle),
                wake,
                wakes: Mutex::new(Some(wakes)),
                ended: AtomicBool::new(false),
                stopped: AtomicBool::new(false),
            }),
            threads: Mutex::default(),
        }
    }

    /// Begins to build, where that did not happen yet and is not switched off. Returns at once.
    pub fn start(&self) {
        if !self.inner.limits.enable_semantic {
            return;
        }
        if self.inner.stopped.swap(false, Ordering::AcqRel) {
            self.inner.say(Stage::Loading, 0, 0);
            let _ = self.inner.wake.send(Wake::Look);
        }
        let Some(wakes) = self.inner.wakes.lock().take() else {
            return;
        };
        self.inner.say(Stage::Loading, 0, 0);
        let inner = self.inner.clone();
        let thread = std::thread::Builder::new()
            .name("index".to_owned())
            .stack_size(self.inner.stack())
            .spawn(move || worker::run(&inner, &wakes));
        match thread {
            Ok(thread) => self.threads.lock().push(thread),
            Err(error) => {
                tracing::warn!(%error, "no thread for the index");
                self.inner.say(Stage::Idle, 0, 0);
                return;
            }
        }
        if let Some(meaning) = &self.inner.meaning {
            let inner = self.inner.clone();
            let thread = std::thread::Builder::new()
                .name("meaning".to_owned())
                .spawn(move || meaning::run(&inner));
            match thread {
                Ok(thread) => self.threads.lock().push(thread),
                Err(error) => meaning.give_up(&format!("no thread: {error}")),
            }
        }
    }

    /// Stops a build; what was read stays, and the next question goes on with it.
    pub fn stop(&self) {
        if self.inner.is_building() {
            self.inner.stopped.store(true, Ordering::Release);
        }
    }

    /// Waits for the threads, which are told to end where they would go on for ever: what is to be stored is stored then.
    pub fn finish(&self) {
        if self.inner.life == Life::Lasting {
            self.inner.ended.store(true, Ordering::Release);
            let _ = self.inner.wake.send(Wake::End);
        }
        if let Some(meaning) = &self.inner.meaning {
            meaning.cancel.cancel();
        }
        for thread in std::mem::take(&mut *self.threads.lock()) {
            // A panic in there was logged by the panic itself.
            let _ = thread.join();
        }
    }

    /// How far it is, now and later.
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.inner.progress.subscribe()
    }

    /// How far the vectors are, now and later; none where no model for them is configured, or search is off.
    pub fn meaning(&self) -> Option<watch::Receiver<MeaningView>> {
        let meaning = self.inner.meaning.as_ref();
        let meaning = meaning.filter(|_| self.inner.limits.enable_semantic);
        meaning.map(Meaning::progress)
    }

    /// Why there are no more vectors in this run, for the one who asks first.
    pub fn take_problem(&self) -> Option<String> {
        self.inner.meaning.as_ref()?.take_problem()
    }

    /// Lets the vector of a question be there before it is asked, where there are vectors. Waits two seconds at most.
    pub async fn ponder(&self, query: &str) {
        if let Some(done) = self.inner.meaning.as_ref().and_then(|it| it.ask(query)) {
            let _ = done.await;
        }
    }

    /// As [`Knowledge::ponder`], for a thread that no runtime owns.
    pub fn ponder_now(&self, query: &str) {
        if let Some(done) = self.inner.meaning.as_ref().and_then(|it| it.ask(query)) {
            let _ = done.blocking_recv();
        }
    }

    /// The figures.
    pub fn status(&self) -> IndexView {
        let Progress { stage, done, total } = *self.inner.progress.borrow();
        // A search never waits for the figures, and the figures never for a search.
        let (files, commits, bytes) = {
            let built = self.inner.built.read();
            (built.index.len(), built.history.len(), built.bytes)
        };
        let state = match stage {
            _ if !self.inner.limits.enable_semantic => IndexState::Off,
            Stage::Idle => IndexState::Idle,
            Stage::Loading | Stage::Files | Stage::History => IndexState::Building,
            Stage::Ready => IndexState::Ready,
        };
        let left = total.saturating_sub(done);
        IndexView {
            state,
            files: files as u64,
            total: match state {
                IndexState::Building => (files + left) as u64,
                IndexState::Off | IndexState::Idle | IndexState::Ready => files as u64,
            },
            commits: commits as u64,
            bytes,
            meaning: self.meaning().map(|now| *now.borrow()),
        }
    }

    /// The best regions for a query in what is there now, unsaved text included. Takes milliseconds of CPU.
    pub fn search_now(&self, query: &str, k: usize, without: &[index::Signal]) -> Found {
        let hits = self.look(|view| view.search(query, k, without));
        Found {
            hits,
            partial: self.inner.is_partial(),
        }
    }

    /// As [`Knowledge::search_now`], off the runtime's threads.
    pub async fn search_at_once(self: &Arc<Self>, query: &str, k: usize) -> Found {
        let (this, query) = (self.clone(), query.to_owned());
        let job = tokio::task::spawn_blocking(move || this.search_now(&query, k, &[]));
        job.await.unwrap_or(Found {
            hits: Vec::new(),
            partial: true,
        })
    }

    /// As [`Knowledge::search_at_once`], over the files as they are now and with their meaning, where there are vectors: it
    /// waits for the build, at most [`PATIENCE`].
    pub async fn search(self: &Arc<Self>, query: &str, k: usize) -> Found {
        self.settle().await;
        self.ponder(query).await;
        self.search_at_once(query, k).await
    }

    /// Runs `work` on the index of the files as they are now, off the runtime's threads; it waits for the build, at most
    /// [`PATIENCE`]. None if it panicked.
    pub async fn with<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&View<'_>) -> T + Send + 'static,
    ) -> Option<T> {
        self.settle().await;
        let this = self.clone();
        tokio::task::spawn_blocking(move || this.look(work))
            .await
            .ok()
    }

    /// Runs `work` on what is there now, unsaved text included.
    pub fn look<T>(&self, work: impl FnOnce(&View<'_>) -> T) -> T {
        self.start();
        self.inner.refresh_documents();
        let _ = self.inner.wake.send(Wake::Look);
        let built = self.inner.built.read();
        work(&View {
            inner: &self.inner,
            built: &built,
        })
    }

    /// Returns when the build is over and what changed on disk until now is in, at the latest after [`PATIENCE`].
    async fn settle(&self) {
        self.start();
        let mut progress = self.progress();
        let over = progress.wait_for(|now| matches!(now.stage, Stage::Ready | Stage::Idle));
        if tokio::time::timeout(PATIENCE, over).await.is_err() {
            return;
        }
        let (done, is_done) = channel();
        let _ = self.inner.wake.send(Wake::LookNow(done));
        let looked = tokio::task::spawn_blocking(move || is_done.recv_timeout(worker::GLANCE));
        let _ = looked.await;
    }
}

impl Drop for Knowledge {
    fn drop(&mut self) {
        self.inner.ended.store(true, Ordering::Release);
        let _ = self.inner.wake.send(Wake::End);
        if let Some(meaning) = &self.inner.meaning {
            meaning.cancel.cancel();
        }
    }
}

impl View<'_> {
    /// The index.
    pub fn index(&self) -> &index::Index {
        &self.built.index
    }

    /// The messages of earlier commits.
    pub fn history(&self) -> &index::History {
        &self.built.history
    }

    /// The text of a file as the user sees it now.
    pub fn text(&self, path: &str) -> Option<Arc<str>> {
        self.inner.text(path)
    }

    /// The best regions for a query; by their meaning too, where its vector is there already (see [`Knowledge::ponder`]).
    pub fn search(&self, query: &str, k: usize, without: &[index::Signal]) -> Vec<index::Hit> {
        self.search_also(query, "", k, without)
    }

    /// As [`View::search`], with words that somebody guessed.
    pub fn search_also(
        &self,
        query: &str,
        also: &str,
        k: usize,
        without: &[index::Signal],
    ) -> Vec<index::Hit> {
        let texts = |path: &str| self.inner.text(path);
        let asked = index::Query::of(query)
            .also(also)
            .texts(&texts)
            .history(&self.built.history)
            .without(without);
        let Some(meaning) = &self.inner.meaning else {
            return self.built.index.search(&asked, k);
        };
        meaning.measured(query, |measure| match measure {
            Some(measure) => self.built.index.search(&asked.meaning(measure), k),
            None => self.built.index.search(&asked, k),
        })
    }
}

impl Inner {
    fn say(&self, stage: Stage, done: usize, total: usize) {
        self.progress.send_replace(Progress { stage, done, total });
    }

    fn is_building(&self) -> bool {
        !matches!(self.progress.borrow().stage, Stage::Ready | Stage::Idle)
    }

    fn is_partial(&self) -> bool {
        self.limits.enable_semantic && self.progress.borrow().stage != Stage::Ready
    }

    /// Whether a build may go on.
    fn goes_on(&self) -> bool {
        !self.ended.load(Ordering::Acquire) && !self.stopped.load(Ordering::Acquire)
    }

    fn text(&self, path: &str) -> Option<Arc<str>> {
        let content = self.host.read(&RelPath::new(path).ok()?).ok()??;
        let (text, _) = content.decoded().ok()?;
        Some(text.into())
    }

    /// Stack of a thread that reads files, in bytes: what it does not touch takes no memory.
    fn stack(&self) -> usize {
        index::stack_for(self.limits.semantic_max_file_bytes) + (1 << 20)
    }

    fn threads(&self) -> usize {
        match self.limits.semantic_threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            threads => threads,
        }
    }
}
