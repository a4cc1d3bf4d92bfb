//! Words: what a client without our notifications is told when a task ends, in one message.

use lsp_types::MessageType;
use protocol::{Failure, FinishReason, Level};

/// Most characters of a message: editors show it in a small box.
const LENGTH: usize = 2_000;

/// How loud a message is.
pub fn loudness(level: Level) -> MessageType {
    match level {
        Level::Info => MessageType::INFO,
        Level::Warning => MessageType::WARNING,
        Level::Error => MessageType::ERROR,
    }
}

/// The end of a task. Where nothing had to change, the model's answer is what was asked for.
pub fn last_words(
    reason: FinishReason,
    summary: &str,
    failure: Option<&Failure>,
    said: &str,
) -> (MessageType, String) {
    let kind = match reason {
        FinishReason::Verified | FinishReason::NoChange | FinishReason::Cancelled => {
            MessageType::INFO
        }
        FinishReason::Unverified | FinishReason::NeedsUser => MessageType::WARNING,
        _ => MessageType::ERROR,
    };
    let text = match (reason, failure) {
        (FinishReason::NoChange, _) if !said.trim().is_empty() => said.trim().to_owned(),
        (_, Some(failure)) if failure.message.trim() == summary.trim() => {
            format!("Agent: {reason}. {failure}")
        }
        (_, Some(failure)) => format!("Agent: {reason}. {summary} {failure}"),
        (_, None) => format!("Agent: {reason}. {summary}"),
    };
    let text = match text.char_indices().nth(LENGTH) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text,
    };
    (kind, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::Code;

    #[test]
    fn the_end_is_said_in_one_message() {
        let failure = Failure::new(Code::Provider, "no answer").hint("try again");
        for (reason, failure, said, kind, text) in [
            (
                FinishReason::Verified,
                None,
                "x",
                MessageType::INFO,
                "Agent: verified. Done.",
            ),
            (
                FinishReason::NoChange,
                None,
                " It adds. ",
                MessageType::INFO,
                "It adds.",
            ),
            (
                FinishReason::NoChange,
                None,
                "",
                MessageType::INFO,
                "Agent: no_change. Done.",
            ),
            (
                FinishReason::Unverified,
                None,
                "",
                MessageType::WARNING,
                "Agent: unverified. Done.",
            ),
            (
                FinishReason::ProviderError,
                Some(&failure),
                "x",
                MessageType::ERROR,
                "Agent: provider_error. Done. no answer (try again)",
            ),
        ] {
            assert_eq!(
                last_words(reason, "Done.", failure, said),
                (kind, text.to_owned())
            );
        }
    }
}
