//! Worker: the thread that builds the index, then keeps it to what is on disk.

use super::built::Past;
use super::read::Outcome;
use super::{Inner, Life, Stage, Wake};
use std::collections::{BTreeSet, HashSet};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};
use workspace::{Commit, CommitId, Depth, RelPath, Source, Sources, Stamp, Told, Watch, is_source};

/// A look at the disk that takes longer than this is not waited for.
pub const GLANCE: Duration = Duration::from_millis(200);
/// Changes that come within this are taken in together.
const TOGETHER: Duration = Duration::from_millis(3);
/// A walk is done at most this often: after so many times of what the last one took, without a need and with one.
const REST: u32 = 50;
const SHORT_REST: u32 = 5;
/// Git is asked at most this often whether another commit is checked out.
const HEAD_EVERY: Duration = Duration::from_secs(2);
/// What changed is stored at most this often.
const SAVE_EVERY: Duration = Duration::from_secs(60);
/// With more files to read than this, the history gets one thread.
const MANY: usize = 100;
/// Files whose changes of a commit are known.
const COMMIT_FILES: usize = 100;

/// What the thread remembers.
struct Worker<'i> {
    inner: &'i Inner,
    watch: Option<Watch>,
    walked: Instant,
    walk_took: Duration,
    looked_at_head: Instant,
    saved: Instant,
    /// Something is not stored yet.
    dirty: bool,
    /// Commits that are not stored yet.
    commits: Option<Vec<Commit>>,
    /// What is to be done as soon as it may be.
    walk_due: bool,
    /// Many files were read: syntax trees and texts left holes.
    has_much_to_give_back: bool,
}

/// Runs until the index is not needed any more.
pub fn run(inner: &Inner, wakes: &Receiver<Wake>) {
    if inner.life == Life::Lasting {
        sandbox::step_back();
    }
    if let Some(built) = inner.load() {
        *inner.built.write() = built;
        // A document may have been asked for meanwhile.
        inner.unsettle_documents();
    }
    let now = Instant::now();
    let mut worker = Worker {
        inner,
        watch: None,
        walked: now,
        walk_took: Duration::ZERO,
        looked_at_head: now,
        saved: now,
        dirty: false,
        commits: None,
        walk_due: false,
        has_much_to_give_back: false,
    };
    if inner.life == Life::Lasting {
        // Before the walk, so that nothing is missed between.
        let wake = inner.wake.clone();
        let told = move |it| drop(wake.send(Wake::Told(it)));
        worker.watch = Watch::begin(inner.host.root(), told)
            .inspect_err(|error| tracing::info!(%error, "the index looks at the disk when asked"))
            .ok();
    }
    worker.walk();
    worker.save();
    if inner.life == Life::Lasting {
        while worker.next(wakes) {}
        worker.save();
    }
}

