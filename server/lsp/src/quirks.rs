//! Quirks: what clients do that their `initialize` does not say. Data only, one row a client; a client without a row does
//! what it announces.

use std::time::Duration;

use serde_json::Value;

use crate::features::Feature;

/// What is known of one client.
#[derive(Debug, PartialEq, Eq)]
pub struct Quirk {
    /// The editor, as people call it.
    pub editor: &'static str,
    /// How it is known; one is enough.
    pub marks: &'static [Mark],
    /// Features that it has and does not announce.
    pub has: &'static [Feature],
    /// Features that it announces and that do not work with us.
    pub lacks: &'static [Feature],
    /// How it meets an edit for another version of the document than the one it shows.
    pub stale: Stale,
    /// How long it waits for the answer to a command.
    pub patience: Option<Duration>,
    /// How long after a command of the user it still takes an edit of ours.
    pub window: Option<Duration>,
    /// Why, for people who read this table.
    pub why: &'static str,
}

/// How a client is known from the params of `initialize`.
#[derive(Debug, PartialEq, Eq)]
pub enum Mark {
    /// By `clientInfo.name`, compared without regard to case.
    Name(&'static str),
    /// It does not say its name, and this is what its `capabilities` look like.
    Nameless {
        /// JSON pointers to what is there.
        with: &'static [&'static str],
        /// JSON pointers to what is not.
        without: &'static [&'static str],
    },
}

/// How a client meets an edit for another version of the document than the one it shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Stale {
    /// It says no, and nothing changes.
    Refuses,
    /// It leaves the document alone and says yes, or applies it where it is wrong now, and says yes. It tells of what was typed and
    /// of each piece of the edit as changes of their own, though maybe in one message.
    Unreliable,
    /// Nobody has looked; it may do the same, and tell of a part of a piece as a change of its own.
    #[default]
    Unknown,
    /// It moves the edit along with what was typed.
    Moves,
}

use Feature::{
    ApplyEdit, CancelButton, CreateExclusive, CreateFile, DeleteFile, DocumentChanges,
    EditConfirmation, LateEdits, ReadsTogether, SortedButtons, TypedEdits,
};

/// A row that says nothing.
const NOTHING: Quirk = Quirk {
    editor: "",
    marks: &[],
    has: &[],
    lacks: &[],
    stale: Stale::Unreliable,
    patience: None,
    window: None,
    why: "",
};

