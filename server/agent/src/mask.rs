//! Mask: what models and histories get to see holds no keys. Applied once, where a text becomes an event, so that a conversation
//! and its history are the same to the byte.

use llm::Known;
use protocol::{
    Approval, Compaction, Failure, TaskRequest, TestReport, ToolCall, ToolResult, Update,
};
use serde_json::Value;
use std::borrow::Cow;

/// The update with keys masked in every text of people, models, files, commands and servers. Three things stay as they are: diffs
/// of drafts and patches, since the draft is rebuilt from them and the patch is what a person decides on; what a server wants back
/// unread; and ids.
pub fn masked(mut update: Update, known: &Known) -> Update {
    match &mut update {
        Update::Started { request, .. } => in_request(known, request),
        Update::Prompt { text, .. } | Update::Message { text } | Update::Thought { text } => {
            mask(known, text);
        }
        Update::Turn { text, .. } => text.iter_mut().for_each(|text| mask(known, text)),
        Update::Plan { plan } => {
            for entry in &mut plan.entries {
                mask(known, &mut entry.content);
            }
            for memory in &mut plan.recalled {
                mask(known, &mut memory.id);
                mask(known, &mut memory.text);
            }
        }
        Update::Compacted { compaction } => in_compaction(known, compaction),
        Update::ToolCall { call } => in_call(known, call),
        Update::ToolResult { result } => in_result(known, result),
        Update::Critique { critique } => {
            mask(known, &mut critique.quality);
            mask(known, &mut critique.notes);
            for finding in &mut critique.findings {
                mask(known, &mut finding.message);
            }
        }
        Update::Test { report } => in_report(known, report),
        Update::Approval { approval } => in_approval(known, approval),
        Update::Waiting { message, .. } | Update::Fallback { message, .. } => mask(known, message),
        Update::Notice { message, hint, .. } => {
            mask(known, message);
            hint.iter_mut().for_each(|text| mask(known, text));
        }
        Update::ModelCall { call } => call.message.iter_mut().for_each(|text| mask(known, text)),
        Update::Patch { patch } => mask(known, &mut patch.title),
        Update::Finished {
            summary, failure, ..
        } => {
            mask(known, summary);
            in_failure(known, failure);
        }
        Update::Phase { .. }
        | Update::Draft { .. }
        | Update::ApprovalResolved { .. }
        | Update::Breaker { .. }
        | Update::Budget { .. }
        | Update::Usage { .. }
        | Update::EditReply { .. }
        | Update::PatchState { .. } => {}
    }
    update
}

fn in_compaction(known: &Known, compaction: &mut Compaction) {
    mask(known, &mut compaction.text);
    let prompts = compaction.prompts.iter_mut().map(|one| &mut one.text);
    let outputs = compaction.outputs.iter_mut().map(|one| &mut one.output);
    prompts.chain(outputs).for_each(|text| mask(known, text));
}

fn in_call(known: &Known, call: &mut ToolCall) {
    mask(known, &mut call.title);
    in_value(known, &mut call.input);
    call.healed.iter_mut().for_each(|text| mask(known, text));
    if let Some(arguments) = &mut call.arguments
        && let Cow::Owned(masked) = known.mask(arguments)
    {
        // What is no JSON any more is written from `input`.
        let is_whole = serde_json::from_str::<serde::de::IgnoredAny>(&masked).is_ok();
        call.arguments = is_whole.then_some(masked);
    }
}

/// In every string, and in the text as a whole: there a value stands beside its name.
fn in_value(known: &Known, value: &mut Value) {
    in_strings(known, value);
    let text = value.to_string();
    if let Cow::Owned(masked) = known.mask(&text)
        && let Ok(masked) = serde_json::from_str(&masked)
    {
        *value = masked;
    }
}

fn in_strings(known: &Known, value: &mut Value) {
    match value {
        Value::String(text) => mask(known, text),
        Value::Array(items) => items.iter_mut().for_each(|value| in_strings(known, value)),
        Value::Object(fields) => fields
            .values_mut()
            .for_each(|value| in_strings(known, value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn in_approval(known: &Known, approval: &mut Approval) {
    mask(known, &mut approval.title);
    approval
        .details
        .iter_mut()
        .for_each(|text| mask(known, text));
    approval
        .reasons
        .iter_mut()
        .for_each(|text| mask(known, text));
    for option in &mut approval.options {
        mask(known, &mut option.name);
    }
    for covered in &mut approval.covers {
        mask(known, &mut covered.program);
        covered.prefix.iter_mut().for_each(|text| mask(known, text));
    }
}

fn in_report(known: &Known, report: &mut TestReport) {
    mask(known, &mut report.output);
    mask(known, &mut report.command);
    report.failing.iter_mut().for_each(|text| mask(known, text));
    for failure in &mut report.failures {
        mask(known, &mut failure.name);
        failure
            .message
            .iter_mut()
            .for_each(|text| mask(known, text));
    }
}

/// The same in a request.
pub(crate) fn in_request(known: &Known, request: &mut TaskRequest) {
    mask(known, &mut request.prompt);
    request
        .test_command
        .iter_mut()
        .for_each(|text| mask(known, text));
    if let Some(target) = &mut request.target {
        target
            .diagnostics
            .iter_mut()
            .for_each(|text| mask(known, text));
    }
    request
        .tools
        .iter_mut()
        .for_each(|call| in_value(known, &mut call.args));
}

fn in_result(known: &Known, result: &mut ToolResult) {
    mask(known, &mut result.output);
    in_failure(known, &mut result.failure);
}

fn in_failure(known: &Known, failure: &mut Option<Failure>) {
    if let Some(failure) = failure {
        mask(known, &mut failure.message);
        failure.hint.iter_mut().for_each(|text| mask(known, text));
    }
}

fn mask(known: &Known, text: &mut String) {
    if let Cow::Owned(masked) = known.mask(text) {
        *text = masked;
    }
}

#[cfg(test)]
mod tests;