impl Worker<'_> {
    /// Waits for the next things that happen and takes them in; false at the end.
    fn next(&mut self, wakes: &Receiver<Wake>) -> bool {
        let first = match self.pause() {
            None => wakes.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(pause) => wakes.recv_timeout(pause),
        };
        let mut changed = BTreeSet::new();
        let mut waiting = Vec::new();
        match first {
            Err(RecvTimeoutError::Disconnected) => return false,
            Err(RecvTimeoutError::Timeout) => {}
            Ok(first) => {
                let told = matches!(first, Wake::Told(_));
                self.hear(first, &mut changed, &mut waiting);
                if told {
                    std::thread::sleep(TOGETHER);
                }
                while let Ok(wake) = wakes.try_recv() {
                    self.hear(wake, &mut changed, &mut waiting);
                }
            }
        }
        if self.inner.ended.load(std::sync::atomic::Ordering::Acquire) {
            return false;
        }
        self.take(changed);
        let is_cheap = self.walk_took * 2 < GLANCE;
        let is_asked = !waiting.is_empty() && is_cheap;
        let is_ready = self.inner.progress.borrow().stage == Stage::Ready;
        if (self.walk_due && self.rest(SHORT_REST).is_zero()) || is_asked || !is_ready {
            self.walk();
        }
        drop(waiting);
        self.look_at_head();
        if self.dirty && self.saved.elapsed() >= SAVE_EVERY {
            self.save();
        }
        true
    }

    /// How long nothing has to be done by itself.
    fn pause(&self) -> Option<Duration> {
        let walk = self.walk_due.then(|| self.rest(SHORT_REST));
        let save = self
            .dirty
            .then(|| SAVE_EVERY.saturating_sub(self.saved.elapsed()));
        match (walk, save) {
            (Some(walk), Some(save)) => Some(walk.min(save)),
            (walk, save) => walk.or(save),
        }
    }

    /// How long until a walk would take no more than its share.
    fn rest(&self, times: u32) -> Duration {
        (self.walk_took * times).saturating_sub(self.walked.elapsed())
    }

    fn hear(&mut self, wake: Wake, changed: &mut BTreeSet<RelPath>, waiting: &mut Vec<Sender<()>>) {
        match wake {
            Wake::Told(Told::Unsure) => self.walk_due = true,
            Wake::Told(Told::File(path)) => {
                changed.insert(path);
            }
            Wake::Look => self.walk_due |= self.watch.is_none() && self.rest(REST).is_zero(),
            Wake::LookNow(done) => waiting.push(done),
            Wake::End => {}
        }
    }

    /// Takes in files that may have changed. Of a new one only a walk tells whether it is ignored, as of a folder that is gone
    /// which files were in it.
    fn take(&mut self, paths: BTreeSet<RelPath>) {
        let open = match paths.is_empty() {
            true => Vec::new(),
            false => self.inner.host.open(),
        };
        let mut taken = false;
        for path in &paths {
            let is_folder = self.watch.as_ref().is_some_and(|it| it.has(path));
            self.walk_due |= is_folder;
            if !is_source(path) {
                continue;
            }
            taken |= match open.binary_search(path) {
                Ok(_) => self.take_open(path),
                Err(_) => self.take_file(path),
            };
        }
        if taken {
            self.dirty = true;
            self.inner.unsettle_documents();
        }
    }

    /// An open document: its stamp and length on disk say nothing of it. Whether anything came of it.
    fn take_open(&self, path: &RelPath) -> bool {
        let outcome = self.inner.read(path, Stamp::UNKNOWN);
        let is_news = !matches!(outcome, Outcome::Same(_));
        self.inner.take(path, outcome);
        is_news
    }

    /// A file on disk. Whether anything came of it.
    fn take_file(&mut self, path: &RelPath) -> bool {
        let now = workspace::stamp(self.inner.host.root(), path);
        let known = self.inner.built.read().files.get(path).copied();
        match (known, now) {
            (Some(known), Some(now)) if known.stamp.proves(now) => return false,
            (None, now) => {
                self.walk_due |= now.is_some();
                return false;
            }
            (Some(_), now) => {
                let stamp = now.unwrap_or(Stamp::UNKNOWN);
                let is_long = stamp.len() > self.inner.limits.semantic_max_file_bytes as u64;
                match is_long {
                    true => self.inner.built.write().forget(path),
                    false => self.inner.take(path, self.inner.read(path, stamp)),
                }
            }
        }
        true
    }

    /// Compares the index with all files on disk, and makes it as they are.
    fn walk(&mut self) {
        let started = Instant::now();
        self.walk_due = false;
        let inner = self.inner;
        let Some(sources) = self.sources() else {
            inner.say(Stage::Idle, 0, 0);
            return;
        };
        let (changed, gone) = inner.compare(sources.files);
        self.walk_took = started.elapsed();
        self.walked = Instant::now();
        self.follow(&sources.folders);
        self.dirty |= !changed.is_empty() || !gone.is_empty();
        {
            let mut built = inner.built.write();
            for path in &gone {
                built.forget(path);
            }
        }
        let is_first = inner.progress.borrow().stage != Stage::Ready;
        if is_first {
            inner.say(Stage::Files, 0, changed.len());
        }
        let threads = match changed.len() > MANY {
            true => 1,
            false => inner.threads(),
        };
        self.looked_at_head = Instant::now();
        let history = std::thread::scope(|scope| {
            let history = scope.spawn(|| inner.history(threads));
            if !changed.is_empty() {
                inner.read_all(&changed, |done| {
                    if is_first {
                        inner.say(Stage::Files, done, changed.len());
                    }
                });
            }
            if is_first && !history.is_finished() {
                inner.say(Stage::History, changed.len(), changed.len());
            }
            history.join().ok().flatten()
        });
        self.remember(history);
        if !inner.goes_on() {
            inner.say(Stage::Idle, 0, 0);
            return;
        }
        let is_many = changed.len() > MANY;
        if is_many {
            inner.built.write().index.shrink();
        }
        inner.unsettle_documents();
        inner.say(Stage::Ready, changed.len(), changed.len());
        self.has_much_to_give_back |= is_many;
    }

    /// The sources on disk and those that are open, at most as many as are allowed: code before the rest.
    fn sources(&self) -> Option<Sources> {
        let inner = self.inner;
        let longest = inner.limits.semantic_max_file_bytes as u64;
        let walked = Sources::of(inner.host.root(), longest, &|| inner.goes_on());
        let mut sources = walked
            .inspect_err(|error| tracing::warn!(%error, "no index"))
            .ok()??;
        let on_disk: HashSet<RelPath> = sources.files.iter().map(|it| it.path.clone()).collect();
        let open = inner.host.open().into_iter().filter(is_source);
        let open = open.filter(|path| !on_disk.contains(path));
        let stamp = Stamp::UNKNOWN;
        sources
            .files
            .extend(open.map(|path| Source { path, stamp }));
        let most = inner.limits.semantic_max_files;
        if sources.files.len() > most {
            let is_text =
                |it: &Source| index::Language::of(it.path.as_str()) == index::Language::Text;
            sources.files.sort_by_key(is_text);
            sources.files.truncate(most);
        }
        Some(sources)
    }

    /// Watches the folders that were walked. Where the system has no more watches to give, looking when asked replaces them.
    fn follow(&mut self, folders: &[RelPath]) {
        if let Some(watch) = &mut self.watch {
            watch.retain(folders);
            match watch.extend(folders) {
                // Something may have happened there between the walk and the watch.
                Ok(has_new) => self.walk_due |= has_new,
                Err(error) => {
                    tracing::info!(%error, "the index looks at the disk when asked");
                    self.watch = None;
                }
            }
        }
    }

    fn look_at_head(&mut self) {
        if self.looked_at_head.elapsed() < HEAD_EVERY {
            return;
        }
        self.looked_at_head = Instant::now();
        let history = self.inner.history(1);
        self.remember(history);
    }

    fn remember(&mut self, commits: Option<Vec<Commit>>) {
        if commits.is_some() {
            self.commits = commits;
            self.dirty = true;
        }
    }

    fn save(&mut self) {
        if let Some(commits) = self.commits.take() {
            self.inner.save_commits(&commits);
        }
        let is_whole = self.inner.progress.borrow().stage == Stage::Ready;
        if self.dirty && is_whole {
            self.inner.save();
            self.dirty = false;
        }
        if std::mem::take(&mut self.has_much_to_give_back) && self.inner.life == Life::Lasting {
            sandbox::give_back();
        }
        self.saved = Instant::now();
    }
}

