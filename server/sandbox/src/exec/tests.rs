//! Limits under each mechanism that can hold them: a control group where the kernel gives one, and the watch alone.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};
use tokio_util::sync::CancellationToken;

use super::{End, Limits, Outcome, exec};
use crate::confine::{Place, Wrap};
use crate::permit::left_on;
use crate::{Access, Approval, Config, Line, Sandbox};

/// Which mechanism bounds memory and counts processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Group,
    Watch,
    /// As where namespaces are refused.
    WatchAlone,
    /// As where only bubblewrap gets them.
    Bubblewrap,
}

struct World {
    _dir: tempfile::TempDir,
    root: Utf8PathBuf,
    sandbox: Sandbox,
}

fn world(config: &Config) -> World {
    let dir = tempfile::tempdir().unwrap();
    let root = Utf8PathBuf::from_path_buf(dir.path().canonicalize().unwrap()).unwrap();
    let sandbox = Sandbox::new(config, &root).unwrap();
    World {
        _dir: dir,
        root,
        sandbox,
    }
}

/// The mechanisms of this machine.
fn all() -> Vec<By> {
    let group = Place::here().is_ok().then_some(By::Group);
    group
        .into_iter()
        .chain([By::Watch, By::WatchAlone])
        .chain(Wrap::trusted().then_some(By::Bubblewrap))
        .collect()
}

async fn run(world: &World, by: By, line: &str, limits: Limits) -> Outcome {
    let line = Line::Shell(line.to_owned());
    let (access, root) = (Access::ReadOnly, &world.root);
    let permit = world
        .sandbox
        .permit(line, access, Approval::Given, limits, root, &[]);
    let mut permit = permit.unwrap();
    if by != By::Group {
        permit.place = None;
    }
    permit.layers.namespaces &= matches!(by, By::Group | By::Watch);
    if by == By::Bubblewrap {
        permit.layers.bubblewrap = true;
        permit.layers.landlock = None;
    }
    exec(permit, CancellationToken::new(), |_, _| {})
        .await
        .unwrap()
}

fn limits() -> Limits {
    Limits {
        timeout: Duration::from_secs(20),
        memory_bytes: 256 << 20,
        ..Limits::default()
    }
}

/// Peak memory of this process, bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    line.trim()
        .strip_suffix(" kB")
        .unwrap()
        .parse::<u64>()
        .unwrap()
        << 10
}

#[tokio::test]
async fn memory_beyond_the_limit_ends_the_tree() {
    let world = world(&Config::default());
    let hogs = [
        "perl -e 'my @a; push @a, \"x\" x 1000000 while 1'",
        "python3 -c 'a = []\nwhile True: a.append(bytearray(1000000))'",
        // No process alone is over.
        "perl -e 'for (1..50) { next if fork; my $a = \"x\" x 20000000; sleep 60 } sleep 60'",
        "python3 -c 'import mmap, time; m = mmap.mmap(-1, 400 << 20)\nfor i in range(0, 400 << 20, 4096): m[i] = 1\ntime.sleep(60)'",
        "setsid perl -e '$SIG{TERM} = $SIG{HUP} = \"IGNORE\"; my @a; push @a, \"x\" x 1000000 while 1' & sleep 60",
    ];
    for by in all() {
        for hog in hogs {
            let outcome = run(&world, by, hog, limits()).await;
            let end = End::Memory(256 << 20);
            assert_eq!(outcome.end, end, "{by:?} {hog} {outcome:?}");
            let name = match by {
                By::Group => "memory cgroup",
                _ => "memory watch",
            };
            assert!(
                outcome.enforced_by.contains(&name.to_owned()),
                "{outcome:?}"
            );
            assert!(
                outcome.duration < Duration::from_secs(10),
                "{by:?} {hog} {outcome:?}"
            );
        }
    }
    assert!(peak() < 1 << 30, "{} MiB", peak() >> 20);
}

