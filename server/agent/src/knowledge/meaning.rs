//! Meaning: a model's vectors of the code in the index, so that a question finds what means the same in other words. Off
//! where no model is configured. A thread of its own asks for them, one request at a time, when the index is ready and
//! nothing changes any more; what it has is kept beside the index, and an unchanged piece is never sent again. No search
//! waits for it, and one that fails is left alone for the rest of the run.

mod vectors;

use super::{Inner, Life, Stage};
use index::Genre;
use parking_lot::{Mutex, RwLock};
use protocol::MeaningView;
use std::collections::{HashSet, VecDeque};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use vectors::{Key, Place, Vector, Vectors};
use workspace::{Hash, RelPath};

const STORED: &str = "index/meaning.bin";
/// How long a question waits for its vector.
const PATIENCE: Duration = Duration::from_secs(2);
/// Questions whose vectors are remembered.
const QUESTIONS: usize = 64;
/// Bytes of a question, and of a piece, that the model sees at most; fewer where it says that this is too long.
const MOST_BYTES: usize = 6_000;
/// A model that cannot take so many bytes is of no use.
const FEWEST_BYTES: usize = 500;
/// Nothing is asked while files change more often than this.
const CALM: Duration = Duration::from_secs(3);
const SAVE_EVERY: Duration = Duration::from_secs(60);

/// The vectors with all that keeps them.
pub struct Meaning {
    embeddings: llm::Embeddings,
    vectors: RwLock<Vectors>,
    /// The latest last.
    questions: Mutex<VecDeque<(String, Arc<Vector>)>>,
    progress: watch::Sender<MeaningView>,
    /// Bytes of a text that the model takes, as far as is known.
    takes: AtomicUsize,
    failed: AtomicBool,
    /// Why, until somebody was told.
    problem: Mutex<Option<String>>,
    /// Something came that is not stored yet.
    dirty: AtomicBool,
    asks: mpsc::UnboundedSender<Ask>,
    asked: Mutex<Option<mpsc::UnboundedReceiver<Ask>>>,
    /// The thread must end.
    pub cancel: CancellationToken,
}

/// However the thread ends, nobody waits for it any more.
struct Over<'m>(&'m Meaning);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.progress.send_modify(|now| now.ready = true);
    }
}

/// A question whose vector somebody waits for; the sender is dropped when it is there, or never will be.
struct Ask {
    text: String,
    _done: oneshot::Sender<()>,
}

/// A file whose pieces are to have vectors.
struct Job {
    path: String,
    hash: Hash,
    lines: Vec<(u32, u32)>,
}

/// Pieces that have no vector yet.
#[derive(Default)]
struct Batch {
    texts: Vec<String>,
    keys: Vec<Key>,
    /// Files whose pieces are among them, to be placed once they have come.
    files: Vec<(String, Hash, Vec<Place>)>,
}

impl Meaning {
    pub fn new(embeddings: llm::Embeddings) -> Meaning {
        let (asks, asked) = mpsc::unbounded_channel();
        Meaning {
            embeddings,
            vectors: RwLock::default(),
            questions: Mutex::default(),
            progress: watch::Sender::new(MeaningView::default()),
            takes: AtomicUsize::new(MOST_BYTES),
            failed: AtomicBool::new(false),
            problem: Mutex::default(),
            dirty: AtomicBool::new(false),
            asks,
            asked: Mutex::new(Some(asked)),
            cancel: CancellationToken::new(),
        }
    }

    /// Nothing is asked any more in this run.
    pub fn give_up(&self, why: &str) {
        if self.failed.swap(true, Ordering::AcqRel) {
            return;
        }
        let label = self.embeddings.label();
        tracing::warn!(
            model = label,
            "no embeddings in this run, search goes on without: {why}"
        );
        *self.problem.lock() = Some(format!(
            "no embeddings of {label} in this run, search goes on without: {why}"
        ));
        self.progress.send_modify(|now| {
            now.failed = true;
            now.ready = true;
        });
    }

    /// Why nothing is asked any more; once.
    pub fn take_problem(&self) -> Option<String> {
        self.problem.lock().take()
    }

