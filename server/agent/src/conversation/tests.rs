//! Conversation: what becomes a message, what stays, and what outlives a shortening.

use super::*;
use protocol::{CallId, Speaker, ToolKind, ToolResult};

fn call(id: &str) -> Update {
    let call = ToolCall {
        id: CallId::from(id),
        name: "read_file".into(),
        kind: ToolKind::Read,
        title: String::new(),
        input: json!({"path": "a"}),
        arguments: None,
        healed: Vec::new(),
    };
    Update::ToolCall { call }
}

fn result(id: &str) -> Update {
    let result = ToolResult {
        id: CallId::from(id),
        status: ToolStatus::Completed,
        output: "text".into(),
        failure: None,
        exit_code: None,
        enforced_by: Vec::new(),
        duration_ms: 0,
    };
    Update::ToolResult { result }
}

#[test]
fn a3_pieces_become_messages() {
    let mut conversation = Conversation::default();
    for update in [
        Update::Prompt {
            by: Speaker::User,
            text: "do".into(),
        },
        Update::Message { text: "I ".into() },
        Update::Message {
            text: "read".into(),
        },
        call("1"),
        call("2"),
        Update::Turn {
            turn: 1,
            text: None,
            carry: None,
        },
        result("1"),
        result("2"),
    ] {
        conversation.apply(&update);
    }
    let shape: Vec<String> = conversation
        .messages()
        .iter()
        .map(|message| match message {
            Message::User { text } => format!("user {text}"),
            Message::Assistant { text, calls, .. } => {
                format!("assistant {text} +{}", calls.len())
            }
            Message::Tool { id, output, .. } => format!("tool {id} {output}"),
        })
        .collect();
    assert_eq!(
        shape,
        [
            "user do",
            "assistant I read +2",
            "tool 1 text",
            "tool 2 text"
        ]
    );
    assert!(conversation.unanswered().is_empty());
}

/// Numbers that look random, the same for the same seed.
fn numbers(mut seed: u64) -> impl FnMut(u64) -> u64 {
    move |most| {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % most
    }
}

#[test]
fn a3_what_was_said_stays_but_for_a_compaction() {
    let (mut shortened, mut estimates) = (0, 0);
    for seed in 0..500 {
        let mut next = numbers(seed);
        let mut conversation = Conversation::default();
        let mut told = Vec::new();
        for _ in 0..60 {
            let id = next(12).to_string();
            let update = match next(9) {
                0 => Update::Prompt {
                    by: Speaker::Agent,
                    text: id,
                },
                1 | 2 => Update::Message { text: id },
                3 => call(&id),
                4 => Update::Turn {
                    turn: 1,
                    text: None,
                    carry: None,
                },
                5 | 6 => result(&id),
                7 => Update::Usage {
                    usage: protocol::Usage {
                        role: "coder".into(),
                        input_tokens: next(900),
                        ..Default::default()
                    },
                },
                _ => Update::Compacted {
                    compaction: Compaction {
                        step: protocol::CompactionStep::Summarised,
                        outputs: vec![protocol::ShortOutput {
                            id: CallId(id),
                            output: "short".into(),
                        }],
                        prompts: vec![protocol::ShortPrompt {
                            at: next(9),
                            text: "p".into(),
                        }],
                        dropped: next(4),
                        text: "digest".into(),
                        tokens_before: 0,
                        tokens_after: 0,
                        estimated: true,
                    },
                },
            };
            let before = conversation.messages().to_vec();
            conversation.apply(&update);
            estimates += u32::from(conversation.tokens(100).estimated);
            if matches!(update, Update::Compacted { .. }) {
                shortened += u32::from(before != conversation.messages());
            } else {
                assert_eq!(before[..], conversation.messages()[..before.len()]);
            }
            told.push(update);
        }
        let mut again = Conversation::default();
        told.iter().for_each(|update| again.apply(update));
        assert_eq!(again.messages(), conversation.messages());
    }
    assert!(
        shortened > 500 && estimates > 500,
        "{shortened} {estimates}"
    );
}

