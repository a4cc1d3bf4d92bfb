//! Indexing: how far the index has come, where the client shows it by itself and a person would notice the time it takes.

use std::sync::Arc;
use std::time::Duration;

use agent::{Agent, Progress, Stage};
use lsp_types::{
    ProgressParams, ProgressParamsValue, ProgressToken, WorkDoneProgress, WorkDoneProgressBegin,
    WorkDoneProgressEnd, WorkDoneProgressReport, notification,
};

use crate::door::Door;
use crate::features::Feature;

/// The bar's name on the wire.
const TOKEN: &str = "animus-index";
const TITLE: &str = "Animus index";
/// A build that is over within this is not shown.
const SOON: Duration = Duration::from_millis(700);
/// Least time between two reports.
const PACE: Duration = Duration::from_millis(500);

/// Shows each build until the agent is gone. A client that shows no progress is told nothing.
pub async fn run(door: Arc<Door>, agent: Agent) {
    let Ok(editor) = door.editor() else { return };
    let client = editor.client();
    if !client.can(Feature::Progress) {
        return;
    }
    let button = client.can(Feature::CancelButton);
    let mut progress = agent.knowledge().progress();
    drop(agent);
    while progress.wait_for(is_under_way).await.is_ok() {
        tokio::time::sleep(SOON).await;
        if is_under_way(&progress.borrow()) {
            show(&door, &mut progress, button).await;
        }
    }
}

/// Whether a bar of this name is the index's.
pub fn is_ours(token: &ProgressToken) -> bool {
    matches!(token, ProgressToken::String(text) if text == TOKEN)
}

async fn show(door: &Door, progress: &mut tokio::sync::watch::Receiver<Progress>, button: bool) {
    let token = ProgressToken::String(TOKEN.to_owned());
    let wire = door.wire();
    if wire.create_work_done_progress(token.clone()).await.is_err() {
        // It said that it shows progress: it will not be asked again before the next build.
        let _ = progress.wait_for(|now| !is_under_way(now)).await;
        return;
    }
    let send = |step| {
        wire.send_notification::<notification::Progress>(ProgressParams {
            token: token.clone(),
            value: ProgressParamsValue::WorkDone(step),
        })
    };
    let now = *progress.borrow_and_update();
    send(WorkDoneProgress::Begin(WorkDoneProgressBegin {
        title: TITLE.to_owned(),
        cancellable: Some(button),
        message: Some(words(now)),
        percentage: Some(percent(now)),
    }))
    .await;
    loop {
        let over = progress.wait_for(|now| !is_under_way(now));
        let over = tokio::time::timeout(PACE, over).await.is_ok();
        match over {
            true => break,
            false => {
                let now = *progress.borrow_and_update();
                send(WorkDoneProgress::Report(WorkDoneProgressReport {
                    cancellable: Some(button),
                    message: Some(words(now)),
                    percentage: Some(percent(now)),
                }))
                .await;
            }
        }
    }
    let now = *progress.borrow_and_update();
    send(WorkDoneProgress::End(WorkDoneProgressEnd {
        message: Some(words(now)),
    }))
    .await;
}

fn is_under_way(now: &Progress) -> bool {
    match now.stage {
        Stage::Loading | Stage::Files | Stage::History => true,
        Stage::Idle | Stage::Ready => false,
    }
}

fn words(now: Progress) -> String {
    match now.stage {
        Stage::Idle => "stopped".to_owned(),
        Stage::Loading => "reading what is stored".to_owned(),
        Stage::Files => format!("{}/{}", now.done, now.total),
        Stage::History => "reading the history".to_owned(),
        Stage::Ready => "ready".to_owned(),
    }
}

/// 0 to 100.
fn percent(now: Progress) -> u32 {
    let part = now.done.saturating_mul(100).checked_div(now.total);
    u32::try_from(part.unwrap_or(0).min(100)).unwrap_or(100)
}
