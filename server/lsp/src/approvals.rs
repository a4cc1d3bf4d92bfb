//! Question: an approval asked by `window/showMessageRequest`, for clients that do not ask by themselves. Whatever is not
//! a clear yes is no.

use agent::Agent;
use lsp_types::{MessageActionItem, MessageType};
use protocol::{Approval, ApprovalOption, Code, PermissionOption, Scope};
use tower_lsp::Client as Wire;

/// Asks and passes the answer on. The question may be settled elsewhere meanwhile: then the answer counts for nothing.
pub async fn ask(wire: Wire, agent: Agent, approval: Approval) {
    let buttons = in_order(&approval.options);
    let buttons = buttons.iter().map(|option| MessageActionItem {
        title: option.name.clone(),
        properties: Default::default(),
    });
    let answer = wire
        .show_message_request(
            MessageType::WARNING,
            text(&approval),
            Some(buttons.collect()),
        )
        .await;
    let title = answer.ok().flatten().map(|item| item.title);
    let (kind, scope) = meaning(&approval.options, title.as_deref());
    let id = approval.id;
    // A grant that is kept is written to the disk.
    let job = tokio::task::spawn_blocking(move || agent.resolve_approval(&id, kind, scope));
    match job.await {
        Ok(Ok(())) | Err(_) => {}
        Ok(Err(failure)) if failure.code == Code::NotFound => {
            tracing::debug!("the approval was settled elsewhere: {failure}");
        }
        Ok(Err(failure)) => {
            wire.show_message(MessageType::ERROR, failure.to_string())
                .await
        }
    }
}

/// The buttons, no before yes: several editors take the first one where a person only presses Enter.
fn in_order(options: &[ApprovalOption]) -> Vec<&ApprovalOption> {
    let yes = |option: &&ApprovalOption| {
        matches!(
            option.kind,
            PermissionOption::AllowOnce | PermissionOption::AllowAlways
        )
    };
    let mut buttons: Vec<&ApprovalOption> = options.iter().collect();
    buttons.sort_by_key(yes);
    buttons
}

/// What a button means; closing the box means no.
fn meaning(options: &[ApprovalOption], title: Option<&str>) -> (PermissionOption, Option<Scope>) {
    options
        .iter()
        .find(|option| Some(option.name.as_str()) == title)
        .map_or((PermissionOption::RejectOnce, None), |option| {
            (option.kind, Some(option.scope))
        })
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
        use PermissionOption::{AllowAlways, AllowOnce, RejectOnce};
        let option = |kind, scope, name: &str| ApprovalOption {
            kind,
            scope,
            name: name.to_owned(),
        };
        let options = [
            option(AllowOnce, Scope::Once, "Allow once"),
            option(AllowAlways, Scope::Workspace, "Allow here"),
            option(RejectOnce, Scope::Once, "Deny"),
        ];
        for (title, expected) in [
            (Some("Allow once"), (AllowOnce, Some(Scope::Once))),
            (Some("Allow here"), (AllowAlways, Some(Scope::Workspace))),
            (Some("Deny"), (RejectOnce, Some(Scope::Once))),
            (Some("allow once"), (RejectOnce, None)),
            (Some(""), (RejectOnce, None)),
            (None, (RejectOnce, None)),
        ] {
            assert_eq!(meaning(&options, title), expected, "{title:?}");
        }
        let names: Vec<&str> = in_order(&options)
            .iter()
            .map(|it| it.name.as_str())
            .collect();
        assert_eq!(names, ["Deny", "Allow once", "Allow here"]);
    }
}