#[test]
fn a3_a_result_never_stays_without_its_call() {
    let mut conversation = Conversation::default();
    let turn = || Update::Turn {
        turn: 1,
        text: None,
        carry: None,
    };
    for update in [
        call("1"),
        call("2"),
        turn(),
        result("1"),
        result("2"),
        call("3"),
        turn(),
        result("3"),
    ] {
        conversation.apply(&update);
    }
    for dropped in 1..20 {
        let mut shorter = conversation.clone();
        let compaction = Compaction {
            step: protocol::CompactionStep::Dropped,
            outputs: Vec::new(),
            prompts: Vec::new(),
            dropped,
            text: "digest".into(),
            tokens_before: 0,
            tokens_after: 0,
            estimated: true,
        };
        shorter.apply(&Update::Compacted { compaction });
        let messages = shorter.messages();
        assert_eq!(messages[0].text(), "digest");
        assert!(
            !matches!(messages.get(1), Some(Message::Tool { .. })),
            "{dropped}"
        );
        assert!(shorter.has_call("1"), "its id is never given again");
    }
}

#[test]
fn what_a_person_said_and_what_fails_is_carried() {
    let mut conversation = Conversation::default();
    let says = |text: &str| Update::Prompt {
        by: Speaker::User,
        text: text.into(),
    };
    let started = |prompt: &str| Update::Started {
        request: protocol::TaskRequest {
            prompt: prompt.into(),
            context: vec!["AGENTS.md".into()],
            ..Default::default()
        },
        root: String::new(),
        model: String::new(),
        scripted: false,
    };
    let Update::ToolResult { result: failed } = result("1") else {
        return;
    };
    let failed = protocol::ToolResult {
        status: ToolStatus::Failed,
        output: "no such file".into(),
        ..failed
    };
    let turn = || Update::Turn {
        turn: 1,
        text: None,
        carry: None,
    };
    for update in [
        started("first"),
        says("first, with files"),
        started("second"),
        says("second, with files"),
        says("never touch b.rs"),
        call("1"),
        turn(),
        Update::ToolResult { result: failed },
    ] {
        conversation.apply(&update);
    }
    let text = conversation.carried(4_000).text;
    for part in [
        "Task:\nsecond",
        "- never touch b.rs",
        "- first",
        "AGENTS.md",
        "no such file",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("with files"), "{text}");
    for update in [call("2"), turn(), result("2")] {
        conversation.apply(&update);
    }
    let text = conversation.carried(4_000).text;
    assert!(
        !text.contains("no such file") && text.contains("Read so far"),
        "{text}"
    );
}

fn says(text: &str) -> Update {
    Update::Prompt {
        by: Speaker::User,
        text: text.into(),
    }
}

/// A task with this request and its opening.
fn begins(prompt: &str) -> [Update; 2] {
    let started = Update::Started {
        request: protocol::TaskRequest {
            prompt: prompt.into(),
            ..Default::default()
        },
        root: String::new(),
        model: String::new(),
        scripted: false,
    };
    [started, says(prompt)]
}

fn plan(step: &str) -> Update {
    let step = protocol::Step {
        content: step.into(),
        status: protocol::StepStatus::Pending,
    };
    let entries = vec![step];
    Update::Plan {
        plan: protocol::Plan {
            entries,
            ..protocol::Plan::default()
        },
    }
}

fn ends(reason: protocol::FinishReason) -> Update {
    Update::Finished {
        reason,
        exit_code: reason.exit_code(),
        summary: String::new(),
        failure: None,
        usage: protocol::Usage::default(),
        duration_ms: 0,
    }
}

fn fails() -> Vec<Update> {
    let Update::ToolResult { result } = result("1") else {
        return Vec::new();
    };
    let failed = ToolResult {
        status: ToolStatus::Failed,
        output: "FAILMARK".into(),
        ..result
    };
    let turn = Update::Turn {
        turn: 1,
        text: None,
        carry: None,
    };
    vec![call("1"), turn, Update::ToolResult { result: failed }]
}

