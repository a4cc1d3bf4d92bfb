//! Answers: the person at the terminal. A line is the answer to the open question, else words for the running task. Without a
//! person, or after the end of what one types (Ctrl-D), the answer is no.

use super::worker::Worker;
use crate::cli::Output;
use crate::print;
use crate::render::style::{Painted, STRONG, line};
use protocol::{Approval, ApprovalId, ApprovalOption, Code, PermissionOption, Scope, TaskId};
use std::io::{self, BufRead, IsTerminal, Write};
use tokio::sync::mpsc;

/// The open question, and the lines that come.
pub struct Answers {
    pending: Option<Approval>,
    lines: Option<mpsc::UnboundedReceiver<String>>,
    /// Why there is nobody, where there are no lines.
    nobody: &'static str,
}

impl Answers {
    /// Listens where a person sits.
    pub fn new(output: Output) -> Answers {
        let someone =
            output == Output::Text && io::stdin().is_terminal() && io::stderr().is_terminal();
        Answers {
            pending: None,
            lines: someone.then(read_lines),
            nobody: "no terminal",
        }
    }

    /// Asks the person, or refuses where there is none.
    pub async fn ask(&mut self, worker: &mut Worker, approval: &Approval) {
        let Some(lines) = &mut self.lines else {
            return refuse(worker, approval, self.nobody).await;
        };
        // What was typed before the question is no answer to it.
        while lines.try_recv().is_ok() {}
        prompt(approval);
        self.pending = Some(approval.clone());
    }

    /// The question was answered, here or elsewhere.
    pub fn close(&mut self, id: &ApprovalId) {
        if self
            .pending
            .as_ref()
            .is_some_and(|pending| pending.id == *id)
        {
            self.pending = None;
        }
    }

    /// The next line; none once, at the end of the input. Safe to drop while waiting.
    pub async fn line(&mut self) -> Option<String> {
        match &mut self.lines {
            Some(lines) => lines.recv().await,
            None => std::future::pending().await,
        }
    }

    /// Takes a line, or the end of the input: from then on nobody is there.
    pub async fn take(&mut self, worker: &mut Worker, task: &TaskId, line: Option<String>) {
        let Some(line) = line else {
            (self.lines, self.nobody) = (None, "the input has ended");
            if let Some(approval) = self.pending.take() {
                // Behind the prompt that stands there.
                print::warning("");
                refuse(worker, &approval, self.nobody).await;
            }
            return;
        };
        let Some(approval) = &self.pending else {
            let words = line.trim();
            if !words.is_empty()
                && let Err(failure) = worker.steer(task, words).await
            {
                print::failure(&failure, Output::Text);
            }
            return;
        };
        let Some(option) = meant(&approval.options, &line) else {
            return prompt(approval);
        };
        match worker
            .answer(&approval.id, option.kind, Some(option.scope))
            .await
        {
            Ok(()) => self.pending = None,
            Err(failure) => {
                print::failure(&failure, Output::Text);
                match failure.code {
                    // The question is still open: another answer may do.
                    Code::Io | Code::InvalidInput => prompt(approval),
                    _ => self.pending = None,
                }
            }
        }
    }
}

/// Says no where nobody can be asked.
async fn refuse(worker: &mut Worker, approval: &Approval, nobody: &str) {
    // The task may have moved on already; then there is nothing left to refuse.
    let no = PermissionOption::RejectOnce;
    let _ = worker.answer(&approval.id, no, None).await;
    let way = match &approval.call {
        Some(_) => "; sandbox.allowed_commands can allow it",
        None => "",
    };
    print::warning(&format!(
        "nobody can be asked here ({nobody}), so the answer is no{way}"
    ));
}

/// The key of an answer.
fn key(option: &ApprovalOption) -> &'static str {
    let allows = matches!(
        option.kind,
        PermissionOption::AllowOnce | PermissionOption::AllowAlways
    );
    match (allows, option.scope) {
        (true, Scope::Once) => "y",
        (true, Scope::Session) => "s",
        (true, Scope::Workspace) => "w",
        (true, Scope::Always) => "a",
        (false, Scope::Once) => "n",
        (false, _) => "never",
    }
}

/// What a line means; none where it is unclear. An empty one is no.
fn meant<'o>(options: &'o [ApprovalOption], line: &str) -> Option<&'o ApprovalOption> {
    let said = line.trim().to_lowercase();
    let said = match said.as_str() {
        "" | "no" => "n",
        "yes" => "y",
        "session" => "s",
        "workspace" => "w",
        "always" | "all" => "a",
        said => said,
    };
    options.iter().find(|option| key(option) == said)
}

fn prompt(approval: &Approval) {
    let mut err = anstream::stderr().lock();
    for option in &approval.options {
        let key = format!("[{}]", key(option));
        let _ = writeln!(
            err,
            "  {} {}",
            Painted(STRONG, format!("{key:<7}")),
            line(&option.name)
        );
    }
    let _ = write!(err, "  {} ", Painted(STRONG, "answer [n]:"));
    let _ = err.flush();
}

/// Lines of stdin. The thread ends with the program: a read of a terminal cannot be called off.
fn read_lines() -> mpsc::UnboundedReceiver<String> {
    let (sender, receiver) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in io::stdin().lock().split(b'\n') {
            let Ok(line) = line else { return };
            let line = String::from_utf8_lossy(&line).into_owned();
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}
