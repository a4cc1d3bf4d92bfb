//! Errands: a verb that one process says and another carries out. Each call gets one answer, also where who should give it is gone.

use super::{Call, Doer, Hub, PeerId, carried_out, starts};
use crate::peers::Door;
use crate::peers::join::refused;
use crate::peers::wire::Line;
use protocol::{ApprovalId, Code, Failure, TaskId, TaskView};
use serde_json::{Value, json};
use std::sync::Arc;

impl Hub {
    /// Has a verb carried out, here or by the process that it is for; `asked` gets the answer.
    pub(super) fn carry_out(
        self: &Arc<Self>,
        asked: Option<(PeerId, u64)>,
        verb: &str,
        params: Value,
    ) {
        let starts = starts(verb);
        match self.doer(asked, verb, &params) {
            Ok(Doer::Us) => {
                let (hub, verb) = (self.clone(), verb.to_owned());
                tokio::spawn(async move {
                    let result = match asked {
                        Some(_) => carried_out(&hub.agent, &verb, params).await,
                        None => agent::verbs::call(&hub.agent, &verb, params).await,
                    };
                    hub.answer(asked, starts, result);
                });
            }
            Ok(Doer::Peer(by)) => {
                let mut table = self.table.lock();
                table.next += 1;
                let id = table.next;
                let line = Line::Call {
                    id,
                    verb: verb.to_owned(),
                    params,
                };
                table.calls.insert(id, Call { by, asked, starts });
                let sent = table
                    .peers
                    .get(&by)
                    .is_some_and(|peer| peer.lines.send(line).is_ok());
                if !sent {
                    table.calls.remove(&id);
                    drop(table);
                    self.answer(asked, false, Err(gone()));
                }
            }
            Err(failure) => self.answer(asked, false, Err(failure)),
        }
    }

    /// Who a verb is for: the process of its task or its question; else one that stays.
    fn doer(
        &self,
        asked: Option<(PeerId, u64)>,
        verb: &str,
        params: &Value,
    ) -> Result<Doer, Failure> {
        let named = |key: &str| params.get(key).and_then(Value::as_str);
        let task = match (verb, named("approval")) {
            ("approval/resolve", Some(id)) => {
                self.agent.asked_elsewhere(&ApprovalId::from(id.to_owned()))
            }
            _ => named("task").map(|id| TaskId::from(id.to_owned())),
        };
        let table = self.table.lock();
        if let Some(task) = task.filter(|task| self.agent.is_elsewhere(task)) {
            return table
                .owners
                .get(&task)
                .map_or_else(|| Err(gone()), |id| Ok(Doer::Peer(*id)));
        }
        let Some(asker) = asked.and_then(|(id, _)| table.peers.get(&id)) else {
            return Ok(Doer::Us);
        };
        let may = |door: Door, config: &str| door.stays() && config == asker.hello.config;
        if !starts(verb) || may(self.member.door, &self.member.config) {
            return Ok(Doer::Us);
        }
        let other = table
            .peers
            .iter()
            .find(|(_, peer)| may(peer.hello.door, &peer.hello.config));
        other.map_or_else(
            || {
                Err(Failure::new(
                    Code::NotFound,
                    "no server with the same configuration has this workspace open",
                ))
            },
            |(id, _)| Ok(Doer::Peer(*id)),
        )
    }

    /// Another process carried a call out.
    pub(super) fn answered(&self, by: PeerId, call: u64, result: Result<Value, Failure>) {
        let known = {
            let mut table = self.table.lock();
            match table.calls.get(&call) {
                Some(known) if known.by == by => table.calls.remove(&call),
                _ => None,
            }
        };
        if let Some(Call { asked, starts, .. }) = known {
            self.answer(asked, starts, result);
        }
    }

    /// Brings an answer to who waits for it. A task that was started for somebody who is gone is cancelled.
    fn answer(&self, asked: Option<(PeerId, u64)>, starts: bool, result: Result<Value, Failure>) {
        let Some((asker, call)) = asked else {
            if let Err(failure) = result {
                refused(&self.agent, &failure);
            }
            return;
        };
        let started = match &result {
            Ok(value) if starts => value.get("task").and_then(Value::as_str),
            _ => None,
        };
        let started = started.map(|id| TaskId::from(id.to_owned()));
        let mut table = self.table.lock();
        let heard = table.peers.get_mut(&asker).is_some_and(|peer| {
            peer.started.extend(started.clone());
            peer.lines.send(Line::answer(call, result)).is_ok()
        });
        drop(table);
        if let (false, Some(task)) = (heard, started) {
            self.stop(&task);
        }
    }

    fn stop(&self, task: &TaskId) {
        let owner = self.table.lock().owners.get(task).copied();
        let Some(owner) = owner else {
            self.agent.cancel(Some(task));
            return;
        };
        let mut table = self.table.lock();
        table.next += 1;
        let id = table.next;
        if let Some(peer) = table.peers.get(&owner) {
            let params = json!({ "task": task });
            let verb = "task/cancel".to_owned();
            let _ = peer.lines.send(Line::Call { id, verb, params });
        }
    }

    /// A process went: its tasks are over, and so is what it started elsewhere.
    pub(super) fn left(&self, id: PeerId) {
        let (started, orphans, calls) = {
            let mut table = self.table.lock();
            let started = table
                .peers
                .remove(&id)
                .map(|peer| peer.started)
                .unwrap_or_default();
            let orphans: Vec<TaskId> = table
                .owners
                .iter()
                .filter(|(_, owner)| **owner == id)
                .map(|(task, _)| task.clone())
                .collect();
            table.owners.retain(|_, owner| *owner != id);
            for task in &orphans {
                let table = &mut *table;
                for peer in table
                    .peers
                    .values()
                    .filter(|peer| peer.started.contains(task))
                {
                    table.left.insert(task.clone());
                    let _ = peer.lines.send(Line::Gone { task: task.clone() });
                }
            }
            let lost: Vec<u64> = table
                .calls
                .iter()
                .filter(|(_, call)| call.by == id)
                .map(|(id, _)| *id)
                .collect();
            let calls: Vec<Call> = lost
                .iter()
                .filter_map(|call| table.calls.remove(call))
                .collect();
            (started, orphans, calls)
        };
        orphans.iter().for_each(|task| self.agent.orphan(task));
        for call in calls {
            self.answer(call.asked, false, Err(gone()));
        }
        for task in started {
            let over = |view: TaskView| view.finished.is_some();
            if !self.agent.task(&task).is_ok_and(over) {
                self.stop(&task);
            }
        }
    }
}

fn gone() -> Failure {
    Failure::new(Code::NotFound, "the process that worked on this is gone")
        .hint("`animus session list` shows what can be resumed")
}
