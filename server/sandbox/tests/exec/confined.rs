//! What a permit lets a command do to files, network and privileges.

use camino::Utf8Path;
use sandbox::{Access, Approval, Config, End, Limits, Line, exec};
use tokio_util::sync::CancellationToken;

use crate::world::{world, world_at};

#[tokio::test]
async fn drafts_write_nothing_and_scratch_writes_only_its_tree() {
    for place in ["/tmp", env!("CARGO_TARGET_TMPDIR")] {
        let world = world_at(Utf8Path::new(place), &Config::default());
        let victim = world.beside("out/victim");
        let line = format!(
            "echo x > f.txt; echo x > new; echo x > .git/hooks/h; echo x > {victim}; chmod 777 {victim}; rm -f {victim}; touch {victim}; cat f.txt"
        );
        for access in [Access::ReadOnly, Access::Draft] {
            let outcome = world.run(access, &line).await;
            assert_eq!(outcome.stdout, "foo\n", "{outcome:?}");
        }
        // Trap (a): the working folder is the one above the new mounts.
        let outcome = world
            .run(
                world.scratch(),
                &format!("echo mine > a && mkdir d && mv a d/b && {line}"),
            )
            .await;
        assert_eq!(
            std::fs::read_to_string(world.beside("scratch/d/b")).unwrap(),
            "mine\n",
            "{outcome:?}"
        );
        assert_eq!(
            std::fs::read_to_string(world.root.join("f.txt")).unwrap(),
            "foo\n"
        );
        assert!(!world.root.join("new").exists() && !world.root.join(".git/hooks/h").exists());
        assert_eq!(std::fs::read_to_string(&victim).unwrap(), "precious");
        let mode =
            std::os::unix::fs::PermissionsExt::mode(&victim.metadata().unwrap().permissions());
        assert!(mode & 0o002 == 0 || !world.namespaces(), "mode {mode:o}");
        // Traps (d), (e): nothing of ours is left on the host.
        let names: Vec<_> = std::fs::read_dir(&world.root)
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(names.len(), 3, "{names:?}");
    }
}

#[tokio::test]
async fn outside_files_and_home_are_not_readable() {
    let world = world();
    let outcome = world
        .run(
            Access::Draft,
            &format!(
                "cat {}; cat /etc/shadow; ls ~/.ssh ~/.claude",
                world.beside("out/victim")
            ),
        )
        .await;
    assert_eq!(outcome.stdout, "", "{outcome:?}");
}

#[tokio::test]
async fn tmp_is_private_and_writable() {
    let world = world();
    let outcome = world
        .run(
            Access::ReadOnly,
            "echo hi > $TMPDIR/animus-private && cat $TMPDIR/animus-private",
        )
        .await;
    assert_eq!(outcome.stdout, "hi\n", "{outcome:?}");
    assert!(!Utf8Path::new("/tmp/animus-private").exists());
}

#[tokio::test]
async fn the_network_is_out_of_reach_and_loopback_works() {
    let world = world();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let outcome = world
        .run(
            Access::Draft,
            &format!("(echo leak > /dev/tcp/127.0.0.1/{port}) 2>/dev/null && echo reached"),
        )
        .await;
    assert_eq!(outcome.stdout, "", "{outcome:?}");
    // Trap (c): vsock (family 40) is in no network namespace.
    let script = "import socket\nfor f in (40, 17, 38):\n try: socket.socket(f, socket.SOCK_DGRAM); print('open', f)\n except OSError as e: print(e.errno)\n";
    std::fs::write(world.root.join("s.py"), script).unwrap();
    let outcome = world
        .run(Access::Draft, "/usr/bin/env python3 s.py || true")
        .await;
    assert!(!outcome.stdout.contains("open"), "{outcome:?}");
    if world.namespaces() {
        let script = "import socket,threading\ns=socket.create_server(('127.0.0.1',0))\nc=socket.create_connection(s.getsockname())\nprint('joined')\n";
        std::fs::write(world.root.join("l.py"), script).unwrap();
        let outcome = world.run(Access::Draft, "python3 l.py").await;
        assert_eq!(outcome.stdout, "joined\n", "{outcome:?}");
    }
}

