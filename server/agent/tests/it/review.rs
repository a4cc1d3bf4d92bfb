//! Review: hunks decided one by one over real files, and every way back from what landed.

use crate::stage::{Stage, ask, finish, patch_turn};
use agent::{Agent, Proposal, Restore};
use futures::future::BoxFuture;
use protocol::{
    Choice, Code, FileChange, HunkState, LandMode, PatchKind, PatchState, PatchView, Place,
    Resolution, TaskRequest, Undoing,
};
use std::sync::Arc;
use std::time::Duration;
use workspace::{
    ChangeSet, Content, Disk, Draft, Error, Host, LandError, Landed, RelPath, Root, Snapshot,
};

const THREE: &str = "*** Begin Patch
*** Update File: a.txt
@@
-a2
+A2
@@
-a12
+A12
+A12b
*** Update File: b.txt
@@
-b5
+B5
*** End Patch";

fn text(letter: &str, lines: std::ops::RangeInclusive<u32>) -> String {
    lines.map(|line| format!("{letter}{line}\n")).collect()
}

/// A workspace of two files with a tested patch of three hunks that waits.
async fn waiting() -> (Stage, Agent, PatchView) {
    let stage = Stage::empty();
    stage.write("a.txt", &text("a", 1..=15));
    stage.write("b.txt", &text("b", 1..=9));
    stage.write("check.sh", "exit 0\n");
    let agent = stage.agent(&format!("turns:\n{}  - text: done\n", patch_turn(THREE)));
    let started = agent
        .start(TaskRequest {
            land: Some(LandMode::Review),
            ..ask("make them big")
        })
        .unwrap();
    finish(&agent, &started).await;
    let patch = agent.patches().remove(0);
    (stage, agent, patch)
}

fn choice(patch: &PatchView, path: &str, hunk: u32, resolution: Resolution) -> Choice {
    Choice {
        patch: patch.id.clone(),
        path: Some(path.to_owned()),
        hunk: Some(hunk),
        resolution,
        text: None,
    }
}

fn whole(patch: &PatchView, resolution: Resolution) -> Choice {
    Choice {
        path: None,
        hunk: None,
        ..choice(patch, "", 0, resolution)
    }
}

fn states(patch: &PatchView) -> Vec<HunkState> {
    let hunks = patch.files.iter().flat_map(|file: &FileChange| &file.hunks);
    hunks.map(|hunk| hunk.state).collect()
}

pub fn rel(path: &str) -> RelPath {
    RelPath::new(path).unwrap()
}

