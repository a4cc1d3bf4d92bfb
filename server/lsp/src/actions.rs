//! Actions: what the agent offers at a place in a document. Answered from memory: only the asked-for lines are read,
//! nothing is parsed, nobody is asked.

use lsp_types::{
    CodeAction, CodeActionDisabled, CodeActionKind, CodeActionOrCommand, Command, Diagnostic,
    DiagnosticSeverity, Range,
};
use ropey::Rope;
use serde_json::{Value, json};

use crate::board::Board;
use crate::{comment, position, prompt};

/// Kind of "refactor" and "do".
pub const REFACTOR: &str = "refactor.rewrite.animus";
/// Kind of "fix".
pub const QUICKFIX: &str = "quickfix.animus";
/// Kind of everything else, with the action's name behind it.
pub const SOURCE: &str = "source.animus";

/// What stands behind [`SOURCE`], one action each.
const SOURCES: [&str; 10] = [
    "document", "tests", "explain", "approve", "steer", "cancel", "accept", "refuse", "review",
    "undo",
];

/// Most characters of a text in a title.
const TITLE: usize = 80;

/// What is asked.
#[derive(Debug)]
pub struct Question<'a> {
    /// The document, as the client writes it.
    pub uri: &'a str,
    /// Its text.
    pub rope: &'a Rope,
    /// The selection or the cursor.
    pub range: Range,
    /// The diagnostics there.
    pub diagnostics: &'a [Diagnostic],
    /// The kinds that are wanted; all where empty.
    pub only: &'a [CodeActionKind],
}

/// How the client takes the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Actions, with a reason where they cannot be taken now.
    Disabled,
    /// Actions; one that cannot be taken now says why when it is taken.
    Plain,
    /// Commands only.
    Commands,
}

/// The answer; decisions on what stands there already come first.
pub fn offer(
    question: &Question<'_>,
    decisions: Vec<CodeAction>,
    board: &Board,
    style: Style,
) -> Vec<CodeActionOrCommand> {
    let request =
        prompt::is_one(question.uri).then(|| prompt::request(question.rope, question.range));
    let written: Vec<Written> = match &request {
        Some(Some(prompt::Asked::Text(text))) => vec![(None, text.clone())],
        Some(_) => Vec::new(),
        None => comment::find(question.rope, position::lines(question.range))
            .into_iter()
            .map(|(line, text)| (Some(line), text))
            .collect(),
    };
    let mut actions = work(question, &written);
    if let (Style::Disabled, Some(problem)) = (style, &board.problem) {
        for action in &mut actions {
            action.disabled = Some(CodeActionDisabled {
                reason: problem.clone(),
            });
            action.command = None;
        }
    }
    if request == Some(Some(prompt::Asked::TooLong)) {
        actions.push(prompt::too_long(style));
    }
    let words = written.iter().map(|(_, text)| text.as_str());
    actions.extend(steering(words, board));
    actions.extend(housekeeping(board));
    actions.splice(0..0, decisions.into_iter().chain(approvals(board)));
    styled(actions, question.only, style)
}

/// The actions of the wanted kinds, as the client takes them.
pub fn styled(
    actions: Vec<CodeAction>,
    only: &[CodeActionKind],
    style: Style,
) -> Vec<CodeActionOrCommand> {
    actions
        .into_iter()
        .filter(|action| wanted(action.kind.as_ref(), only))
        .filter_map(|action| match style {
            Style::Disabled | Style::Plain => Some(CodeActionOrCommand::CodeAction(action)),
            Style::Commands => action.command.map(CodeActionOrCommand::Command),
        })
        .collect()
}

/// Every kind that is ever offered.
pub fn kinds() -> Vec<String> {
    let sources = SOURCES.iter().map(|name| format!("{SOURCE}.{name}"));
    [REFACTOR, QUICKFIX]
        .into_iter()
        .map(str::to_owned)
        .chain(sources)
        .collect()
}

/// What a person wrote here for the agent, and the line of the comment in which they did.
type Written = (Option<u32>, String);

/// What begins a task.
fn work(question: &Question<'_>, written: &[Written]) -> Vec<CodeAction> {
    let Question { uri, range, .. } = question;
    let place = place(*range);
    let start = |kind: &str, title: String, more: Value| {
        let mut argument = json!({ "uri": uri, "range": range });
        if let (Value::Object(argument), Value::Object(more)) = (&mut argument, more) {
            argument.extend(more);
        }
        action(kind, title, "task/start", argument)
    };
    let mut actions = Vec::new();
    for (line, text) in written {
        let Some(line) = line else {
            let title = format!("Send to the agent: {}", shorten(text));
            let argument = json!({ "prompt": text });
            actions.push(action(REFACTOR, title, "task/start", argument));
            continue;
        };
        let title = format!("Ask agent to do: {}", shorten(text));
        let whole = Range {
            start: lsp_types::Position::new(*line, 0),
            end: lsp_types::Position::new(line + 1, 0),
        };
        actions.push(start(
            REFACTOR,
            title,
            json!({ "intent": "do", "prompt": text, "range": whole }),
        ));
    }
    if prompt::is_one(uri) {
        return actions;
    }
    for diagnostic in question.diagnostics {
        let title = format!("Ask agent to fix: {}", shorten(&diagnostic.message));
        let said = format!("{}: {}", severity(diagnostic.severity), diagnostic.message);
        let more = json!({ "intent": "fix", "range": diagnostic.range, "diagnostics": [said] });
        let mut action = start(QUICKFIX, title, more);
        action.diagnostics = Some(vec![diagnostic.clone()]);
        actions.push(action);
    }
    actions.push(start(
        REFACTOR,
        format!("Ask agent to refactor {place}"),
        json!({ "intent": "refactor" }),
    ));
    for (name, words, intent) in [
        ("document", "document", "document"),
        ("tests", "write tests for", "tests"),
        ("explain", "explain", "explain"),
    ] {
        let title = format!("Ask agent to {words} {place}");
        actions.push(start(
            &format!("{SOURCE}.{name}"),
            title,
            json!({ "intent": intent }),
        ));
    }
    actions
}

