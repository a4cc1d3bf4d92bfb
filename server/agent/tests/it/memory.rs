//! Memory and guides over a task's life: they outlast a shortening, a person's words become a rule, and what is told is bounded.

use crate::stage::{GOOD, Stage, ask, finish, patch_turn, run};
use agent::Remembered;
use protocol::{CompactionStep, FinishReason, MemoryAuthor, MemoryKind, Update};

fn note(text: &str) -> Remembered {
    Remembered {
        kind: None,
        text: text.to_owned(),
        paths: Vec::new(),
        by: MemoryAuthor::Person,
        task: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
#[allow(clippy::disallowed_methods, reason = "fixtures are written here")]
async fn guides_and_memories_outlast_a_shortening() {
    let stage = Stage::empty();
    for at in 0..9 {
        let line = format!("line of file {at} with some words in it\n");
        stage.write(&format!("f{at}.txt"), &line.repeat(75));
    }
    std::fs::create_dir(stage.root.join("deep")).unwrap();
    stage.write("AGENTS.md", "Speak plainly.\n");
    stage.write("deep/AGENTS.md", "Dig slowly.\n");
    stage.write("deep/a.txt", "a\n");
    let read = |path: String| {
        format!("  - role: coder\n    calls: [{{name: read_file, arguments: {{path: {path}}}}}]\n")
    };
    let reads: String = (0..9).map(|at| read(format!("f{at}.txt"))).collect();
    let deep = read("deep/a.txt".to_owned());
    let summary = "  - {role: summariser, text: 'Done: read some.'}\n";
    let script = format!(
        "turns:\n{deep}{reads}  - {{role: coder, text: Nothing has to change.}}\n{summary}{summary}{summary}"
    );
    let agent = stage.agent_with(&script, |config| {
        config.enable_plan = false;
        config.enable_test_run = false;
        config.max_context_bytes = 500;
        config.max_context_tokens = 12_000;
    });
    agent.remember(note("The library opens at nine.")).unwrap();
    let run = run(&agent, "look at the whole library").await;
    assert_eq!(run.reason(), FinishReason::NoChange, "{}", run.summary());
    let texts: Vec<&String> = run
        .events
        .iter()
        .filter_map(|event| match &event.update {
            Update::Compacted { compaction } if compaction.step == CompactionStep::Summarised => {
                Some(&compaction.text)
            }
            _ => None,
        })
        .collect();
    assert!(!texts.is_empty());
    for text in texts {
        for part in [
            "Speak plainly.",
            "Dig slowly.",
            "The library opens at nine.",
        ] {
            assert_eq!(text.matches(part).count(), 1, "{part}: {text}");
        }
    }
    let prompts: Vec<&String> = run
        .events
        .iter()
        .filter_map(|event| match &event.update {
            Update::Prompt { text, .. } => Some(text),
            _ => None,
        })
        .collect();
    assert!(
        prompts[0].contains("Speak plainly.") && !prompts[0].contains("Dig"),
        "{prompts:?}"
    );
    assert!(
        prompts[1].contains("Dig slowly.") && !prompts[1].contains("Speak"),
        "{prompts:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_a_person_gave_meanwhile_is_kept_for_the_next_task() {
    let stage = Stage::new();
    stage.write("check.sh", "sleep 1\n");
    let script = format!(
        "turns:\n{}  - text: done\n  - text: done as you say\n",
        patch_turn(GOOD)
    );
    let agent = stage.agent_with(&script, |config| config.enable_plan = false);
    let started = agent.start(ask("say goodbye")).unwrap();
    agent
        .steer(&started.task, "Always greet in small letters.")
        .unwrap();
    let run = finish(&agent, &started).await;
    assert_eq!(run.reason(), FinishReason::Verified, "{}", run.summary());
    let rules = agent
        .recall("greet", Some(MemoryKind::Convention), 9)
        .unwrap();
    assert_eq!(
        rules[0].text,
        "The user said while the agent worked: Always greet in small letters."
    );
    assert_eq!(
        (rules[0].by, rules[0].task.as_ref()),
        (MemoryAuthor::Agent, Some(&started.task))
    );
    let told = run.events.iter().any(|event| matches!(&event.update, Update::Notice { message, .. } if message.contains("remembered for later tasks")));
    assert!(told, "a person is told what is kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_guide_is_cut_and_it_is_said() {
    let stage = Stage::new();
    stage.write(
        "AGENTS.md",
        &format!("first rule\n{}", "more words\n".repeat(10_000)),
    );
    let agent = stage.agent("turns: [{text: No.}, {text: Nothing has to change.}]\n");
    let run = run(&agent, "look").await;
    let mut prompt = "";
    let mut notice = "";
    for event in &run.events {
        match &event.update {
            Update::Prompt { text, .. } if prompt.is_empty() => prompt = text,
            Update::Notice { message, .. } if message.contains("AGENTS.md") => notice = message,
            _ => {}
        }
    }
    assert!(
        prompt.contains("first rule") && prompt.len() < 34 * 1024,
        "{}",
        prompt.len()
    );
    assert!(prompt.contains("more bytes of it are not shown; read_file shows them"));
    assert!(notice.contains("without its last"), "{notice}");
}
