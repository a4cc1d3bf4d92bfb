//! EditForms: in which form each model is told to write its edits. After two malformed ones in a task a model is told to use the next
//! simpler form; that is remembered over tasks, and after a while the better form is tried again.

mod kept;

pub(crate) use kept::{Kept, Page};

use protocol::{Code, EditForm, EditOutcome, EditReply};
use serde_json::Value;
use std::collections::HashMap;

/// Malformed edits in a task after which a model is told to use a simpler form.
const PATIENCE: u32 = 2;

/// The forms, the richest first.
const FORMS: [EditForm; 4] = [
    EditForm::Patch,
    EditForm::Blocks,
    EditForm::Replace,
    EditForm::Whole,
];

/// What is known in a task.
#[derive(Debug, Default)]
pub(crate) struct EditForms {
    page: Page,
    models: HashMap<String, Model>,
}

#[derive(Debug)]
struct Model {
    form: EditForm,
    /// What the model was told last in this task.
    told: EditForm,
    malformed: u32,
    /// Edits of this task, by form and outcome.
    replies: Vec<(EditForm, EditOutcome)>,
    /// The form it was moved to in this task, up or down.
    moved: Option<EditForm>,
}

impl EditForms {
    /// With what earlier tasks left.
    pub(crate) fn new(page: Page) -> EditForms {
        EditForms {
            page,
            models: HashMap::new(),
        }
    }

    fn model(&mut self, name: &str, now: i64) -> &mut Model {
        let page = &self.page;
        self.models.entry(name.to_owned()).or_insert_with(|| {
            let (form, rises) = page.form(name, now);
            Model {
                form,
                told: EditForm::Patch,
                malformed: 0,
                replies: Vec::new(),
                moved: rises.then_some(form),
            }
        })
    }

    /// Takes in an edit and says what is to be told of it.
    pub(crate) fn note(
        &mut self,
        name: &str,
        (form, outcome): (EditForm, EditOutcome),
        now: i64,
    ) -> EditReply {
        let model = self.model(name, now);
        model.replies.push((form, outcome));
        let mut stepped = None;
        if outcome == EditOutcome::Malformed {
            model.malformed += 1;
            let simpler = simpler(form.max(model.form)).filter(|_| model.malformed >= PATIENCE);
            if let Some(simpler) = simpler {
                model.malformed = 0;
                model.form = simpler;
                model.moved = Some(simpler);
                stepped = Some(simpler);
            }
        }
        EditReply {
            model: name.to_owned(),
            form,
            outcome,
            now: stepped,
        }
    }

    /// The form that this model is to be told of, where it was not yet.
    pub(crate) fn unsaid(&mut self, name: &str, now: i64) -> Option<EditForm> {
        let model = self.model(name, now);
        let news = model.form != model.told;
        model.told = model.form;
        news.then_some(model.form)
    }

    /// The form that this model is to use, where it is not the usual one.
    pub(crate) fn form(&mut self, name: &str, now: i64) -> Option<EditForm> {
        Some(self.model(name, now).form).filter(|form| *form != EditForm::Patch)
    }

    /// Whether this model may use the usual form again, after a time without.
    pub(crate) fn is_back(&mut self, name: &str, now: i64) -> bool {
        self.model(name, now).moved == Some(EditForm::Patch)
    }

    /// Adds what this task learnt to what others did.
    pub(crate) fn add_to(&self, page: &mut Page, now: i64) {
        for (name, model) in &self.models {
            if !model.replies.is_empty() || model.moved.is_some() {
                page.add(name, &model.replies, model.moved, now);
            }
        }
    }

    /// Whether there is anything to add.
    pub(crate) fn has_news(&self) -> bool {
        let news = |model: &Model| !model.replies.is_empty() || model.moved.is_some();
        self.models.values().any(news)
    }
}

fn simpler(form: EditForm) -> Option<EditForm> {
    let at = FORMS.iter().position(|one| *one == form)?;
    FORMS.get(at + 1).copied()
}

fn richer(form: EditForm) -> EditForm {
    let at = FORMS.iter().position(|one| *one == form).unwrap_or(0);
    FORMS[at.saturating_sub(1)]
}

