//! Client: what the other end is and can do, read once from the raw `initialize` params. Nothing said means the stock
//! profile: no `$/animus/*` notifications, and the whole agent through standard requests alone.

use std::collections::BTreeSet;
use std::time::Duration;

use protocol::LandMode;
use serde_json::{Value, json};

use crate::features::{self, Feature};
use crate::position::Encoding;
use crate::quirks::{self, Quirk, Stale};
use crate::schema::Offer;

/// Major version of the wire that this server speaks.
pub const PROTOCOL: u64 = 1;

/// Notifications that a shim may get.
pub const NOTIFICATIONS: [&str; 5] = [
    "$/animus/event",
    "$/animus/task",
    "$/animus/patch",
    "$/animus/approval",
    "$/animus/status",
];

/// Keys of `initializationOptions.animus`.
pub const OPTIONS: [&str; 3] = ["client", "config", "land"];

/// How much of our own wire the client speaks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Profile {
    /// None of it.
    #[default]
    Stock,
    /// It takes our notifications.
    Shim {
        /// It says what it has read.
        acks: bool,
        /// Requests that it promises to make itself, such as `approval/resolve`.
        verbs: BTreeSet<String>,
    },
}

/// The client.
#[derive(Debug, Clone, Default)]
pub struct Client {
    /// `clientInfo.name`; empty where it does not say.
    pub name: String,
    /// Its process, whose end is the server's end.
    pub process: Option<u32>,
    /// URI of the workspace folder, as the client writes it.
    pub root: Option<String>,
    /// What `character` counts between us.
    pub encoding: Encoding,
    /// How much of our own wire it speaks.
    pub profile: Profile,
    /// What to do with a patch where the request does not say.
    pub land: Option<LandMode>,
    /// Its settings for the agent, configuration keys as JSON; null where it sends none.
    pub settings: Value,
    /// What it says in `initializationOptions.animus` that nobody reads.
    pub unread: Vec<String>,
    quirk: Option<&'static Quirk>,
    features: BTreeSet<Feature>,
}

impl Client {
    /// Reads the params of `initialize`. What is missing or of a wrong type counts as not said.
    pub fn of(params: &Value) -> Client {
        let text = |pointer: &str| {
            params
                .pointer(pointer)
                .and_then(Value::as_str)
                .map(str::to_owned)
        };
        let name = text("/clientInfo/name").unwrap_or_default();
        let quirk = quirks::of(params);
        let mut features = features::announced(params);
        features.extend(quirk.iter().flat_map(|quirk| quirk.has));
        features.retain(|feature| !quirk.is_some_and(|quirk| quirk.lacks.contains(feature)));
        let land = params
            .pointer("/initializationOptions/animus/land")
            .and_then(|word| serde_json::from_value(word.clone()).ok());
        // Where an edit is taken after a command only, a patch waits for the command that accepts it.
        let waits = quirk.is_some_and(|quirk| quirk.window.is_some());
        Client {
            process: params
                .get("processId")
                .and_then(Value::as_u64)
                .and_then(|id| u32::try_from(id).ok()),
            root: root(params),
            encoding: encoding(params),
            profile: profile(params),
            settings: params
                .pointer("/initializationOptions/animus/config")
                .cloned()
                .unwrap_or_default(),
            unread: unread(params),
            land: land.or(waits.then_some(LandMode::Review)),
            quirk,
            name,
            features,
        }
    }

    /// Whether it can.
    pub fn can(&self, feature: Feature) -> bool {
        self.features.contains(&feature)
    }

    /// The editor, as people call it.
    pub fn editor(&self) -> &str {
        match self.quirk {
            Some(quirk) => quirk.editor,
            None if self.name.is_empty() => "the editor",
            None => &self.name,
        }
    }

    /// How it meets an edit for another version of the document than the one it shows.
    pub fn stale(&self) -> Stale {
        self.quirk.map(|quirk| quirk.stale).unwrap_or_default()
    }

    /// How long it waits for the answer to a command, where that is known.
    pub fn patience(&self) -> Option<Duration> {
        self.quirk.and_then(|quirk| quirk.patience)
    }

    /// How long after a command of the user it still takes an edit of ours, where that is limited.
    pub fn window(&self) -> Option<Duration> {
        self.quirk.and_then(|quirk| quirk.window)
    }

    /// Whether it draws hunks and decides on them by our own verb, so that no lenses are needed in real files.
    pub fn draws_hunks(&self) -> bool {
        self.promises("patch/resolve")
    }

    /// Whether it answers approvals by our own verb, so that no message box is needed.
    pub fn resolves_approvals(&self) -> bool {
        self.promises("approval/resolve")
    }

    /// Whether it says that it makes or answers this request.
    pub fn promises(&self, verb: &str) -> bool {
        matches!(&self.profile, Profile::Shim { verbs, .. } if verbs.contains(verb))
    }
}

/// What the server answers in `capabilities.experimental.animus`.
pub fn answer() -> Value {
    let words = |all: &[&str]| all.iter().map(|word| (*word).to_owned()).collect();
    json!(Offer {
        protocol: PROTOCOL,
        verbs: words(agent::verbs::ALL),
        notifications: words(&NOTIFICATIONS),
    })
}

