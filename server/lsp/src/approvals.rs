//! Question: an approval asked by `window/showMessageRequest`, for clients that do not ask by themselves. Whatever is not
//! a clear yes is no.

use agent::Agent;
use lsp_types::{MessageActionItem, MessageType};
use protocol::{Approval, PermissionOption};
use tower_lsp::Client as Wire;

/// Buttons with what they mean; the last one is the default.
const OPTIONS: [(&str, PermissionOption); 3] = [
    ("Allow once", PermissionOption::AllowOnce),
    ("Allow for this session", PermissionOption::AllowAlways),
    ("Deny", PermissionOption::RejectOnce),
];

/// Asks and passes the answer on. The question may be settled elsewhere meanwhile: then the answer counts for nothing.
pub async fn ask(wire: Wire, agent: Agent, approval: Approval) {
    let buttons = OPTIONS.iter().map(|(title, _)| MessageActionItem {
        title: (*title).to_owned(),
        properties: Default::default(),
    });
    let answer = wire
        .show_message_request(
            MessageType::WARNING,
            text(&approval),
            Some(buttons.collect()),
        )
        .await;
    let option = meaning(
        answer
            .ok()
            .flatten()
            .as_ref()
            .map(|item| item.title.as_str()),
    );
    if let Err(failure) = agent.resolve_approval(&approval.id, option) {
        tracing::debug!("the approval was settled elsewhere: {failure}");
    }
}

/// What a button means; closing the box means no.
fn meaning(title: Option<&str>) -> PermissionOption {
    OPTIONS
        .iter()
        .find(|(known, _)| Some(*known) == title)
        .map_or(PermissionOption::RejectOnce, |(_, option)| *option)
}

fn text(approval: &Approval) -> String {
    let mut text = approval.title.clone();
    for detail in &approval.details {
        text.push_str("\n  ");
        text.push_str(detail);
    }
    for reason in &approval.reasons {
        text.push('\n');
        text.push_str(reason);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_clear_yes_is_yes() {
        for (title, expected) in [
            (Some("Allow once"), PermissionOption::AllowOnce),
            (
                Some("Allow for this session"),
                PermissionOption::AllowAlways,
            ),
            (Some("Deny"), PermissionOption::RejectOnce),
            (Some("allow once"), PermissionOption::RejectOnce),
            (Some(""), PermissionOption::RejectOnce),
            (None, PermissionOption::RejectOnce),
        ] {
            assert_eq!(meaning(title), expected, "{title:?}");
        }
    }
}
