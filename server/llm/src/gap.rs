//! `Gap`: the place in a text where something is missing, with what stands around it, and the same told to a model that only
//! converses.
//!
//! Invariant: what is told holds the text before and behind the gap to the byte, so an answer fits between them.

use crate::{Message, Request};

/// The text at a cursor.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Gap {
    /// The file, below its project.
    pub path: String,
    /// Its language, as editors name it; may be empty.
    pub language: String,
    /// What stands before the gap.
    pub before: String,
    /// What stands behind it.
    pub after: String,
    /// Pieces of other files that may help.
    pub near: Vec<Near>,
    /// Whether only the rest of one line is wanted.
    pub one_line: bool,
}

/// A piece of another file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Near {
    /// The file, below its project.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// What a conversation marks the gap with.
pub(crate) const MARK: &str = "<|gap|>";

const SYSTEM: &str = "You complete code while somebody types. The text of a file is given with one mark, <|gap|>, where the cursor is. \
Answer with exactly the text that belongs in the place of the mark and nothing else: no explanation, no fence, nothing of what stands \
before or behind the mark. Keep to the style and the indentation of the file. Stop where the statement or the block ends. Where nothing \
is missing, answer with nothing.";

impl Gap {
    /// As a conversation.
    pub(crate) fn told(&self, max_tokens: u32) -> Request {
        let mut text = String::new();
        for near in &self.near {
            text.push_str(&format!(
                "From {}:\n```\n{}\n```\n\n",
                near.path,
                near.text.trim_end()
            ));
        }
        let amount = match self.one_line {
            true => "the rest of this line",
            false => "a few lines at most",
        };
        text.push_str(&format!(
            "File {} ({}), {amount}:\n```\n{}{MARK}{}\n```",
            self.path,
            match self.language.as_str() {
                "" => "text",
                language => language,
            },
            self.before,
            self.after
        ));
        Request {
            system: SYSTEM.into(),
            messages: vec![Message::User { text }],
            tools: [].into(),
            answer_schema: None,
            max_tokens: Some(max_tokens),
        }
    }

    /// The text before the gap, pieces of other files first as comments, for a model that has no other place for them. Without
    /// comments in the language they are left out.
    pub(crate) fn prompt(&self) -> String {
        let mut text = String::new();
        if let Some(sign) = comment(&self.language).filter(|_| !self.near.is_empty()) {
            for near in &self.near {
                text.push_str(&format!("{sign} {}\n", near.path));
                for line in near.text.lines() {
                    text.push_str(format!("{sign} {line}").trim_end());
                    text.push('\n');
                }
            }
            text.push_str(&format!("{sign} {}\n", self.path));
        }
        text.push_str(&self.before);
        text
    }
}

/// How a line of comment begins in a language, where that is known.
fn comment(language: &str) -> Option<&'static str> {
    Some(match language {
        "rust" | "go" | "c" | "cpp" | "csharp" | "java" | "kotlin" | "scala" | "swift" | "dart"
        | "javascript" | "javascriptreact" | "typescript" | "typescriptreact" | "php" | "zig" => {
            "//"
        }
        "python" | "ruby" | "shellscript" | "sh" | "bash" | "perl" | "r" | "elixir" | "toml"
        | "yaml" | "dockerfile" | "make" | "makefile" | "julia" | "nix" => "#",
        "lua" | "sql" | "haskell" | "ada" | "elm" => "--",
        "clojure" | "lisp" | "scheme" => ";",
        "erlang" | "tex" | "latex" => "%",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_around_the_gap_is_told_to_the_byte() {
        let gap = Gap {
            path: "a.py".into(),
            language: "python".into(),
            before: "def f():\n\treturn ".into(),
            after: "\r\n\r\n".into(),
            near: vec![Near {
                path: "b.py".into(),
                text: "X = 1\n\nY = 2\n".into(),
            }],
            one_line: true,
        };
        let told = gap.told(9);
        let text = told.messages[0].text();
        assert!(
            text.contains("def f():\n\treturn <|gap|>\r\n\r\n"),
            "{text}"
        );
        assert!(text.contains("From b.py:\n```\nX = 1"), "{text}");
        assert_eq!(
            gap.prompt(),
            "# b.py\n# X = 1\n#\n# Y = 2\n# a.py\ndef f():\n\treturn "
        );
        let plain = Gap {
            language: "markdown".into(),
            ..gap
        };
        assert_eq!(plain.prompt(), plain.before);
    }
}
