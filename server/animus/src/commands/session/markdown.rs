//! Page: a session as Markdown, a fold of its events. Whatever somebody said or a file held stays inside its block.

use protocol::{Event, Plan, Recalled, Speaker, StepStatus, Update};
use std::fmt::Write as _;

/// The page so far: only what is still open.
#[derive(Debug, Default)]
pub(super) struct Page {
    tasks: u32,
    said: String,
    recalled: Vec<Recalled>,
}

impl Page {
    /// What one more event adds.
    pub(super) fn event(&mut self, event: &Event) -> String {
        let mut out = String::new();
        match &event.update {
            Update::Message { text } => {
                self.said.push_str(text);
                return out;
            }
            Update::Turn { text, .. } => {
                let said = std::mem::take(&mut self.said);
                let said = text.as_deref().unwrap_or(&said).trim();
                if !said.is_empty() {
                    block(&mut out, "The model", "", said);
                }
            }
            Update::Started { request, model, .. } => {
                self.tasks += 1;
                self.recalled.clear();
                let (number, at) = (self.tasks, &event.ts);
                let _ = writeln!(
                    out,
                    "# Task {number}: {at}\n\nTask `{}`, model `{model}`.\n",
                    event.task
                );
                block(&mut out, "Asked", "", &request.prompt);
            }
            Update::Prompt { by, text } => {
                let who = match by {
                    Speaker::User => "Told to the model, from the user",
                    Speaker::Agent => "Told to the model, by the agent",
                };
                block(&mut out, who, "", text);
            }
            Update::Plan { plan } => {
                if plan.recalled != self.recalled {
                    self.recalled.clone_from(&plan.recalled);
                    remembered(&mut out, &plan.recalled);
                }
                // A plan that only tells what is remembered has no steps yet.
                if !plan.entries.is_empty() {
                    steps(&mut out, plan);
                }
            }
            Update::ToolCall { call } => {
                let input = serde_json::to_string_pretty(&call.input).unwrap_or_default();
                block(
                    &mut out,
                    &format!("Call of `{}`", call.name),
                    "json",
                    &input,
                );
            }
            Update::ToolResult { result } => {
                let exit = result.exit_code.map(|code| format!(", exit code {code}"));
                let title = format!("Result{}", exit.unwrap_or_default());
                block(&mut out, &title, "", &result.output);
            }
            Update::Draft { revision, diff, .. } => {
                block(
                    &mut out,
                    &format!("Draft, revision {revision}"),
                    "diff",
                    diff,
                );
            }
            Update::Critique { critique } => {
                let mut text = format!("{}\n", critique.quality);
                for finding in &critique.findings {
                    let finding = serde_json::to_string(finding).unwrap_or_default();
                    let _ = writeln!(text, "{finding}");
                }
                text.push_str(&critique.notes);
                block(&mut out, "The critic", "", &text);
            }
            Update::Test { report } => {
                let text = format!(
                    "$ {}\n{:?}\n{}",
                    report.command, report.verdict, report.output
                );
                block(&mut out, "Tests", "", &text);
            }
            Update::Approval { approval } => block(&mut out, "Question", "", &approval.title),
            Update::Notice { message, .. } => block(&mut out, "Notice", "", message),
            Update::Finished {
                reason, summary, ..
            } => {
                self.said.clear();
                block(&mut out, &format!("Finished: {reason}"), "", summary);
            }
            _ => {}
        }
        out
    }
}

fn remembered(out: &mut String, recalled: &[Recalled]) {
    let mut text = String::new();
    for one in recalled {
        let _ = writeln!(text, "{} {}: {}", one.id, one.kind, one.text);
    }
    block(out, "Remembered", "", &text);
}

fn steps(out: &mut String, plan: &Plan) {
    let mut text = String::new();
    for step in &plan.entries {
        let sign = match step.status {
            StepStatus::Completed => 'x',
            StepStatus::InProgress => '~',
            StepStatus::Pending => ' ',
        };
        let _ = writeln!(text, "[{sign}] {}", step.content);
    }
    block(out, "Plan", "", &text);
}

/// A heading and a fenced block whose fence is longer than any in the text (CommonMark 0.31, section 4.5).
fn block(out: &mut String, title: &str, language: &str, text: &str) {
    let longest = text
        .split(|letter| letter != '`')
        .map(str::len)
        .max()
        .unwrap_or_default();
    let fence = "`".repeat(3.max(longest + 1));
    let _ = writeln!(
        out,
        "**{title}**\n\n{fence}{language}\n{}\n{fence}\n",
        text.trim_end()
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memories_stand_once_and_a_plan_without_steps_makes_no_block() {
        let recalled =
            r#""recalled":[{"id":"m1","kind":"convention","text":"tabs, never ``` spaces"}]"#;
        let step = r#"{"content":"Mend it","status":"pending"}"#;
        let mut page = Page::default();
        let mut pages = ["", step, step].into_iter().enumerate().map(|(seq, entries)| {
            let event = format!(
                r#"{{"v":1,"task":"t","session":"s","seq":{seq},"ts":"2026-01-01T00:00:00.000Z","update":{{"type":"plan","plan":{{"entries":[{entries}],{recalled}}}}}}}"#
            );
            page.event(&serde_json::from_str(&event).unwrap())
        });
        assert_eq!(
            pages.next().unwrap(),
            "**Remembered**\n\n````\nm1 convention: tabs, never ``` spaces\n````\n\n"
        );
        for rest in pages {
            assert_eq!(rest, "**Plan**\n\n```\n[ ] Mend it\n```\n\n");
        }
    }

    #[test]
    fn a_text_with_fences_stays_in_its_block() {
        let mut out = String::new();
        block(&mut out, "T", "", "a\n````\n# no heading\n````\n");
        assert_eq!(
            out,
            "**T**\n\n`````\na\n````\n# no heading\n````\n`````\n\n"
        );
    }
}
