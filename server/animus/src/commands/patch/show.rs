//! Show: patches on the terminal.

use crate::cli::Output;
use crate::compose::Compose;
use crate::print;
use crate::render::diff::{Fold, colour};
use crate::render::figure::plural;
use crate::render::style::{BAD, DIM, GOOD, PLAIN, Painted, STRONG, WARN, line};
use agent::Agent;
use protocol::{HunkState, PatchKind, PatchState, PatchView};
use serde_json::json;

/// All patches, with what they take.
pub fn list(agent: &Agent, compose: &Compose) {
    let patches = agent.patches();
    let usage = agent.patch_usage().ok();
    match compose.output() {
        Output::Json => print::json(&json!({ "patches": patches, "storage": usage })),
        Output::Text if patches.is_empty() => print::text("no patches here yet\n"),
        Output::Text => {
            patches.iter().for_each(|patch| print::text(&head(patch)));
            if let Some(usage) = usage {
                let kept = format!(
                    "{} of {} take {} KiB in the state folder",
                    plural(usage.texts, "text"),
                    match usage.patches {
                        1 => "1 patch".to_owned(),
                        many => format!("{many} patches"),
                    },
                    usage.bytes.div_ceil(1024)
                );
                print::text(&format!("{}\n", Painted(DIM, kept)));
            }
        }
    }
}

/// One patch with its hunks and its diff.
pub fn show(patch: &PatchView, compose: &Compose) {
    match compose.output() {
        Output::Json => print::json(patch),
        Output::Text => print::text(&format!(
            "{}{}\n{}",
            head(patch),
            hunks(patch),
            colour(&diff(patch), Fold::Nothing, "")
        )),
    }
}

/// The whole diff.
pub fn diff(patch: &PatchView) -> String {
    patch.files.iter().map(|file| file.diff.as_str()).collect()
}

/// What a decision came to.
pub fn changed(patch: &PatchView, compose: &Compose) {
    if let Output::Json = compose.output() {
        return print::json(patch);
    }
    let of = |state: HunkState| -> Vec<&str> {
        let has = |file: &&protocol::FileChange| file.hunks.iter().any(|hunk| hunk.state == state);
        let files = patch.files.iter().filter(has);
        files.map(|file| file.path.as_str()).collect()
    };
    let names = |state| line(&of(state).join(", "));
    let waiting: usize = patch
        .files
        .iter()
        .flat_map(|file| &file.hunks)
        .filter(|hunk| hunk.state == HunkState::Pending)
        .count();
    let text = match patch.state {
        PatchState::Landed => {
            let what = format!(
                "{} {}",
                Painted(GOOD, "✔ in your files:"),
                names(HunkState::Accepted)
            );
            match of(HunkState::Undone).is_empty() {
                true => what,
                false => format!("{what}; taken back: {}", names(HunkState::Undone)),
            }
        }
        PatchState::Undone => {
            format!(
                "{} {}",
                Painted(GOOD, "✔ taken back:"),
                names(HunkState::Undone)
            )
        }
        PatchState::Refused => format!(
            "{} your files are as they were",
            Painted(GOOD, "✔ refused;")
        ),
        PatchState::Proposed => format!(
            "{} of the patch still wait for a decision",
            Painted(WARN, format!("! {}", plural(waiting, "hunk")))
        ),
    };
    print::text(&format!("{text}\n"));
}

fn head(patch: &PatchView) -> String {
    let (style, word) = match patch.state {
        PatchState::Proposed => (WARN, "proposed"),
        PatchState::Landed => (GOOD, "landed"),
        PatchState::Refused => (DIM, "refused"),
        PatchState::Undone => (DIM, "undone"),
    };
    let tested = match (patch.kind, patch.verified) {
        (_, true) => Painted(GOOD, "verified"),
        (PatchKind::Change | PatchKind::Squash, false) => Painted(WARN, "unverified"),
        (PatchKind::Undo, _) => Painted(DIM, "undo"),
        (PatchKind::Redo, _) => Painted(DIM, "redo"),
        (PatchKind::Restore, _) => Painted(DIM, "restore"),
    };
    let sum = |count: fn(&protocol::FileChange) -> u32| -> u64 {
        patch.files.iter().map(|file| u64::from(count(file))).sum()
    };
    let size = format!(
        "{} {} {}",
        plural(patch.files.len(), "file"),
        Painted(GOOD, format!("+{}", sum(|file| file.added))),
        Painted(BAD, format!("−{}", sum(|file| file.removed))),
    );
    let id = Painted(STRONG, line(patch.id.as_str()));
    let created = Painted(DIM, line(&patch.created));
    let model = patch.model.as_deref().map_or_else(String::new, |model| {
        format!("  {}", Painted(DIM, line(model)))
    });
    format!(
        "{id}  {}  {tested}  {size}  {created}{model}\n    {}\n",
        Painted(style, word),
        Painted(PLAIN, line(&patch.title))
    )
}

/// Every hunk with its number, as `accept`, `refuse` and `undo` take it.
fn hunks(patch: &PatchView) -> String {
    let mut text = String::new();
    for file in &patch.files {
        for hunk in &file.hunks {
            let (style, word) = match hunk.state {
                HunkState::Pending => (WARN, "pending"),
                HunkState::Accepted => (GOOD, "accepted"),
                HunkState::Refused => (DIM, "refused"),
                HunkState::Undone => (DIM, "undone"),
            };
            let place = match hunk.live {
                Some(live) => format!("line {}", live.start),
                None => format!("was line {}", hunk.first),
            };
            let edited = if hunk.edited { ", edited" } else { "" };
            text.push_str(&format!(
                "    {} hunk {}  {}  {}\n",
                Painted(PLAIN, line(&file.path)),
                hunk.index,
                Painted(style, word),
                Painted(DIM, format!("{place}{edited}"))
            ));
        }
    }
    text
}
