//! `Cell`: the control group of one run, where the kernel lets this user make one.
//!
//! Invariant: a cell's limits were written before anything joined it; it goes with its owner, and what was left in it goes too.

use std::ffi::CString;
use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};

use super::{c_path, raw};

/// The two generations of control groups; some systems mount both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

/// A folder below which cells can be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    folder: Utf8PathBuf,
    version: Version,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Cell {
    folder: Utf8PathBuf,
    version: Version,
}

/// Names of cells begin so, then comes the id of the process that owns it.
const PREFIX: &str = "animus-";

impl Place {
    /// Where this process can make cells, found out by making one and running a program in it; tried once.
    pub(crate) fn here() -> Result<&'static Place, &'static str> {
        static ONCE: OnceLock<Result<Place, String>> = OnceLock::new();
        ONCE.get_or_init(find).as_ref().map_err(String::as_str)
    }
}

impl Cell {
    /// A cell that holds at most this much memory (swap included where it is counted) and this many processes and threads.
    pub(crate) fn new(place: &Place, memory: u64, processes: u64) -> io::Result<Cell> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{PREFIX}{}-{count}", std::process::id());
        let cell = Cell {
            folder: place.folder.join(name),
            version: place.version,
        };
        std::fs::create_dir(&cell.folder)?;
        match cell.version {
            Version::One => {
                cell.set("memory.limit_in_bytes", memory)?;
                // Absent where swap is not counted.
                let _ = cell.set("memory.memsw.limit_in_bytes", memory);
            }
            Version::Two => {
                cell.set("memory.max", memory)?;
                let _ = cell.set("memory.swap.max", 0);
                let _ = cell.set("memory.oom.group", 1);
                let _ = cell.set("pids.max", processes);
            }
        }
        Ok(cell)
    }

    /// The file into which a process writes `0` to join.
    pub(crate) fn door(&self) -> io::Result<CString> {
        let name = match self.version {
            // A thread that moves itself waits for no lock of the whole system (cgroup_procs_write_start in the kernel).
            Version::One => "tasks",
            Version::Two => "cgroup.procs",
        };
        c_path(&self.folder.join(name))
    }

    /// Whether the kernel ended a process in here for want of memory.
    pub(crate) fn overrun(&self) -> bool {
        let name = match self.version {
            Version::One => "memory.oom_control",
            Version::Two => "memory.events",
        };
        let text = self.get(name);
        let kills = text.lines().find_map(|line| line.strip_prefix("oom_kill "));
        kills.is_some_and(|count| count.trim() != "0")
    }

    /// Kills all in here; the next look shows whether something new was born meanwhile.
    pub(crate) fn kill(&self) {
        if self.version == Version::Two && self.set("cgroup.kill", 1).is_ok() {
            return;
        }
        let ids = self.get("cgroup.procs");
        for id in ids.lines().filter_map(|id| id.parse::<i32>().ok()) {
            // Zero is a process that another pid namespace hides.
            if id > 1 {
                unsafe { libc::kill(id, libc::SIGKILL) };
            }
        }
    }

    fn set(&self, name: &str, value: u64) -> io::Result<()> {
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .open(self.folder.join(name))?;
        file.write_all(value.to_string().as_bytes())
    }

    fn get(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.join(name)).unwrap_or_default()
    }
}

impl Drop for Cell {
    fn drop(&mut self) {
        // A dead process leaves its cell a moment after its end is seen.
        for round in 0..200 {
            match std::fs::remove_dir(&self.folder) {
                Ok(()) => return,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return,
                Err(_) => self.kill(),
            }
            std::thread::sleep(Duration::from_millis(round.min(10)));
        }
        tracing::warn!(cell = %self.folder, "a control group stays behind");
    }
}

fn find() -> Result<Place, String> {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let groups = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let mut why = "no control group with a memory controller is mounted".to_owned();
    for place in candidates(&mounts, &groups) {
        if place.version == Version::Two && !hands_memory_down(&place.folder) {
            why = format!("{} hands no memory controller down", place.folder);
            continue;
        }
        match works(&place) {
            Ok(()) => {
                sweep(&place.folder);
                return Ok(place);
            }
            Err(error) => why = format!("{}: {error}", place.folder),
        }
    }
    Err(why)
}

/// Folders to try: of version 1 the own group; of version 2 the own group's parent too, since a group with processes in it
/// cannot hand a controller down.
fn candidates(mounts: &str, groups: &str) -> Vec<Place> {
    let mut places = Vec::new();
    for line in mounts.lines() {
        // mountinfo: id parent dev root point options optional* - type source options
        let Some((left, right)) = line.split_once(" - ") else {
            continue;
        };
        let fields: Vec<&str> = left.split(' ').collect();
        let mut right = right.split(' ');
        let (Some(root), Some(point), Some(kind)) = (fields.get(3), fields.get(4), right.next())
        else {
            continue;
        };
        let version = match kind {
            "cgroup2" => Version::Two,
            "cgroup" if right.nth(1).is_some_and(|all| word(all, "memory")) => Version::One,
            _ => continue,
        };
        let own = groups.lines().find_map(|line| {
            let (_, rest) = line.split_once(':')?;
            let (controllers, path) = rest.split_once(':')?;
            match version {
                Version::One => word(controllers, "memory"),
                Version::Two => controllers.is_empty(),
            }
            .then_some(path)
        });
        let below = own.and_then(|own| own.strip_prefix(root.trim_end_matches('/')));
        let Some(below) = below else { continue };
        let point = Utf8Path::new(point);
        let own = point.join(below.trim_start_matches('/'));
        let above = own.parent().filter(|above| above.starts_with(point));
        if let (Version::Two, Some(above)) = (version, above) {
            places.push(Place {
                folder: above.to_owned(),
                version,
            });
        }
        places.push(Place {
            folder: own,
            version,
        });
    }
    places
}

