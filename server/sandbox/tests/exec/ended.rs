//! How commands are let in, and how they end.

use std::time::{Duration, Instant};

use camino::Utf8Path;
use sandbox::{Access, Approval, Config, Degrade, End, Limits, Line, Stream, exec};
use tokio_util::sync::CancellationToken;

use crate::world::{alive, world, world_at};

#[tokio::test]
async fn output_and_exit_code_come_back() {
    let world = world();
    let permit = world.sandbox.permit(
        Line::Shell("echo out; echo err >&2; exit 7".into()),
        Access::Draft,
        Approval::Given,
        Limits::default(),
        &world.root,
        &[],
    );
    let mut seen = Vec::new();
    let outcome = exec(permit.unwrap(), CancellationToken::new(), |stream, text| {
        seen.push((stream, text.to_owned()))
    })
    .await
    .unwrap();
    assert_eq!(
        (
            outcome.end,
            outcome.stdout.as_str(),
            outcome.stderr.as_str()
        ),
        (End::Exit(7), "out\n", "err\n")
    );
    assert!(
        seen.contains(&(Stream::Stdout, "out\n".to_owned()))
            && seen.contains(&(Stream::Stderr, "err\n".to_owned())),
        "{seen:?}"
    );
    assert!(
        !outcome.truncated && outcome.enforced_by.contains(&"rlimits".to_owned()),
        "{outcome:?}"
    );
    assert_eq!(
        world.run(Access::Draft, "kill -SEGV $$").await.end,
        End::Signal(11)
    );
}

#[tokio::test]
async fn s2_a_permit_needs_a_verdict_and_a_word() {
    let world = world();
    let permit = |line: &str, approval| {
        let line = Line::Shell(line.to_owned());
        world
            .sandbox
            .permit(
                line,
                Access::Draft,
                approval,
                Limits::default(),
                &world.root,
                &[],
            )
            .map(drop)
            .map_err(|e| e.to_string())
    };
    assert!(permit("ls", Approval::None).is_ok());
    assert!(
        permit("./x.sh", Approval::None)
            .unwrap_err()
            .starts_with("needs approval: ")
    );
    assert!(permit("./x.sh", Approval::Configured).is_ok());
    assert!(
        permit("rm -rf /", Approval::Given)
            .unwrap_err()
            .starts_with("denied: ")
    );
    let outside = world.sandbox.permit(
        Line::Argv(vec!["ls".into()]),
        Access::Draft,
        Approval::Given,
        Limits::default(),
        Utf8Path::new("/"),
        &[],
    );
    assert!(
        outside
            .unwrap_err()
            .to_string()
            .contains("outside the workspace")
    );
}

#[tokio::test]
async fn a_program_that_is_not_there_is_named() {
    let world = world();
    let line = Line::Argv(vec!["no-such-program".into()]);
    let permit = world
        .sandbox
        .permit(
            line,
            Access::Draft,
            Approval::Given,
            Limits::default(),
            &world.root,
            &[],
        )
        .unwrap();
    let error = exec(permit, CancellationToken::new(), |_, _| {})
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("no-such-program: no such program"),
        "{error}"
    );
}