#[tokio::test]
async fn only_the_test_command_gets_the_network_that_the_configuration_allows() {
    for allow_network in [false, true] {
        let config = Config {
            allow_network,
            ..Config::default()
        };
        let world = world_at(Utf8Path::new("/tmp"), &config);
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let line = format!(
            "(echo x > /dev/tcp/127.0.0.1/{port}) 2>/dev/null && echo reached; echo mine > made"
        );
        for (access, open) in [
            (Access::ReadOnly, false),
            (Access::Draft, false),
            (world.scratch(), false),
            (world.tests(), allow_network),
        ] {
            let made = world.beside("scratch/made");
            let _ = std::fs::remove_file(&made);
            let writes = matches!(access, Access::Scratch(_) | Access::Tests(_));
            let outcome = world.run(access.clone(), &line).await;
            assert_eq!(
                outcome.stdout == "reached\n",
                open,
                "{access:?} {outcome:?}"
            );
            assert_eq!(made.exists(), writes, "{access:?} {outcome:?}");
            let named = outcome
                .enforced_by
                .contains(&"network namespace".to_owned());
            assert_eq!(named, world.namespaces() && !open, "{outcome:?}");
        }
    }
}

#[tokio::test]
async fn privileges_are_gone_also_for_root() {
    let world = world();
    // Trap (b): a new user namespace hands out every capability.
    let outcome = world.run(Access::Draft, "grep -E 'Cap(Eff|Prm|Bnd)|NoNewPrivs|^Seccomp:' /proc/self/status; mount -o remount,rw / && echo remounted").await;
    assert!(!outcome.stdout.contains("remounted"));
    let caps: Vec<&str> = outcome
        .stdout
        .lines()
        .filter(|line| line.starts_with("Cap"))
        .collect();
    let zero = |line: &&&str| line.split_whitespace().nth(1) == Some("0000000000000000");
    assert!(caps.iter().filter(zero).count() >= 2, "{caps:?}");
    if world.namespaces() {
        assert_eq!(caps.iter().filter(zero).count(), 3, "{caps:?}");
    }
    assert!(
        outcome.stdout.contains("NoNewPrivs:\t1") && outcome.stdout.contains("Seccomp:\t2"),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn cargo_tests_a_crate_in_the_scratch_tree() {
    let world = world_at(
        Utf8Path::new(env!("CARGO_TARGET_TMPDIR")),
        &Config::default(),
    );
    let tree = world.beside("scratch");
    std::fs::create_dir(tree.join("src")).unwrap();
    std::fs::write(
        tree.join("Cargo.toml"),
        "[package]\nname = \"tiny\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[workspace]\n",
    )
    .unwrap();
    let source = "#[test]\nfn serves() {\n    let s = std::net::TcpListener::bind(\"127.0.0.1:0\");\n    if std::env::var_os(\"NET\").is_some() { s.unwrap(); }\n    std::fs::write(std::env::temp_dir().join(\"t\"), \"x\").unwrap();\n}\n";
    std::fs::write(tree.join("src/lib.rs"), source).unwrap();
    let mut env = vec![(
        "CARGO_TARGET_DIR".to_owned(),
        tree.join("target").to_string(),
    )];
    if world.namespaces() {
        env.push(("NET".to_owned(), "1".to_owned()));
    }
    let line = Line::Argv(["cargo", "test", "--offline"].map(str::to_owned).to_vec());
    let permit = world
        .sandbox
        .permit(
            line,
            world.scratch(),
            Approval::None,
            Limits::default(),
            &tree,
            &env,
        )
        .unwrap();
    let outcome = exec(permit, CancellationToken::new(), |_, _| {})
        .await
        .unwrap();
    assert_eq!(outcome.end, End::Exit(0), "{outcome:?}");
    assert!(outcome.stdout.contains("test serves ... ok"), "{outcome:?}");
}

#[tokio::test]
async fn git_reads_the_workspace_without_running_its_programs() {
    let world = world();
    let git = |args: &str| {
        let status = std::process::Command::new("git")
            .current_dir(&world.root)
            .args(args.split(' '))
            .output()
            .unwrap()
            .status;
        assert!(status.success(), "{args}");
    };
    std::fs::remove_dir_all(world.root.join(".git")).unwrap();
    git("init -q");
    git("add f.txt");
    git("-c user.name=a -c user.email=a@b commit -qm one");
    std::fs::write(
        world.root.join("x.sh"),
        format!(
            "#!/bin/sh\ntouch {}/pwned {}\n",
            world.root,
            world.beside("out/pwned")
        ),
    )
    .unwrap();
    std::fs::set_permissions(
        world.root.join("x.sh"),
        std::os::unix::fs::PermissionsExt::from_mode(0o755),
    )
    .unwrap();
    git("config core.fsmonitor ./x.sh");
    let line = Line::Shell("git status --short".into());
    let permit = world
        .sandbox
        .permit(
            line,
            Access::Draft,
            Approval::None,
            Limits::default(),
            &world.root,
            &[],
        )
        .unwrap();
    let outcome = exec(permit, CancellationToken::new(), |_, _| {})
        .await
        .unwrap();
    assert!(outcome.stdout.contains("?? x.sh"), "{outcome:?}");
    assert!(!world.root.join("pwned").exists() && !world.beside("out/pwned").exists());
}