/// Every answer to every open question, in any document: a message box may be gone before it is read.
pub fn approvals(board: &Board) -> Vec<CodeAction> {
    let answers = board.questions.values().flat_map(|approval| {
        approval.options.iter().map(|option| {
            let title = format!("{}: {}", option.name, shorten(&approval.title));
            let argument =
                json!({ "approval": approval.id, "option": option.kind, "scope": option.scope });
            let kind = format!("{SOURCE}.approve");
            action(&kind, title, "approval/resolve", argument)
        })
    });
    answers.collect()
}

/// What was written here, said to a task that runs.
fn steering<'a>(
    words: impl Iterator<Item = &'a str> + Clone,
    board: &Board,
) -> impl Iterator<Item = CodeAction> {
    board.running.iter().flat_map(move |(task, title)| {
        words.clone().map(move |text| {
            let title = format!(
                "Tell the agent's task ({}): {}",
                shorten(title),
                shorten(text)
            );
            let argument = json!({ "task": task, "text": text });
            action(&format!("{SOURCE}.steer"), title, "task/steer", argument)
        })
    })
}

/// What concerns tasks and patches that are there already.
fn housekeeping(board: &Board) -> Vec<CodeAction> {
    let cancel = board.running.iter().map(|(task, title)| {
        let title = format!("Cancel the agent's task: {}", shorten(title));
        action(
            &format!("{SOURCE}.cancel"),
            title,
            "task/cancel",
            json!({ "task": task }),
        )
    });
    let decide = board.proposed.iter().rev().flat_map(|(patch, title)| {
        let resolve = |word: &str, resolution: &str| {
            let title = format!("{word} the agent's patch: {}", shorten(title));
            let argument = json!({ "patch": patch, "resolution": resolution });
            let kind = format!("{SOURCE}.{resolution}");
            action(&kind, title, "patch/resolve", argument)
        };
        let review = action(
            &format!("{SOURCE}.review"),
            format!("Review the agent's patch: {}", shorten(title)),
            "patch/review",
            json!({ "patch": patch }),
        );
        [
            resolve("Accept", "accept"),
            resolve("Refuse", "refuse"),
            review,
        ]
    });
    let undo = board.landed.last().map(|(patch, title)| {
        let title = format!("Undo the agent's last patch: {}", shorten(title));
        action(
            &format!("{SOURCE}.undo"),
            title,
            "patch/undo",
            json!({ "patch": patch }),
        )
    });
    cancel.chain(decide).chain(undo).collect()
}

fn action(kind: &str, title: String, verb: &str, argument: Value) -> CodeAction {
    let command = Command {
        title: title.clone(),
        command: crate::verbs::command(verb),
        arguments: Some(vec![argument]),
    };
    CodeAction {
        title,
        kind: Some(kind.to_owned().into()),
        command: Some(command),
        ..CodeAction::default()
    }
}

/// Whether a kind is one of those asked for, or below one.
fn wanted(kind: Option<&CodeActionKind>, only: &[CodeActionKind]) -> bool {
    let kind = kind.map_or("", CodeActionKind::as_str);
    only.is_empty()
        || only.iter().map(CodeActionKind::as_str).any(|asked| {
            asked.is_empty()
                || kind
                    .strip_prefix(asked)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })
}

fn place(range: Range) -> String {
    if range.start == range.end {
        return "this symbol".to_owned();
    }
    let (first, last) = position::lines(range);
    if first == last {
        format!("the selection in line {first}")
    } else {
        format!("lines {first} to {last}")
    }
}

fn severity(severity: Option<DiagnosticSeverity>) -> &'static str {
    match severity {
        Some(DiagnosticSeverity::WARNING) => "warning",
        Some(DiagnosticSeverity::INFORMATION) => "information",
        Some(DiagnosticSeverity::HINT) => "hint",
        _ => "error",
    }
}

/// One line of at most 80 characters.
pub fn shorten(text: &str) -> String {
    let line = text.trim().lines().next().unwrap_or_default();
    match line.char_indices().nth(TITLE) {
        Some((cut, _)) => format!("{}…", &line[..cut]),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests;