#[tokio::test]
async fn s4_the_tree_is_gone_however_it_ends() {
    let world = world();
    let spawn = |mark: u32| {
        format!(
            "setsid sleep {mark} & (setsid sh -c 'trap \"\" TERM HUP; sleep {mark}; sleep {mark}' &) ; sleep {mark} & sleep 0.1;"
        )
    };
    let outcome = world
        .run(Access::Draft, &format!("{} exit 3", spawn(98_761)))
        .await;
    assert_eq!((outcome.end, alive("98761")), (End::Exit(3), 0));
    let limits = Limits {
        timeout: Duration::from_millis(400),
        ..Limits::default()
    };
    let outcome = world
        .limited(
            Access::Draft,
            &format!("{} sleep 98762", spawn(98_762)),
            limits,
        )
        .await;
    assert_eq!((outcome.end, alive("98762")), (End::Timeout, 0));
    assert!(outcome.duration < Duration::from_secs(2), "{outcome:?}");
    let cancel = CancellationToken::new();
    let line = Line::Shell(format!("{} echo ready; sleep 98763", spawn(98_763)));
    let permit = world
        .sandbox
        .permit(
            line,
            Access::Draft,
            Approval::Given,
            Limits::default(),
            &world.root,
            &[],
        )
        .unwrap();
    let mut asked = Instant::now();
    let outcome = exec(permit, cancel.clone(), |_, _| {
        asked = Instant::now();
        cancel.cancel();
    });
    let outcome = outcome.await.unwrap();
    assert_eq!((outcome.end, alive("98763")), (End::Cancelled, 0));
    assert!(
        asked.elapsed() < Duration::from_secs(1),
        "{:?}",
        asked.elapsed()
    );
    let line = Line::Argv(vec!["sleep".into(), "98764".into()]);
    let permit = world
        .sandbox
        .permit(
            line,
            Access::Draft,
            Approval::Given,
            Limits::default(),
            &world.root,
            &[],
        )
        .unwrap();
    let dropped = tokio::time::timeout(
        Duration::from_millis(200),
        exec(permit, CancellationToken::new(), |_, _| {}),
    )
    .await;
    assert!(dropped.is_err());
    let since = Instant::now();
    while alive("98764") > 0 {
        assert!(since.elapsed() < Duration::from_secs(2));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_timeout_beyond_all_clocks_is_only_long() {
    let world = world();
    for timeout in [Duration::from_secs(u64::MAX), Duration::MAX] {
        let limits = Limits {
            timeout,
            ..Limits::default()
        };
        let outcome = world.limited(Access::Draft, "echo done", limits).await;
        assert_eq!(
            (outcome.end, outcome.stdout.as_str()),
            (End::Exit(0), "done\n")
        );
    }
}

#[tokio::test]
async fn floods_bombs_and_waits_end_within_their_limits() {
    let world = world();
    let limits = Limits {
        timeout: Duration::from_secs(2),
        output_bytes: 1000,
        processes: 400,
        file_bytes: 1 << 20,
        most_output: u64::MAX,
        ..Limits::default()
    };
    let outcome = world.limited(Access::Draft, "yes", limits).await;
    assert_eq!(outcome.end, End::Timeout);
    assert!(
        outcome.truncated && outcome.stdout.len() < 1100 && outcome.dropped_bytes > 1_000_000,
        "{}",
        outcome.stdout.len()
    );
    let outcome = world
        .limited(
            Access::Draft,
            "bomb() { bomb | bomb & }; bomb; sleep 98765",
            limits,
        )
        .await;
    assert!(
        matches!(outcome.end, End::Processes(400) | End::Exit(_)),
        "{outcome:?}"
    );
    assert_eq!(alive("98765"), 0);
    assert_eq!(
        world.limited(Access::Draft, "cat", limits).await.end,
        End::Exit(0)
    );
    let outcome = world
        .limited(world.scratch(), "head -c 4000000 /dev/zero > big", limits)
        .await;
    assert_ne!(outcome.end, End::Exit(0));
    assert!(world.beside("scratch/big").metadata().unwrap().len() <= 1 << 20);
}

#[tokio::test]
async fn the_environment_is_scrubbed() {
    let world = world();
    let env = [
        ("CI", "1"),
        ("SOME_TOKEN", "canary"),
        ("LD_PRELOAD", "canary"),
    ]
    .map(|(k, v)| (k.to_owned(), v.to_owned()));
    let permit = world.sandbox.permit(
        Line::Argv(vec!["env".into()]),
        Access::Draft,
        Approval::None,
        Limits::default(),
        &world.root,
        &env,
    );
    let outcome = exec(permit.unwrap(), CancellationToken::new(), |_, _| {})
        .await
        .unwrap();
    assert!(
        outcome.stdout.contains("CI=1\n") && outcome.stdout.contains("GIT_TERMINAL_PROMPT=0\n"),
        "{outcome:?}"
    );
    assert!(!outcome.stdout.contains("canary"), "{outcome:?}");
}

#[tokio::test]
async fn a_disabled_sandbox_says_so_and_still_ends_the_tree() {
    let config = Config {
        enabled: false,
        degrade: Degrade::Refuse,
        ..Config::default()
    };
    let world = world_at(Utf8Path::new("/tmp"), &config);
    let line = "setsid sleep 98766 & (setsid sh -c 'sleep 98766; sleep 98766' &) ; echo x > made; sleep 0.1";
    let outcome = world.run(Access::Draft, line).await;
    assert_eq!((outcome.end, alive("98766")), (End::Exit(0), 0));
    assert_eq!(outcome.enforced_by[..2], ["process tree", "rlimits"]);
    assert!(outcome.enforced_by[2].starts_with("memory "), "{outcome:?}");
    assert!(world.root.join("made").exists());
    let limits = Limits {
        timeout: Duration::from_millis(300),
        ..Limits::default()
    };
    let outcome = world
        .limited(Access::Draft, "setsid sleep 98767 & sleep 98767", limits)
        .await;
    assert_eq!((outcome.end, alive("98767")), (End::Timeout, 0));
}

#[tokio::test]
async fn confinement_costs_milliseconds() {
    let world = world();
    world.sandbox.report();
    let mut times = Vec::new();
    for _ in 0..20 {
        let permit = world.sandbox.permit(
            Line::Argv(vec!["true".into()]),
            Access::Draft,
            Approval::None,
            Limits::default(),
            &world.root,
            &[],
        );
        times.push(
            exec(permit.unwrap(), CancellationToken::new(), |_, _| {})
                .await
                .unwrap()
                .duration,
        );
    }
    times.sort();
    eprintln!("confined true: p50 {:?}", times[10]);
    // Far above the goal of 5 ms: other tests run beside this one.
    assert!(times[10] < Duration::from_millis(200), "{times:?}");
}
