//! Follow: watches one task to its end for a person or a program, hands signals on, and asks at the terminal where the task asks.
//!
//! The first Ctrl-C cancels the task, the second ends the program at once. A line that is typed meanwhile is said to the task.

mod answers;
mod indexing;
mod worker;

pub use worker::Worker;

use crate::cli::Output;
use crate::print;
use crate::render::{Redraws, Renderer};
use crate::stops::{INTERRUPTED, Stops};
use agent::Started;
use answers::Answers;
use indexing::Indexing;
use protocol::{ApprovalState, Event, Update};
use std::io::{self, IsTerminal};
use worker::Heard;

/// How the watching ended.
pub enum Ending {
    /// With the task: the exit code of its finish reason.
    Finished(u8),
    /// With the server that worked on it; the number of the last event that was heard.
    ServerGone(Option<u64>),
}

/// Follows `started` to its end. Returns the exit code of its finish reason.
pub async fn follow(
    worker: &mut Worker,
    started: &Started,
    output: Output,
    program: &str,
) -> Ending {
    let mut surface = Surface::new(output, program);
    let mut stops = Stops::new();
    let mut asked = 0;
    let mut answers = Answers::new(output);
    let mut indexing = Indexing::of(worker, output);
    let mut last = None;
    let code = loop {
        tokio::select! {
            heard = worker.next() => {
                let event = match heard {
                    Heard::Event(event) if event.task == started.task => event,
                    Heard::Event(_) => continue,
                    Heard::Refused(failure) => {
                        surface.pause();
                        print::failure(&failure, output);
                        continue;
                    }
                    Heard::Left(task) if task != started.task => continue,
                    Heard::Left(_) | Heard::Gone => {
                        surface.pause();
                        return Ending::ServerGone(last);
                    }
                };
                surface.show(&event);
                last = Some(event.seq);
                match &event.update {
                    Update::Finished { exit_code, .. } => break *exit_code,
                    Update::Approval { approval } if approval.state == ApprovalState::Pending => {
                        answers.ask(worker, approval).await;
                    }
                    Update::ApprovalResolved { id, .. } => answers.close(id),
                    _ => {}
                }
            }
            line = answers.line() => answers.take(worker, &started.task, line).await,
            line = indexing.line() => {
                surface.pause();
                print::warning(&line);
            }
            () = stops.next() => {
                asked += 1;
                if asked > 1 {
                    std::process::exit(i32::from(INTERRUPTED));
                }
                surface.pause();
                print::warning("cancelling the task; once more ends the program at once");
                worker.cancel(&started.task).await;
            }
        }
    };
    tokio::select! {
        () = worker.shutdown() => {}
        () = stops.next() => std::process::exit(i32::from(INTERRUPTED)),
    }
    Ending::Finished(code)
}

/// Where events go.
pub enum Surface {
    /// Lines on stdout.
    Json,
    /// A person's screen.
    Text(Box<Renderer<anstream::Stdout>>),
}

impl Surface {
    /// What this output wants.
    pub fn new(output: Output, program: &str) -> Surface {
        match output {
            Output::Json => Surface::Json,
            Output::Text => {
                let columns =
                    terminal_size::terminal_size().map_or(100, |(width, _)| usize::from(width.0));
                Surface::Text(Box::new(Renderer::new(
                    anstream::stdout(),
                    columns,
                    match io::stdout().is_terminal() {
                        true => Redraws::Yes,
                        false => Redraws::No,
                    },
                    program,
                )))
            }
        }
    }

    /// Shows one event.
    pub fn show(&mut self, event: &Event) {
        match self {
            Surface::Json => print::json(event),
            Surface::Text(renderer) => ended(renderer.event(event)),
        }
    }

    /// Ends a line that is still open.
    pub fn pause(&mut self) {
        if let Surface::Text(renderer) = self {
            ended(renderer.pause());
        }
    }
}

fn ended(result: io::Result<()>) {
    if let Err(error) = result {
        print::lost(&error);
    }
}
