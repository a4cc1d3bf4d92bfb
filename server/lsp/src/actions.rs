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
mod tests {
    use super::*;
    use expect_test::{Expect, expect};
    use lsp_types::Position;

    const TEXT: &str = "fn a() {}\n// animus: split this\nfn b() {}\n";

    fn range(start: (u32, u32), end: (u32, u32)) -> Range {
        Range {
            start: Position::new(start.0, start.1),
            end: Position::new(end.0, end.1),
        }
    }

    fn check(
        range: Range,
        diagnostics: &[Diagnostic],
        only: &[&str],
        board: &Board,
        style: Style,
        expected: Expect,
    ) {
        check_in(
            "file:///a.rs",
            range,
            diagnostics,
            only,
            board,
            style,
            expected,
        );
    }

    fn check_in(
        uri: &str,
        range: Range,
        diagnostics: &[Diagnostic],
        only: &[&str],
        board: &Board,
        style: Style,
        expected: Expect,
    ) {
        let rope = Rope::from_str(TEXT);
        let only: Vec<CodeActionKind> = only
            .iter()
            .map(|kind| CodeActionKind::from((*kind).to_owned()))
            .collect();
        let question = Question {
            uri,
            rope: &rope,
            range,
            diagnostics,
            only: &only,
        };
        let shown: Vec<String> = offer(&question, Vec::new(), board, style)
            .into_iter()
            .map(|offered| match offered {
                CodeActionOrCommand::CodeAction(action) => {
                    let kind = action
                        .kind
                        .as_ref()
                        .map_or("", CodeActionKind::as_str)
                        .to_owned();
                    let does = match (&action.disabled, &action.command) {
                        (Some(disabled), _) => format!("disabled: {}", disabled.reason),
                        (None, Some(command)) => {
                            format!(
                                "{} {}",
                                command.command,
                                json!(command.arguments.as_ref().unwrap()[0])
                            )
                        }
                        (None, None) => String::new(),
                    };
                    format!("[{kind}] {}\n    {does}\n", action.title)
                }
                CodeActionOrCommand::Command(command) => {
                    format!("{} {}\n", command.command, command.title)
                }
            })
            .collect();
        expected.assert_eq(&shown.concat());
    }

    fn busy() -> Board {
        let mut board = Board::default();
        board.began("t1".into(), "Refactor a".to_owned());
        board.proposed.push(("p1".into(), "Two".to_owned()));
        board.landed.push(("p0".into(), "One".to_owned()));
        board
    }