    /// How far it is, now and later.
    pub fn progress(&self) -> watch::Receiver<MeaningView> {
        self.progress.subscribe()
    }

    /// Runs `work` with a measure of how near pieces are to `question`; with none where its vector is not known.
    pub fn measured<T>(
        &self,
        question: &str,
        work: impl FnOnce(Option<&index::Meaning<'_>>) -> T,
    ) -> T {
        let Some(question) = self.known(cut(question)) else {
            return work(None);
        };
        let vectors = self.vectors.read();
        let measure = vectors.measure(&question);
        work(Some(&measure))
    }

    /// Asks for the vector of a question; the receiver ends when it is there, or after [`PATIENCE`]. None where there is
    /// nothing to wait for.
    pub fn ask(&self, question: &str) -> Option<oneshot::Receiver<()>> {
        let text = cut(question);
        let is_needless = text.trim().is_empty()
            || self.failed.load(Ordering::Acquire)
            || self.vectors.read().len() == 0
            || self.known(text).is_some();
        if is_needless {
            return None;
        }
        let (_done, is_done) = oneshot::channel();
        let text = text.to_owned();
        self.asks.send(Ask { text, _done }).ok()?;
        Some(is_done)
    }

    fn known(&self, text: &str) -> Option<Arc<Vector>> {
        let questions = self.questions.lock();
        let known = questions.iter().find(|(question, _)| question == text);
        known.map(|(_, vector)| vector.clone())
    }

    async fn answer(&self, ask: Ask) {
        if self.known(&ask.text).is_some() || self.failed.load(Ordering::Acquire) {
            return;
        }
        let texts = [ask.text.as_str()];
        let embed = self.embed(&texts);
        let Ok(answer) = tokio::time::timeout(PATIENCE, embed).await else {
            tracing::info!("the question's embedding took too long; searched without");
            return;
        };
        match answer {
            Err(error) => self.fail(&error),
            Ok(embedded) => {
                self.count(embedded.tokens);
                if let Some(vector) = embedded.vectors.first() {
                    let mut questions = self.questions.lock();
                    questions.push_back((ask.text, Arc::new(Vector::of(vector))));
                    if questions.len() > QUESTIONS {
                        questions.pop_front();
                    }
                }
            }
        }
    }

    /// The vectors of texts, cut to what the model takes.
    async fn embed(&self, texts: &[&str]) -> Result<llm::Embedded, llm::Error> {
        let texts: Vec<_> = texts.iter().map(|text| llm::mask(text)).collect();
        loop {
            let takes = self.takes.load(Ordering::Acquire);
            let short: Vec<&str> = texts.iter().map(|text| cut_at(text, takes)).collect();
            match self.embeddings.embed(&short, &self.cancel).await {
                Err(llm::Error::TooLong { .. }) if takes / 2 >= FEWEST_BYTES => {
                    tracing::info!(takes, "the model of the embeddings takes less");
                    self.takes.fetch_min(takes / 2, Ordering::AcqRel);
                }
                other => return other,
            }
        }
    }

    /// Leaves the server alone from now on.
    fn fail(&self, error: &llm::Error) {
        if *error != llm::Error::Cancelled {
            self.give_up(&error.to_string());
        }
    }

    fn count(&self, tokens: Option<u64>) {
        self.progress
            .send_modify(|now| now.tokens = now.tokens.saturating_add(tokens.unwrap_or(0)));
    }

    /// Names the vector of a text.
    fn key(&self, text: &str) -> Key {
        let mut hasher = blake3::Hasher::new();
        hasher.update(self.embeddings.label().as_bytes());
        hasher.update(b"\0");
        hasher.update(text.as_bytes());
        *hasher.finalize().as_bytes()
    }
}

/// Runs until it is cancelled.
pub fn run(inner: &Arc<Inner>) {
    let Some(meaning) = &inner.meaning else {
        return;
    };
    let Some(mut asked) = meaning.asked.lock().take() else {
        return;
    };
    let _over = Over(meaning);
    if inner.life == Life::Lasting {
        sandbox::step_back();
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            meaning.give_up(&format!("no runtime: {error}"));
            return;
        }
    };
    let label = meaning.embeddings.label();
    if let Some(known) = inner
        .unsealed_body(STORED)
        .and_then(|body| Vectors::unpacked(&body, &label))
    {
        *meaning.vectors.write() = known;
    }
    runtime.block_on(async {
        let answering = inner.clone();
        tokio::spawn(async move {
            while let Some(ask) = asked.recv().await {
                let inner = answering.clone();
                tokio::spawn(async move {
                    if let Some(meaning) = &inner.meaning {
                        meaning.answer(ask).await;
                    }
                });
            }
        });
        let _ = meaning
            .cancel
            .run_until_cancelled(inner.keep_up(meaning))
            .await;
    });
    // What came before somebody stopped it is paid for.
    inner.save_meaning(meaning);
}

