//! `session`: conversations of this workspace that can go on.

mod markdown;
mod show;

use crate::cli::Output;
use crate::compose::{self, Compose};
use crate::follow::Surface;
use crate::print;
use crate::work::{By, Wish, work};
use agent::Agent;
use clap::{Args, Subcommand, ValueEnum};
use protocol::{Code, Event, Failure, SessionId};
use serde_json::json;
use std::ops::ControlFlow;
use std::time::Duration;

/// See and go on with sessions
#[derive(Debug, Subcommand)]
pub enum Session {
    /// List sessions, newest first
    List,
    /// Show a session with its tasks (default: the newest)
    Show(One),
    /// Go on where a session stopped, with new words or without
    Resume(Resume),
    /// Make a new session with the past of another; its budget begins anew
    Fork(Fork),
    /// Print everything that happened in a session (default: the newest)
    Export(Export),
    /// Delete a session, or all that are old; patches that they made stay
    Delete(Delete),
    /// Show a recorded session again as it was seen, without a model (default: the newest)
    Replay(Replay),
}

/// Which session.
#[derive(Debug, Args)]
pub struct One {
    /// Its id, or the beginning or the end of it
    id: Option<String>,
}

/// Go on with a session
#[derive(Debug, Args)]
pub struct Resume {
    /// Its id, or the beginning or the end of it
    id: String,
    /// What to do next; without words the unfinished task is taken up again
    words: Vec<String>,
}

/// Make a new session with the past of another
#[derive(Debug, Args)]
pub struct Fork {
    /// Its id, or the beginning or the end of it
    id: String,
    /// Only up to the end of this task, or to the event with this number in the last task (default: everything)
    #[arg(long, value_name = "TASK|SEQ")]
    at: Option<String>,
}

/// Print everything that happened in a session
#[derive(Debug, Args)]
pub struct Export {
    /// Its id, or the beginning or the end of it
    id: Option<String>,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Ndjson)]
    format: Format,
}

/// Forms of a session outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One event a line, as programs get them
    Ndjson,
    /// A page for people
    Markdown,
}

/// Delete sessions
#[derive(Debug, Args)]
pub struct Delete {
    /// Its id, or the beginning or the end of it
    #[arg(required_unless_present = "all_older_than")]
    id: Option<String>,
    /// All that nobody worked on for so long, as 30d or 12h; one that runs, or that was cut off with changes, stays
    #[arg(long, value_name = "AGE", value_parser = age, conflicts_with = "id")]
    all_older_than: Option<Duration>,
}

/// Show a recorded session again
#[derive(Debug, Args)]
pub struct Replay {
    /// Its id, or the beginning or the end of it
    id: Option<String>,
    /// Only this task of it
    #[arg(long, value_name = "TASK")]
    task: Option<String>,
}

/// Runs it. The exit code of `resume` is the task's.
pub fn run(args: &Session, compose: &Compose) -> Result<u8, Failure> {
    if let Session::Resume(resume) = args {
        return go_on(resume, compose);
    }
    let agent = compose.reader()?;
    match args {
        Session::List => show::list(&agent, compose.output()),
        Session::Show(one) => show::show(&agent, &named(&agent, one.id.as_deref())?, compose),
        Session::Fork(fork) => copy(&agent, fork, compose.output()),
        Session::Export(export) => out(&agent, export),
        Session::Delete(delete) => remove(&agent, delete, compose.output()),
        Session::Replay(replay) => again(&agent, replay, compose),
        Session::Resume(_) => Ok(0),
    }
}

fn go_on(resume: &Resume, compose: &Compose) -> Result<u8, Failure> {
    let loaded = compose.load()?;
    compose::log(&loaded.settings, compose.output().into());
    let words = resume.words.join(" ");
    let prompt = (!words.trim().is_empty()).then_some(words);
    compose::runtime()?.block_on(async {
        let roster = compose.models(&loaded.settings).await?;
        let session = named(&compose.reader()?, Some(&resume.id))?;
        work(
            compose,
            &loaded,
            roster,
            Wish::Resume(session, prompt),
            By::Anyone,
        )
        .await
    })
}

fn copy(agent: &Agent, fork: &Fork, output: Output) -> Result<u8, Failure> {
    let of = named(agent, Some(&fork.id))?;
    let session = agent.fork_session(&of, fork.at.as_deref())?;
    match output {
        Output::Json => print::json(&json!({ "session": session, "of": of })),
        Output::Text => print::text(&format!("{session}\n")),
    }
    Ok(0)
}