impl Inner {
    /// The files that have to be read, and those that are gone.
    fn compare(&self, files: Vec<Source>) -> (Vec<Source>, Vec<RelPath>) {
        let built = self.built.read();
        let there: HashSet<&RelPath> = files.iter().map(|it| &it.path).collect();
        let gone = built.files.keys().filter(|path| !there.contains(path));
        let gone = gone.cloned().collect();
        let is_new = |it: &Source| {
            let known = built.files.get(&it.path);
            known.is_none_or(|known| !known.stamp.proves(it.stamp))
        };
        (files.into_iter().filter(is_new).collect(), gone)
    }

    /// Reads the history where another commit is checked out than before, or more of it is wanted or there; returns the commits then.
    fn history(&self, threads: usize) -> Option<Vec<Commit>> {
        let root = self.host.root();
        let depth = Depth {
            commits: self.limits.semantic_max_commits,
            files: COMMIT_FILES,
            threads,
        };
        let head = match depth.commits {
            0 => None,
            _ => CommitId::head(root),
        };
        let past = head.map_or_else(Past::default, |_| Past {
            head,
            commits: depth.commits,
            shallow: workspace::git::shallow(root),
        });
        if self.built.read().past == past {
            return None;
        }
        let known = match head {
            None => Vec::new(),
            Some(_) => self.load_commits(past.shallow),
        };
        let commits = match head {
            None => Vec::new(),
            Some(_) => workspace::history(root, depth, known, &|| self.goes_on())
                .inspect_err(|error| tracing::info!(%error, "no history"))
                .ok()??,
        };
        let told = |it: &Commit| index::Commit {
            message: it.message.clone(),
            files: it.files.clone(),
        };
        let history = index::History::of(commits.iter().map(told));
        let mut built = self.built.write();
        built.history = history;
        built.past = past;
        Some(commits)
    }
}
