//! Follow: watches one task to its end for a person or a program, hands signals on, and asks at the terminal where the task asks.
//!
//! The first Ctrl-C cancels the task, the second ends the program at once.

mod indexing;

use crate::cli::Output;
use crate::print;
use crate::render::Renderer;
use crate::render::style::{Painted, STRONG};
use crate::stops::{INTERRUPTED, Stops};
use agent::{Agent, Feed, Signal, Started};
use indexing::Indexing;
use protocol::{ApprovalId, ApprovalState, Event, PermissionOption, Update};
use std::io::{self, BufRead, IsTerminal, Write};
use tokio::sync::mpsc;

/// Follows `started` on a feed that was opened before it started. Returns the exit code of its finish reason.
pub async fn follow(
    agent: &Agent,
    mut feed: Feed,
    started: Started,
    output: Output,
    program: &str,
) -> u8 {
    let mut surface = Surface::new(output, program);
    let mut stops = Stops::new();
    let mut asked = 0;
    let mut answers = Answers::default();
    let mut indexing = Indexing::of(agent, output);
    let code = loop {
        tokio::select! {
            signal = feed.next() => {
                let Signal::Event(event) = signal else { continue };
                if event.task != started.task {
                    continue;
                }
                surface.show(&event);
                match &event.update {
                    Update::Finished { exit_code, .. } => break *exit_code,
                    Update::Approval { approval } if approval.state == ApprovalState::Pending => {
                        answers.ask(agent, output, approval.id.clone());
                    }
                    Update::ApprovalResolved { id, .. } => answers.close(id),
                    _ => {}
                }
            }
            Some(line) = answers.line() => answers.answer(agent, &line),
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
                agent.cancel(Some(&started.task));
            }
        }
    };
    tokio::select! {
        () = agent.shutdown() => {}
        () = stops.next() => std::process::exit(i32::from(INTERRUPTED)),
    }
    code
}

/// Where events go.
enum Surface {
    Json,
    Text(Box<Renderer<anstream::Stdout>>),
}

impl Surface {
    fn new(output: Output, program: &str) -> Surface {
        match output {
            Output::Json => Surface::Json,
            Output::Text => {
                let columns =
                    terminal_size::terminal_size().map_or(100, |(width, _)| usize::from(width.0));
                Surface::Text(Box::new(Renderer::new(
                    anstream::stdout(),
                    columns,
                    program,
                )))
            }
        }
    }

    fn show(&mut self, event: &Event) {
        match self {
            Surface::Json => print::json(event),
            Surface::Text(renderer) => ended(renderer.event(event)),
        }
    }

    fn pause(&mut self) {
        if let Surface::Text(renderer) = self {
            ended(renderer.pause());
        }
    }
}

fn ended(result: io::Result<()>) {
    if let Err(error) = result {
        print::end_if_closed(&error);
    }
}

/// Questions to the person at the terminal. Without one the answer is no.
#[derive(Default)]
struct Answers {
    pending: Option<ApprovalId>,
    lines: Option<mpsc::UnboundedReceiver<String>>,
}

impl Answers {
    fn ask(&mut self, agent: &Agent, output: Output, id: ApprovalId) {
        let someone =
            output == Output::Text && io::stdin().is_terminal() && io::stderr().is_terminal();
        if !someone {
            // The task may have moved on already; then there is nothing left to refuse.
            let _ = agent.resolve_approval(&id, PermissionOption::RejectOnce);
            print::warning(
                "nobody can be asked here (no terminal), so the answer is no; sandbox.allowed_commands can allow it",
            );
            return;
        }
        let lines = self.lines.get_or_insert_with(read_lines);
        // What was typed before the question is no answer to it.
        while lines.try_recv().is_ok() {}
        self.pending = Some(id);
        prompt();
    }

    fn close(&mut self, id: &ApprovalId) {
        if self.pending.as_ref() == Some(id) {
            self.pending = None;
        }
    }

    async fn line(&mut self) -> Option<String> {
        match &mut self.lines {
            Some(lines) => match lines.recv().await {
                Some(line) => Some(line),
                None => std::future::pending().await,
            },
            None => std::future::pending().await,
        }
    }

    fn answer(&mut self, agent: &Agent, line: &str) {
        let Some(id) = &self.pending else { return };
        let option = match line.trim().to_lowercase().as_str() {
            "y" | "yes" => PermissionOption::AllowOnce,
            "a" | "always" | "all" => PermissionOption::AllowAlways,
            "n" | "no" | "" => PermissionOption::RejectOnce,
            "never" => PermissionOption::RejectAlways,
            _ => return prompt(),
        };
        if let Err(failure) = agent.resolve_approval(id, option) {
            print::failure(&failure, Output::Text);
        }
        self.pending = None;
    }
}

fn prompt() {
    let mut err = anstream::stderr().lock();
    let _ = write!(
        err,
        "  {} ",
        Painted(STRONG, "[y] once  [a] for this session  [n] no:")
    );
    let _ = err.flush();
}

/// Lines of stdin. The thread ends with the program: a read of a terminal cannot be called off.
fn read_lines() -> mpsc::UnboundedReceiver<String> {
    let (sender, receiver) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in io::stdin().lock().lines() {
            let Ok(line) = line else { return };
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}
