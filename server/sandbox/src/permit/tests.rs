//! What still holds where a kernel offers less: the same commands under fewer layers.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use tokio_util::sync::CancellationToken;

use super::*;
use crate::confine::{Layers, Wrap, landlock_abi};
use crate::{End, exec};

#[tokio::test]
async fn s4_without_namespaces_files_network_and_tree_are_still_held() {
    let dir = tempfile::tempdir().unwrap();
    let base = Utf8PathBuf::from_path_buf(dir.path().canonicalize().unwrap()).unwrap();
    let root = base.join("ws");
    std::fs::create_dir(&root).unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let sandbox = Sandbox::new(&Config::default(), &root).unwrap();
    for landlock in [landlock_abi(), None] {
        let line = Line::Shell(format!(
            "echo x > {base}/made; (echo x > /dev/tcp/127.0.0.1/{port}) && echo reached; echo x > $TMPDIR/t && cat $TMPDIR/t; \
             setsid sleep 98768 & (setsid sh -c 'sleep 98768; sleep 98768' &) ; sleep 0.1; exit 5"
        ));
        let mut permit = sandbox
            .permit(
                line,
                Access::Draft,
                Approval::Given,
                Limits::default(),
                &root,
                &[],
            )
            .unwrap();
        let tmp = Tmp::new().unwrap();
        permit.layers = Layers {
            namespaces: false,
            bubblewrap: false,
            landlock,
            seccomp: true,
        };
        permit.view.writable.push(tmp.path().to_owned());
        permit
            .variables
            .insert("TMPDIR".to_owned(), tmp.path().to_string());
        permit._tmp = Some(tmp);
        let outcome = exec(permit, CancellationToken::new(), |_, _| {})
            .await
            .unwrap();
        assert_eq!(
            (outcome.end, outcome.stdout.as_str()),
            (End::Exit(5), "x\n"),
            "{outcome:?}"
        );
        assert_eq!(
            base.join("made").exists(),
            landlock.is_none(),
            "{outcome:?}"
        );
        let alive = std::fs::read_dir("/proc")
            .unwrap()
            .filter_map(|entry| std::fs::read(entry.unwrap().path().join("cmdline")).ok())
            .filter(|line| line.windows(11).any(|window| window == b"sleep\x0098768"))
            .count();
        assert_eq!(alive, 0);
    }
}

#[test]
fn a_missing_layer_refuses_with_the_way_out_unless_degrading_is_allowed() {
    let dir = tempfile::tempdir().unwrap();
    let root = Utf8PathBuf::from_path_buf(dir.path().to_owned()).unwrap();
    let config = Config {
        degrade: Degrade::Refuse,
        ..Config::default()
    };
    let sandbox = Sandbox::new(&config, &root).unwrap();
    let nothing = Report::off();
    let refusal = sandbox.enough(&nothing, &Access::Draft).unwrap_err();
    assert_eq!(refusal.kind, RefusalKind::Unavailable);
    assert!(
        refusal.to_string().contains("sandbox.degrade: allow"),
        "{refusal}"
    );
    let config = Config {
        degrade: Degrade::Allow,
        ..Config::default()
    };
    assert!(
        Sandbox::new(&config, &root)
            .unwrap()
            .enough(&nothing, &Access::Draft)
            .is_ok()
    );
}

#[test]
fn where_secrets_cannot_be_hidden_a_person_decides() {
    let dir = tempfile::tempdir().unwrap();
    let root = Utf8PathBuf::from_path_buf(dir.path().canonicalize().unwrap()).unwrap();
    let sandbox = |degrade| {
        let config = Config {
            degrade,
            ..Config::default()
        };
        Sandbox::new(&config, &root).unwrap()
    };
    // No mounts, whatever else there is.
    let bare = Report::off();
    let refused = |degrade, approval| {
        let hidden = Hidden::below(&root, None);
        sandbox(degrade).unhidden(&bare, &hidden, approval).err()
    };
    assert_eq!(refused(Degrade::Refuse, Approval::None), None);
    std::fs::write(root.join(".env"), "K=1").unwrap();
    let refusal = refused(Degrade::Refuse, Approval::None).unwrap();
    assert_eq!(
        (refusal.kind, refusal.decision),
        (RefusalKind::Ask, Decision::Ask)
    );
    assert!(
        refusal.to_string().contains("cannot hide .env"),
        "{refusal}"
    );
    for approval in [Approval::Given, Approval::Configured] {
        assert_eq!(refused(Degrade::Refuse, approval), None);
    }
    assert_eq!(refused(Degrade::Allow, Approval::None), None);
}

