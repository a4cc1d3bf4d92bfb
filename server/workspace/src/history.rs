//! History: the messages of earlier commits with the files that each changed, read from git's own objects.

use crate::error::Error;
use crate::git;
use crate::path::Root;
use git2::{ObjectType, Odb, Oid, Repository};
use serde::{Deserialize, Serialize};
use std::cmp::{Ordering, Reverse};
use std::collections::{BinaryHeap, HashMap};
use std::rc::Rc;

/// Most bytes of a message that are kept.
const LONGEST: usize = 16 * 1024;
/// Commits that are looked at for each that is wanted: merges are passed by.
const LOOKED_AT: usize = 4;
/// Commits that one thread reads before it takes more: neighbours share most of their trees.
const RUN: usize = 128;
/// Most bytes of the path of a folder that is looked into: no system has longer ones, and a hostile repository may.
const LONGEST_PATH: usize = 4096;
/// Bytes of trees that a thread keeps.
const TREES: usize = 32 << 20;
/// Trees that are read for one commit: more of them hold no change worth the time, and a hostile repository has no end of them.
const VISITS: usize = 20_000;

/// The id of a commit.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, std::hash::Hash, Serialize, Deserialize,
)]
pub struct CommitId([u8; 20]);

/// One commit, compared with its first parent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// Its id.
    pub id: CommitId,
    /// Its message, at most 16 KiB; empty where `files` is.
    pub message: String,
    /// The paths below the workspace root that it changed, sorted by bytes; none where there were more than asked for.
    pub files: Vec<String>,
}

/// What is to be read of a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Depth {
    /// How many commits, merges not counted.
    pub commits: usize,
    /// A commit that changed more files than this is given without them.
    pub files: usize,
    /// Threads that read, at least 1.
    pub threads: usize,
}

impl std::fmt::Display for CommitId {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}

impl CommitId {
    /// The commit that is checked out; `None` without a repository or without a commit.
    pub fn head(root: &Root) -> Option<CommitId> {
        let repository = git::open(root).ok()?;
        let commit = repository.head().ok()?.peel_to_commit().ok()?;
        CommitId::of(commit.id())
    }

    fn of(id: Oid) -> Option<CommitId> {
        Some(CommitId(id.as_bytes().try_into().ok()?))
    }
}

/// The commits that are checked out, newest first, without merges; nothing where there is no commit yet. What is `known`
/// is not read again. `None` once `go_on` says no, which is asked between commits.
///
/// # Errors
/// [`Error::NoRepository`], [`Error::Git`]. A commit whose trees are not there (of a partial clone) is no error: it has no files.
pub fn history(
    root: &Root,
    depth: Depth,
    known: Vec<Commit>,
    go_on: &(dyn Fn() -> bool + Sync),
) -> Result<Option<Vec<Commit>>, Error> {
    let repository = git::open(root)?;
    let prefix = prefix(root, &repository);
    let walked = walk(&repository, depth, go_on)?;
    let mut known: HashMap<CommitId, Commit> = known
        .into_iter()
        .map(|commit| (commit.id, commit))
        .collect();
    let mut commits: Vec<Option<Commit>> = walked
        .iter()
        .map(|it| known.remove(&CommitId::of(it.id)?))
        .collect();
    drop(known);
    let missing: Vec<(usize, Walked)> = (0..)
        .zip(walked)
        .filter(|(at, _)| commits.get(*at).is_some_and(Option::is_none))
        .collect();
    let path = repository.path().to_owned();
    let runs = parking_lot::Mutex::new(missing.chunks(RUN));
    let threads = depth.threads.clamp(1, missing.len().div_ceil(RUN).max(1));
    let read = std::thread::scope(|scope| {
        let work = || {
            let repository = Repository::open(&path)?;
            let mut reader = Reader::of(&repository, &prefix, depth.files)?;
            let mut read = Vec::new();
            loop {
                let Some(run) = runs.lock().next() else {
                    return Ok(read);
                };
                for (at, walked) in run {
                    if !go_on() {
                        return Ok(read);
                    }
                    read.push((*at, reader.commit(walked)));
                }
            }
        };
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let read = workers.into_iter().map(|worker| {
            let gone = || git2::Error::from_str("a thread that read commits stopped");
            worker.join().unwrap_or_else(|_| Err(gone()))
        });
        read.collect::<Result<Vec<_>, git2::Error>>()
    })?;
    if !go_on() {
        return Ok(None);
    }
    for (at, commit) in read.into_iter().flatten() {
        if let Some(place) = commits.get_mut(at) {
            *place = commit;
        }
    }
    Ok(Some(commits.into_iter().flatten().collect()))
}

