//! View: a patch as it crosses a wire, its hunks where they are in the user's text now.

use super::{state_of, task_of};
use protocol::{FileChange, FileOp, Hunk, HunkState, PatchId, PatchKind, PatchView, Place};
use workspace::{FileReview, Host, HunkReview, Kind, Look, Node, NodeState, Verdict};

/// The patch.
pub(super) fn of(node: &Node, host: &dyn Host) -> PatchView {
    // What is over and done with is not looked for in the files.
    let current = matches!(node.state(), NodeState::Proposed | NodeState::Landed);
    let files = node.review.files.iter().map(|file| {
        let places = match current {
            true => places(file, host),
            false => vec![None; file.hunks.len()],
        };
        of_file(file, places)
    });
    PatchView {
        id: PatchId::from(node.id.clone()),
        task: task_of(node),
        title: node.title.clone(),
        state: state_of(node.state()),
        verified: node.verified(),
        created: node.created.clone(),
        kind: match node.kind {
            Kind::Change => PatchKind::Change,
            Kind::Undo => PatchKind::Undo,
            Kind::Redo => PatchKind::Redo,
            Kind::Restore => PatchKind::Restore,
            Kind::Squash => PatchKind::Squash,
        },
        parent: node.parent.clone().map(PatchId::from),
        of: node.of.iter().cloned().map(PatchId::from).collect(),
        step: node.step,
        model: node.model.clone(),
        files: files.collect(),
    }
}

fn places(file: &FileReview, host: &dyn Host) -> Vec<Option<Place>> {
    let live = host.read(&file.edit.path).ok().flatten();
    let places = live.map_or_else(
        || vec![None; file.hunks.len()],
        |live| file.places(&live.bytes),
    );
    let place = |lines: std::ops::Range<u32>| Place {
        start: lines.start + 1,
        lines: lines.end - lines.start,
    };
    places.into_iter().map(|lines| lines.map(place)).collect()
}

fn of_file(file: &FileReview, places: Vec<Option<Place>>) -> FileChange {
    let Look { file: seen, hunks } = file.look();
    let hunk =
        |(index, ((look, hunk), live)): (usize, ((workspace::HunkLook, &HunkReview), _))| Hunk {
            index: u32::try_from(index).unwrap_or(u32::MAX),
            old_start: look.view.old_start,
            old_lines: look.view.old_lines,
            new_start: look.view.new_start,
            new_lines: look.view.new_lines,
            state: match hunk.verdict {
                Verdict::Pending => HunkState::Pending,
                Verdict::Accepted => HunkState::Accepted,
                Verdict::Refused => HunkState::Refused,
                Verdict::Undone => HunkState::Undone,
            },
            first: hunk.old.start + 1,
            removed: hunk.old.end - hunk.old.start,
            text: look.text,
            edited: hunk.edited.is_some(),
            live,
        };
    FileChange {
        path: seen.path.to_string(),
        op: match seen.op {
            workspace::FileOp::Create => FileOp::Create,
            workspace::FileOp::Modify => FileOp::Modify,
            workspace::FileOp::Delete => FileOp::Delete,
        },
        added: seen.added,
        removed: seen.removed,
        diff: seen.diff,
        hunks: hunks
            .into_iter()
            .zip(&file.hunks)
            .zip(places)
            .enumerate()
            .map(hunk)
            .collect(),
    }
}
