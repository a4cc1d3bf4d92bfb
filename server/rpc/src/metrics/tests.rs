//! What a scrape shows of a task's events, and that the pages list what the code counts.

use super::*;
use protocol::{
    Approval, ApprovalState, Code, Failure, FinishReason, PatchKind, PatchState, Phase, ToolCall,
    ToolKind, ToolResult, ToolStatus, Update, Usage,
};
use std::collections::BTreeSet;

/// Names in quotes or backquotes, whichever `mark` is.
fn names(text: &str, mark: char) -> BTreeSet<&str> {
    text.split(mark)
        .filter(|word| word.starts_with("animus_") || word.starts_with("mycodex_"))
        .filter(|word| word.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
        .collect()
}

fn listed(page: &str) -> BTreeSet<&str> {
    let (_, table) = page.split_once("<!-- metrics -->").unwrap();
    names(table.split_once("<!-- /metrics -->").unwrap().0, '`')
}

fn code(files: &[&'static str]) -> BTreeSet<&'static str> {
    let parts = files
        .iter()
        .map(|file| file.split("#[cfg(test)]").next().unwrap());
    parts.flat_map(|file| names(file, '"')).collect()
}

const MODELS: [&str; 2] = [include_str!("models.rs"), include_str!("answers.rs")];

#[test]
fn the_page_of_models_lists_their_metrics() {
    let page = include_str!("../../../../docs/models.md");
    assert_eq!(listed(page), code(&MODELS));
}

#[test]
fn the_page_of_metrics_lists_all() {
    let page = include_str!("../../../../docs/observability.md");
    let rest = [
        include_str!("tasks.rs"),
        include_str!("verdicts.rs"),
        include_str!("tools.rs"),
        include_str!("patches.rs"),
        include_str!("server.rs"),
        include_str!("../transport.rs"),
        include_str!("../traces.rs"),
    ];
    let all: BTreeSet<&str> = code(&MODELS).union(&code(&rest)).copied().collect();
    assert_eq!(listed(page), all);
}

fn told(metrics: &Metrics, at: &str, update: Update) {
    metrics.apply(&Event {
        v: protocol::PROTOCOL_VERSION,
        task: "t".into(),
        session: "s".into(),
        seq: 0,
        ts: format!("2026-01-01T00:00:{at}Z"),
        update,
    });
}

fn started() -> Update {
    Update::Started {
        request: protocol::TaskRequest::default(),
        root: "/".into(),
        model: "p/m".into(),
        scripted: true,
    }
}

fn phase(from: Phase, phase: Phase) -> Update {
    Update::Phase { phase, from }
}

fn call(id: &str, name: &str) -> Update {
    Update::ToolCall {
        call: ToolCall {
            id: id.into(),
            name: name.into(),
            kind: ToolKind::Read,
            title: String::new(),
            input: serde_json::Value::Null,
            arguments: None,
            healed: Vec::new(),
        },
    }
}

fn answer(id: &str, failure: Option<Code>) -> Update {
    Update::ToolResult {
        result: ToolResult {
            id: id.into(),
            status: ToolStatus::Completed,
            output: String::new(),
            failure: failure.map(|code| Failure::new(code, "no")),
            exit_code: None,
            enforced_by: Vec::new(),
            duration_ms: 30,
        },
    }
}

fn question() -> Update {
    Update::Approval {
        approval: Approval {
            id: "q".into(),
            task: "t".into(),
            call: Some("c".into()),
            title: String::new(),
            details: Vec::new(),
            reasons: Vec::new(),
            options: Vec::new(),
            covers: Vec::new(),
            state: ApprovalState::Pending,
            deadline_seconds: 1,
        },
    }
}

fn patch(state: PatchState) -> PatchView {
    PatchView {
        id: "p".into(),
        task: "t".into(),
        title: String::new(),
        state,
        verified: true,
        created: String::new(),
        kind: PatchKind::Change,
        parent: None,
        of: Vec::new(),
        step: None,
        model: None,
        files: Vec::new(),
    }
}

fn finished() -> Update {
    Update::Finished {
        reason: FinishReason::Verified,
        exit_code: 0,
        summary: String::new(),
        failure: None,
        usage: Usage {
            input_tokens: 70,
            output_tokens: 7,
            ..Usage::default()
        },
        duration_ms: 9_000,
    }
}

#[test]
fn a_task_is_counted_step_by_step() {
    let metrics = Metrics::new();
    let has = |lines: &[&str]| {
        let text = metrics.text();
        for line in lines {
            assert!(text.lines().any(|found| found == *line), "{line}\n{text}");
        }
    };
    told(&metrics, "01", started());
    told(&metrics, "02", phase(Phase::Intake, Phase::Act));
    for at in ["02.25", "03"] {
        told(&metrics, at, Update::Message { text: "I".into() });
    }
    told(&metrics, "03", call("c", "read_file"));
    told(&metrics, "03", question());
    has(&["animus_running_tasks 1", "animus_open_approvals 1"]);
    told(&metrics, "04", answer("c", Some(Code::Denied)));
    told(&metrics, "04", call("d", "a_name_made_up_by_a_model"));
    told(&metrics, "04", answer("d", None));
    let proposed = patch(PatchState::Proposed);
    told(&metrics, "05", Update::Patch { patch: proposed });
    let landed = Update::PatchState {
        state: PatchState::Landed,
        paths: Vec::new(),
    };
    told(&metrics, "06", landed);
    metrics.patch(&patch(PatchState::Landed));
    metrics.patch(&patch(PatchState::Undone));
    told(&metrics, "08", phase(Phase::Act, Phase::Finished));
    told(&metrics, "10", finished());
    has(&[
        "animus_running_tasks 0",
        "animus_open_approvals 0",
        "animus_oldest_task_seconds 0",
        "animus_tasks_started_total 1",
        "animus_task_first_word_seconds_sum 1.25",
        "animus_task_first_word_seconds_count 1",
        "animus_phase_seconds_sum{phase=\"intake\"} 1",
        "animus_phase_seconds_sum{phase=\"act\"} 6",
        "animus_tool_calls_total{status=\"failed\",tool=\"read_file\"} 1",
        "animus_tool_calls_total{status=\"completed\",tool=\"unknown\"} 1",
        "animus_refusals_total{code=\"denied\"} 1",
        "animus_approvals_asked_total{about=\"call\"} 1",
        "animus_patches_total{state=\"proposed\"} 1",
        "animus_patches_total{state=\"landed\"} 1",
        "animus_patches_total{state=\"undone\"} 1",
        "mycodex_agent_requests_total{finish_reason=\"verified\"} 1",
        "mycodex_agent_tokens_total{finish_reason=\"verified\"} 77",
        "mycodex_agent_duration_seconds_bucket{finish_reason=\"verified\",le=\"15\"} 1",
        "mycodex_agent_requests_total{finish_reason=\"test_failed\"} 0",
    ]);
    assert!(!metrics.text().contains("made_up"));
}
