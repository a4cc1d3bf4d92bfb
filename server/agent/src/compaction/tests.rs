//! Compaction: what becomes a reference, and what never does.

use super::*;
use llm::Call;
use serde_json::json;

/// A conversation of one call a turn: name, input, output, whether it failed.
fn conversation(turns: &[(&str, Value, &str, bool)]) -> Vec<Message> {
    let mut messages = vec![Message::User { text: "do".into() }];
    for (at, (name, input, output, failed)) in turns.iter().enumerate() {
        let id = format!("c{at}");
        messages.push(Message::Assistant {
            text: String::new(),
            calls: vec![Call {
                id: id.clone(),
                name: (*name).into(),
                arguments: input.to_string(),
            }],
            carry: None,
        });
        messages.push(Message::Tool {
            id,
            name: (*name).into(),
            output: (*output).into(),
            failed: *failed,
        });
    }
    messages
}

fn file(path: &str, start: usize, end: usize) -> String {
    format!(
        "{path}, lines {start}-{end} of 90\n{}",
        "some text\n".repeat(60)
    )
}

/// What the first of these turns says once four small ones followed.
fn first(turns: &[(&str, Value, &str, bool)]) -> Option<String> {
    let mut all = turns.to_vec();
    all.extend((0..4).map(|at| ("list_files", json!({ "at": at }), "a", false)));
    let short = shorten(&conversation(&all));
    short
        .into_iter()
        .find(|one| one.id.0.as_str() == "c0")
        .map(|one| one.output)
}

#[test]
fn a_read_gives_way_to_a_later_one_and_to_an_edit() {
    let (old, new) = (file("a.rs", 1, 60), file("a.rs", 1, 90));
    let read = ("read_file", json!({"path": "a.rs"}), old.as_str(), false);
    let again = ("read_file", json!({"path": "a.rs"}), new.as_str(), false);
    assert!(
        first(&[read.clone(), again])
            .unwrap()
            .contains("lines 1-90 were read again")
    );
    let part = file("a.rs", 5, 20);
    let part = ("read_file", json!({"path": "a.rs"}), part.as_str(), false);
    assert_eq!(first(&[read.clone(), part]), None, "a part holds less");
    let other = file("b.rs", 1, 90);
    let other = ("read_file", json!({"path": "b.rs"}), other.as_str(), false);
    assert_eq!(first(&[read.clone(), other]), None, "another file");
    let patch = "*** Begin Patch\n*** Update File: a.rs\n@@\n-x\n+y\n*** End Patch";
    let edit = |failed| ("apply_patch", json!({"patch": patch}), "applied", failed);
    assert!(
        first(&[read.clone(), edit(false)])
            .unwrap()
            .contains("edited since")
    );
    assert_eq!(
        first(&[read.clone(), edit(true)]),
        None,
        "a refused edit changed nothing"
    );
    let write = (
        "write_file",
        json!({"path": "a.rs", "content": ""}),
        "written",
        false,
    );
    assert!(first(&[read.clone(), write]).is_some());
    assert_eq!(first(&[read]), None);
}

#[test]
fn what_still_fails_is_kept() {
    let long = "line\n".repeat(2_000);
    let output = |head: &str| format!("{head}\n{long}end");
    let (red, green) = (output("exit code 1"), output("exit code 0"));
    let run = |output: &'static str| ("run_command", json!({"command": "make"}), output, false);
    let (red, green): (&'static str, &'static str) = (red.leak(), green.leak());
    assert_eq!(first(&[run(red)]), None, "open");
    let again = first(&[run(red), run(red)]).unwrap();
    assert!(
        again.contains("same as") || again.contains("ran again"),
        "{again}"
    );
    assert!(
        first(&[run(red), run(green)])
            .unwrap()
            .starts_with("exit code 1\n[The rest")
    );
    let cut = first(&[run(green)]).unwrap();
    assert!(
        cut.starts_with("exit code 0\nline") && cut.ends_with("end"),
        "{cut}"
    );
    assert!(cut.contains("run the command again") && cut.len() < 1_500);
    let refused = output("error (no_match): nothing was applied").leak();
    let patch = json!({"patch": "*** Begin Patch\n*** Update File: a\n@@\n-x\n+y\n*** End Patch"});
    let bad = ("apply_patch", patch.clone(), &*refused, true);
    assert_eq!(first(std::slice::from_ref(&bad)), None);
    let good = ("apply_patch", patch, "applied", false);
    assert!(first(&[bad, good]).unwrap().contains("tried again later"));
}

#[test]
fn what_was_found_long_ago_is_cut_and_the_same_said_once() {
    let found = "src/żółw.rs:1: text\n".repeat(100);
    let search = ("find_text", json!({"pattern": "x"}), found.as_str(), false);
    let cut = first(std::slice::from_ref(&search)).unwrap();
    assert!(cut.len() < 420 && cut.contains("ask again"), "{cut}");
    let same = first(&[search.clone(), search]).unwrap();
    assert!(same.contains("the same"), "{same}");
}

#[test]
fn the_newest_turns_stay_and_it_ends() {
    let found = "text\n".repeat(100);
    let turns: Vec<_> = (0..8)
        .map(|at| ("find_text", json!({ "at": at }), found.as_str(), false))
        .collect();
    let mut messages = conversation(&turns);
    let short = shorten(&messages);
    assert_eq!(short.len(), 4, "{short:?}");
    for message in &mut messages {
        if let Message::Tool { id, output, .. } = message
            && let Some(one) = short.iter().find(|one| one.id.0.as_str() == id)
        {
            output.clone_from(&one.output);
        }
    }
    assert!(shorten(&messages).is_empty(), "nothing is shortened twice");
    assert!(shorten(&[]).is_empty());
}

#[test]
fn what_stays_begins_with_a_turn() {
    let found = "text\n".repeat(100);
    let turns: Vec<_> = (0..8)
        .map(|at| ("find_text", json!({ "at": at }), found.as_str(), false))
        .collect();
    let messages = conversation(&turns);
    assert_eq!(kept_from(&messages, usize::MAX), Some(9));
    assert_eq!(kept_from(&messages, 1_200), Some(13));
    assert_eq!(kept_from(&messages, 0), Some(15), "one turn at least");
    assert_eq!(
        kept_from(&messages[..3], 0),
        None,
        "the task alone is not summed up"
    );
    let text = transcript(&messages, 2_000);
    assert!(
        text.len() < 2_100 && text.starts_with("USER: do\n"),
        "{text}"
    );
}

#[test]
fn a_result_that_is_larger_than_the_room_is_cut() {
    let found = "żółw\n".repeat(100);
    let messages = conversation(&[("read_file", json!({}), found.as_str(), false)]);
    assert!(clip(&messages, found.len()).is_empty());
    for most in 0..found.len() {
        for one in clip(&messages, most) {
            assert!(one.output.len() <= most && one.output.contains("ask for less"));
        }
    }
    assert_eq!(clip(&messages, 400).len(), 1);
}