/// Lands a change by hand, as the terminal does.
pub async fn by_hand(stage: &Stage, agent: &Agent, path: &str, text: &str) -> PatchView {
    let host: Arc<dyn Host> = Arc::new(stage.disk());
    let mut draft = Draft::new(Arc::new(Snapshot::new(host.clone())));
    draft.write(&rel(path), text).unwrap();
    let proposal = Proposal {
        title: format!("write {path}"),
        change: draft.change_set(),
        ..Proposal::default()
    };
    let (id, decision) = agent.begin_patch(proposal).await.unwrap();
    let landed = draft.land(host.as_ref(), "by hand").await.unwrap();
    agent
        .end_patch(&id, &decision, Some(&landed.change))
        .unwrap();
    agent.patch(&id).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn three_hunks_in_two_files_are_decided_one_by_one_while_somebody_types() {
    use HunkState::{Accepted, Pending, Refused, Undone};
    let (stage, agent, patch) = waiting().await;
    assert_eq!(states(&patch), [Pending, Pending, Pending]);
    assert_eq!((patch.step, patch.verified), (Some(2), true));
    assert!(patch.model.is_some() && patch.kind == PatchKind::Change);

    let one = agent
        .resolve_patch(&choice(&patch, "a.txt", 0, Resolution::Accept))
        .await
        .unwrap();
    assert_eq!(states(&one), [Accepted, Pending, Pending]);
    assert_eq!((one.state, one.verified), (PatchState::Proposed, false));
    let first = text("a", 1..=1) + "A2\n" + &text("a", 3..=15);
    assert_eq!(stage.read("a.txt"), first);
    assert_eq!(stage.read("b.txt"), text("b", 1..=9));

    // Somebody types right above the second, which is then refused by another process.
    let typed = first.replace("a12\n", "typed\na12\n");
    stage.write("a.txt", &typed);
    let other = stage.agent("turns: []\n");
    let live = other.patch(&patch.id).unwrap().files[0].hunks[1].live;
    assert_eq!(
        live,
        Some(Place {
            start: 13,
            lines: 1
        })
    );
    let two = other
        .resolve_patch(&choice(&patch, "a.txt", 1, Resolution::Refuse))
        .await
        .unwrap();
    assert_eq!(states(&two), [Accepted, Refused, Pending]);
    assert_eq!(stage.read("a.txt"), typed);

    let three = agent
        .resolve_patch(&choice(&patch, "b.txt", 0, Resolution::Accept))
        .await
        .unwrap();
    assert_eq!(states(&three), [Accepted, Refused, Accepted]);
    assert_eq!(three.state, PatchState::Landed);
    assert_eq!(
        stage.read("b.txt"),
        text("b", 1..=4) + "B5\n" + &text("b", 6..=9)
    );

    let what = Undoing {
        patch: Some(patch.id.clone()),
        path: Some("a.txt".to_owned()),
        hunk: Some(0),
    };
    let undone = agent.undo_patch(&what).await.unwrap();
    assert_eq!(states(&undone), [Undone, Refused, Accepted]);
    assert_eq!(
        stage.read("a.txt"),
        text("a", 1..=11) + "typed\n" + &text("a", 12..=15)
    );

    // The refused one after all, on the text as it is now; a decision that stands is no error.
    for _ in 0..2 {
        let late = agent
            .resolve_patch(&choice(&patch, "a.txt", 1, Resolution::Accept))
            .await
            .unwrap();
        assert_eq!(states(&late), [Undone, Accepted, Accepted]);
    }
    let want = text("a", 1..=11) + "typed\nA12\nA12b\n" + &text("a", 13..=15);
    assert_eq!(stage.read("a.txt"), want);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undo_is_a_patch_of_its_own_and_a_redo_brings_back() {
    let (stage, agent, patch) = waiting().await;
    let landed = agent
        .resolve_patch(&whole(&patch, Resolution::Accept))
        .await
        .unwrap();
    assert_eq!((landed.state, landed.verified), (PatchState::Landed, true));
    let big = stage.read("a.txt");
    let undone = agent.undo_patch(&Undoing::default()).await.unwrap();
    assert_eq!((&undone.id, undone.state), (&patch.id, PatchState::Undone));
    let undo = agent.patches().remove(0);
    assert_eq!(
        (undo.kind, &undo.of),
        (PatchKind::Undo, &vec![patch.id.clone()])
    );
    assert_eq!(undo.parent.as_ref(), Some(&patch.id));
    assert_eq!(stage.read("a.txt"), text("a", 1..=15));
    let nothing = agent.undo_patch(&Undoing::default()).await.unwrap_err();
    assert_eq!(nothing.code, Code::NotFound);

    let again = agent.redo_patch(None).await.unwrap();
    assert_eq!((&again.id, again.state), (&patch.id, PatchState::Landed));
    assert_eq!(stage.read("a.txt"), big);
    assert_eq!(agent.patches()[0].kind, PatchKind::Redo);
    assert_eq!(
        agent.redo_patch(None).await.unwrap_err().code,
        Code::NotFound
    );
    // The undo of an undo is a redo, and an undo after a redo takes back the same patch.
    agent.undo_patch(&Undoing::default()).await.unwrap();
    let undo = agent.patches().remove(0);
    let by_undo = Undoing {
        patch: Some(undo.id),
        ..Undoing::default()
    };
    agent.undo_patch(&by_undo).await.unwrap();
    assert_eq!(stage.read("a.txt"), big);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undo_never_touches_text_that_it_did_not_write() {
    let (stage, agent, patch) = waiting().await;
    agent
        .resolve_patch(&whole(&patch, Resolution::Accept))
        .await
        .unwrap();
    stage.write("a.txt", &stage.read("a.txt").replace("A2\n", "mine\n"));
    let before = (stage.read("a.txt"), stage.read("b.txt"));
    let error = agent.undo_patch(&Undoing::default()).await.unwrap_err();
    assert_eq!(error.code, Code::Stale);
    assert!(
        error.to_string().contains("mine\n>>>>>>> your text"),
        "{error}"
    );
    assert_eq!((stage.read("a.txt"), stage.read("b.txt")), before);
    assert_eq!(agent.patch(&patch.id).unwrap().state, PatchState::Landed);
    // The other hunks can be taken back all the same.
    let what = Undoing {
        patch: Some(patch.id.clone()),
        path: Some("b.txt".to_owned()),
        hunk: None,
    };
    agent.undo_patch(&what).await.unwrap();
    assert_eq!(stage.read("b.txt"), text("b", 1..=9));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edited_hunk_lands_as_the_person_wrote_it() {
    let (stage, agent, patch) = waiting().await;
    let mut edit = choice(&patch, "b.txt", 0, Resolution::Edit);
    assert_eq!(
        agent.resolve_patch(&edit).await.unwrap_err().code,
        Code::InvalidInput
    );
    edit.text = Some("mine".to_owned());
    let view = agent.resolve_patch(&edit).await.unwrap();
    let hunk = &view.files[1].hunks[0];
    assert_eq!(
        (hunk.edited, hunk.text.as_str(), hunk.state),
        (true, "mine\n", HunkState::Accepted)
    );
    assert!(
        view.files[1].diff.contains("-b5\n+mine\n"),
        "{}",
        view.files[1].diff
    );
    assert_eq!(
        stage.read("b.txt"),
        text("b", 1..=4) + "mine\n" + &text("b", 6..=9)
    );
    // All that is left, and then it is not what the tests saw.
    let rest = agent
        .resolve_patch(&whole(&patch, Resolution::Accept))
        .await
        .unwrap();
    assert_eq!((rest.state, rest.verified), (PatchState::Landed, false));
    for (wrong, code) in [
        (
            choice(&patch, "c.txt", 0, Resolution::Accept),
            Code::NotFound,
        ),
        (
            choice(&patch, "a.txt", 7, Resolution::Accept),
            Code::NotFound,
        ),
        (
            Choice {
                path: None,
                ..choice(&patch, "", 0, Resolution::Accept)
            },
            Code::InvalidInput,
        ),
    ] {
        assert_eq!(agent.resolve_patch(&wrong).await.unwrap_err().code, code);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_patch_is_moved_onto_newer_text_or_shows_the_conflict() {
    let (stage, agent, patch) = waiting().await;
    stage.write("a.txt", &("new top\n".to_owned() + &text("a", 1..=15)));
    let moved = agent.rebase_patch(&patch.id).await.unwrap();
    assert_eq!((moved.state, moved.verified), (PatchState::Proposed, false));
    assert_eq!(moved.files[0].hunks[0].first, 3);
    stage.write("a.txt", &stage.read("a.txt").replace("a2\n", "mine\n"));
    let error = agent.rebase_patch(&patch.id).await.unwrap_err();
    assert_eq!(error.code, Code::Stale);
    assert!(error.to_string().contains("a.txt"), "{error}");
    for mark in [
        "<<<<<<< patch\nA2\n",
        "||||||| before\na2\n",
        "=======\nmine\n",
    ] {
        assert!(error.to_string().contains(mark), "{error}");
    }
    let kept = agent.patch(&patch.id).unwrap();
    assert_eq!(kept.files[0].diff, moved.files[0].diff);
    // The other hunks are not held up by it.
    let second = choice(&patch, "a.txt", 1, Resolution::Accept);
    agent.resolve_patch(&second).await.unwrap();
    let now = stage.read("a.txt");
    assert!(
        now.contains("mine\na3\n") && now.contains("A12b\n"),
        "{now}"
    );
}

/// A host that stops in the middle: before it wrote anything, or after.
struct Dying {
    disk: Disk,
    writes: bool,
}

impl Host for Dying {
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
    fn land<'a>(
        &'a self,
        change: &'a ChangeSet,
        label: &'a str,
    ) -> BoxFuture<'a, Result<Landed, LandError>> {
        Box::pin(async move {
            if self.writes {
                self.disk.land(change, label).await?;
            }
            std::future::pending().await
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_that_was_cut_off_is_settled_by_what_the_files_say() {
    for (writes, want) in [(true, PatchState::Landed), (false, PatchState::Proposed)] {
        let (stage, _, patch) = waiting().await;
        let host = Arc::new(Dying {
            disk: stage.disk(),
            writes,
        });
        let dying = stage.agent_over(host, "turns: []\n", agent::ToolsConfig::default(), |_| {});
        let accept = whole(&patch, Resolution::Accept);
        let cut = tokio::time::timeout(Duration::from_millis(300), dying.resolve_patch(&accept));
        assert!(cut.await.is_err());
        let agent = stage.agent("turns: []\n");
        agent.settle().await;
        assert_eq!(agent.patch(&patch.id).unwrap().state, want);
        let landed = agent.resolve_patch(&accept).await.unwrap();
        assert_eq!(landed.state, PatchState::Landed);
        agent.undo_patch(&Undoing::default()).await.unwrap();
        assert_eq!(stage.read("a.txt"), text("a", 1..=15));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undo_that_was_cut_off_is_a_patch_of_its_own_all_the_same() {
    let (stage, agent, patch) = waiting().await;
    let accept = whole(&patch, Resolution::Accept);
    agent.resolve_patch(&accept).await.unwrap();
    stage.write("a.txt", &(stage.read("a.txt") + "typed\n"));
    let big = stage.read("a.txt");
    let small = text("a", 1..=15) + "typed\n";
    for kind in [PatchKind::Undo, PatchKind::Redo] {
        let host = Arc::new(Dying {
            disk: stage.disk(),
            writes: true,
        });
        let dying = stage.agent_over(host, "turns: []\n", agent::ToolsConfig::default(), |_| {});
        let what = Undoing::default();
        let cut = async {
            match kind {
                PatchKind::Redo => dying.redo_patch(Some(&patch.id)).await,
                _ => dying.undo_patch(&what).await,
            }
        };
        let cut = tokio::time::timeout(Duration::from_millis(300), cut);
        assert!(cut.await.is_err());
        let agent = stage.agent("turns: []\n");
        agent.settle().await;
        let newest = agent.patches().remove(0);
        assert_eq!((newest.kind, newest.of), (kind, vec![patch.id.clone()]));
        let (want, from) = match kind {
            PatchKind::Redo => (&big, &small),
            _ => (&small, &big),
        };
        assert_eq!(&stage.read("a.txt"), want);
        // What the files were is known, with what was typed.
        let before = agent.restore_patch(&newest.id, Restore::Before, &[]).await;
        let before = before.unwrap().unwrap();
        assert_eq!(&stage.read("a.txt"), from);
        let restored = Undoing {
            patch: Some(before.id),
            ..Undoing::default()
        };
        agent.undo_patch(&restored).await.unwrap();
        assert_eq!(&stage.read("a.txt"), want);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undo_at_once_gives_the_bytes_back_also_where_lines_are_alike() {
    for typed in ["}\ntyped\nb\n}\na\n", "}\n\nb\n}\na\n"] {
        let stage = Stage::empty();
        stage.write("a.txt", "}\nb\na\n");
        stage.write("check.sh", "exit 0\n");
        let patch = "*** Begin Patch\n*** Update File: a.txt\n@@\n-}\n b\n*** End Patch";
        let agent = stage.agent(&format!("turns:\n{}  - text: done\n", patch_turn(patch)));
        let request = TaskRequest {
            land: Some(LandMode::Review),
            ..ask("one brace less")
        };
        let started = agent.start(request).unwrap();
        finish(&agent, &started).await;
        let patch = agent.patches().remove(0);
        stage.write("a.txt", typed);
        let accept = whole(&patch, Resolution::Accept);
        agent.resolve_patch(&accept).await.unwrap();
        assert_ne!(stage.read("a.txt"), typed);
        agent.undo_patch(&Undoing::default()).await.unwrap();
        assert_eq!(stage.read("a.txt"), typed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hunk_that_an_editor_put_in_by_itself_is_noticed() {
    let (stage, agent, patch) = waiting().await;
    let by_editor = text("b", 1..=4) + "B5\n" + &text("b", 6..=9) + "typed\n";
    stage.write("b.txt", &by_editor);
    agent.notice(&patch.id, &rel("a.txt")).await.unwrap();
    agent.notice(&patch.id, &rel("b.txt")).await.unwrap();
    let view = agent.patch(&patch.id).unwrap();
    assert_eq!(
        states(&view),
        [HunkState::Pending, HunkState::Pending, HunkState::Accepted]
    );
    // And when its command comes, nothing is left to do.
    agent
        .resolve_patch(&choice(&patch, "b.txt", 0, Resolution::Accept))
        .await
        .unwrap();
    assert_eq!(stage.read("b.txt"), by_editor);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_of_another_process_is_told() {
    let (stage, agent, patch) = waiting().await;
    let other = stage.agent("turns: []\n");
    let mut feed = other.feed();
    let watching = other.clone();
    let watch = tokio::spawn(async move { watching.watch().await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    agent
        .resolve_patch(&choice(&patch, "b.txt", 0, Resolution::Refuse))
        .await
        .unwrap();
    let told = tokio::time::timeout(Duration::from_secs(10), async {
        loop {
            if let agent::Signal::Patch(view) = feed.next().await {
                return view;
            }
        }
    });
    let told = told.await.unwrap();
    assert_eq!(
        (told.id.clone(), states(&told)[2]),
        (patch.id, HunkState::Refused)
    );
    watch.abort();
}
