//! What is offered where: kinds, titles, reasons, and what a client of few words gets.

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
