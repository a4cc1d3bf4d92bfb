//! Crash: `kill -9` at random instants of a real landing. W3: at once each file is old or new; after the next command all are old or
//! all are new, and nothing is left of the landing.

use crate::stage::{Stage, said};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Change it and all instants are others; a failure prints it with the number of the kill.
const SEED: u64 = 0x0041_4e49_4d55_5321;

type Files = BTreeMap<String, Option<Vec<u8>>>;

/// A workspace, a patch for all of it, and how long landing it takes.
struct Ground {
    stage: Stage,
    old: Files,
    new: Files,
    patch: PathBuf,
    /// From the start of the program to its end.
    whole: Duration,
    /// From the start to when the journal is there, and to when it is gone.
    landing: (Duration, Duration),
    /// A command that finds nothing to recover.
    reading: Duration,
}

/// Where kills hit.
#[derive(Debug, Default)]
struct Split {
    /// All files old, no journal.
    before: usize,
    /// All files old, the journal there.
    staging: usize,
    /// Some files old, some new.
    between: usize,
    /// All files new, the journal there.
    closing: usize,
    /// All files new, no journal.
    after: usize,
    /// Of those in the landing: where the command that recovers was killed too.
    again: usize,
}

/// From when the time to a kill runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum From {
    Start,
    Journal,
}

/// Numbers that look random and are the same in each run (SplitMix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A time from the first to the second.
    fn between(&mut self, from: Duration, to: Duration) -> Duration {
        let span = to.saturating_sub(from).as_nanos().max(1) as u64;
        from + Duration::from_nanos(self.next() % span)
    }
}

#[test]
fn w3_killed_while_it_lands_large_files() {
    let split = Ground::new(20, 100 * 1024).kill(15);
    eprintln!("large files: {split:?}");
}

#[test]
fn w3_killed_while_it_lands_many_files() {
    let split = Ground::new(250, 2 * 1024).kill(10);
    eprintln!("many files: {split:?}");
}

#[test]
#[ignore = "200 kills take minutes; docs/security.md has the command"]
fn w3_killed_two_hundred_times() {
    let large = Ground::new(20, 100 * 1024).kill(120);
    println!("20 files of 100 KiB: {large:?}");
    let many = Ground::new(400, 2 * 1024).kill(80);
    println!("400 files of 2 KiB: {many:?}");
    assert!(
        large.between + many.between > 0,
        "no kill hit between two files"
    );
}

impl Ground {
    /// So many files of about so many bytes; beside those that change, one in ten comes and one in ten goes.
    fn new(count: usize, bytes: usize) -> Ground {
        let (mut old, mut new, mut patch) = (Files::new(), Files::new(), String::new());
        for number in 0..count {
            let text = |edited: bool| -> String {
                let mut text = String::new();
                for line in 0..bytes / 64 {
                    let word = if edited && line % 200 == 7 {
                        "new"
                    } else {
                        "old"
                    };
                    let _ = writeln!(
                        text,
                        "{word} file {number:04} line {line:06} {:039}",
                        line * 31
                    );
                }
                text
            };
            let path = format!("src/m{}/file{number:04}.txt", number % 7);
            match number % 10 {
                3 => {
                    let path = format!("fresh/m{}/file{number:04}.txt", number % 2);
                    let _ = write!(
                        patch,
                        "*** Add File: {path}\n+{}\n",
                        text(true).trim_end().replace('\n', "\n+")
                    );
                    old.insert(path.clone(), None);
                    new.insert(path, Some(text(true).into_bytes()));
                }
                6 => {
                    let _ = writeln!(patch, "*** Delete File: {path}");
                    old.insert(path.clone(), Some(text(false).into_bytes()));
                    new.insert(path, None);
                }
                _ => {
                    let _ = writeln!(patch, "*** Update File: {path}");
                    for line in text(false).lines().skip(7).step_by(200) {
                        let _ = writeln!(patch, "@@\n-{line}\n+{}", line.replacen("old", "new", 1));
                    }
                    old.insert(path.clone(), Some(text(false).into_bytes()));
                    new.insert(path, Some(text(true).into_bytes()));
                }
            }
        }
        let stage = Stage::empty();
        let place = stage.home().join("patch.txt");
        let patch = format!("*** Begin Patch\n{patch}*** End Patch\n");
        std::fs::write(&place, patch).unwrap();
        let mut ground = Ground {
            stage,
            old,
            new,
            patch: place,
            whole: Duration::ZERO,
            landing: (Duration::ZERO, Duration::ZERO),
            reading: Duration::ZERO,
        };
        ground.measure();
        ground
    }