/// The table.
pub const QUIRKS: &[Quirk] = &[
    Quirk {
        editor: "VS Code",
        marks: &[
            Mark::Name("Visual Studio Code"),
            Mark::Name("Visual Studio Code - Insiders"),
            Mark::Name("Code - OSS"),
            Mark::Name("code-server"),
            Mark::Name("VSCodium"),
            Mark::Name("Cursor"),
            Mark::Name("Windsurf"),
        ],
        lacks: &[CancelButton],
        stale: Stale::Refuses,
        why: "progress that a server began stands in the status bar without a button (the shim shows its own); versions are \
              checked exactly, and a stale edit is answered with `applied: false`",
        ..NOTHING
    },
    Quirk {
        editor: "Neovim",
        marks: &[Mark::Name("Neovim")],
        has: &[DocumentChanges, CreateFile, DeleteFile],
        lacks: &[CreateExclusive],
        why: "0.11 takes `documentChanges` with file operations and announces only the operations; a file that is there is \
              truncated where it may not be overwritten (our plug-in refuses it before); a stale first document is skipped \
              and a later one edited at the wrong place, both with `applied: true`",
        ..NOTHING
    },
    Quirk {
        editor: "Helix",
        marks: &[Mark::Name("helix")],
        lacks: &[CancelButton],
        stale: Stale::Refuses,
        patience: Some(Duration::from_secs(20)),
        why: "requests are given up after 20 s; progress has no button, so the task is cancelled by the code action; versions are \
              checked, and a stale edit is answered with `applied: false`",
        ..NOTHING
    },
    Quirk {
        editor: "Emacs (eglot)",
        marks: &[
            Mark::Name("Eglot"),
            Mark::Nameless {
                with: &["/textDocument/typeDefinition", "/workspace/applyEdit"],
                without: &["/window", "/general"],
            },
        ],
        has: &[ReadsTogether],
        lacks: &[CancelButton, EditConfirmation],
        stale: Stale::Refuses,
        patience: Some(Duration::from_secs(10)),
        why: "Emacs 28 lets lie an edit that it reads together with the answer to the command; requests are given up after 10 s; the echo area has no button; a stale edit is answered with an error; 1.9 \
              sends no `clientInfo`; what is confirmed is the user's setting, not the edit's annotation",
        ..NOTHING
    },
    Quirk {
        editor: "Emacs (lsp-mode)",
        marks: &[Mark::Name("emacs")],
        lacks: &[CancelButton, EditConfirmation],
        stale: Stale::Refuses,
        patience: Some(Duration::from_secs(10)),
        why: "requests are given up after 10 s; progress stands in the mode line; versions are checked before anything is applied",
        ..NOTHING
    },
    Quirk {
        editor: "Kakoune (kak-lsp)",
        marks: &[Mark::Name("kakoune-lsp"), Mark::Name("kak-lsp")],
        has: &[SortedButtons, LateEdits, TypedEdits],
        lacks: &[CreateFile, CancelButton, EditConfirmation],
        why: "progress stands in the status line without a button; annotations are announced and nobody is asked; \
              menus are sorted, and Enter alone takes what is first then; \
              an action's command is sent before its edit is in the buffer, so the command alone makes the edit; \
              an edit is typed as keys, where the end of a line in CRLF is two; a file that is created over another empties it",
        ..NOTHING
    },
    Quirk {
        editor: "Kate",
        marks: &[
            Mark::Name("Kate"),
            Mark::Nameless {
                with: &["/textDocument/selectionRange", "/window/workDoneProgress"],
                without: &["/workspace/applyEdit", "/textDocument/definition"],
            },
        ],
        has: &[ApplyEdit, DocumentChanges],
        lacks: &[CreateFile, DeleteFile, CancelButton],
        window: Some(Duration::from_secs(2)),
        why: "`clientInfo` and `applyEdit` are not announced; edits are taken within 2 s of a command of the user only, so a \
              patch waits for one; file operations in an edit are passed over",
        ..NOTHING
    },
    Quirk {
        editor: "Zed",
        marks: &[
            Mark::Name("Zed"),
            Mark::Name("Zed Preview"),
            Mark::Name("Zed Nightly"),
            Mark::Name("Zed Dev"),
        ],
        has: &[ApplyEdit],
        stale: Stale::Moves,
        why: "an edit for an older version is moved along with what was typed since",
        ..NOTHING
    },
    Quirk {
        editor: "Sublime Text (LSP)",
        marks: &[Mark::Name("Sublime Text LSP")],
        lacks: &[CancelButton],
        why: "an edit for another version is skipped, with `applied: true`; progress stands in the status bar",
        ..NOTHING
    },
];

/// The row of a client, if it has one.
pub fn of(params: &Value) -> Option<&'static Quirk> {
    QUIRKS
        .iter()
        .find(|quirk| quirk.marks.iter().any(|mark| mark.fits(params)))
}

impl Mark {
    fn fits(&self, params: &Value) -> bool {
        let name = params.pointer("/clientInfo/name").and_then(Value::as_str);
        match (self, name) {
            (Mark::Name(known), Some(name)) => known.eq_ignore_ascii_case(name),
            (Mark::Nameless { with, without }, None) => {
                let said = params.get("capabilities").unwrap_or(&Value::Null);
                let there =
                    |pointer: &&str| said.pointer(pointer).is_some_and(|value| !value.is_null());
                with.iter().all(there) && !without.iter().any(there)
            }
            (Mark::Name(_), None) | (Mark::Nameless { .. }, Some(_)) => false,
        }
    }
}

#[cfg(test)]
mod tests;