/// The form of an edit; none of another tool's call.
pub(crate) fn form_of(tool: &str, input: &Value) -> Option<EditForm> {
    let text = match crate::tools::canonical(tool) {
        "write_file" => return Some(EditForm::Whole),
        "apply_patch" => input
            .get("patch")
            .unwrap_or(input)
            .as_str()
            .unwrap_or_default(),
        _ => return None,
    };
    let any = |starts: &dyn Fn(&str) -> bool| text.lines().any(|line| starts(line.trim_start()));
    let is_patch = |line: &str| {
        ["*** ", "@@", "--- ", "+++ ", "diff "]
            .iter()
            .any(|mark| line.starts_with(mark))
    };
    Some(
        if any(&|line| line.starts_with("<<<<<") || line.starts_with("------- S")) {
            EditForm::Blocks
        } else if text.trim_start().starts_with(['{', '[']) && !text.contains("*** Begin") {
            EditForm::Replace
        } else if text.trim_start().starts_with("```") && !any(&is_patch) {
            EditForm::Whole
        } else {
            EditForm::Patch
        },
    )
}

/// What an edit that failed so says of its form; nothing where the form was not to blame.
pub(crate) fn outcome_of(failure: Option<Code>) -> Option<EditOutcome> {
    match failure {
        None => Some(EditOutcome::Good),
        Some(Code::InvalidInput | Code::NoMatch) => Some(EditOutcome::Malformed),
        Some(_) => None,
    }
}

/// What a model is told of the form to use.
pub(crate) fn words(form: EditForm) -> &'static str {
    match form {
        EditForm::Patch => {
            "You may write edits in the form of apply_patch's description again: `*** Begin Patch` … `*** End Patch`."
        }
        EditForm::Blocks => {
            "From now on write every edit as SEARCH/REPLACE blocks: call apply_patch with this text as `patch`, one block a place, the searched lines exactly as they stand in the file:\npath/of/file\n<<<<<<< SEARCH\nold lines\n=======\nnew lines\n>>>>>>> REPLACE"
        }
        EditForm::Replace => {
            "From now on make one small edit a call: call apply_patch with `patch` set to a text that is one JSON object, {\"path\": \"path/of/file\", \"old\": \"text exactly as it stands in the file, once\", \"new\": \"what shall stand there\"}."
        }
        EditForm::Whole => {
            "From now on do not use apply_patch: write the whole text of each file that changes with write_file. Read the file first and keep all that does not change."
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const BAD: EditOutcome = EditOutcome::Malformed;

    #[test]
    fn two_malformed_edits_are_one_step_down() {
        let mut forms = EditForms::default();
        let mut steps = Vec::new();
        for _ in 0..10 {
            let form = forms.form("p/m", 0).unwrap_or(EditForm::Patch);
            steps.extend(forms.note("p/m", (form, BAD), 0).now);
        }
        assert_eq!(steps, FORMS[1..]);
        assert_eq!(
            forms.form("p/other", 0),
            None,
            "another model is not concerned"
        );
        assert_eq!(forms.unsaid("p/m", 0), Some(EditForm::Whole));
        assert_eq!(forms.unsaid("p/m", 0), None);
        let mut forms = EditForms::default();
        for _ in 0..2 {
            forms.note("p/m", (EditForm::Blocks, BAD), 0);
        }
        assert_eq!(
            forms.form("p/m", 0),
            Some(EditForm::Replace),
            "simpler than what failed"
        );
    }

    #[test]
    fn the_form_is_told_by_its_shape() {
        for (form, patch) in [
            (EditForm::Patch, "*** Begin Patch\n*** Update File: a\n"),
            (EditForm::Patch, "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-<a\n+b\n"),
            (EditForm::Patch, "```diff\n--- a/x\n+++ b/x\n```"),
            (EditForm::Patch, "please change it"),
            (
                EditForm::Blocks,
                "a.rs\n<<<<<<< SEARCH\nx\n=======\ny\n>>>>>>> REPLACE",
            ),
            (
                EditForm::Replace,
                " {\"path\": \"a\", \"old\": \"x\", \"new\": \"y\"}",
            ),
            (EditForm::Whole, "```rust a.rs\nfn main() {}\n```"),
        ] {
            assert_eq!(
                form_of("apply_patch", &json!({ "patch": patch })),
                Some(form),
                "{patch}"
            );
        }
        assert_eq!(
            form_of("git.apply_patch", &json!("{\"patch\": \"*** Begin Patch")),
            Some(EditForm::Patch)
        );
        assert_eq!(form_of("fs.write_file", &json!({})), Some(EditForm::Whole));
        assert_eq!(form_of("read_file", &json!({})), None);
    }
}
