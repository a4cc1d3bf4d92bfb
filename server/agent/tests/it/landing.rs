//! Landing: what the user did meanwhile is kept, and everything can be taken back.

use crate::stage::{GOOD, Stage, ask, finish, patch_turn, run, until};
use agent::ToolsConfig;
use camino::Utf8PathBuf;
use futures::future::BoxFuture;
use protocol::{
    Choice, Code, FinishReason, LandMode, PatchId, PatchState, Resolution, TaskRequest, Undoing,
    Update,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use workspace::{ChangeSet, Content, Disk, Error, Host, LandError, Landed, RelPath, Root};

/// A disk whose user types into a file in the very moment before the first landing.
struct Typist {
    disk: Disk,
    file: Utf8PathBuf,
    typed: &'static str,
    done: AtomicBool,
    /// How long its editor takes to apply an edit.
    slow: Duration,
}

impl Host for Typist {
    fn root(&self) -> &Root {
        self.disk.root()
    }

    fn read(&self, path: &RelPath) -> Result<Option<Content>, Error> {
        self.disk.read(path)
    }

    fn open(&self) -> Vec<RelPath> {
        Vec::new()
    }

    fn dirty(&self) -> Vec<RelPath> {
        Vec::new()
    }

    #[allow(clippy::disallowed_methods, reason = "the user types here")]
    fn land<'a>(
        &'a self,
        change: &'a ChangeSet,
        label: &'a str,
    ) -> BoxFuture<'a, Result<Landed, LandError>> {
        Box::pin(async move {
            if !self.done.swap(true, Ordering::SeqCst) {
                std::fs::write(&self.file, self.typed).unwrap();
            }
            tokio::time::sleep(self.slow).await;
            self.disk.land(change, label).await
        })
    }
}

