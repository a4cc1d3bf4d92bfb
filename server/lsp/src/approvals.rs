//! Question: an approval asked by `window/showMessageRequest`, for clients that do not ask by themselves. Whatever is not
//! a clear yes is no.

use std::sync::Arc;

use agent::Agent;
use lsp_types::{MessageActionItem, MessageType};
use protocol::{Approval, ApprovalOption, Code, PermissionOption, Scope};
use tower_lsp::Client as Wire;

use crate::features::Feature;
use crate::negotiate::Client;

/// Asks and passes the answer on. The question may be settled elsewhere meanwhile: then the answer counts for nothing.
pub async fn ask(wire: Wire, client: Arc<Client>, agent: Agent, approval: Approval) {
    let buttons = buttons(&approval.options, client.can(Feature::SortedButtons));
    let items = buttons.iter().map(|(title, _)| MessageActionItem {
        title: title.clone(),
        properties: Default::default(),
    });
    let answer = wire
        .show_message_request(MessageType::WARNING, text(&approval), Some(items.collect()))
        .await;
    let title = answer.ok().flatten().map(|item| item.title);
    let (kind, scope) = meaning(&buttons, title.as_deref());
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

/// A title, and what is meant by it.
type Button<'a> = (String, &'a ApprovalOption);

/// The buttons, no before yes: several editors take the first one where a person only presses Enter. Numbers keep the order where the
/// client would sort them.
fn buttons(options: &[ApprovalOption], sorted: bool) -> Vec<Button<'_>> {
    let yes = |option: &&ApprovalOption| {
        matches!(
            option.kind,
            PermissionOption::AllowOnce | PermissionOption::AllowAlways
        )
    };
    let mut buttons: Vec<&ApprovalOption> = options.iter().collect();
    buttons.sort_by_key(yes);
    let title = |(number, option): (usize, &ApprovalOption)| match sorted {
        true => format!("{} {}", number + 1, option.name),
        false => option.name.clone(),
    };
    let titles: Vec<String> = buttons.iter().copied().enumerate().map(title).collect();
    titles.into_iter().zip(buttons).collect()
}

/// What a button means; closing the box means no.
fn meaning(buttons: &[Button<'_>], title: Option<&str>) -> (PermissionOption, Option<Scope>) {
    buttons
        .iter()
        .find(|(name, _)| Some(name.as_str()) == title)
        .map_or((PermissionOption::RejectOnce, None), |(_, option)| {
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
            assert_eq!(
                meaning(&buttons(&options, false), title),
                expected,
                "{title:?}"
            );
        }
        let names = |sorted| {
            let buttons = buttons(&options, sorted).into_iter();
            buttons.map(|(title, _)| title).collect::<Vec<_>>()
        };
        assert_eq!(names(false), ["Deny", "Allow once", "Allow here"]);
        assert_eq!(names(true), ["1 Deny", "2 Allow once", "3 Allow here"]);
        let numbered = buttons(&options, true);
        assert_eq!(
            meaning(&numbered, Some("3 Allow here")),
            (AllowAlways, Some(Scope::Workspace))
        );
    }
}
