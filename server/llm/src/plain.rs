//! `Plain`: a request for a model that lacks a part of the dialect: tools, calls and results told in the text, or the system prompt
//! told by the user.
//!
//! Invariant: what a message becomes depends on it and its kin on the same side alone, so a longer conversation begins with the
//! same text. The form of a call is one that [`crate::text_calls`] reads.

use serde_json::json;

use crate::{Message, ProviderRequest, ToolSpec, calls::arguments_object};

/// The texts of a request.
#[derive(Debug)]
pub(crate) struct Plain {
    system: String,
    messages: Vec<Message>,
    tools: Tools,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tools {
    Native,
    InWords,
}

impl Plain {
    /// Nothing told otherwise yet.
    pub(crate) fn copied(request: &ProviderRequest<'_>) -> Plain {
        Plain {
            system: request.system.to_owned(),
            messages: request.messages.to_vec(),
            tools: Tools::Native,
        }
    }

    /// Lets the first messages carry nothing.
    pub(crate) fn without_carry(mut self, count: usize) -> Plain {
        for message in self.messages.iter_mut().take(count) {
            if let Message::Assistant { carry, .. } = message {
                *carry = None;
            }
        }
        self
    }

    /// Tells tools, calls and results in words; sides alternate.
    pub(crate) fn in_words(request: &ProviderRequest<'_>) -> Plain {
        let mut system = request.system.to_owned();
        if !request.tools.is_empty() {
            if !system.is_empty() {
                system.push_str("\n\n");
            }
            system.push_str(&told(request.tools));
        }
        let mut messages: Vec<Message> = Vec::new();
        for message in request.messages {
            let new = words(message);
            match (messages.last_mut(), &new) {
                (Some(Message::User { text }), Message::User { text: more })
                | (Some(Message::Assistant { text, .. }), Message::Assistant { text: more, .. }) => {
                    text.push_str("\n\n");
                    text.push_str(more);
                }
                _ => messages.push(new),
            }
        }
        Plain {
            system,
            messages,
            tools: Tools::InWords,
        }
    }

    /// Lets the user say what the system prompt says, before anything else.
    pub(crate) fn system_by_user(mut self) -> Plain {
        let system = std::mem::take(&mut self.system);
        match self.messages.first_mut() {
            _ if system.is_empty() => {}
            Some(Message::User { text }) => *text = format!("{system}\n\n{text}"),
            _ => self.messages.insert(0, Message::User { text: system }),
        }
        self
    }

    /// The same request in these texts.
    pub(crate) fn request<'a>(&'a self, request: &ProviderRequest<'a>) -> ProviderRequest<'a> {
        ProviderRequest {
            system: &self.system,
            messages: &self.messages,
            tools: match self.tools {
                Tools::Native => request.tools,
                Tools::InWords => &[],
            },
            ..*request
        }
    }
}

fn told(tools: &[ToolSpec]) -> String {
    let mut text = String::from(
        "You call a tool by writing a block in exactly this form:\n\n```tool_call\n{\"name\": \"TOOL\", \"arguments\": {}}\n```\n\n\
         One block for each call. Behind your last block, stop: the results come in the next message.\n\
         The tools, each with the JSON Schema of its arguments:\n",
    );
    for tool in tools {
        text.push_str(&format!(
            "\n- {}: {}\n  {}\n",
            tool.name,
            tool.description.trim(),
            tool.schema
        ));
    }
    text
}

fn words(message: &Message) -> Message {
    match message {
        Message::User { text } => Message::User { text: text.clone() },
        Message::Assistant { text, calls, .. } => {
            let mut text = text.trim_end().to_owned();
            for call in calls {
                if !text.is_empty() {
                    text.push_str("\n\n");
                }
                let block = json!({"name": call.name, "arguments": arguments_object(call)});
                text.push_str(&format!("```tool_call\n{block}\n```"));
            }
            Message::Assistant {
                text,
                calls: Vec::new(),
                carry: None,
            }
        }
        Message::Tool {
            name,
            output,
            failed,
            ..
        } => {
            let how = if *failed { " (failed)" } else { "" };
            Message::User {
                text: format!("Result of {name}{how}:\n{output}"),
            }
        }
    }
}