/// A commit that is wanted.
struct Walked {
    id: Oid,
    tree: Oid,
    /// The tree of its first parent; none where that is not there.
    parent: Option<Oid>,
    is_first: bool,
    message: String,
}

/// The commits that are wanted, newest first by their committers' clocks. Git's own walk sorts all that there is first.
fn walk(
    repository: &Repository,
    depth: Depth,
    go_on: &dyn Fn() -> bool,
) -> Result<Vec<Walked>, Error> {
    // A branch may have no commit.
    let Ok(head) = repository.head().and_then(|head| head.peel_to_commit()) else {
        return Ok(Vec::new());
    };
    let is_shallow = repository.is_shallow();
    let mut next = BinaryHeap::from([(head.time().seconds(), Reverse(0u64), head.id())]);
    let mut waiting = HashMap::from([(head.id(), head)]);
    let mut trees: HashMap<Oid, Oid> = HashMap::new();
    let mut walked: Vec<(Walked, Option<Oid>)> = Vec::new();
    let mut order = 0;
    for _ in 0..depth.commits.saturating_mul(LOOKED_AT) {
        let Some((_, _, id)) = next.pop() else { break };
        let Some(commit) = waiting.remove(&id) else {
            continue;
        };
        if walked.len() >= depth.commits || !go_on() {
            break;
        }
        trees.insert(id, commit.tree_id());
        for parent in commit.parent_ids() {
            if trees.contains_key(&parent) {
                continue;
            }
            // Where a shallow clone ends, there is none.
            let Ok(parent) = repository.find_commit(parent) else {
                continue;
            };
            order += 1;
            trees.insert(parent.id(), parent.tree_id());
            next.push((parent.time().seconds(), Reverse(order), parent.id()));
            waiting.insert(parent.id(), parent);
        }
        // Where a shallow clone ends, it looks as if a commit had made all files.
        let count = commit.parent_count();
        if count > 1 || (count == 0 && is_shallow) {
            continue;
        }
        let bytes = commit.message_bytes();
        let message = bytes.get(..LONGEST).unwrap_or(bytes);
        let one = Walked {
            id,
            tree: commit.tree_id(),
            parent: None,
            is_first: count == 0,
            message: String::from_utf8_lossy(message).into_owned(),
        };
        walked.push((one, commit.parent_ids().next()));
    }
    let with_parent = |(walked, parent): (Walked, Option<Oid>)| Walked {
        parent: parent.and_then(|parent| trees.get(&parent).copied()),
        ..walked
    };
    Ok(walked.into_iter().map(with_parent).collect())
}

/// The folders from the top of the repository to the workspace root.
fn prefix(root: &Root, repository: &Repository) -> Vec<String> {
    let Some(top) = repository.workdir().and_then(|top| top.canonicalize().ok()) else {
        return Vec::new();
    };
    let below = root.path().as_std_path().strip_prefix(&top);
    let parts = below.map(|path| path.iter().filter_map(|part| part.to_str()));
    parts.map_or_else(|_| Vec::new(), |parts| parts.map(str::to_owned).collect())
}

/// Reads commits of one repository, on one thread.
struct Reader<'r> {
    odb: Odb<'r>,
    prefix: &'r [String],
    most: usize,
    trees: HashMap<Oid, Rc<[u8]>>,
    /// Bytes of `trees`.
    kept: usize,
    /// How many trees may still be read for this commit.
    visits: usize,
}

/// More files than are wanted, or objects that are not there.
struct GivenUp;

