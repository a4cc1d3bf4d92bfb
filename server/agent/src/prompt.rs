//! Prompt: the words the agent says to models. The system text and the tool list are constant; everything that varies comes
//! after them, so that the prefix can be cached.

use protocol::{Intent, TaskRequest};
use std::fmt::Write;

/// The coder's and planner's system text.
pub const SYSTEM: &str = include_str!("prompts/system.md");

/// The critic's system text.
pub const CRITIC: &str = include_str!("prompts/critic.md");

/// The system text of who words a search differently.
pub const REWRITE: &str = include_str!("prompts/rewrite.md");

/// The system text of who puts the files of a search in order.
pub const ORDER: &str = include_str!("prompts/order.md");

/// The system text of who sums up the oldest turns.
pub const SUMMARY: &str = include_str!("prompts/summary.md");

/// Said when the model stated its plan in words.
pub const CARRY_OUT: &str = "The plan is noted. Carry it out now with the tools. If nothing has to change, say so and why, without a tool call.";

/// Said when an answer had neither words nor calls.
pub const EMPTY_ANSWER: &str =
    "Your answer was empty. Go on with the task, or say in one sentence why you cannot.";

/// Said when the answer was cut by the model's length limit.
pub const CUT_ANSWER: &str = "Your answer was cut off by its length limit. Go on in smaller steps.";

/// Said when the server broke the answer off, by a filter or for a reason of its own.
pub const BROKEN_OFF: &str = "Your answer was broken off by the server before it was whole. Go on where it ended, or say in one sentence why you cannot.";

/// The request in words, without any file text.
pub fn request(request: &TaskRequest) -> String {
    let mut text = String::new();
    let wanted = request.prompt.trim();
    let instruction = match request.intent {
        Intent::Do => "",
        Intent::Refactor => {
            "Refactor the code named below: make it clearer and simpler, keep its behaviour, and update every caller that has to change."
        }
        Intent::Fix => "Mend the cause of the problem named below.",
        Intent::Document => {
            "Write documentation comments for the code named below, in the style of the project."
        }
        Intent::Tests => "Write tests for the code named below, where the project keeps its tests.",
        Intent::Explain => "Explain the code named below. Answer in words; change nothing.",
    };
    for part in [instruction, wanted] {
        if !part.is_empty() {
            let _ = writeln!(text, "{part}");
        }
    }
    if let Some(target) = &request.target {
        let _ = write!(
            text,
            "Place: {} lines {}-{}",
            target.path, target.start_line, target.end_line
        );
        if let Some(symbol) = &target.symbol {
            let _ = write!(text, " ({symbol})");
        }
        text.push('\n');
        for diagnostic in &target.diagnostics {
            let _ = writeln!(text, "Diagnostic: {diagnostic}");
        }
    }
    text
}

/// One line that names a task in lists, at most 80 characters.
pub fn title(request: &TaskRequest) -> String {
    let verb = match request.intent {
        Intent::Do => "",
        Intent::Refactor => "Refactor",
        Intent::Fix => "Fix",
        Intent::Document => "Document",
        Intent::Tests => "Write tests for",
        Intent::Explain => "Explain",
    };
    let place = request.target.as_ref().map(|target| match &target.symbol {
        Some(symbol) => symbol.clone(),
        None => format!("{}:{}", target.path, target.start_line),
    });
    let line = request.prompt.lines().next().unwrap_or_default().trim();
    let title = match (verb, place, line) {
        ("", _, line) => line.to_owned(),
        (verb, Some(place), "") => format!("{verb} {place}"),
        (verb, None, "") => verb.to_owned(),
        (verb, Some(place), line) => format!("{verb} {place}: {line}"),
        (verb, None, line) => format!("{verb}: {line}"),
    };
    let title = llm::mask(&title).into_owned();
    match title.char_indices().nth(79) {
        Some((at, _)) if title.chars().count() > 80 => format!("{}…", &title[..at]),
        _ => title,
    }
}

