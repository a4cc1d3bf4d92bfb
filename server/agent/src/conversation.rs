//! Conversation: what the model has been told and has said, as a fold of events (A3). The live task and a resumed session
//! build it by the same function, so they cannot differ.

use llm::{Call, Message};
use protocol::{Event, ToolCall, ToolStatus, Update};
use serde_json::json;

/// The messages so far. Only whole turns are in it.
#[derive(Debug, Default, Clone)]
pub struct Conversation {
    messages: Vec<Message>,
    text: String,
    calls: Vec<ToolCall>,
    unanswered: Vec<ToolCall>,
}

impl Conversation {
    /// The conversation that a history tells.
    pub fn fold<'a>(events: impl IntoIterator<Item = &'a Event>) -> Self {
        let mut conversation = Self::default();
        for event in events {
            conversation.apply(&event.update);
        }
        conversation
    }

    /// The messages, in order.
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// Calls that have no result yet.
    pub fn unanswered(&self) -> &[ToolCall] {
        &self.unanswered
    }

    /// Takes one more fact in.
    pub fn apply(&mut self, update: &Update) {
        match update {
            Update::Prompt { text, .. } => {
                self.drop_half_turn();
                self.messages.push(Message::User { text: text.clone() });
            }
            Update::Message { text } => self.text.push_str(text),
            Update::ToolCall { call } => self.calls.push(call.clone()),
            Update::Turn { .. } => self.close_turn(),
            Update::ToolResult { result } => {
                let Some(at) = self.unanswered.iter().position(|call| call.id == result.id) else {
                    return;
                };
                let call = self.unanswered.remove(at);
                self.messages.push(Message::Tool {
                    id: result.id.to_string(),
                    name: call.name,
                    output: result.output.clone(),
                    failed: result.status == ToolStatus::Failed,
                });
            }
            Update::Finished { .. } => self.drop_half_turn(),
            _ => {}
        }
    }

    fn close_turn(&mut self) {
        let text = std::mem::take(&mut self.text);
        let made = std::mem::take(&mut self.calls);
        if text.is_empty() && made.is_empty() {
            return;
        }
        let calls = made.iter().map(as_call).collect();
        self.unanswered.extend(made);
        self.messages.push(Message::Assistant { text, calls });
    }

    /// What a broken stream left behind was never a turn: the model is asked again without it.
    fn drop_half_turn(&mut self) {
        self.text.clear();
        self.calls.clear();
    }
}

fn as_call(call: &ToolCall) -> Call {
    let arguments = match &call.input {
        object @ serde_json::Value::Object(_) => object.to_string(),
        other => json!({ "unparsed": other }).to_string(),
    };
    Call {
        id: call.id.to_string(),
        name: call.name.clone(),
        arguments,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{CallId, Speaker, ToolKind, ToolResult};

    fn call(id: &str) -> Update {
        let call = ToolCall {
            id: CallId::from(id),
            name: "read_file".into(),
            kind: ToolKind::Read,
            title: String::new(),
            input: json!({"path": "a"}),
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
            Update::Turn { turn: 1 },
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
                Message::Assistant { text, calls } => format!("assistant {text} +{}", calls.len()),
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
}