    /// Watches whole runs from outside.
    fn measure(&mut self) {
        let (mut whole, mut begin, mut end, mut reading) = (vec![], vec![], vec![], vec![]);
        for _ in 0..5 {
            self.reset();
            let begun = Instant::now();
            let mut child = self.apply().spawn().unwrap();
            let mut seen: Option<(Duration, Duration)> = None;
            let status = loop {
                if self.journal().is_some() {
                    let now = begun.elapsed();
                    seen = Some((seen.map_or(now, |(first, _)| first), now));
                }
                if let Some(status) = child.try_wait().unwrap() {
                    break status;
                }
                std::thread::sleep(Duration::from_micros(100));
            };
            whole.push(begun.elapsed());
            assert!(status.success() && self.is(&self.new), "{status}");
            let (first, last) = seen.expect("a landing keeps a journal");
            begin.push(first);
            end.push(last);
            let begun = Instant::now();
            assert!(self.reader().status().unwrap().success());
            reading.push(begun.elapsed());
        }
        let median = |mut times: Vec<Duration>| {
            times.sort();
            times[times.len() / 2]
        };
        self.whole = median(whole);
        self.landing = (median(begin), median(end));
        self.reading = median(reading);
    }

    /// At least so many kills, and until each part of a run was hit.
    fn kill(&self, count: usize) -> Split {
        let mut dice = Dice(SEED);
        let mut split = Split::default();
        let (begin, end) = self.landing;
        for number in 0.. {
            if number >= count && split.is_everywhere() {
                break;
            }
            assert!(
                number < 10 * count + 50,
                "kills do not reach all parts of a landing: {split:?}, measured {:?} of {:?}",
                self.landing,
                self.whole
            );
            // A quarter anywhere in the run; the others from when the journal is seen, so that a machine that is busier by now
            // than when it was measured is hit in the landing too, which is the shorter part.
            let (from, at) = match number % 4 {
                0 => (
                    From::Start,
                    dice.between(Duration::ZERO, self.whole + self.whole / 8),
                ),
                _ => (
                    From::Journal,
                    dice.between(Duration::ZERO, (end - begin) * 5 / 4),
                ),
            };
            let told = format!(
                "seed {SEED:#x}, kill {number}, {at:?} from the {from:?}, measured {:?} of {:?}",
                self.landing, self.whole
            );
            self.one(from, at, &mut dice, &mut split, &told);
        }
        split
    }

    fn one(&self, from: From, at: Duration, dice: &mut Dice, split: &mut Split, told: &str) {
        self.reset();
        let begun = || from == From::Start || self.journal().is_some();
        killed(&mut self.apply(), begun, at);
        let journal = self.journal().is_some();
        let (old, new) = self.count(told);
        match (old, new, journal) {
            (_, 0, false) => split.before += 1,
            (_, 0, true) => split.staging += 1,
            (0, _, false) => split.after += 1,
            (0, _, true) => split.closing += 1,
            (_, _, true) => split.between += 1,
            (_, _, false) => panic!("{told}: {old} old, {new} new, and no journal"),
        }
        if journal && dice.next().is_multiple_of(3) {
            killed(
                &mut self.reader(),
                || true,
                dice.between(Duration::ZERO, self.reading * 2),
            );
            self.count(told);
            split.again += 1;
        }
        let next = said(&mut self.reader());
        assert_eq!(next.code, 0, "{told}: {}", next.err);
        let whole = match (self.is(&self.old), self.is(&self.new)) {
            (true, false) => new == 0,
            (false, true) => new > 0,
            _ => panic!("{told}: neither old nor new: {}", next.err),
        };
        assert!(
            whole,
            "{told}: {old} old and {new} new went the other way: {}",
            next.err
        );
        let fresh = self.stage.root().join("fresh").exists();
        assert_eq!(fresh, self.is(&self.new), "{told}: folders");
        assert_eq!(
            self.landed(),
            usize::from(self.is(&self.new)),
            "{told}: what is in the files is in the lineage"
        );
        // What is left half written in the lineage goes with the next patch that is kept (`lineages.rs`).
        let mut left = temporary(&self.stage.root());
        left.extend(
            self.kept("journal")
                .iter()
                .filter(|folder| folder.is_dir())
                .flat_map(|folder| temporary(folder)),
        );
        assert!(
            left.is_empty() && self.journal().is_none(),
            "{told}: {left:?}"
        );
    }