impl Inner {
    /// Gives what is in the index its vectors, again whenever it changed and became calm.
    async fn keep_up(&self, meaning: &Meaning) {
        let mut progress = self.progress.subscribe();
        loop {
            if progress
                .wait_for(|now| now.stage == Stage::Ready)
                .await
                .is_err()
            {
                return;
            }
            let seen = self.built.read().changes;
            let round = self.round(meaning).await;
            meaning.progress.send_modify(|now| now.ready = true);
            if round.is_break() {
                return std::future::pending().await;
            }
            let mut last = seen;
            loop {
                tokio::time::sleep(CALM).await;
                let now = self.built.read().changes;
                if now == last && now != seen {
                    break;
                }
                last = now;
            }
        }
    }

    /// Once through all files. Breaks where the server failed.
    async fn round(&self, meaning: &Meaning) -> ControlFlow<()> {
        let jobs = self.jobs(meaning);
        let mut batch = Batch::default();
        let end = self.fill(meaning, jobs, &mut batch).await;
        batch.place(meaning);
        let most = self.limits.semantic_max_vectors;
        meaning.vectors.write().bound(most);
        self.save_meaning(meaning);
        end
    }

    async fn fill(&self, meaning: &Meaning, jobs: Vec<Job>, batch: &mut Batch) -> ControlFlow<()> {
        let total: usize = jobs.iter().map(|job| job.lines.len()).sum();
        let say = |done: usize| {
            meaning.progress.send_modify(|now| {
                now.done = done as u64;
                now.total = total as u64;
                now.ready = false;
            });
        };
        let mut done = 0;
        let mut saved = Instant::now();
        say(0);
        for job in jobs {
            let pieces = job.lines.len();
            if !meaning.vectors.read().has(&job.path, job.hash, pieces) {
                self.take_up(meaning, job, batch);
                while batch.is_full() {
                    batch.send(meaning).await?;
                }
                // Questions are answered on this thread too.
                tokio::task::yield_now().await;
            }
            done += pieces;
            say(done.saturating_sub(batch.texts.len()));
            if saved.elapsed() >= SAVE_EVERY {
                self.save_meaning(meaning);
                saved = Instant::now();
            }
        }
        while !batch.texts.is_empty() {
            batch.send(meaning).await?;
            say(total.saturating_sub(batch.texts.len()));
        }
        ControlFlow::Continue(())
    }

    /// What is to have vectors: code before tests, no prose, no more than is allowed. Places of other files are forgotten.
    fn jobs(&self, meaning: &Meaning) -> Vec<Job> {
        let mut left = self.limits.semantic_max_vectors;
        let built = self.built.read();
        let mut files: Vec<(String, Hash, Vec<index::Piece>)> = Vec::new();
        for path in built.index.paths() {
            let known = RelPath::new(path).ok();
            let hash = known.and_then(|path| Some(built.files.get(&path)?.hash));
            if let Some(hash) = hash {
                files.push((path.to_owned(), hash, built.index.pieces(path)));
            }
        }
        drop(built);
        let mut taken: Vec<Vec<(u32, u32)>> = vec![Vec::new(); files.len()];
        for genre in [Genre::Code, Genre::Test] {
            for ((_, _, pieces), taken) in files.iter().zip(&mut taken) {
                let pieces = pieces.iter().filter(|piece| piece.genre == genre);
                let before = taken.len();
                taken.extend(pieces.map(|piece| (piece.start, piece.end)).take(left));
                left -= taken.len() - before;
            }
        }
        let is_test = |pieces: &[index::Piece]| pieces.iter().all(|it| it.genre == Genre::Test);
        let mut jobs: Vec<_> = files.into_iter().zip(taken).collect();
        jobs.sort_by_key(|((_, _, pieces), _)| is_test(pieces));
        let jobs: Vec<Job> = jobs
            .into_iter()
            .filter(|(_, lines)| !lines.is_empty())
            .map(|((path, hash, _), mut lines)| {
                lines.sort_unstable();
                Job { path, hash, lines }
            })
            .collect();
        let there: HashSet<&str> = jobs.iter().map(|job| job.path.as_str()).collect();
        meaning.vectors.write().keep(|path| there.contains(path));
        jobs
    }