/// The permit of a line as it would be where only bubblewrap may make namespaces.
fn wrapped(sandbox: &Sandbox, line: &str, access: Access, cwd: &Utf8Path) -> Permit {
    let (line, limits) = (Line::Shell(line.to_owned()), Limits::default());
    let permit = sandbox.permit(line, access, Approval::Given, limits, cwd, &[]);
    let mut permit = permit.unwrap();
    permit.layers = Layers {
        namespaces: false,
        bubblewrap: true,
        landlock: None,
        seccomp: true,
    };
    permit
}

#[tokio::test]
async fn bubblewrap_shows_what_our_own_mounts_show() {
    if !Wrap::trusted() || !Report::probed().has(Layer::Mounts) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let base = Utf8PathBuf::from_path_buf(dir.path().canonicalize().unwrap()).unwrap();
    let (root, scratch) = (base.join("ws"), base.join("scratch"));
    for folder in [&root, &scratch] {
        std::fs::create_dir(folder).unwrap();
    }
    std::fs::write(root.join("f.txt"), "foo\n").unwrap();
    std::fs::write(root.join(".env"), "canary\n").unwrap();
    std::fs::create_dir(root.join(".ssh")).unwrap();
    std::fs::write(root.join(".ssh/config"), "canary\n").unwrap();
    std::fs::write(base.join("victim"), "precious").unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let sandbox = Sandbox::new(&Config::default(), &root).unwrap();
    let line = format!(
        "exec 2>/dev/null; cat {root}/.env && echo empty; cat {root}/f.txt {root}/.env {root}/.ssh/* {base}/victim /etc/shadow; echo x > {root}/f.txt; rm -rf {base}/victim; \
         chmod 777 {root}/f.txt; touch {root}/new; echo mine > {scratch}/made; echo hi > $TMPDIR/t && cat $TMPDIR/t; ls ~/.ssh ~/.gitconfig; \
         (echo x > /dev/tcp/127.0.0.1/{port}) && echo reached; unshare --user true && echo unshared; mount -t tmpfs x /tmp && echo mounted; \
         grep -E 'CapEff|CapBnd|NoNewPrivs|^Seccomp:' /proc/self/status; readlink /proc/self/fd/0; \
         setsid sleep 98769 & (setsid sh -c 'trap \"\" TERM; sleep 98769; sleep 98769' &) ; sleep 0.1; exit 5"
    );
    for (access, cwd, made) in [
        (Access::ReadOnly, &root, false),
        (Access::Tests(scratch.clone()), &scratch, true),
    ] {
        let permit = wrapped(&sandbox, &line, access, cwd);
        let outcome = exec(permit, CancellationToken::new(), |_, _| {})
            .await
            .unwrap();
        assert_eq!(outcome.end, End::Exit(5), "{outcome:?}");
        let zero = "0000000000000000";
        let wanted = format!(
            "empty\nfoo\nhi\nCapEff:\t{zero}\nCapBnd:\t{zero}\nNoNewPrivs:\t1\nSeccomp:\t2\n/dev/null\n"
        );
        assert_eq!(outcome.stdout, wanted, "{outcome:?}");
        assert_eq!(scratch.join("made").exists(), made);
        assert_eq!(alive(b"98769"), 0);
    }
    assert_eq!(
        std::fs::read_to_string(root.join("f.txt")).unwrap(),
        "foo\n"
    );
    assert_eq!(
        std::fs::read_to_string(base.join("victim")).unwrap(),
        "precious"
    );
    assert!(!root.join("new").exists());
    let permit = wrapped(&sandbox, "sleep 98769", Access::ReadOnly, &root);
    let (cancel, since) = (CancellationToken::new(), std::time::Instant::now());
    let stop = cancel.clone();
    tokio::spawn(async move {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        stop.cancel();
    });
    let outcome = exec(permit, cancel, |_, _| {}).await.unwrap();
    assert_eq!((outcome.end, alive(b"98769")), (End::Cancelled, 0));
    assert!(since.elapsed() < std::time::Duration::from_millis(700));
}

/// Processes with this word in their command line.
fn alive(mark: &[u8]) -> usize {
    let folders = std::fs::read_dir("/proc").unwrap();
    let lines = folders.filter_map(|one| std::fs::read(one.unwrap().path().join("cmdline")).ok());
    let words = lines.filter(|line| line.split(|byte| *byte == 0).any(|word| word == mark));
    words.count()
}
