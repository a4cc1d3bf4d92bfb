//! Stream: everything the agent says, brought to the client by one writer. The writer waits for the client; the agent
//! waits for nobody (R1).

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Instant;

use agent::{Agent, Feed, Signal};
use lsp_types::{MessageType, Uri};
use protocol::{
    Approval, ApprovalId, ApprovalState, Event, Level, PatchId, PatchView, TaskId, Update,
};
use serde::Serialize;
use serde_json::json;
use tower::Service;
use tower_lsp::Client as Wire;
use tower_lsp::jsonrpc::Request;

use crate::board::Board;
use crate::door::Door;
use crate::features::Feature;
use crate::judgement::Judgement;
use crate::negotiate::{Client, Profile};
use crate::outbox::{Outbox, Pace};
use crate::progress::{self, Bar};
use crate::{approvals, stock};

/// Most bytes of an answer that are kept for a client without our notifications.
const ANSWER: usize = 16 * 1024;

/// Brings the feed to the client for as long as the connection lives.
pub async fn run(door: Arc<Door>, agent: Agent, mut feed: Feed) {
    let Some(met) = door.met() else { return };
    fill_board(&door, &agent).await;
    // Ends with this: another window may decide, and an earlier server may have been stopped while it did.
    let mut aside = tokio::task::JoinSet::new();
    let watching = agent.clone();
    aside.spawn(async move {
        watching.settle().await;
        watching.watch().await;
    });
    let mut writer = Writer::new(door.clone(), agent, met.client.clone());
    loop {
        let wake = writer.wake();
        let sleep = async {
            match wake {
                Some(at) => tokio::time::sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            signal = feed.next() => writer.take(signal),
            acks = door.acks() => writer.acknowledge(&acks),
            () = sleep => {}
        }
        while let Some(signal) = feed.try_next() {
            writer.take(signal);
        }
        writer.send().await;
    }
}

/// What stood before the first signal. It may read the patches on disk and look at the sandbox.
async fn fill_board(door: &Arc<Door>, agent: &Agent) {
    let agent = agent.clone();
    match tokio::task::spawn_blocking(move || Board::of(&agent)).await {
        Ok(board) => *door.board().write() = board,
        Err(error) => tracing::warn!("the board starts empty: {error}"),
    }
}

struct Writer {
    door: Arc<Door>,
    agent: Agent,
    client: Arc<Client>,
    /// Events on their way; `None` where the client does not take them.
    outbox: Option<Outbox>,
    /// Latest-wins notifications that wait.
    tasks: BTreeSet<TaskId>,
    patches: BTreeMap<PatchId, PatchView>,
    questions: BTreeMap<ApprovalId, Approval>,
    status: Fresh,
    messages: Vec<(MessageType, String)>,
    /// Questions without an answer yet.
    pending: BTreeMap<ApprovalId, Approval>,
    bars: BTreeMap<TaskId, Bar>,
    /// What the model said last, per task.
    said: BTreeMap<TaskId, String>,
    judgement: Judgement,
}

/// Whether the client knows the latest value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fresh {
    Known,
    Changed,
}

/// Sends a notification of ours.
async fn notify(wire: &mut Wire, method: &'static str, params: impl Serialize) {
    let notification = Request::build(method).params(json!(params)).finish();
    if wire.call(notification).await.is_err() {
        tracing::debug!("the client is gone; `{method}` was not sent");
    }
}

impl Writer {
    fn new(door: Arc<Door>, agent: Agent, client: Arc<Client>) -> Writer {
        let outbox = match client.profile {
            Profile::Stock => None,
            Profile::Shim { acks: true, .. } => Some(Outbox::new(Pace::Acks)),
            Profile::Shim { acks: false, .. } => Some(Outbox::new(Pace::Slots)),
        };
        Writer {
            door,
            agent,
            client,
            outbox,
            tasks: BTreeSet::new(),
            patches: BTreeMap::new(),
            questions: BTreeMap::new(),
            status: Fresh::Known,
            messages: Vec::new(),
            pending: BTreeMap::new(),
            bars: BTreeMap::new(),
            said: BTreeMap::new(),
            judgement: Judgement::default(),
        }
    }

    fn take(&mut self, signal: Signal) {
        match signal {
            Signal::Event(event) | Signal::Elsewhere(event) => self.event(event),
            Signal::Patch(patch) => self.patch(patch),
            Signal::Notice { level, message } => {
                self.messages.push((stock::loudness(level), message))
            }
        }
    }

    fn event(&mut self, event: Arc<Event>) {
        let task = &event.task;
        match &event.update {
            Update::Started { .. } => self.started(task),
            Update::Phase { phase, .. } => {
                if let Some(bar) = self.bars.get_mut(task) {
                    bar.phase(*phase);
                }
                self.tasks.insert(task.clone());
            }
            Update::Test { report } => self.judgement.report(report),
            Update::Critique { critique } => self.judgement.critique(critique),
            Update::Plan { .. } | Update::Usage { .. } => drop(self.tasks.insert(task.clone())),
            Update::ToolCall { call } => {
                self.said.remove(task);
                if let Some(bar) = self.bars.get(task) {
                    bar.step(&call.title);
                }
            }
            Update::Waiting { message, .. } => {
                if let Some(bar) = self.bars.get(task) {
                    bar.step(message);
                }
            }
            Update::Message { text } if self.outbox.is_none() => {
                let said = self.said.entry(task.clone()).or_default();
                if said.len() < ANSWER {
                    said.push_str(text);
                }
            }
            Update::Approval { approval } => self.ask(approval),
            Update::ApprovalResolved { id, state, .. } => self.settle(id, *state),
            Update::Patch { patch } => {
                self.patch(patch.clone());
                self.tasks.insert(task.clone());
            }
            Update::PatchState { .. } => {
                let patch = self.agent.task(task).ok().and_then(|view| view.patch);
                if let Some(patch) = patch.and_then(|id| self.agent.patch(&id).ok()) {
                    self.patch(patch);
                }
            }
            Update::Notice { level, message, .. }
                if self.outbox.is_none() && *level == Level::Error =>
            {
                self.messages.push((MessageType::ERROR, message.clone()));
            }
            Update::Finished { .. } => self.finished(&event),
            _ => {}
        }
        if let Some(outbox) = &mut self.outbox {
            outbox.push(event);
        }
    }

