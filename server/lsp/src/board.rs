//! Board: what the code actions must know of the agent, folded from its signals, so that they answer from memory.

use std::collections::BTreeMap;

use agent::Agent;
use protocol::{Approval, ApprovalId, PatchId, PatchKind, PatchState, PatchView, TaskId};

/// Most proposed patches that are offered at once.
const OFFERED: usize = 3;

/// Most landed patches that are remembered: the next one to undo is there when the last one is undone.
const LANDED: usize = 32;

/// What stands on it.
#[derive(Debug, Clone, Default)]
pub struct Board {
    /// Running tasks with their titles.
    pub running: BTreeMap<TaskId, String>,
    /// Proposed patches with their titles, newest last, at most three.
    pub proposed: Vec<(PatchId, String)>,
    /// Landed patches with their titles, newest last.
    pub landed: Vec<(PatchId, String)>,
    /// Questions without an answer yet.
    pub questions: BTreeMap<ApprovalId, Approval>,
    /// Why no task could start, if none can.
    pub problem: Option<String>,
}

impl Board {
    /// The board of an agent as it stands.
    pub fn of(agent: &Agent) -> Board {
        let mut board = Board {
            problem: agent.status().problem,
            ..Board::default()
        };
        let tasks = agent.tasks();
        board.running.extend(
            tasks
                .into_iter()
                .filter(|task| task.finished.is_none())
                .map(|task| (task.id, task.title)),
        );
        let open = agent.approvals().into_iter();
        board.questions = open.map(|it| (it.id.clone(), it)).collect();
        let mut patches = agent.patches();
        patches.sort_by(|one, other| one.created.cmp(&other.created));
        for patch in &patches {
            board.patch(patch);
        }
        board
    }

    /// A task began.
    pub fn began(&mut self, task: TaskId, title: String) {
        self.running.insert(task, title);
    }

    /// A task ended.
    pub fn ended(&mut self, task: &TaskId) {
        self.running.remove(task);
    }

    /// A patch came to be or changed its state.
    pub fn patch(&mut self, patch: &PatchView) {
        self.proposed.retain(|(id, _)| *id != patch.id);
        self.landed.retain(|(id, _)| *id != patch.id);
        let entry = (patch.id.clone(), patch.title.clone());
        // What an undo or a redo did is no patch that one would undo next.
        if matches!(patch.kind, PatchKind::Undo | PatchKind::Redo) {
            return;
        }
        match patch.state {
            PatchState::Proposed => self.proposed.push(entry),
            PatchState::Landed => self.landed.push(entry),
            PatchState::Refused | PatchState::Undone => {}
        }
        if self.proposed.len() > OFFERED {
            self.proposed.remove(0);
        }
        if self.landed.len() > LANDED {
            self.landed.remove(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patch(id: &str, state: PatchState) -> PatchView {
        PatchView {
            id: id.into(),
            task: "t".into(),
            title: id.to_owned(),
            state,
            verified: true,
            created: String::new(),
            kind: protocol::PatchKind::Change,
            parent: None,
            of: Vec::new(),
            step: None,
            model: None,
            files: Vec::new(),
        }
    }

    #[test]
    fn a_patch_stands_in_one_list_only() {
        let mut board = Board::default();
        let ids = |list: &[(PatchId, String)]| {
            list.iter()
                .map(|(id, _)| id.to_string())
                .collect::<Vec<_>>()
                .join(" ")
        };
        for id in ["a", "b", "c", "d"] {
            board.patch(&patch(id, PatchState::Proposed));
        }
        board.patch(&patch("c", PatchState::Landed));
        board.patch(&patch("d", PatchState::Refused));
        assert_eq!(
            (ids(&board.proposed), ids(&board.landed)),
            ("b".to_owned(), "c".to_owned())
        );
        board.patch(&patch("c", PatchState::Undone));
        assert!(board.landed.is_empty());
    }
}