impl<'r> Reader<'r> {
    fn of(
        repository: &'r Repository,
        prefix: &'r [String],
        most: usize,
    ) -> Result<Reader<'r>, git2::Error> {
        Ok(Reader {
            odb: repository.odb()?,
            prefix,
            most,
            trees: HashMap::new(),
            kept: 0,
            visits: 0,
        })
    }

    fn commit(&mut self, walked: &Walked) -> Option<Commit> {
        let mut files = Vec::new();
        self.visits = VISITS;
        let message = match self.changed(walked, &mut files) {
            Ok(()) if !files.is_empty() => walked.message.clone(),
            Ok(()) | Err(GivenUp) => {
                files.clear();
                String::new()
            }
        };
        files.sort_unstable();
        Some(Commit {
            id: CommitId::of(walked.id)?,
            message,
            files,
        })
    }

    fn changed(&mut self, walked: &Walked, files: &mut Vec<String>) -> Result<(), GivenUp> {
        if walked.parent.is_none() && !walked.is_first {
            return Err(GivenUp);
        }
        let old = walked.parent.map_or(Ok(None), |tree| self.inside(tree))?;
        let new = self.inside(walked.tree)?;
        self.compare(old, new, &mut String::new(), files)
    }

    /// The tree of the workspace root within the tree of a commit.
    fn inside(&mut self, tree: Oid) -> Result<Option<Oid>, GivenUp> {
        let mut at = tree;
        for part in self.prefix {
            let data = self.tree(at)?;
            let found = Rows(&data).find(|row| row.name == part.as_bytes() && row.is_tree);
            match found {
                Some(row) => at = row.id,
                None => return Ok(None),
            }
        }
        Ok(Some(at))
    }

    /// Adds the paths that differ below two trees.
    fn compare(
        &mut self,
        old: Option<Oid>,
        new: Option<Oid>,
        folder: &mut String,
        files: &mut Vec<String>,
    ) -> Result<(), GivenUp> {
        if old == new {
            return Ok(());
        }
        if folder.len() > LONGEST_PATH {
            return Err(GivenUp);
        }
        let empty: Rc<[u8]> = Rc::default();
        let old = old.map_or(Ok(empty.clone()), |id| self.tree(id))?;
        let new = new.map_or(Ok(empty), |id| self.tree(id))?;
        let (mut olds, mut news) = (Rows(&old).peekable(), Rows(&new).peekable());
        loop {
            let order = match (olds.peek(), news.peek()) {
                (None, None) => return Ok(()),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(old), Some(new)) => old.place(new),
            };
            let before = (order != Ordering::Greater).then(|| olds.next()).flatten();
            let after = (order != Ordering::Less).then(|| news.next()).flatten();
            let Some(row) = after.as_ref().or(before.as_ref()) else {
                return Ok(());
            };
            let same = matches!((&before, &after), (Some(a), Some(b)) if a.id == b.id);
            let Ok(name) = std::str::from_utf8(row.name) else {
                continue;
            };
            if same || row.is_module {
                continue;
            }
            let length = folder.len();
            folder.push_str(name);
            if row.is_tree {
                folder.push('/');
                let id = |row: Option<Row>| row.map(|row| row.id);
                self.compare(id(before), id(after), folder, files)?;
            } else if files.len() < self.most {
                files.push(folder.clone());
            } else {
                return Err(GivenUp);
            }
            folder.truncate(length);
        }
    }

    fn tree(&mut self, id: Oid) -> Result<Rc<[u8]>, GivenUp> {
        self.visits = self.visits.checked_sub(1).ok_or(GivenUp)?;
        if let Some(data) = self.trees.get(&id) {
            return Ok(data.clone());
        }
        let object = self.odb.read(id).map_err(|_| GivenUp)?;
        if object.kind() != ObjectType::Tree {
            return Err(GivenUp);
        }
        let data: Rc<[u8]> = object.data().into();
        self.kept += data.len();
        if self.kept > TREES {
            self.trees.clear();
            self.kept = data.len();
        }
        self.trees.insert(id, data.clone());
        Ok(data)
    }
}

/// The rows of a tree as git writes them: mode, space, name, NUL, 20 bytes of id.
struct Rows<'t>(&'t [u8]);

struct Row<'t> {
    name: &'t [u8],
    id: Oid,
    is_tree: bool,
    /// A commit of another repository.
    is_module: bool,
}

impl<'t> Iterator for Rows<'t> {
    type Item = Row<'t>;

    fn next(&mut self) -> Option<Row<'t>> {
        let space = self.0.iter().position(|byte| *byte == b' ')?;
        let (mode, rest) = self.0.split_at(space);
        let rest = rest.get(1..)?;
        let nul = rest.iter().position(|byte| *byte == 0)?;
        let (name, rest) = rest.split_at(nul);
        let id = rest.get(1..21)?;
        self.0 = rest.get(21..)?;
        Some(Row {
            name,
            id: Oid::from_bytes(id).ok()?,
            is_tree: mode == b"40000",
            is_module: mode == b"160000",
        })
    }
}

impl<'t> Row<'t> {
    /// Git's order: a folder as if its name ended in `/`. A file and a folder of one name are two things.
    fn place(&self, other: &Row<'_>) -> Ordering {
        match self.name == other.name && self.is_tree == other.is_tree {
            true => Ordering::Equal,
            false => self.whole().cmp(other.whole()),
        }
    }

    fn whole(&self) -> impl Iterator<Item = u8> + use<'t> {
        let end = self.is_tree.then_some(b'/');
        self.name.iter().copied().chain(end)
    }
}
