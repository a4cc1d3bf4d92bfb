//! Transcript: the oldest turns of a conversation as a text for the summariser, bounded, and where they end: never between a call
//! and its result.

use super::NEWEST;
use llm::Message;
use std::fmt::Write;

/// Bytes that are shown of the words of people and of earlier summaries, of an answer, and of a result.
const WORDS: usize = 8_000;
const ANSWER: usize = 2_000;
const RESULT: usize = 1_500;
/// Bytes that are shown of a call's arguments.
const ARGUMENTS: usize = 600;

/// The message from which on all stays: the newest turns, fewer where they have more than `most` bytes, one at least. None where
/// nothing is older.
pub(crate) fn kept_from(messages: &[Message], most: usize) -> Option<usize> {
    let (mut bytes, mut from, mut turns) = (0, None, 0);
    for at in (0..messages.len()).rev() {
        bytes += messages[at].text().len();
        if let Message::Assistant { calls, .. } = &messages[at] {
            bytes += calls.iter().map(|call| call.arguments.len()).sum::<usize>();
            if turns == NEWEST || (turns > 0 && bytes > most) {
                break;
            }
            turns += 1;
            from = Some(at);
        }
    }
    // One message alone is the task, or what an earlier shortening left of it.
    from.filter(|from| *from > 1)
}

/// The messages as a text of at most about `most` bytes; what is too long loses its middle.
pub(crate) fn transcript(messages: &[Message], most: usize) -> String {
    let mut text = String::new();
    for message in messages {
        match message {
            Message::User { text: said } => {
                let _ = writeln!(text, "USER: {}", middle_out(said, WORDS));
            }
            Message::Assistant {
                text: said, calls, ..
            } => {
                if !said.trim().is_empty() {
                    let _ = writeln!(text, "AGENT: {}", middle_out(said, ANSWER));
                }
                for call in calls {
                    let arguments = middle_out(&call.arguments, ARGUMENTS);
                    let _ = writeln!(text, "CALL {}: {arguments}", call.name);
                }
            }
            Message::Tool {
                name,
                output,
                failed,
                ..
            } => {
                let word = if *failed { "FAILED" } else { "RESULT" };
                let _ = writeln!(text, "{word} {name}: {}", middle_out(output, RESULT));
            }
        }
    }
    middle_out(&text, most)
}

/// The text, its middle left out where it has more than `most` bytes. The end counts more than the start.
pub(crate) fn middle_out(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let head = text.floor_char_boundary(most / 3);
    let tail = text.ceil_char_boundary(text.len() - (most - most / 3));
    let gone = tail - head;
    format!(
        "{}\n[{gone} bytes left out]\n{}",
        &text[..head],
        &text[tail..]
    )
}
