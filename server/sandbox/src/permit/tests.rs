//! What still holds where a kernel offers less: the same commands under fewer layers.

use tokio_util::sync::CancellationToken;

use super::*;
use crate::confine::{Layers, landlock_abi};
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