    fn started(&mut self, task: &TaskId) {
        self.judgement.clear();
        let title = self
            .agent
            .task(task)
            .map(|view| view.title)
            .unwrap_or_default();
        self.door.board().write().began(task.clone(), title.clone());
        if self.client.can(Feature::Progress) {
            let (bar, reader) = Bar::begin();
            self.bars.insert(task.clone(), bar);
            self.door.spawn(progress::drive(
                self.door.wire().clone(),
                self.client.clone(),
                task.clone(),
                title,
                reader,
            ));
        }
        self.tasks.insert(task.clone());
        self.status = Fresh::Changed;
    }

    fn finished(&mut self, event: &Event) {
        let task = &event.task;
        self.door.board().write().ended(task);
        self.judgement.ended();
        let Update::Finished {
            reason,
            summary,
            failure,
            ..
        } = &event.update
        else {
            return;
        };
        if let Some(bar) = self.bars.remove(task) {
            bar.done(format!("{reason}: {summary}"));
        }
        let said = self.said.remove(task).unwrap_or_default();
        if self.outbox.is_none() {
            self.messages
                .push(stock::last_words(*reason, summary, failure.as_ref(), &said));
        }
        self.tasks.insert(task.clone());
        self.status = Fresh::Changed;
    }

    fn patch(&mut self, patch: PatchView) {
        self.door.board().write().patch(&patch);
        self.door.reviews().changed(&patch.id);
        self.patches.insert(patch.id.clone(), patch);
    }

    fn ask(&mut self, approval: &Approval) {
        self.questions.insert(approval.id.clone(), approval.clone());
        self.pending.insert(approval.id.clone(), approval.clone());
        let mut board = self.door.board().write();
        board
            .questions
            .insert(approval.id.clone(), approval.clone());
        drop(board);
        if !self.client.resolves_approvals() {
            self.door.spawn(approvals::ask(
                self.door.wire().clone(),
                self.client.clone(),
                self.agent.clone(),
                approval.clone(),
            ));
        }
    }

    fn settle(&mut self, id: &ApprovalId, state: ApprovalState) {
        self.door.board().write().questions.remove(id);
        if let Some(approval) = self.pending.remove(id) {
            self.questions
                .insert(id.clone(), Approval { state, ..approval });
        }
    }

    fn acknowledge(&mut self, acks: &[(TaskId, u64)]) {
        if let Some(outbox) = &mut self.outbox {
            for (task, seq) in acks {
                outbox.ack(task, *seq);
            }
        }
    }

    /// When to look again although nothing happens.
    fn wake(&self) -> Option<Instant> {
        let outbox = self.outbox.as_ref()?;
        let views = !self.tasks.is_empty()
            || !self.patches.is_empty()
            || !self.questions.is_empty()
            || self.status == Fresh::Changed;
        outbox.wake().or_else(|| outbox.opens().filter(|_| views))
    }

    /// Sends what may go now. The only place that waits for the client.
    async fn send(&mut self) {
        let mut wire = self.door.wire().clone();
        if let Some(outbox) = &mut self.outbox {
            let open = outbox.is_open(Instant::now());
            while let Some(frame) = outbox.next(Instant::now()) {
                notify(&mut wire, "$/animus/event", frame).await;
            }
            if open {
                self.send_views().await;
            }
        } else {
            self.forget_views();
        }
        for (loudness, message) in std::mem::take(&mut self.messages) {
            wire.show_message(loudness, message).await;
        }
        self.send_judgement().await;
    }

    async fn send_judgement(&mut self) {
        let judged = self.judgement.take();
        let Ok(editor) = self.door.editor() else {
            return;
        };
        for (path, diagnostics) in judged {
            if !self.client.can(Feature::Diagnostics) {
                continue;
            }
            if let Ok(uri) = Uri::from_str(&editor.addresses().uri(&path)) {
                let wire = self.door.wire();
                wire.publish_diagnostics(uri, diagnostics, None).await;
            }
        }
    }

    async fn send_views(&mut self) {
        let mut wire = self.door.wire().clone();
        for task in std::mem::take(&mut self.tasks) {
            if let Ok(view) = self.agent.task(&task) {
                notify(&mut wire, "$/animus/task", view).await;
            }
        }
        for patch in std::mem::take(&mut self.patches).into_values() {
            notify(&mut wire, "$/animus/patch", patch).await;
        }
        for approval in std::mem::take(&mut self.questions).into_values() {
            notify(&mut wire, "$/animus/approval", approval).await;
        }
        if self.status == Fresh::Changed {
            self.status = Fresh::Known;
            notify(&mut wire, "$/animus/status", self.agent.status()).await;
        }
    }

    /// A client that does not take them.
    fn forget_views(&mut self) {
        self.tasks.clear();
        self.patches.clear();
        self.questions.clear();
        self.status = Fresh::Known;
    }
}
