//! Lists of sessions, and one session with its tasks.

use crate::cli::Output;
use crate::compose::Compose;
use crate::print;
use crate::render::figure::{money, plural};
use crate::render::style::{BAD, DIM, PLAIN, Painted, STRONG, line};
use agent::{Agent, SessionView};
use protocol::{Failure, FinishReason, SessionId, TaskView};
use serde_json::json;
use std::fmt::Write as _;

pub(super) fn list(agent: &Agent, output: Output) -> Result<u8, Failure> {
    let sessions = agent.sessions();
    match output {
        Output::Json => print::json(&json!({ "sessions": sessions })),
        Output::Text if sessions.is_empty() => print::text("no sessions here yet\n"),
        Output::Text => {
            for session in &sessions {
                print::text(&head(session));
            }
        }
    }
    Ok(0)
}

pub(super) fn show(agent: &Agent, id: &SessionId, compose: &Compose) -> Result<u8, Failure> {
    let detail = agent.session(id)?;
    if compose.output() == Output::Json {
        print::json(&detail);
        return Ok(0);
    }
    let mut text = head(&detail.session);
    let unpriced = match detail.unpriced_calls {
        0 => String::new(),
        calls => format!(
            " and {} of unknown price",
            plural(usize::try_from(calls).unwrap_or(usize::MAX), "call")
        ),
    };
    let spent = money(detail.spent_micro_usd);
    let _ = writeln!(text, "    {} events  {spent}{unpriced}\n", detail.events);
    for task in &detail.tasks {
        text.push_str(&one(task));
    }
    if detail.session.finished.is_none() && !detail.tasks.is_empty() {
        let _ = writeln!(
            text,
            "\nthe last task was cut off, or still runs; `{} session resume {id}` takes it up",
            compose.program()
        );
    }
    print::text(&text);
    Ok(0)
}

fn head(session: &SessionView) -> String {
    let count = plural(session.tasks as usize, "task");
    let rest = format!("{count}  {}  {}", end(session.finished), session.created);
    let damaged = match session.damaged {
        0 => String::new(),
        count => format!("  {}", Painted(BAD, format!("damaged: {count}"))),
    };
    format!(
        "{}  {}{damaged}\n    {}\n",
        Painted(STRONG, line(session.id.as_str())),
        Painted(DIM, line(&rest)),
        Painted(PLAIN, line(&session.title))
    )
}

fn one(task: &TaskView) -> String {
    let mut text = format!(
        "  {}  {}\n    {}\n",
        Painted(STRONG, line(task.id.as_str())),
        Painted(
            DIM,
            line(&format!("{}  {}", end(task.finished), task.created))
        ),
        Painted(PLAIN, line(&task.title))
    );
    if let Some(patch) = &task.patch {
        let _ = writeln!(text, "    patch {}", line(patch.as_str()));
    }
    text
}

fn end(finished: Option<FinishReason>) -> &'static str {
    finished.map_or("unfinished", FinishReason::as_str)
}