#[tokio::test]
async fn private_folders_take_a_part_of_the_memory() {
    let world = world(&Config::default());
    if !world.sandbox.report().has(crate::Layer::Mounts) {
        return;
    }
    for by in all() {
        for (place, most) in [("/tmp", 128), ("/dev/shm", 32), ("/var/tmp", 32)] {
            let line =
                format!("head -c 1000000000 /dev/zero > {place}/big; stat -c %s {place}/big");
            let outcome = run(&world, by, &line, limits()).await;
            if by == By::WatchAlone {
                assert_ne!(outcome.end, End::Exit(0), "{outcome:?}");
                continue;
            }
            let size = outcome.stdout.trim().parse::<u64>().unwrap();
            assert!(size > 1 << 20 && size <= most << 20, "{by:?} {outcome:?}");
        }
        // Each within its bound, together over the limit.
        let line =
            "head -c 120000000 /dev/zero > /tmp/a; perl -e 'my $a = \"x\" x 160000000; sleep 60'";
        let outcome = run(&world, by, line, limits()).await;
        assert_eq!(outcome.end, End::Memory(256 << 20), "{by:?} {outcome:?}");
        // It has no word for a number of files.
        if by == By::Bubblewrap {
            continue;
        }
        // Many small files are memory too.
        let line = "i=0; while : > /var/tmp/f$i; do i=$((i+1)); done; exit 9";
        let outcome = run(&world, by, line, limits()).await;
        assert_eq!(outcome.end, End::Exit(9), "{by:?} {outcome:?}");
    }
}

#[tokio::test]
async fn shared_memory_counts_once() {
    let world = world(&Config::default());
    // 120 MiB that 8 forked processes share, well above 256 MiB when counted for each.
    let line = "perl -e '$a = \"x\" x 120000000; for (1..8) { next if fork; sleep 1; exit } 1 while wait > 0; print \"done\"'";
    for by in all() {
        let outcome = run(&world, by, line, limits()).await;
        assert_eq!(
            (outcome.end, outcome.stdout.as_str()),
            (End::Exit(0), "done"),
            "{by:?} {outcome:?}"
        );
    }
}

#[tokio::test]
async fn the_configuration_bounds_memory() {
    let config = Config {
        memory_mb: 64,
        ..Config::default()
    };
    let world = world(&config);
    let line = "perl -e 'my $a = \"x\" x 200000000; sleep 60'";
    for by in all() {
        let outcome = run(&world, by, line, Limits::default()).await;
        assert_eq!(outcome.end, End::Memory(64 << 20), "{by:?} {outcome:?}");
        let text = outcome.end.limit();
        assert_eq!(text.as_deref(), Some("stopped: more than 64 MiB of memory"));
    }
    let none = Config {
        memory_mb: 0,
        ..config
    };
    let error = Sandbox::new(&none, &world.root).unwrap_err();
    assert!(error.to_string().starts_with("sandbox.memory_mb: "));
}

