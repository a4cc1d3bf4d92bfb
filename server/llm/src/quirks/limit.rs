//! Limits of output tokens, read from refusals.
//!
//! Invariant: words that name none in a known form give none.

/// Tokens of output that are worth asking for.
const LEAST_ROOM: u64 = 256;

/// The largest `max_tokens` that a refusal names: `max_tokens: 32000 > 8192, which is the maximum`, `max_tokens is too large: 32000.
/// This model supports at most 16384`, `Range of max_tokens should be [1, 8192]`.
pub(super) fn limit_in(said: &str) -> Option<u32> {
    let behind = said.split_once("max_tokens")?.1;
    let marks = [
        ("> ", ", which is the maximum"),
        ("supports at most ", ""),
        ("[1, ", "]"),
    ];
    let limit = marks.into_iter().find_map(|(before, after)| {
        let number = behind.split_once(before)?.1;
        let end = number.find(|letter: char| !letter.is_ascii_digit());
        let (number, rest) = number.split_at(end.unwrap_or(number.len()));
        number.parse().ok().filter(|_| rest.starts_with(after))
    });
    limit.filter(|limit| *limit > 0)
}

/// The room that a request leaves for its answer, where a refusal says that both together are too long. Anthropic: `context limit: 180000 +
/// 32000 > 200000`. vLLM: `(8000 > 8192 - 5000)`, `maximum context length is 8192 tokens. However, you requested 13000 tokens (5000 in the
/// messages, 8000 in the completion)`, `8000 output tokens and your prompt contains at least 5000 input tokens`. It is a sixteenth less,
/// since a server may count on.
pub(super) fn room_in(said: &str) -> Option<u32> {
    let behind = |word: &str| number(said.split_once(word)?.1.trim_start());
    let before = |word: &str| {
        let before = said.split_once(word)?.0;
        let start = before.rfind(|letter: char| !letter.is_ascii_digit())?;
        number(&before[start + 1..])
    };
    let sum = || Some((behind("context limit:")?, behind("> ")?));
    let difference = || {
        let (limit, sent) = said.split_once("> ")?.1.split_once(" - ")?;
        Some((number(sent)?, number(limit)?))
    };
    let told = || {
        let sent = before(" in the messages").or_else(|| before(" input tokens"))?;
        Some((sent, behind("context length is")?))
    };
    let (sent, context) = sum().or_else(difference).or_else(told)?;
    let room = context.checked_sub(sent)?;
    let room = room - room / 16;
    u32::try_from(room).ok().filter(|_| room >= LEAST_ROOM)
}

/// The number at the start of a text.
fn number(text: &str) -> Option<u64> {
    let end = text.find(|letter: char| !letter.is_ascii_digit());
    text[..end.unwrap_or(text.len())].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_of_a_model_is_read_from_a_refusal() {
        let said = "max_tokens: 32000 > 8192, which is the maximum allowed number of output tokens for claude-x";
        assert_eq!(limit_in(said), Some(8192));
        let said =
            "max_tokens is too large: 32000. this model supports at most 16384 completion tokens";
        assert_eq!(limit_in(said), Some(16384));
        assert_eq!(
            limit_in("range of max_tokens should be [1, 8192]"),
            Some(8192)
        );
        assert_eq!(limit_in("max_tokens: must be > 0"), None);
        assert_eq!(
            limit_in("max_tokens: 1 > 99999999999999999999, which is the maximum"),
            None
        );
    }

    #[test]
    fn the_room_for_the_answer_is_read_from_a_refusal() {
        for (said, room) in [
            (
                "input length and `max_tokens` exceed context limit: 180000 + 32000 > 200000, decrease input length or `max_tokens`",
                Some(18_750),
            ),
            (
                "'max_tokens' or 'max_completion_tokens' is too large: 8000. this model's maximum context length is 8192 tokens and your request has 5000 input tokens (8000 > 8192 - 5000).",
                Some(2993),
            ),
            (
                "this model's maximum context length is 16384 tokens. however, you requested 22946 tokens (12946 in the messages, 10000 in the completion)",
                Some(3224),
            ),
            (
                "this model's maximum context length is 128000 tokens. however, you requested 65535 output tokens and your prompt contains at least 62466 input tokens",
                Some(61_439),
            ),
            (
                "this model's maximum context length is 16384 tokens. however, you requested 122946 tokens (112946 in the messages, 10000 in the completion)",
                None,
            ),
            ("prompt is too long: 208310 tokens > 200000 maximum", None),
            ("context limit: 199990 + 32000 > 200000", None),
            ("> - ", None),
        ] {
            assert_eq!(room_in(said), room, "{said}");
        }
    }
}