fn word(list: &str, wanted: &str) -> bool {
    list.split(',').any(|word| word == wanted)
}

fn hands_memory_down(folder: &Utf8Path) -> bool {
    std::fs::read_to_string(folder.join("cgroup.subtree_control"))
        .is_ok_and(|list| list.split_whitespace().any(|word| word == "memory"))
}

/// Runs a program in a cell: it must be listed there, and its memory counted.
fn works(place: &Place) -> io::Result<()> {
    let cell = Cell::new(place, 64 << 20, 16)?;
    let door = cell.door()?;
    let mut command = Command::new("/bin/cat");
    command
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    unsafe { command.pre_exec(move || raw::write(&door, b"0")) };
    let mut child = command.spawn()?;
    // It has answered: it has memory by now.
    let mut answer = [0];
    let told = match (&mut child.stdin, &mut child.stdout) {
        (Some(to), Some(from)) => to
            .write_all(b"x")
            .and_then(|()| from.read_exact(&mut answer)),
        _ => Err(io::ErrorKind::BrokenPipe.into()),
    };
    let listed = cell.get("cgroup.procs").trim() == child.id().to_string();
    let name = match cell.version {
        Version::One => "memory.usage_in_bytes",
        Version::Two => "memory.current",
    };
    let counted = cell
        .get(name)
        .trim()
        .parse()
        .is_ok_and(|bytes: u64| bytes > 0);
    drop(child.stdin.take());
    let _ = child.kill();
    child.wait()?;
    told?;
    match listed && counted {
        true => Ok(()),
        false => Err(io::Error::other("the group does not count its memory")),
    }
}

/// Removes cells of processes that were killed before they could.
fn sweep(folder: &Utf8Path) {
    for entry in folder.read_dir_utf8().into_iter().flatten().flatten() {
        let owner = entry.file_name().strip_prefix(PREFIX);
        let owner = owner.and_then(|rest| rest.split('-').next()?.parse::<u32>().ok());
        if owner.is_some_and(|id| !Utf8Path::new("/proc").join(id.to_string()).exists()) {
            // Not empty: something else has the name.
            let _ = std::fs::remove_dir(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tried(mounts: &str, groups: &str) -> Vec<String> {
        let places = candidates(mounts, groups);
        places
            .iter()
            .map(|place| format!("{:?} {}", place.version, place.folder))
            .collect()
    }

    #[test]
    fn the_folders_to_try_follow_mounts_and_membership() {
        let unified =
            "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate";
        assert_eq!(
            tried(
                unified,
                "0::/user.slice/user-1000.slice/user@1000.service/app.slice/a.scope\n"
            ),
            [
                "Two /sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/app.slice",
                "Two /sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/app.slice/a.scope"
            ]
        );
        let hybrid = "31 23 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n\
                      32 23 0:28 / /sys/fs/cgroup/memory rw shared:9 - cgroup cgroup rw,memory\n\
                      33 23 0:29 / /sys/fs/cgroup/unified rw - cgroup2 none rw";
        assert_eq!(
            tried(hybrid, "4:memory:/a/b\n1:cpu:/\n0::/\n"),
            [
                "One /sys/fs/cgroup/memory/a/b",
                "Two /sys/fs/cgroup/unified/"
            ]
        );
        // A container sees its own group as the root, and a part of the tree as the mount.
        let part = "32 23 0:28 /docker/x /sys/fs/cgroup ro - cgroup2 none rw";
        assert_eq!(tried(part, "0::/docker/x\n"), ["Two /sys/fs/cgroup/"]);
        assert_eq!(tried(part, "0::/elsewhere\n"), Vec::<String>::new());
        assert_eq!(tried("nonsense", "nonsense"), Vec::<String>::new());
    }

    #[test]
    fn a_kill_for_want_of_memory_is_read_from_both_generations() {
        let dir = tempfile::tempdir().unwrap();
        for (number, (version, name, killed, fine)) in [
            (
                Version::One,
                "memory.oom_control",
                "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
                "oom_kill_disable 1\nunder_oom 0\noom_kill 0\n",
            ),
            (
                Version::Two,
                "memory.events",
                "low 0\nhigh 0\nmax 9\noom 1\noom_kill 1\noom_group_kill 1\n",
                "low 0\nhigh 0\nmax 9\noom 0\noom_kill 0\noom_group_kill 0\n",
            ),
        ]
        .into_iter()
        .enumerate()
        {
            let folder = dir.path().join(number.to_string());
            std::fs::create_dir(&folder).unwrap();
            let cell = Cell {
                folder: Utf8PathBuf::from_path_buf(folder.clone()).unwrap(),
                version,
            };
            assert!(!cell.overrun());
            for (text, over) in [(killed, true), (fine, false)] {
                std::fs::write(folder.join(name), text).unwrap();
                assert_eq!(cell.overrun(), over, "{version:?}");
            }
            // A real one has no files that anyone could remove.
            std::fs::remove_file(folder.join(name)).unwrap();
            drop(cell);
            assert!(!folder.exists());
        }
    }
}