    /// The program that lands the patch.
    fn apply(&self) -> Command {
        let mut command = self.stage.animus(&["apply-patch"]);
        command
            .stdin(std::fs::File::open(&self.patch).unwrap())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    /// A command that only looks.
    fn reader(&self) -> Command {
        let mut command = self.stage.animus(&["patch", "list"]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// How many patches are kept as landed.
    fn landed(&self) -> usize {
        let Some(folder) = self.kept("patches") else {
            return 0;
        };
        let records = folder.read_dir().into_iter().flatten().flatten();
        let landed = records.filter(|record| {
            let text = std::fs::read_to_string(record.path()).unwrap();
            text.contains("\"landed\":")
        });
        landed.count()
    }

    /// All files old, and nothing kept of earlier runs: what is listed afterwards would grow with every one of them.
    fn reset(&self) {
        let root = self.stage.root();
        let _ = std::fs::remove_dir_all(root.parent().unwrap().join("state/workspaces"));
        let _ = std::fs::remove_dir_all(root.join("fresh"));
        for (path, bytes) in &self.old {
            let path = root.join(path);
            match bytes {
                Some(bytes) => {
                    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                    std::fs::write(path, bytes).unwrap();
                }
                None => assert!(!path.exists()),
            }
        }
    }

    fn read(&self, path: &str) -> Option<Vec<u8>> {
        std::fs::read(self.stage.root().join(path)).ok()
    }

    fn is(&self, files: &Files) -> bool {
        files.iter().all(|(path, bytes)| self.read(path) == *bytes)
    }

    /// Each file is old or new to the byte: how many are which.
    fn count(&self, told: &str) -> (usize, usize) {
        let (mut old, mut new) = (0, 0);
        for (path, bytes) in &self.old {
            let now = self.read(path);
            if now == *bytes {
                old += 1;
            } else if now == self.new[path] {
                new += 1;
            } else {
                panic!("{told}: {path} is torn");
            }
        }
        (old, new)
    }

    /// A folder of the workspace's state.
    fn kept(&self, name: &str) -> Option<PathBuf> {
        let state = self.stage.root().parent().unwrap().join("state/workspaces");
        let folder = state.read_dir().ok()?.flatten().next()?;
        Some(folder.path().join(name))
    }

    /// What lies in the journal.
    fn journal(&self) -> Option<PathBuf> {
        let folder = self.kept("journal")?;
        let mut entries = folder.read_dir().ok()?.flatten().map(|entry| entry.path());
        entries.find(|path| !is_temporary(path))
    }
}

impl Split {
    fn is_everywhere(&self) -> bool {
        let during = self.staging + self.between + self.closing;
        self.before > 0 && during > 0 && self.after > 0
    }
}

/// Starts a program and kills it, as `kill -9` does, a time after something was seen, or finds it ended by itself.
fn killed(command: &mut Command, seen: impl Fn() -> bool, after: Duration) {
    let mut child = command.spawn().unwrap();
    while !seen() && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_micros(50));
    }
    std::thread::sleep(after);
    child.kill().unwrap();
    child.wait().unwrap();
}

fn is_temporary(path: &Path) -> bool {
    let name = path.file_name().unwrap().to_string_lossy();
    name.starts_with(".animus-") && name.ends_with(".tmp")
}

/// All temporary files of ours below a folder.
fn temporary(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in folder.read_dir().unwrap().flatten() {
        let path = entry.path();
        if entry.file_type().unwrap().is_dir() {
            found.extend(temporary(&path));
        } else if is_temporary(&path) {
            found.push(path);
        }
    }
    found
}