/// What a failing test run says to the model, where no single test is known.
pub fn tests_failed(command: &str, output: &str) -> String {
    format!(
        "The tests fail on your draft. Command: {command}\nEnd of the output:\n{output}\nMend the draft, then answer without a tool call. If the failure is not yours to mend, say so."
    )
}

/// Said when the critic's answer was no critique.
pub fn critic_again(violations: &[String]) -> String {
    format!(
        "That was not the JSON object asked for:\n- {}\nAnswer with that object and nothing else.",
        violations.join("\n- ")
    )
}

/// What failing tests say to the model: `failures` in full, then the names of those that are not its business.
pub fn tests_to_mend(command: &str, failures: &str, others: &str, tail: &str) -> String {
    let mut text = format!("The tests fail on your draft. Command: {command}\n\n{failures}\n");
    if !others.is_empty() {
        let _ = writeln!(
            text,
            "These fail without your draft as well and are not your business: {others}\n"
        );
    }
    if !tail.is_empty() {
        let _ = writeln!(text, "End of the output:\n{tail}\n");
    }
    text.push_str(
        "Mend the draft, then answer without a tool call. If a failure is not yours to mend, say so.",
    );
    text
}

/// The opening of an earlier task without the files that came with it.
pub fn without_files(words: &str) -> String {
    format!("{words}\n[The files that were shown with this are left out; read what you need.]\n")
}

/// What stands in the place of the oldest turns: what code carries, and a summary of the rest where there is one.
pub fn shortened(carried: &str, summary: Option<&str>) -> String {
    let rest = match summary {
        Some(summary) => format!("Notes on what happened before:\n{summary}"),
        None => "What happened before is left out; there is no summary of it.".to_owned(),
    };
    format!(
        "[The conversation became too long; its oldest part is left out. What counts of it:]\n\n{carried}\n{rest}\n\n[The newest turns follow. Your draft is as you left it. Go on with the task.]"
    )
}

/// What critical findings say to the model.
pub fn findings(list: &str) -> String {
    format!(
        "A reviewer found this in your draft:\n{list}\nMend what is right about it, then answer without a tool call."
    )
}

/// What a broken parse says to the model.
pub fn broken_syntax(list: &str) -> String {
    format!(
        "Your draft has syntax errors that were not there before:\n{list}\nMend them, then answer without a tool call."
    )
}

/// What the editor's language servers call an error in the draft and did not before.
pub fn new_errors(list: &str) -> String {
    format!(
        "Your draft has errors that were not there before, by the editor's language servers:\n{list}Mend them, then answer without a tool call."
    )
}

/// The steps of a plan that was written as a list in words, if it was.
pub fn steps_in(text: &str) -> Vec<String> {
    text.lines()
        .filter_map(|line| {
            let line = line.trim_start();
            let rest = line.strip_prefix(['-', '*', '•']).or_else(|| {
                let digits =
                    line.len() - line.trim_start_matches(|c: char| c.is_ascii_digit()).len();
                (digits > 0)
                    .then(|| line[digits..].strip_prefix(['.', ')']))
                    .flatten()
            })?;
            let step = rest.strip_prefix(' ')?.trim();
            (!step.is_empty()).then(|| step.to_owned())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::Target;

    #[test]
    fn a_list_in_words_is_a_plan() {
        assert_eq!(
            steps_in("Plan:\n1. Read\n2) Edit\n - test\nwell"),
            ["Read", "Edit", "test"]
        );
        assert!(steps_in("It is 1.5 times -faster- **bold**").is_empty());
    }

    #[test]
    fn titles_say_what_and_where() {
        let target = Some(Target {
            path: "a.rs".into(),
            start_line: 3,
            end_line: 5,
            ..Target::default()
        });
        let refactor = TaskRequest {
            intent: Intent::Refactor,
            target,
            ..TaskRequest::default()
        };
        assert_eq!(title(&refactor), "Refactor a.rs:3");
        let long = TaskRequest {
            prompt: "ä".repeat(200),
            ..TaskRequest::default()
        };
        assert_eq!(title(&long).chars().count(), 80);
    }
}
