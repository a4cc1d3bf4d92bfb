//! Join: the side of one that does not lead. Its own tasks are told to the leader, and everybody's are heard from it.

use super::roll::Roll;
use super::wire::{Hello, Line, Reader, Writer, greet};
use super::{Member, Met};
use agent::peers::Errand;
use agent::{Agent, Signal};
use protocol::Level;
use tokio::net::UnixStream;
use tokio::sync::mpsc;

/// Stays with the leader until it is gone.
pub async fn join(agent: &Agent, member: &Member) -> Met {
    let Some(place) = agent.meeting_place() else {
        return Met::Not;
    };
    let Ok(stream) = UnixStream::connect(&place.socket).await else {
        return Met::Not;
    };
    let us = Hello::new(&place, member.door, &member.config);
    let Some((_, reader, writer)) = greet(stream, &place, us).await else {
        return Met::Not;
    };
    let roll = Roll::call(agent);
    let (lines, answers) = mpsc::unbounded_channel();
    tokio::select! {
        () = hear(agent, &roll, reader, lines) => {}
        () = tell(agent, writer, answers, agent.errands()) => {}
        () = async { roll.close(agent).await; std::future::pending().await } => {}
    }
    Met::Yes
}

/// What the leader says.
async fn hear(agent: &Agent, roll: &Roll, mut reader: Reader, lines: mpsc::UnboundedSender<Line>) {
    while let Some(line) = reader.next().await {
        match line {
            Line::Task { view, questions } => {
                roll.seen(&view.id);
                agent.adopt(*view, questions);
            }
            Line::Event { event } => {
                roll.seen(&event.task);
                super::hub::mirror(agent, event).await;
            }
            Line::Call { id, verb, params } => {
                let (agent, lines) = (agent.clone(), lines.clone());
                tokio::spawn(async move {
                    let result = super::hub::carried_out(&agent, &verb, params).await;
                    let _ = lines.send(Line::answer(id, result));
                });
            }
            Line::Refusal { failure, .. } => refused(agent, &failure),
            Line::Answer { .. } | Line::Hello(_) | Line::Gone { .. } => {}
        }
    }
}

/// What is said to the leader.
async fn tell(
    agent: &Agent,
    mut writer: Writer,
    mut answers: mpsc::UnboundedReceiver<Line>,
    mut errands: mpsc::UnboundedReceiver<Errand>,
) {
    // Before the tasks are listed: what happens meanwhile is told twice rather than not.
    let mut feed = agent.feed();
    for view in super::hub::under_way(agent) {
        if !agent.is_elsewhere(&view.id) && !writer.say(&super::hub::told(agent, view)).await {
            return;
        }
    }
    let mut calls = 0;
    loop {
        let line = tokio::select! {
            signal = feed.next() => match signal {
                Signal::Event(event) => Line::Event { event },
                Signal::Elsewhere(_) | Signal::Patch(_) | Signal::Notice { .. } => continue,
            },
            Some(line) = answers.recv() => line,
            Some(Errand { verb, params }) = errands.recv() => {
                calls += 1;
                Line::Call { id: calls, verb: verb.to_owned(), params }
            }
        };
        if !writer.say(&line).await {
            return;
        }
    }
}

/// What another process did not take, for whoever said it here.
pub fn refused(agent: &Agent, failure: &protocol::Failure) {
    agent.say(Signal::Notice {
        level: Level::Error,
        message: failure.to_string(),
    });
}