fn typist(stage: &Stage, typed: &'static str) -> Arc<Typist> {
    Arc::new(Typist {
        disk: stage.disk(),
        file: stage.root.join("greet.txt"),
        typed,
        done: AtomicBool::new(false),
        slow: Duration::ZERO,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn text_typed_at_the_last_moment_is_tested_too() {
    let stage = Stage::new();
    stage.write("greet.txt", "hello\n\n\n\nworld\n");
    stage.write("check.sh", "! grep -q BROKEN greet.txt\n");
    let host = typist(&stage, "hello\n\n\n\nworld BROKEN\n");
    let script = format!("turns:\n{}  - text: done\n", patch_turn(GOOD));
    let run = run(
        &stage.agent_over(host, &script, ToolsConfig::default(), |_| {}),
        "say goodbye",
    )
    .await;
    assert_eq!(run.reason(), FinishReason::TestFailed, "{}", run.summary());
    assert_eq!(stage.read("greet.txt"), "hello\n\n\n\nworld BROKEN\n");
}

fn choice(patch: &PatchId, resolution: Resolution) -> Choice {
    Choice {
        patch: patch.clone(),
        path: None,
        hunk: None,
        resolution,
        text: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patch_refused_while_it_is_tested_again_does_not_land() {
    let stage = Stage::new();
    stage.write("greet.txt", "hello\n\n\n\nworld\n");
    stage.write("check.sh", "grep -q goodbye greet.txt && sleep 1\n");
    let host = typist(&stage, "hello\n\n\n\nworld, typed\n");
    let script = format!("turns:\n{}  - text: done\n", patch_turn(GOOD));
    let agent = stage.agent_over(host, &script, ToolsConfig::default(), |_| {});
    let started = agent.start(ask("say goodbye")).unwrap();
    until(
        &agent,
        &started,
        |update| matches!(update, Update::Notice { message, .. } if message.contains("merged")),
    )
    .await;
    let patch = agent.patches().remove(0);
    agent
        .resolve_patch(&choice(&patch.id, Resolution::Refuse))
        .await
        .unwrap();
    let run = finish(&agent, &started).await;
    assert_eq!(run.reason(), FinishReason::Cancelled, "{}", run.summary());
    assert_eq!(stage.read("greet.txt"), "hello\n\n\n\nworld, typed\n");
    assert_eq!(agent.patches()[0].state, PatchState::Refused);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hunk_refused_while_the_patch_is_tested_again_does_not_land() {
    let stage = Stage::new();
    stage.write("greet.txt", "hello\n\n\n\nworld\n");
    stage.write("check.sh", "grep -q goodbye greet.txt && sleep 1\n");
    let host = typist(&stage, "hello\n\n\n\nworld, typed\n");
    let both = "*** Begin Patch\n*** Update File: greet.txt\n@@\n-hello\n+goodbye\n*** Add File: other.txt\n+other\n*** End Patch";
    let script = format!("turns:\n{}  - text: done\n", patch_turn(both));
    let agent = stage.agent_over(host, &script, ToolsConfig::default(), |_| {});
    let started = agent.start(ask("say goodbye")).unwrap();
    until(
        &agent,
        &started,
        |update| matches!(update, Update::Notice { message, .. } if message.contains("merged")),
    )
    .await;
    let patch = agent.patches().remove(0);
    let one = Choice {
        path: Some("other.txt".to_owned()),
        ..choice(&patch.id, Resolution::Refuse)
    };
    agent.resolve_patch(&one).await.unwrap();
    let run = finish(&agent, &started).await;
    assert_eq!(run.reason(), FinishReason::Unverified, "{}", run.summary());
    assert!(run.summary().contains("waits for your decision"));
    assert_eq!(stage.read("greet.txt"), "hello\n\n\n\nworld, typed\n");
    assert!(!stage.root.join("other.txt").exists());
    // What was not refused can still be taken.
    let accept = choice(&patch.id, Resolution::Accept);
    agent.resolve_patch(&accept).await.unwrap();
    assert_eq!(stage.read("greet.txt"), "goodbye\n\n\n\nworld, typed\n");
    assert!(!stage.root.join("other.txt").exists());
}

fn slow_script() -> String {
    format!(
        "turns:\n{}  - text: done\n    delay_ms: 700\n",
        patch_turn(GOOD)
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn w5_newer_text_of_the_user_is_merged_and_tested() {
    let stage = Stage::new();
    stage.write("greet.txt", "hello\n\n\n\nworld\n");
    let agent = stage.agent(&slow_script());
    let started = agent.start(ask("say goodbye")).unwrap();
    until(&agent, &started, |update| {
        matches!(update, Update::Draft { .. })
    })
    .await;
    stage.write("greet.txt", "hello\n\n\n\nworld, typed meanwhile\n");
    let run = finish(&agent, &started).await;
    assert_eq!(run.reason(), FinishReason::Verified, "{}", run.summary());
    assert_eq!(
        run.phases(),
        "context plan act check test propose land",
        "one run, on the newer text"
    );
    assert_eq!(
        stage.read("greet.txt"),
        "goodbye\n\n\n\nworld, typed meanwhile\n"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn newer_text_on_the_same_line_is_never_overwritten() {
    let stage = Stage::new();
    let agent = stage.agent(&slow_script());
    let started = agent.start(ask("say goodbye")).unwrap();
    until(&agent, &started, |update| {
        matches!(update, Update::Draft { .. })
    })
    .await;
    stage.write("greet.txt", "hello, typed meanwhile\nworld\n");
    let run = finish(&agent, &started).await;
    assert_eq!(run.reason(), FinishReason::NeedsUser, "{}", run.summary());
    assert_eq!(stage.read("greet.txt"), "hello, typed meanwhile\nworld\n");
    assert_eq!(stage.read("count.txt"), "one\n1\n");
    assert_eq!(agent.patches()[0].state, PatchState::Proposed);
}

#[tokio::test(flavor = "multi_thread")]
async fn undo_restores_the_files_and_keeps_later_text() {
    let stage = Stage::new();
    stage.write("greet.txt", "hello\n\n\n\nworld\n");
    let agent = stage.agent(&format!("turns:\n{}  - text: done\n", patch_turn(GOOD)));
    assert_eq!(
        run(&agent, "say goodbye").await.reason(),
        FinishReason::Verified
    );
    stage.write("greet.txt", "goodbye\n\n\n\nworld and more\n");
    let undone = agent.undo_patch(&Undoing::default()).await.unwrap();
    assert_eq!(undone.state, PatchState::Undone);
    assert_eq!(stage.read("greet.txt"), "hello\n\n\n\nworld and more\n");
    assert_eq!(stage.read("count.txt"), "one\n1\n");
    assert_eq!(
        agent
            .undo_patch(&Undoing::default())
            .await
            .unwrap_err()
            .code,
        Code::NotFound
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patch_under_review_waits_and_lands_when_accepted() {
    let stage = Stage::new();
    let agent = stage.agent(&format!("turns:\n{}  - text: done\n", patch_turn(GOOD)));
    let started = agent
        .start(TaskRequest {
            land: Some(LandMode::Review),
            ..ask("say goodbye")
        })
        .unwrap();
    let run = finish(&agent, &started).await;
    assert_eq!(run.reason(), FinishReason::Verified);
    assert_eq!(stage.read("greet.txt"), "hello\nworld\n");
    let patch = agent.patches().remove(0);
    // Another process of the same workspace knows it too.
    let other = stage.agent("turns: []\n");
    let landed = other
        .resolve_patch(&choice(&patch.id, Resolution::Accept))
        .await
        .unwrap();
    assert_eq!((landed.state, landed.verified), (PatchState::Landed, true));
    assert_eq!(stage.read("greet.txt"), "goodbye\nworld\n");
    assert_eq!(
        other
            .resolve_patch(&choice(&patch.id, Resolution::Refuse))
            .await
            .unwrap_err()
            .code,
        Code::InvalidInput
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_does_not_wait_for_the_editor_and_what_it_applies_is_recorded() {
    let stage = Stage::new();
    let host = Typist {
        disk: stage.disk(),
        file: stage.root.join("greet.txt"),
        typed: "",
        done: AtomicBool::new(true),
        slow: Duration::from_secs(2),
    };
    let script = format!("turns:\n{}  - text: done\n", patch_turn(GOOD));
    let agent = stage.agent_over(Arc::new(host), &script, ToolsConfig::default(), |_| {});
    let started = agent.start(ask("say goodbye")).unwrap();
    let landing = |update: &Update| {
        matches!(
            update,
            Update::Phase {
                phase: protocol::Phase::Land,
                ..
            }
        )
    };
    until(&agent, &started, landing).await;
    let start = Instant::now();
    agent.cancel(None);
    let run = finish(&agent, &started).await;
    assert!(start.elapsed() < Duration::from_secs(1));
    assert_eq!(run.reason(), FinishReason::Cancelled, "{}", run.summary());
    let mut feed = agent.feed();
    let told = tokio::time::timeout(Duration::from_secs(20), feed.next())
        .await
        .unwrap();
    assert!(
        matches!(told, agent::Signal::Patch(view) if view.state == PatchState::Landed && view.verified)
    );
    assert_eq!(stage.read("greet.txt"), "goodbye\nworld\n");
    agent.undo_patch(&Undoing::default()).await.unwrap();
    assert_eq!(stage.read("greet.txt"), "hello\nworld\n");
}
