//! Secret files of the workspace and the scratch tree: no command sees what is in them.

use camino::Utf8Path;
use sandbox::{Access, Config, End};

use crate::world::{World, world, world_at};

fn put(world: &World, path: &str, text: &str) {
    let path = world.beside(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

#[tokio::test]
async fn secret_files_seem_empty_to_every_command() {
    for place in ["/tmp", env!("CARGO_TARGET_TMPDIR")] {
        let world = world_at(Utf8Path::new(place), &Config::default());
        if !world.namespaces() {
            return;
        }
        let secrets = [
            "ws/.env",
            "ws/app/conf/.env.local",
            "ws/tls/server.pem",
            "ws/tls/server.key",
            "ws/id_rsa",
            "ws/store.p12",
            "ws/.npmrc",
            "ws/.netrc",
            "ws/credentials.json",
            "ws/.ssh/config",
            "scratch/.env",
        ];
        for path in secrets {
            put(&world, path, "canary-9f3\n");
        }
        put(&world, "ws/.env.example", "sample\n");
        put(&world, "ws/src/credentials.rs", "code\n");
        std::os::unix::fs::symlink(".env", world.root.join("plain.txt")).unwrap();
        let files: Vec<_> = secrets.map(|path| world.beside(path).to_string()).to_vec();
        let line = format!(
            "cat {files}; cat plain.txt .env tls/server.key; grep -r canary {root} {scratch} .; cp {root}/.env $TMPDIR/c; cat $TMPDIR/c; \
             mv {root}/.env {root}/e; cat {root}/e; tar -cf - {root} | grep -a canary; \
             cat {root}/.env.example {root}/src/credentials.rs {root}/f.txt",
            files = files.join(" "),
            root = world.root,
            scratch = world.beside("scratch"),
        );
        for access in [
            Access::ReadOnly,
            Access::Draft,
            world.scratch(),
            world.tests(),
        ] {
            let outcome = world.run(access.clone(), &line).await;
            assert!(!outcome.stdout.contains("canary"), "{access:?} {outcome:?}");
            assert!(
                outcome.stdout.ends_with("sample\ncode\nfoo\n"),
                "{access:?} {outcome:?}"
            );
            let count = secrets.len()
                - usize::from(!matches!(access, Access::Scratch(_) | Access::Tests(_)));
            assert!(
                outcome
                    .enforced_by
                    .contains(&format!("secret files hidden ({count})")),
                "{outcome:?}"
            );
        }
        for path in secrets {
            let text = std::fs::read_to_string(world.beside(path)).unwrap();
            assert_eq!(text, "canary-9f3\n", "{path}");
        }
    }
}

#[tokio::test]
async fn many_secret_files_are_hidden_as_one_is() {
    let world = world();
    if !world.namespaces() {
        return;
    }
    for number in 0..300 {
        put(&world, &format!("ws/certs/{number}.pem"), "canary-9f3\n");
    }
    let outcome = world
        .run(
            Access::Draft,
            "cat certs/0.pem certs/299.pem; grep -r canary .; echo end",
        )
        .await;
    assert_eq!(
        (outcome.end, outcome.stdout.as_str()),
        (End::Exit(0), "end\n"),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn sockets_and_pipes_of_the_workspace_lead_nowhere() {
    let world = world();
    if !world.namespaces() {
        return;
    }
    std::fs::create_dir(world.root.join("run")).unwrap();
    let listener =
        std::os::unix::net::UnixListener::bind(world.root.join("run/control.sock")).unwrap();
    listener.set_nonblocking(true).unwrap();
    let made = std::process::Command::new("mkfifo")
        .arg(world.root.join("pipe"))
        .status()
        .unwrap();
    assert!(made.success());
    let line = format!(
        "cd {root}; python3 -c 'import socket\ns = socket.socket(socket.AF_UNIX)\ns.connect(\"run/control.sock\")\nprint(\"reached\")' 2>/dev/null; \
test -p pipe && echo reached; \
         cd $TMPDIR && python3 -c 'import socket\ns = socket.socket(socket.AF_UNIX)\ns.bind(\"own\")\nprint(\"own\")'",
        root = world.root
    );
    for access in [Access::ReadOnly, world.tests()] {
        let outcome = world.run(access, &line).await;
        assert_eq!(outcome.stdout, "own\n", "{outcome:?}");
        assert!(listener.accept().is_err());
        let told = "sockets and pipes hidden (2)".to_owned();
        assert!(outcome.enforced_by.contains(&told), "{outcome:?}");
    }
}
