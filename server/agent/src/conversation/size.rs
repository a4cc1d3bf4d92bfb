//! Size: how many tokens the next request has: what the server counted last, and four bytes to a token for what came since.

use llm::Message;

/// Bytes that count as one token where nobody has counted.
const BYTES_A_TOKEN: u64 = 4;

/// No text has more bytes a token: a server that says so has not counted.
const MOST_BYTES_A_TOKEN: u64 = 16;

/// A number of tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tokens {
    /// How many.
    pub count: u64,
    /// Whether any of them is our estimate.
    pub estimated: bool,
}

/// The size of a conversation, kept while it grows.
#[derive(Debug, Clone, Default)]
pub(super) struct Size {
    /// Bytes of all messages.
    bytes: u64,
    /// What the server said of the newest call, until its turn is over.
    said: Option<Tokens>,
    /// The last count, and the bytes of the messages it was for.
    counted: Option<(Tokens, u64)>,
}

impl Size {
    /// A message more.
    pub(super) fn add(&mut self, message: &Message) {
        self.bytes += bytes_of(message);
    }

    /// A server's count of a request and its answer.
    pub(super) fn hear(&mut self, count: u64, estimated: bool) {
        self.said = Some(Tokens { count, estimated });
    }

    /// What was heard was of no turn.
    pub(super) fn forget(&mut self) {
        self.said = None;
    }

    /// The turn that was counted is over, its message added.
    pub(super) fn settle(&mut self) {
        if let Some(tokens) = self.said.take() {
            let is_plausible = tokens.count >= self.bytes / MOST_BYTES_A_TOKEN;
            // Nor is an earlier count of such a server believed.
            self.counted = is_plausible.then_some((tokens, self.bytes));
        }
    }

    /// The messages were shortened to these.
    pub(super) fn shrink(&mut self, messages: &[Message]) {
        let now: u64 = messages.iter().map(bytes_of).sum();
        let gone = self.bytes.saturating_sub(now) / BYTES_A_TOKEN;
        if let Some((tokens, at)) = &mut self.counted {
            tokens.count = tokens.count.saturating_sub(gone);
            tokens.estimated = true;
            *at = (*at + now).saturating_sub(self.bytes);
        }
        self.bytes = now;
    }

    /// Bytes for a token, from one to four.
    pub(super) fn bytes_a_token(&self, fixed: u64) -> u64 {
        let tokens = self.tokens(fixed).count.max(1);
        ((self.bytes + fixed) / tokens).clamp(1, BYTES_A_TOKEN)
    }

    /// Tokens of a request with these messages and `fixed` other bytes.
    pub(super) fn tokens(&self, fixed: u64) -> Tokens {
        let Some((tokens, at)) = self.counted else {
            return Tokens {
                count: (self.bytes + fixed) / BYTES_A_TOKEN,
                estimated: true,
            };
        };
        let since = self.bytes.saturating_sub(at);
        Tokens {
            count: tokens.count + since / BYTES_A_TOKEN,
            estimated: tokens.estimated || since > 0,
        }
    }
}

fn bytes_of(message: &Message) -> u64 {
    let calls = match message {
        Message::Assistant { calls, .. } => calls.as_slice(),
        _ => &[],
    };
    let calls = calls
        .iter()
        .map(|call| call.name.len() + call.arguments.len());
    (message.text().len() + calls.sum::<usize>()) as u64
}
