//! What a command leaves behind, and what it may wait for: nothing.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use camino::Utf8Path;
use sandbox::{Access, Approval, Config, End, Limits, Line, exec};
use tokio_util::sync::CancellationToken;

use crate::world::{World, alive, world, world_at};

/// Ways to stay when the command ends; `MARK` is what each of them sleeps for.
const STAYING: [&str; 9] = [
    "sleep MARK & sleep MARK &",
    "setsid sleep MARK &",
    "nohup sleep MARK >/dev/null 2>&1 &",
    "sleep MARK & disown",
    "(setsid sh -c 'trap \"\" TERM HUP INT; while :; do sleep MARK; done' &) &",
    // A daemon that holds both streams open.
    "python3 -c 'import os, time\nif os.fork() == 0:\n os.setsid()\n if os.fork() == 0:\n  time.sleep(MARK)\n os._exit(0)' &",
    "sh -c 'kill -STOP $$; sleep MARK' & setsid sh -c 'sleep MARK & kill -STOP $!; wait' &",
    "perl -e '$SIG{$_} = \"IGNORE\" for keys %SIG; if (!fork) { sleep MARK } exit' &",
    "sh -c 'exec 9>&1; sleep MARK >&9 &'",
];

fn staying(mark: &str) -> String {
    format!("{}\nsleep 0.2;", STAYING.join("\n").replace("MARK", mark))
}

fn worlds() -> [World; 2] {
    let disabled = Config {
        enabled: false,
        ..Config::default()
    };
    [world(), world_at(Utf8Path::new("/tmp"), &disabled)]
}

fn gone_within(mark: &str, limit: Duration) {
    let since = Instant::now();
    while alive(mark) > 0 {
        assert!(since.elapsed() < limit, "{} left", alive(mark));
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[tokio::test]
async fn nothing_is_left_after_the_end_and_the_timeout() {
    for (index, world) in worlds().into_iter().enumerate() {
        let mark = format!("8811{index}");
        let since = Instant::now();
        let outcome = world
            .run(Access::Draft, &format!("{} exit 3", staying(&mark)))
            .await;
        assert_eq!(
            (outcome.end, alive(&mark)),
            (End::Exit(3), 0),
            "{outcome:?}"
        );
        assert!(since.elapsed() < Duration::from_secs(3), "{outcome:?}");
        let limits = Limits {
            timeout: Duration::from_millis(700),
            ..Limits::default()
        };
        let line = format!("{} sleep {mark}", staying(&mark));
        let outcome = world.limited(Access::Draft, &line, limits).await;
        assert_eq!(
            (outcome.end, alive(&mark)),
            (End::Timeout, 0),
            "{outcome:?}"
        );
        assert!(
            outcome.duration < limits.timeout + Duration::from_millis(500),
            "{outcome:?}"
        );
    }
}

#[tokio::test]
async fn nothing_is_left_after_a_cancel() {
    for (index, world) in worlds().into_iter().enumerate() {
        let mark = format!("8822{index}");
        let line = Line::Shell(format!("{} echo ready; sleep {mark}", staying(&mark)));
        let (limits, root) = (Limits::default(), &world.root);
        let permit = world
            .sandbox
            .permit(line, Access::Draft, Approval::Given, limits, root, &[]);
        let (cancel, mut asked) = (CancellationToken::new(), Instant::now());
        let outcome = exec(permit.unwrap(), cancel.clone(), |_, text| {
            if text.contains("ready") {
                asked = Instant::now();
                cancel.cancel();
            }
        })
        .await
        .unwrap();
        assert!(asked.elapsed() < Duration::from_millis(500), "{outcome:?}");
        assert_eq!(
            (outcome.end, alive(&mark)),
            (End::Cancelled, 0),
            "{outcome:?}"
        );
    }
}

/// Not a test by itself: the process that the next one kills.
#[tokio::test]
#[ignore = "started by nothing_is_left_after_the_death_of_the_host"]
async fn host() {
    let Ok(mark) = std::env::var("GONE_MARK") else {
        return;
    };
    let line = format!("{} echo ready; sleep {mark}", staying(&mark));
    let world = world();
    let (limits, root) = (Limits::default(), &world.root);
    let permit = world.sandbox.permit(
        Line::Shell(line),
        Access::Draft,
        Approval::Given,
        limits,
        root,
        &[],
    );
    let _ = exec(permit.unwrap(), CancellationToken::new(), |_, text| {
        std::fs::write(std::env::var("GONE_FILE").unwrap(), text).unwrap();
    })
    .await;
}

#[test]
fn nothing_is_left_after_the_death_of_the_host() {
    let dir = tempfile::tempdir().unwrap();
    let (file, mark) = (dir.path().join("said"), "88331");
    let mut host = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "gone::host", "--ignored"])
        .env("GONE_MARK", mark)
        .env("GONE_FILE", &file)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let since = Instant::now();
    while !std::fs::read_to_string(&file).is_ok_and(|text| text.contains("ready")) {
        assert!(since.elapsed() < Duration::from_secs(20));
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(alive(mark) > 5);
    // SIGKILL: nothing of the host's runs any more.
    host.kill().unwrap();
    host.wait().unwrap();
    gone_within(mark, Duration::from_millis(500));
}

#[tokio::test]
async fn whoever_waits_for_words_gets_none() {
    for world in worlds() {
        for (line, said) in [
            ("cat; echo after", "after\n"),
            ("read x || echo none", "none\n"),
            ("python3 -c 'input()' 2>/dev/null || echo eof", "eof\n"),
            ("(: </dev/tty) 2>/dev/null || echo none", "none\n"),
            (
                "(echo question >/dev/tty) 2>/dev/null || echo none",
                "none\n",
            ),
            ("tty || true", "not a tty\n"),
            // Also not one opened anew.
            (
                "setsid python3 -c 'import os\nm, s = os.openpty()\nprint(os.isatty(s))' 2>/dev/null || echo True",
                "True\n",
            ),
            ("readlink /proc/self/fd/0", "/dev/null\n"),
        ] {
            let outcome = world.run(Access::Draft, line).await;
            assert_eq!(outcome.stdout, said, "{line} {outcome:?}");
            assert!(outcome.duration < Duration::from_secs(5), "{outcome:?}");
        }
    }
}
