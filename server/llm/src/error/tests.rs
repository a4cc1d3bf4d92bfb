//! The table of classes in the documentation is the code.

use std::{collections::BTreeSet, time::Duration};

use super::*;
use crate::breaker::says_ill;

const DOCS: &str = include_str!("../../../../docs/models.md");

fn one_of_each() -> Vec<Error> {
    let (provider, message) = ("p".to_owned(), "m".to_owned());
    let words = || (provider.clone(), message.clone());
    let retry_after = None;
    let mut all = Vec::new();
    let mut with = |make: fn(String, String) -> Error| {
        let (provider, message) = words();
        all.push(make(provider, message));
    };
    with(|provider, message| Error::Auth { provider, message });
    with(|provider, message| Error::Quota { provider, message });
    with(|provider, message| Error::Broken { provider, message });
    with(|provider, message| Error::TooLong { provider, message });
    with(|provider, message| Error::Refused { provider, message });
    with(|provider, message| Error::Invalid {
        provider,
        status: 400,
        message,
    });
    with(|provider, message| Error::RateLimited {
        provider,
        retry_after: None,
        message,
    });
    with(|provider, message| Error::Unreachable {
        provider,
        url: "u".into(),
        message,
    });
    with(|_, message| Error::NoModel(message));
    with(|_, message| Error::Config(message));
    with(|script, message| Error::Script { script, message });
    with(|script, _| Error::ScriptEnded {
        script,
        role: "coder",
        turns: 1,
    });
    all.extend([
        Error::Overloaded {
            provider: provider.clone(),
            status: 500,
            retry_after,
            message,
        },
        Error::Timeout {
            provider,
            after: Duration::from_secs(1),
        },
        Error::Expensive { limit: 1 },
        Error::Budget {
            scope: Scope::Run,
            limit: 1,
            spent: 1,
        },
        Error::Cancelled,
    ]);
    all
}

#[test]
fn each_class_does_what_its_row_says() {
    let (_, behind) = DOCS.split_once("<!-- classes -->\n").unwrap();
    let (table, _) = behind.split_once("<!-- /classes -->").unwrap();
    let rows: Vec<Vec<&str>> = table
        .lines()
        .skip(2)
        .map(|row| row.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    let all = one_of_each();
    let listed: BTreeSet<String> = rows.iter().map(|row| row[0].replace('`', "")).collect();
    let known: BTreeSet<String> = all.iter().map(|error| error.class().to_owned()).collect();
    assert_eq!(listed, known);
    assert_eq!(rows.len(), known.len(), "each class once");
    let word = |yes| if yes { "yes" } else { "no" };
    for error in all {
        let row = rows
            .iter()
            .find(|row| row[0].trim_matches('`') == error.class())
            .unwrap();
        let next = error.next();
        let does = [
            word(matches!(next, Next::Again(_))),
            word(next != Next::Stop),
            word(says_ill(&error)),
            word(error.is_charged()),
        ];
        assert_eq!(row[2..], does, "{error:?}");
        assert!(error.hint().ends_with('.'), "{error:?}");
    }
}
