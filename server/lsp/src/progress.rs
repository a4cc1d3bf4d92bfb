//! Bar: a task's progress where the client shows it by itself. At most two reports a second, the latest one wins, and
//! the task never waits for it.

use std::sync::Arc;
use std::time::Duration;

use lsp_types::{
    ProgressParams, ProgressParamsValue, ProgressToken, WorkDoneProgress, WorkDoneProgressBegin,
    WorkDoneProgressEnd, WorkDoneProgressReport, notification,
};
use protocol::{Phase, TaskId};
use tokio::sync::watch;
use tokio::time::timeout;
use tower_lsp::Client as Wire;

use crate::features::Feature;
use crate::negotiate::Client;

/// Least time between two reports.
const PACE: Duration = Duration::from_millis(500);

/// Front of every token; the task's id stands behind it.
const TOKEN: &str = "animus/";

/// The task's end of the bar. Dropping it ends the bar.
#[derive(Debug)]
pub struct Bar {
    report: watch::Sender<Report>,
    phase: Phase,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Report {
    Working(String),
    Done(String),
}

impl Bar {
    /// A bar, and what `drive` needs to show it.
    pub fn begin() -> (Bar, BarReader) {
        let phase = Phase::Intake;
        let (report, reader) = watch::channel(Report::Working(phase.to_string()));
        (Bar { report, phase }, BarReader(reader))
    }

    /// The task entered a phase. A tool's turn is a step of the phase around it.
    pub fn phase(&mut self, phase: Phase) {
        if phase != Phase::Tool && phase != self.phase {
            self.phase = phase;
            self.say(phase.to_string());
        }
    }

    /// What the task does in its phase.
    pub fn step(&self, title: &str) {
        self.say(format!("{}: {title}", self.phase));
    }

    /// The task ended.
    pub fn done(self, text: String) {
        self.report.send_replace(Report::Done(text));
    }

    fn say(&self, text: String) {
        self.report.send_replace(Report::Working(text));
    }
}

/// The client's end of a bar.
#[derive(Debug)]
pub struct BarReader(watch::Receiver<Report>);

/// Shows the bar until the task is done; waits for the client as long as it takes.
pub async fn drive(wire: Wire, client: Arc<Client>, task: TaskId, title: String, bar: BarReader) {
    // A client without one would show a button that does nothing.
    let button = client.can(Feature::CancelButton);
    let token = ProgressToken::String(format!("{TOKEN}{task}"));
    if wire.create_work_done_progress(token.clone()).await.is_err() {
        return;
    }
    let BarReader(mut reports) = bar;
    let mut begun = false;
    loop {
        let shown = reports.borrow_and_update().clone();
        let (step, ended) = match shown.clone() {
            Report::Working(text) if begun => (
                WorkDoneProgress::Report(WorkDoneProgressReport {
                    cancellable: Some(button),
                    message: Some(text),
                    percentage: None,
                }),
                false,
            ),
            Report::Done(text) if begun => (
                WorkDoneProgress::End(WorkDoneProgressEnd {
                    message: Some(text),
                }),
                true,
            ),
            Report::Working(text) | Report::Done(text) => {
                begun = true;
                let begin = WorkDoneProgressBegin {
                    title: title.clone(),
                    cancellable: Some(button),
                    message: Some(text),
                    percentage: None,
                };
                (WorkDoneProgress::Begin(begin), false)
            }
        };
        let value = ProgressParamsValue::WorkDone(step);
        wire.send_notification::<notification::Progress>(ProgressParams {
            token: token.clone(),
            value,
        })
        .await;
        if ended {
            return;
        }
        // The end is shown at once; anything else waits for its turn.
        let early = timeout(
            PACE,
            reports.wait_for(|report| matches!(report, Report::Done(_))),
        )
        .await
        .map(|seen| seen.is_ok());
        let lives = match early {
            Ok(lives) => lives,
            Err(_) => reports.wait_for(|report| *report != shown).await.is_ok(),
        };
        if !lives {
            let end = WorkDoneProgress::End(WorkDoneProgressEnd { message: None });
            let value = ProgressParamsValue::WorkDone(end);
            wire.send_notification::<notification::Progress>(ProgressParams { token, value })
                .await;
            return;
        }
    }
}

/// The task of a token of ours.
pub fn task_of(token: &ProgressToken) -> Option<TaskId> {
    match token {
        ProgressToken::String(text) => text.strip_prefix(TOKEN).map(TaskId::from),
        ProgressToken::Number(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_tokens_name_tasks() {
        assert_eq!(
            task_of(&ProgressToken::String("animus/t1".into())),
            Some(TaskId::from("t1"))
        );
        assert_eq!(task_of(&ProgressToken::String("other/t1".into())), None);
        assert_eq!(task_of(&ProgressToken::Number(1)), None);
    }

    #[test]
    fn the_latest_report_wins_and_a_tool_is_a_step_of_its_phase() {
        let (mut bar, BarReader(reports)) = Bar::begin();
        let shown = |reports: &watch::Receiver<Report>| match &*reports.borrow() {
            Report::Working(text) => text.clone(),
            Report::Done(text) => format!("end: {text}"),
        };
        bar.phase(Phase::Plan);
        assert_eq!(shown(&reports), "plan");
        bar.step("read a.rs");
        bar.phase(Phase::Tool);
        bar.phase(Phase::Plan);
        assert_eq!(shown(&reports), "plan: read a.rs");
        bar.phase(Phase::Act);
        assert_eq!(shown(&reports), "act");
        bar.done("done".to_owned());
        assert_eq!(shown(&reports), "end: done");
    }
}