    #[test]
    fn a_cursor_means_the_symbol() {
        check(
            range((0, 3), (0, 3)),
            &[],
            &[],
            &Board::default(),
            Style::Plain,
            expect![[r#"
            [refactor.rewrite.animus] Ask agent to refactor this symbol
                animus.task.start {"intent":"refactor","range":{"end":{"character":3,"line":0},"start":{"character":3,"line":0}},"uri":"file:///a.rs"}
            [source.animus.document] Ask agent to document this symbol
                animus.task.start {"intent":"document","range":{"end":{"character":3,"line":0},"start":{"character":3,"line":0}},"uri":"file:///a.rs"}
            [source.animus.tests] Ask agent to write tests for this symbol
                animus.task.start {"intent":"tests","range":{"end":{"character":3,"line":0},"start":{"character":3,"line":0}},"uri":"file:///a.rs"}
            [source.animus.explain] Ask agent to explain this symbol
                animus.task.start {"intent":"explain","range":{"end":{"character":3,"line":0},"start":{"character":3,"line":0}},"uri":"file:///a.rs"}
        "#]],
        );
    }

    #[test]
    fn a_selection_with_a_comment_and_a_diagnostic() {
        let diagnostic = Diagnostic {
            range: range((2, 3), (2, 4)),
            severity: Some(DiagnosticSeverity::WARNING),
            message: "unused: b\nmore".to_owned(),
            ..Diagnostic::default()
        };
        check(
            range((1, 0), (3, 0)),
            &[diagnostic],
            &["refactor", "quickfix"],
            &busy(),
            Style::Plain,
            expect![[r#"
            [refactor.rewrite.animus] Ask agent to do: split this
                animus.task.start {"intent":"do","prompt":"split this","range":{"end":{"character":0,"line":2},"start":{"character":0,"line":1}},"uri":"file:///a.rs"}
            [quickfix.animus] Ask agent to fix: unused: b
                animus.task.start {"diagnostics":["warning: unused: b\nmore"],"intent":"fix","range":{"end":{"character":4,"line":2},"start":{"character":3,"line":2}},"uri":"file:///a.rs"}
            [refactor.rewrite.animus] Ask agent to refactor lines 2 to 3
                animus.task.start {"intent":"refactor","range":{"end":{"character":0,"line":3},"start":{"character":0,"line":1}},"uri":"file:///a.rs"}
        "#]],
        );
    }

    #[test]
    fn tasks_and_patches_are_offered_too() {
        check(
            range((0, 0), (0, 0)),
            &[],
            &["source.animus"],
            &busy(),
            Style::Commands,
            expect![[r#"
                animus.task.start Ask agent to document this symbol
                animus.task.start Ask agent to write tests for this symbol
                animus.task.start Ask agent to explain this symbol
                animus.task.cancel Cancel the agent's task: Refactor a
                animus.patch.resolve Accept the agent's patch: Two
                animus.patch.resolve Refuse the agent's patch: Two
                animus.patch.review Review the agent's patch: Two
                animus.patch.undo Undo the agent's last patch: One
            "#]],
        );
    }

    #[test]
    fn what_is_written_in_a_comment_or_a_prompt_document_also_steers() {
        check(
            range((1, 0), (1, 0)),
            &[],
            &["source.animus.steer"],
            &busy(),
            Style::Plain,
            expect![[r#"
                [source.animus.steer] Tell the agent's task (Refactor a): split this
                    animus.task.steer {"task":"t1","text":"split this"}
            "#]],
        );
        check_in(
            "file:///ask.animus.md",
            range((0, 0), (0, 0)),
            &[],
            &[],
            &busy(),
            Style::Plain,
            expect![[r#"
                [refactor.rewrite.animus] Send to the agent: fn a() {}
                    animus.task.start {"prompt":"fn a() {}\n// animus: split this\nfn b() {}"}
                [source.animus.steer] Tell the agent's task (Refactor a): fn a() {}
                    animus.task.steer {"task":"t1","text":"fn a() {}\n// animus: split this\nfn b() {}"}
                [source.animus.cancel] Cancel the agent's task: Refactor a
                    animus.task.cancel {"task":"t1"}
                [source.animus.accept] Accept the agent's patch: Two
                    animus.patch.resolve {"patch":"p1","resolution":"accept"}
                [source.animus.refuse] Refuse the agent's patch: Two
                    animus.patch.resolve {"patch":"p1","resolution":"refuse"}
                [source.animus.review] Review the agent's patch: Two
                    animus.patch.review {"patch":"p1"}
                [source.animus.undo] Undo the agent's last patch: One
                    animus.patch.undo {"patch":"p0"}
            "#]],
        );
    }

    #[test]
    fn without_a_model_actions_say_why() {
        let board = Board {
            problem: Some("no model: set one".to_owned()),
            ..busy()
        };
        check(
            range((0, 0), (0, 0)),
            &[],
            &["refactor", "source.animus.undo"],
            &board,
            Style::Disabled,
            expect![[r#"
            [refactor.rewrite.animus] Ask agent to refactor this symbol
                disabled: no model: set one
            [source.animus.undo] Undo the agent's last patch: One
                animus.patch.undo {"patch":"p0"}
        "#]],
        );
    }

    #[test]
    fn every_answer_to_an_open_question_is_offered_first() {
        let option = |kind, scope, name: &str| protocol::ApprovalOption {
            kind,
            scope,
            name: name.to_owned(),
        };
        let approval = protocol::Approval {
            id: "q1".into(),
            task: "t1".into(),
            call: None,
            title: "Run git push".to_owned(),
            details: Vec::new(),
            reasons: Vec::new(),
            options: vec![
                option(
                    protocol::PermissionOption::AllowOnce,
                    protocol::Scope::Once,
                    "Allow once",
                ),
                option(
                    protocol::PermissionOption::RejectOnce,
                    protocol::Scope::Once,
                    "Deny",
                ),
            ],
            covers: Vec::new(),
            state: protocol::ApprovalState::Pending,
            deadline_seconds: 120,
        };
        let mut board = Board::default();
        board.questions.insert(approval.id.clone(), approval);
        check(
            range((0, 0), (0, 0)),
            &[],
            &["source.animus.approve"],
            &board,
            Style::Plain,
            expect![[r#"
                [source.animus.approve] Allow once: Run git push
                    animus.approval.resolve {"approval":"q1","option":"allow_once","scope":"once"}
                [source.animus.approve] Deny: Run git push
                    animus.approval.resolve {"approval":"q1","option":"reject_once","scope":"once"}
            "#]],
        );
    }

    #[test]
    fn kinds_are_asked_for_by_prefix() {
        for (asked, expected) in [
            ("", true),
            ("refactor", true),
            ("refactor.rewrite", true),
            ("refactor.rewrite.animus", true),
            ("refactor.re", false),
            ("refactor.rewrite.animus.more", false),
            ("quickfix", false),
        ] {
            let kind = CodeActionKind::from(REFACTOR.to_owned());
            assert_eq!(
                wanted(Some(&kind), &[CodeActionKind::from(asked.to_owned())]),
                expected,
                "{asked}"
            );
        }
    }
}
