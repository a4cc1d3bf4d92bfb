//! Trust: the test command that the workspace's own configuration asks for. It runs only once a person has seen it and said yes;
//! another text is another question.

use super::{End, Task};
use crate::approvals::Covers;
use crate::permission::{self, Question};
use protocol::{Code, Level, Update};

const KEY: &str = "agent.test_command";

impl Task {
    /// The command, where a person trusts it. Asks where nobody has said anything yet.
    pub(super) async fn trusted_test_command(&self) -> Result<Option<String>, End> {
        let Some(line) = self.shared.wished_test_command.clone() else {
            return Ok(None);
        };
        match self.shared.approvals.trusted(KEY, &line) {
            Ok(Some(allowed)) => return Ok(allowed.then_some(line)),
            Ok(None) => {}
            Err(failure) => {
                self.emit(Update::Notice {
                    level: Level::Warning,
                    message: format!(
                        "what you trusted before does not count: {}",
                        failure.message
                    ),
                    hint: failure.hint,
                });
                return Ok(None);
            }
        }
        if let Some(said) = *self.test_trust.lock() {
            return Ok(said.then_some(line));
        }
        let question = Question {
            title: format!("Run this workspace's tests with {line}"),
            details: vec![line.clone()],
            reasons: vec![format!(
                "animus.yaml of this workspace sets {KEY}; a repository starts no command by itself"
            )],
            covers: Covers::Setting {
                key: KEY,
                value: line.clone(),
            },
        };
        let said = match permission::ask(self, None, question).await {
            Ok(()) => true,
            Err(failure) if failure.code == Code::Cancelled => return Err(End::cancelled()),
            Err(_) => false,
        };
        *self.test_trust.lock() = Some(said);
        Ok(said.then_some(line))
    }
}