#[tokio::test]
async fn floods_end_at_the_limit_and_take_no_memory() {
    let world = world(&Config::default());
    let limits = Limits {
        timeout: Duration::from_secs(60),
        most_output: 64 << 20,
        ..Limits::default()
    };
    let before = peak();
    for line in [
        "yes",
        "cat /dev/zero >&2",
        "head -c 10G /dev/zero",
        "yes & yes >&2",
    ] {
        let outcome = run(&world, By::Watch, line, limits).await;
        assert_eq!(
            outcome.end,
            End::Output(64 << 20),
            "{line} {:?}",
            outcome.end
        );
        let kept = outcome.stdout.len() + outcome.stderr.len();
        assert!(kept < 7 << 20 && outcome.truncated, "{line} {kept}");
        assert!(outcome.duration < Duration::from_secs(20), "{line}");
    }
    assert!(peak() < before + (100 << 20), "{before} {}", peak());
    // Below the limit nothing happens.
    let outcome = run(&world, By::Watch, "head -c 60M /dev/zero", limits).await;
    assert_eq!(outcome.end, End::Exit(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bombs_end_and_the_runtime_goes_on() {
    let world = world(&Config::default());
    let threads = "import threading, time\nwhile True:\n try: threading.Thread(target=time.sleep, args=(60,)).start()\n except RuntimeError: pass\n";
    std::fs::write(world.root.join("threads.py"), threads).unwrap();
    let forks = "import os, time\nwhile True:\n try:\n  if os.fork() == 0: time.sleep(60)\n except OSError: pass\n";
    std::fs::write(world.root.join("forks.py"), forks).unwrap();
    std::fs::write(world.root.join("bomb.sh"), ":(){ :|:& };:\nsleep 60\n").unwrap();
    let limits = Limits {
        timeout: Duration::from_secs(30),
        processes: 300,
        ..Limits::default()
    };
    let (done, mut end) = tokio::sync::oneshot::channel::<()>();
    let timer = tokio::spawn(async move {
        let mut worst = Duration::ZERO;
        while end.try_recv().is_err() {
            let since = Instant::now();
            tokio::time::sleep(Duration::from_millis(5)).await;
            worst = worst.max(since.elapsed() - Duration::from_millis(5));
        }
        worst
    });
    let bombs = [
        "bash bomb.sh",
        "python3 forks.py",
        "python3 threads.py",
        "perl -e 'while (1) { fork }'",
        "perl -e 'use POSIX; while (1) { if (!fork) { setsid; exit if fork; sleep 60 } }'",
    ];
    for by in all() {
        // The kernel bounds no root that has no namespace of ours: no bomb where nothing but the watch would hold it.
        let own = matches!(by, By::Group | By::Watch) && world.sandbox.report().layers().namespaces;
        if !own && unsafe { libc::geteuid() } == 0 {
            continue;
        }
        for bomb in bombs {
            let outcome = run(&world, by, bomb, limits).await;
            let end = End::Processes(300);
            assert_eq!(outcome.end, end, "{by:?} {bomb} {outcome:?}");
            assert!(
                outcome.duration < Duration::from_secs(10),
                "{by:?} {bomb} {outcome:?}"
            );
        }
    }
    done.send(()).unwrap();
    let worst = timer.await.unwrap();
    eprintln!("timer's worst delay beside bombs: {worst:?}");
    assert!(worst < Duration::from_secs(2), "{worst:?}");
}

/// What builds and tests really use runs under the limits that stand without configuration.
#[tokio::test]
async fn runtimes_start_under_the_limits() {
    let world = world(&Config::default());
    let source = "public class Main { public static void main(String[] a) { System.out.println(\"java runs\"); } }";
    std::fs::write(world.root.join("Main.java"), source).unwrap();
    let programs = [
        (
            "/usr/bin/node",
            "node -e 'const {Worker} = require(\"worker_threads\"); new Worker(\"console.log(40+2)\", {eval: true})'",
            "42",
        ),
        ("/usr/bin/java", "java Main.java", "java runs"),
        (
            "/usr/bin/gcc",
            "cd $TMPDIR && printf 'int main(){return 0;}' > a.c && gcc -fsanitize=address a.c -o a && ./a && echo asan runs",
            "asan runs",
        ),
    ];
    for (program, line, said) in programs {
        if !Utf8Path::new(program).exists() {
            continue;
        }
        for by in all() {
            let outcome = run(&world, by, line, Limits::default()).await;
            // Alone there is no private `/tmp`, and the compiler needs one.
            if by != By::WatchAlone || !line.contains("TMPDIR") {
                assert_eq!(outcome.stdout.trim(), said, "{by:?} {outcome:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_disk_that_fills_up_ends_the_tree() {
    let world = world(&Config::default());
    let scratch = world.root.join("scratch");
    std::fs::create_dir(&scratch).unwrap();
    let line =
        "i=0; while head -c 20M /dev/zero > f$i; do i=$((i+1)); [ $i -lt 40 ] || exit 3; done";
    // The disk is shared: whoever else writes meanwhile can only end it sooner.
    for (spare, ends) in [(100 << 20, true), (u64::MAX, false)] {
        let disk_left = left_on(&scratch).unwrap().saturating_sub(spare);
        let (line, access) = (Line::Shell(line.to_owned()), Access::Tests(scratch.clone()));
        let permit = world
            .sandbox
            .permit(line, access, Approval::Given, limits(), &scratch, &[]);
        let mut permit = permit.unwrap();
        assert!(permit.limits.disk_left <= 512 << 20);
        permit.limits.disk_left = disk_left;
        let outcome = exec(permit, CancellationToken::new(), |_, _| {});
        let outcome = outcome.await.unwrap();
        match ends {
            true => assert_eq!(outcome.end, End::Disk(disk_left), "{outcome:?}"),
            false => assert_eq!(outcome.end, End::Exit(3), "{outcome:?}"),
        }
    }
}

#[test]
fn a_group_is_gone_with_its_run() {
    let Ok(place) = Place::here() else { return };
    let cell = crate::confine::Cell::new(place, 64 << 20, 16).unwrap();
    let door = cell.door().unwrap().into_string().unwrap();
    let folder = Utf8Path::new(&door).parent().unwrap().to_owned();
    assert!(folder.metadata().unwrap().permissions().mode() & 0o700 != 0);
    // Even one that is not empty.
    let mut child = std::process::Command::new("sleep")
        .arg("60")
        .spawn()
        .unwrap();
    std::fs::write(&door, child.id().to_string()).unwrap();
    assert_eq!(std::fs::read_to_string(&door).unwrap().lines().count(), 1);
    let reaper = std::thread::spawn(move || child.wait().unwrap());
    drop(cell);
    assert!(!folder.exists());
    assert!(!reaper.join().unwrap().success());
}