    /// Reads a file, and places it, or adds what has no vector yet to the batch. One that changed meanwhile comes again.
    fn take_up(&self, meaning: &Meaning, job: Job, batch: &mut Batch) {
        let content = RelPath::new(&job.path)
            .ok()
            .filter(|path| !workspace::is_secret(path))
            .and_then(|path| self.host.read(&path).ok()?);
        let Some(content) = content.filter(|content| content.hash == job.hash) else {
            return;
        };
        let Ok((text, _)) = content.decoded() else {
            return;
        };
        let lines: Vec<&str> = text.lines().collect();
        let mut places = Vec::with_capacity(job.lines.len());
        for (start, end) in job.lines {
            let from = (start.max(1) as usize - 1).min(lines.len());
            let until = (end as usize).min(lines.len()).max(from);
            let text = lines[from..until].join("\n");
            let text = cut(&text);
            let key = meaning.key(text);
            places.push(Place {
                start,
                end,
                key,
                vector: None,
            });
            let is_known = meaning.vectors.read().get(&key).is_some();
            if !is_known && !text.trim().is_empty() && !batch.keys.contains(&key) {
                batch.texts.push(text.to_owned());
                batch.keys.push(key);
            }
        }
        batch.files.push((job.path, job.hash, places));
        if batch.texts.is_empty() {
            batch.place(meaning);
        }
    }

    /// Stores the vectors, unless nothing came since.
    fn save_meaning(&self, meaning: &Meaning) {
        if !meaning.dirty.swap(false, Ordering::AcqRel) {
            return;
        }
        let packed = meaning.vectors.read().packed(&meaning.embeddings.label());
        self.seal(STORED, packed);
    }
}

impl Batch {
    /// Whether one request can take no more.
    fn is_full(&self) -> bool {
        let bytes: usize = self.texts.iter().map(String::len).sum();
        self.texts.len() >= llm::Embeddings::MOST_TEXTS || bytes >= llm::Embeddings::MOST_BYTES
    }

    /// Places the files with what is known; those that wait for more stay.
    fn place(&mut self, meaning: &Meaning) {
        let mut vectors = meaning.vectors.write();
        let waiting = &self.keys;
        self.files.retain(|(path, hash, places)| {
            vectors.place(path, *hash, places.clone());
            places.iter().any(|place| waiting.contains(&place.key))
        });
    }

    /// One request for the first of them; what came is kept.
    async fn send(&mut self, meaning: &Meaning) -> ControlFlow<()> {
        let count = llm::Embeddings::batch(self.texts.iter().map(String::len));
        let texts: Vec<&str> = self.texts.iter().take(count).map(String::as_str).collect();
        match meaning.embed(&texts).await {
            Err(error) => {
                meaning.fail(&error);
                ControlFlow::Break(())
            }
            Ok(embedded) => {
                meaning.count(embedded.tokens);
                meaning.dirty.store(true, Ordering::Release);
                self.texts.drain(..count.min(self.texts.len()));
                let keys = self.keys.drain(..count.min(self.keys.len()));
                {
                    let mut vectors = meaning.vectors.write();
                    for (key, vector) in keys.zip(&embedded.vectors) {
                        vectors.put(key, Vector::of(vector));
                    }
                }
                self.place(meaning);
                ControlFlow::Continue(())
            }
        }
    }
}

/// The part of a text that the model sees.
fn cut(text: &str) -> &str {
    cut_at(text, MOST_BYTES)
}

fn cut_at(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}
