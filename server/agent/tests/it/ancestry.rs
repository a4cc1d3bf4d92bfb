//! Ancestry: earlier text brought back, patches made one and forgotten, over real files.

use crate::review::{by_hand, rel};
use crate::stage::Stage;
use agent::Restore;
use protocol::{Code, PatchKind, Undoing};

#[tokio::test(flavor = "multi_thread")]
async fn earlier_text_comes_back_and_that_can_be_undone() {
    let stage = Stage::empty();
    stage.write("a", "1\n");
    let agent = stage.agent("turns: []\n");
    let first = by_hand(&stage, &agent, "a", "2\n").await;
    by_hand(&stage, &agent, "a", "3\n").await;
    stage.write("a", "mine\n");
    let restored = agent
        .restore_patch(&first.id, Restore::After, &[])
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (restored.kind, stage.read("a").as_str()),
        (PatchKind::Restore, "2\n")
    );
    assert!(
        agent
            .restore_patch(&first.id, Restore::After, &[])
            .await
            .unwrap()
            .is_none()
    );
    agent
        .restore_patch(&first.id, Restore::Before, &[rel("a")])
        .await
        .unwrap()
        .unwrap();
    assert_eq!(stage.read("a"), "1\n");
    for want in ["2\n", "mine\n"] {
        agent.undo_patch(&Undoing::default()).await.unwrap();
        assert_eq!(stage.read("a"), want);
    }
    let other = agent
        .restore_patch(&first.id, Restore::After, &[rel("b")])
        .await;
    assert_eq!(other.unwrap_err().code, Code::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn patches_that_follow_one_another_become_one() {
    let stage = Stage::empty();
    stage.write("a", "1\n");
    let agent = stage.agent("turns: []\n");
    let first = by_hand(&stage, &agent, "a", "2\n").await;
    let second = by_hand(&stage, &agent, "b", "new\n").await;
    let third = by_hand(&stage, &agent, "a", "3\n").await;
    let last = by_hand(&stage, &agent, "c", "c\n").await;
    let ids = [third.id.clone(), first.id.clone(), second.id.clone()];
    let one = agent.squash_patches(&ids).await.unwrap();
    assert_eq!((one.kind, one.files.len()), (PatchKind::Squash, 2));
    assert_eq!(one.of, [first.id.clone(), second.id, third.id]);
    assert_eq!(agent.patches().len(), 2);
    assert_eq!(agent.patch(&last.id).unwrap().parent, Some(one.id.clone()));
    let by_id = Undoing {
        patch: Some(one.id.clone()),
        ..Undoing::default()
    };
    agent.undo_patch(&by_id).await.unwrap();
    assert_eq!(stage.read("a"), "1\n");
    assert!(!stage.root.join("b").exists());
    // Text that something else wrote in between does not go into a squash.
    stage.write("a", "mine\n");
    let fourth = by_hand(&stage, &agent, "a", "4\n").await;
    let error = agent.squash_patches(&[fourth.id.clone(), last.id]).await;
    assert!(error.is_ok(), "other files do not matter");
    stage.write("a", "mine again\n");
    let fifth = by_hand(&stage, &agent, "a", "5\n").await;
    let newest = agent.patches()[1].id.clone();
    let error = agent.squash_patches(&[newest, fifth.id]).await.unwrap_err();
    assert_eq!(error.code, Code::InvalidInput);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forgotten_patch_leaves_the_files_alone() {
    let stage = Stage::empty();
    let agent = stage.agent("turns: []\n");
    let first = by_hand(&stage, &agent, "a", "1\n").await;
    let second = by_hand(&stage, &agent, "a", "2\n").await;
    agent.drop_patch(&first.id).await.unwrap();
    assert_eq!(stage.read("a"), "2\n");
    assert_eq!(agent.patch(&first.id).unwrap_err().code, Code::NotFound);
    assert_eq!(agent.patch(&second.id).unwrap().parent, None);
    assert_eq!(
        agent.drop_patch(&first.id).await.unwrap_err().code,
        Code::NotFound
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undo_leaves_lines_of_the_person_that_only_look_like_ours() {
    let stage = Stage::empty();
    stage.write("a", "a\nb\n");
    let agent = stage.agent("turns: []\n");
    by_hand(&stage, &agent, "a", "a\n}\nb\n").await;
    agent.undo_patch(&Undoing::default()).await.unwrap();
    let typed = "a\nfn x() {\n}\nb\n";
    stage.write("a", typed);
    agent.redo_patch(None).await.unwrap();
    assert_eq!(stage.read("a"), "a\nfn x() {\n}\n}\nb\n");
    agent.undo_patch(&Undoing::default()).await.unwrap();
    assert_eq!(stage.read("a"), typed);
}

#[tokio::test(flavor = "multi_thread")]
async fn before_a_patch_is_before_it_last_came() {
    let stage = Stage::empty();
    stage.write("a", "1\n2\n3\n4\n5\n6\n7\n");
    let agent = stage.agent("turns: []\n");
    let first = by_hand(&stage, &agent, "a", "one\n2\n3\n4\n5\n6\n7\n").await;
    agent.undo_patch(&Undoing::default()).await.unwrap();
    let typed = "1\n2\n3\n4\n5\n6\nmine\n";
    stage.write("a", typed);
    agent.redo_patch(None).await.unwrap();
    agent
        .restore_patch(&first.id, Restore::Before, &[])
        .await
        .unwrap()
        .unwrap();
    assert_eq!(stage.read("a"), typed);
}
