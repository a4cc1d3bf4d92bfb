//! Quirks: what clients do that their `initialize` does not say. Data only, one row a client, keyed by
//! `clientInfo.name`; a client without a row does what it announces.

use crate::negotiate::Feature;

/// What is known of one client.
#[derive(Debug, PartialEq, Eq)]
pub struct Quirk {
    /// `clientInfo.name`, compared without regard to case.
    pub name: &'static str,
    /// Features that it has and does not announce.
    pub has: &'static [Feature],
    /// Features that it announces and that do not work with us.
    pub lacks: &'static [Feature],
    /// Why, for people who read this table.
    pub why: &'static str,
}

/// The table.
pub const QUIRKS: &[Quirk] = &[Quirk {
    name: "Neovim",
    has: &[
        Feature::DocumentChanges,
        Feature::CreateFile,
        Feature::DeleteFile,
    ],
    lacks: &[Feature::CreateExclusive],
    why: "0.11 takes `documentChanges` with file operations and announces only the operations; a file that is there is \
          truncated where it may not be overwritten (our plug-in refuses it before)",
}];

/// The row of a client, if it has one.
pub fn of(name: &str) -> Option<&'static Quirk> {
    QUIRKS
        .iter()
        .find(|quirk| quirk.name.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::negotiate::Client;
    use serde_json::json;

    #[test]
    fn every_row_overrules_what_the_client_announces() {
        let all = json!({
            "documentChanges": true, "resourceOperations": ["create", "delete"],
        });
        for quirk in QUIRKS {
            for (edit, features, expected) in [
                (json!({}), quirk.has, true),
                (all.clone(), quirk.lacks, false),
            ] {
                let params = json!({
                    "clientInfo": { "name": quirk.name },
                    "capabilities": { "workspace": { "applyEdit": true, "workspaceEdit": edit } },
                });
                let client = Client::of(&params);
                for feature in features {
                    assert_eq!(
                        client.can(*feature),
                        expected,
                        "{}: {feature:?}",
                        quirk.name
                    );
                }
            }
        }
    }

    #[test]
    fn a_client_without_a_row_does_what_it_announces() {
        let params = json!({ "clientInfo": { "name": "other" }, "capabilities": { "workspace": { "applyEdit": true } } });
        let client = Client::of(&params);
        assert!(client.can(Feature::ApplyEdit) && !client.can(Feature::DocumentChanges));
    }
}
