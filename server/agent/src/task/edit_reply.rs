//! Edits as models write them: what became of each is told, and a model that fails with a form is told to use a simpler one, always
//! at the end of the conversation, so that nothing before it changes.

use super::Task;
use crate::edit_forms::{self, EditForms};
use protocol::{Code, Speaker, ToolCall, Update};

impl Task {
    /// Tells what became of an edit, where the form had a part in it.
    pub(super) fn note_edit(&self, call: &ToolCall, failure: Option<Code>) {
        let Some(form) = edit_forms::form_of(&call.name, &call.input) else {
            return;
        };
        if let Some(outcome) = edit_forms::outcome_of(failure) {
            let model = self.answered_by.lock().clone();
            let note = (form, outcome);
            let reply = self.edit_forms.lock().note(&model, note, now());
            self.emit(Update::EditReply { reply });
        }
    }

    /// Tells the model that answered which form to use, where that is news.
    pub(super) fn tell_edit_form(&self) {
        let model = self.answered_by.lock().clone();
        if let Some(form) = self.edit_forms.lock().unsaid(&model, now()) {
            self.emit(Update::Prompt {
                by: Speaker::Agent,
                text: edit_forms::words(form).to_owned(),
            });
        }
    }

    /// What the first message says of it: what earlier tasks learnt of the coder's model.
    pub(super) fn first_edit_form(&self) -> String {
        let page = self.shared.edit_forms.load();
        let choice = self.request.model.as_deref();
        let mut forms = self.edit_forms.lock();
        *forms = EditForms::new(page);
        let Some(model) = self.models.first_choice(llm::Role::Coder, choice) else {
            return String::new();
        };
        let again = forms.is_back(&model, now()) && !self.conversation.lock().messages().is_empty();
        let form = forms.unsaid(&model, now());
        let form = form.or(again.then_some(protocol::EditForm::Patch));
        form.map_or_else(String::new, |form| {
            format!("\n{}\n", edit_forms::words(form))
        })
    }

    /// The same once more, behind a shortening that took the words away.
    pub(super) fn edit_form_again(&self) -> String {
        let model = self.answered_by.lock().clone();
        let form = self.edit_forms.lock().form(&model, now());
        form.map_or_else(String::new, |form| {
            format!("\n\n{}", edit_forms::words(form))
        })
    }

    /// Keeps what the task learnt for later ones.
    pub(super) fn keep_edit_forms(&self) {
        let forms = self.edit_forms.lock();
        if forms.has_news() {
            let add = |page: &mut edit_forms::Page| forms.add_to(page, now());
            self.shared.edit_forms.change(add);
        }
    }
}

/// Seconds since 1970.
fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}