#[test]
fn a3_a_task_that_was_cut_off_goes_on_with_all_it_had() {
    use protocol::FinishReason::{Cancelled, ProviderError, Verified};
    let rule = format!("Rename all. {} RULE: leave b.rs", "detail ".repeat(300));
    for (end, again) in [
        (None, "go on"),
        (Some(Cancelled), "go on"),
        (Some(ProviderError), rule.as_str()),
        (None, rule.as_str()),
        (Some(Verified), "go on"),
        (Some(Verified), rule.as_str()),
    ] {
        let mut conversation = Conversation::default();
        let mut all = begins(&rule).to_vec();
        all.extend([plan("PLANSTEP"), says("SAID: b too")]);
        all.extend(fails());
        all.extend(end.map(ends));
        all.extend(begins(again));
        all.iter().for_each(|one| conversation.apply(one));
        let text = conversation.carried(4_000).text;
        let goes_on = end != Some(Verified);
        for part in ["PLANSTEP", "FAILMARK"] {
            assert_eq!(text.contains(part), goes_on, "{part} {end:?}: {text}");
        }
        for part in [
            format!("Task:\n{again}"),
            "RULE: leave b.rs".into(),
            "SAID: b too".into(),
        ] {
            assert!(text.contains(&part), "{part} {end:?}: {text}");
        }
        let once = if again == rule && goes_on {
            1
        } else {
            usize::from(again == rule) + 1
        };
        assert_eq!(text.matches("RULE").count(), once, "{end:?}: {text}");
    }
}

#[test]
fn a3_no_words_of_a_person_are_lost_without_a_note() {
    let mut conversation = Conversation::default();
    let early = format!("Set up. {} RULE-1: leave f7", "blah ".repeat(200));
    let late = format!("Do this. {} FINAL-RULE: leave f8", "detail ".repeat(4_000));
    let mut all = begins(&early).to_vec();
    all.push(says("STEER-RULE: leave f9"));
    all.push(ends(protocol::FinishReason::NoChange));
    all.extend(begins(&late));
    all.extend((0..40).map(|at| says(&format!("SAID-{at:02}: a rule"))));
    all.iter().for_each(|one| conversation.apply(one));
    let told = conversation.carried(4_000);
    for part in ["RULE-1", "STEER-RULE", "FINAL-RULE", "SAID-00", "SAID-39"] {
        assert!(told.text.contains(part), "{part}: {}", told.text);
    }
    assert!(told.text.contains(late.trim_end()) && told.cut == 0);

    // With little room the running task stays whole, and what is cut is said.
    let told = conversation.carried(900);
    assert!(told.text.contains(late.trim_end()) && told.cut > 0);
    for part in ["SAID-39", "STEER-RULE", "bytes left out", "RULE-1"] {
        assert!(told.text.contains(part), "{part}: {}", told.text);
    }
    let told = conversation.carried(100);
    assert!(told.text.contains("older ones are left out") && told.cut > 1_000);
    assert!(told.text.len() < late.len() + 1_000);
}

#[test]
fn a3_a_call_stands_once_and_as_the_model_wrote_it() {
    let Update::ToolCall { call } = call("1") else {
        return;
    };
    let written = "{ \"path\": \"a\" }";
    let mut conversation = Conversation::default();
    for update in [
        Update::Message {
            text: "I read it.\n<tool_call>…".into(),
        },
        Update::ToolCall {
            call: ToolCall {
                arguments: Some(written.into()),
                ..call
            },
        },
        Update::Turn {
            turn: 1,
            text: Some("I read it.".into()),
            carry: None,
        },
    ] {
        conversation.apply(&update);
    }
    let [Message::Assistant { text, calls, .. }] = conversation.messages() else {
        panic!("{:?}", conversation.messages());
    };
    assert_eq!(
        (text.as_str(), calls[0].arguments.as_str()),
        ("I read it.", written)
    );
}

#[test]
fn a3_half_a_turn_is_not_a_message() {
    let mut conversation = Conversation::default();
    conversation.apply(&Update::Message {
        text: "half".into(),
    });
    conversation.apply(&Update::Prompt {
        by: Speaker::User,
        text: "again".into(),
    });
    assert_eq!(conversation.messages().len(), 1);
}