/// Keys of `initializationOptions.animus` that are none of ours.
fn unread(params: &Value) -> Vec<String> {
    let said = params
        .pointer("/initializationOptions/animus")
        .and_then(Value::as_object);
    said.into_iter()
        .flat_map(|said| said.keys())
        .filter(|key| !OPTIONS.contains(&key.as_str()))
        .cloned()
        .collect()
}

/// The first encoding of the client's own order that we know; utf-16 where it offers none.
fn encoding(params: &Value) -> Encoding {
    let offered = params
        .pointer("/capabilities/general/positionEncodings")
        .and_then(Value::as_array);
    offered
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .find_map(Encoding::parse)
        .unwrap_or_default()
}

fn profile(params: &Value) -> Profile {
    let said = params
        .pointer("/capabilities/experimental/animus")
        .or_else(|| params.pointer("/initializationOptions/animus/client"))
        .unwrap_or(&Value::Null);
    let speaks = said
        .get("protocol")
        .and_then(Value::as_array)
        .is_some_and(|majors| majors.contains(&json!(PROTOCOL)));
    if !speaks || said.get("notifications").and_then(Value::as_bool) != Some(true) {
        return Profile::Stock;
    }
    let verbs = said.get("verbs").and_then(Value::as_array);
    Profile::Shim {
        acks: said.get("acks").and_then(Value::as_bool).unwrap_or(false),
        verbs: verbs
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
    }
}

/// `workspaceFolders[0]`, else `rootUri`, else `rootPath`.
fn root(params: &Value) -> Option<String> {
    let text = |pointer: &str| params.pointer(pointer).and_then(Value::as_str);
    let path = || {
        text("/rootPath")
            .and_then(lsp_types::Uri::from_file_path)
            .map(|uri| uri.as_str().to_owned())
    };
    text("/workspaceFolders/0/uri")
        .or_else(|| text("/rootUri"))
        .map(str::to_owned)
        .or_else(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shim(said: &Value) -> Profile {
        Client::of(&json!({ "capabilities": { "experimental": { "animus": said } } })).profile
    }

    #[test]
    fn nothing_said_or_no_common_major_is_the_stock_profile() {
        assert_eq!(Client::of(&json!({})).profile, Profile::Stock);
        for said in [
            json!({}),
            json!({ "protocol": [2], "notifications": true }),
            json!({ "protocol": [1] }),
            json!({ "protocol": "1", "notifications": true }),
            json!(null),
            json!([1]),
        ] {
            assert_eq!(shim(&said), Profile::Stock, "{said}");
        }
    }

    #[test]
    fn a_shim_says_what_it_speaks_in_either_place() {
        let said = json!({ "protocol": [1, 2], "notifications": true, "acks": true, "verbs": ["approval/resolve"] });
        let by_options =
            Client::of(&json!({ "initializationOptions": { "animus": { "client": said } } }));
        assert_eq!(by_options.profile, shim(&said));
        assert!(by_options.resolves_approvals());
    }

    #[test]
    fn the_root_is_the_first_folder_then_the_uri_then_the_path() {
        let folders = json!([{ "uri": "file:///a", "name": "a" }]);
        for (params, expected) in [
            (
                json!({ "workspaceFolders": folders, "rootUri": "file:///b" }),
                Some("file:///a"),
            ),
            (
                json!({ "workspaceFolders": null, "rootUri": "file:///b", "rootPath": "/c" }),
                Some("file:///b"),
            ),
            (
                json!({ "rootUri": null, "rootPath": "/c d" }),
                Some("file:///c%20d"),
            ),
            (json!({ "workspaceFolders": [] }), None),
        ] {
            assert_eq!(Client::of(&params).root.as_deref(), expected, "{params}");
        }
    }

    #[test]
    fn the_landing_of_the_client_is_read() {
        let params = json!({ "initializationOptions": { "animus": { "land": "review" } } });
        assert_eq!(Client::of(&params).land, Some(LandMode::Review));
        let params = json!({ "initializationOptions": { "animus": { "land": "sideways" } } });
        assert_eq!(Client::of(&params).land, None);
    }

    #[test]
    fn options_that_nobody_reads_are_known() {
        let params = json!({ "initializationOptions": { "animus": { "lnad": "auto", "land": "auto", "config": {} } } });
        assert_eq!(Client::of(&params).unread, ["lnad"]);
        assert!(Client::of(&json!({})).unread.is_empty());
    }

    #[test]
    fn the_first_known_encoding_wins() {
        for (offered, expected) in [
            (json!(["utf-8", "utf-16"]), Encoding::Utf8),
            (json!(["utf-7", "utf-32", "utf-8"]), Encoding::Utf32),
            (json!([]), Encoding::Utf16),
            (json!(["utf-16"]), Encoding::Utf16),
        ] {
            let params = json!({ "capabilities": { "general": { "positionEncodings": offered } } });
            assert_eq!(Client::of(&params).encoding, expected, "{offered}");
        }
    }
}