fn out(agent: &Agent, export: &Export) -> Result<u8, Failure> {
    let session = named(agent, export.id.as_deref())?;
    let mut page = markdown::Page::default();
    let damaged = agent.recorded(&session, |event| {
        match export.format {
            Format::Ndjson => print::json(&event),
            Format::Markdown => print::plain(&page.event(&event)),
        }
        ControlFlow::Continue(())
    })?;
    say_damaged(damaged);
    Ok(0)
}

fn remove(agent: &Agent, delete: &Delete, output: Output) -> Result<u8, Failure> {
    let gone = match (&delete.id, delete.all_older_than) {
        (_, Some(age)) => agent.delete_sessions(age),
        (id, None) => {
            let session = named(agent, id.as_deref())?;
            agent.delete_session(&session)?;
            vec![session]
        }
    };
    match output {
        Output::Json => print::json(&json!({ "deleted": gone })),
        Output::Text if gone.is_empty() => print::text("nothing is that old\n"),
        Output::Text => gone
            .iter()
            .for_each(|session| print::text(&format!("deleted {session}\n"))),
    }
    Ok(0)
}

fn again(agent: &Agent, replay: &Replay, compose: &Compose) -> Result<u8, Failure> {
    let session = named(agent, replay.id.as_deref())?;
    let wanted = |event: &Event| {
        let task = replay.task.as_deref();
        task.is_none_or(|task| event.task.as_str() == task)
    };
    let mut surface: Option<Surface> = None;
    let mut last: Option<Event> = None;
    let damaged = agent.recorded(&session, |event| {
        if wanted(&event) {
            // Each task was seen on its own.
            if last.as_ref().is_none_or(|last| last.task != event.task) {
                surface = None;
            }
            surface
                .get_or_insert_with(|| Surface::new(compose.output(), compose.program()))
                .show(&event);
            last = Some(event);
        }
        ControlFlow::Continue(())
    })?;
    if let (Some(task), None) = (&replay.task, &last) {
        return Err(Failure::new(
            Code::NotFound,
            format!("session {session} has no task {task}"),
        )
        .hint("`animus session show` lists them"));
    }
    if let Some(surface) = &mut surface {
        surface.pause();
    }
    say_damaged(damaged);
    Ok(0)
}

/// A history that is not whole is never shown as if it were.
fn say_damaged(count: u64) {
    if count > 0 {
        print::warning(&format!(
            "warning: at least {count} facts of this session are damaged or missing; this is what is whole"
        ));
    }
}

/// The session of that id, or whose id begins or ends so; the newest where none is named.
pub fn named(agent: &Agent, id: Option<&str>) -> Result<SessionId, Failure> {
    let all = agent.session_ids();
    let Some(id) = id else {
        return all
            .into_iter()
            .next()
            .ok_or_else(|| Failure::new(Code::NotFound, "there is no session here yet"));
    };
    if let Some(exact) = all.iter().find(|session| session.as_str() == id) {
        return Ok(exact.clone());
    }
    let fits = |session: &&SessionId| {
        let full = session.as_str();
        !id.is_empty() && (full.starts_with(id) || full.ends_with(id))
    };
    let mut fitting = all.iter().filter(fits);
    match (fitting.next(), fitting.next()) {
        (Some(one), None) => Ok(one.clone()),
        (Some(_), Some(_)) => Err(Failure::new(
            Code::InvalidInput,
            format!("several sessions fit `{id}`"),
        )
        .hint("give more of the id; `animus session list` shows them")),
        (None, _) => Err(
            Failure::new(Code::NotFound, format!("there is no session {id}"))
                .hint("`animus session list` shows them"),
        ),
    }
}

/// A length of time in days and smaller units.
fn age(text: &str) -> Result<Duration, String> {
    let span: jiff::Span = text
        .parse()
        .map_err(|_| format!("`{text}` is no length of time; write 30d or 12h"))?;
    let length = span
        .to_duration(jiff::SpanRelativeTo::days_are_24_hours())
        .map_err(|_| format!("`{text}` must be in weeks, days, hours or less"))?;
    Duration::try_from(length).map_err(|_| format!("`{text}` is negative"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages() {
        let days = |days: u64| Ok(Duration::from_hours(24 * days));
        assert_eq!(age("30d"), days(30));
        assert_eq!(age("2w"), days(14));
        assert_eq!(age("12h"), Ok(Duration::from_hours(12)));
        for wrong in ["", "30", "-3d", "1y", "soon"] {
            assert!(age(wrong).is_err(), "{wrong}");
        }
    }
}
