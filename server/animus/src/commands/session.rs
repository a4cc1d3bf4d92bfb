//! `session`: conversations of this workspace that can go on.

use crate::cli::Output;
use crate::compose::{self, Compose};
use crate::follow::follow;
use crate::print;
use crate::render::style::{DIM, PLAIN, Painted, STRONG, line};
use clap::{Args, Subcommand};
use protocol::{Failure, SessionId};
use serde_json::json;

/// See and go on with sessions
#[derive(Debug, Subcommand)]
pub enum Session {
    /// List sessions, newest first
    List,
    /// Go on where a session stopped, with new words or without
    Resume(Resume),
}

/// Go on with a session
#[derive(Debug, Args)]
pub struct Resume {
    /// Its id
    id: String,
    /// What to do next; without words the unfinished task is taken up again
    words: Vec<String>,
}

/// Runs it. The exit code of `resume` is the task's.
pub fn run(args: &Session, compose: &Compose) -> Result<u8, Failure> {
    match args {
        Session::List => list(compose),
        Session::Resume(resume) => go_on(resume, compose),
    }
}

fn list(compose: &Compose) -> Result<u8, Failure> {
    let sessions = compose.reader()?.sessions();
    match compose.output() {
        Output::Json => print::json(&json!({ "sessions": sessions })),
        Output::Text if sessions.is_empty() => print::text("no sessions here yet\n"),
        Output::Text => {
            for session in sessions {
                let finished = session
                    .finished
                    .map_or("unfinished", |reason| reason.as_str());
                let count = crate::render::figure::plural(session.tasks as usize, "task");
                let rest = Painted(
                    DIM,
                    format!("{count}  {finished}  {}", line(&session.created)),
                );
                let id = Painted(STRONG, line(session.id.as_str()));
                print::text(&format!(
                    "{id}  {rest}\n    {}\n",
                    Painted(PLAIN, line(&session.title))
                ));
            }
        }
    }
    Ok(0)
}

fn go_on(resume: &Resume, compose: &Compose) -> Result<u8, Failure> {
    let loaded = compose.load()?;
    compose::log(&loaded.settings, compose.output().into());
    let words = resume.words.join(" ");
    let prompt = (!words.trim().is_empty()).then_some(words);
    compose::runtime()?.block_on(async {
        let roster = compose.models(&loaded.settings).await?;
        let agent = compose.agent(compose.disk()?, Ok(&loaded.settings), Ok(roster.models))?;
        let feed = agent.feed();
        let started = agent.resume(&SessionId(resume.id.clone()), prompt)?;
        Ok(follow(&agent, feed, started, compose.output(), compose.program()).await)
    })
}
