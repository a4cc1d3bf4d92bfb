//! `Secret`: a key. It is shown only by `expose`; Debug, Serialize and errors say `[redacted]` (M3).

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What is said in place of a key.
pub(crate) const HIDDEN: &str = "[redacted]";

/// An API key; the memory is cleared when it is dropped.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// The key itself, for the header of a request and nothing else.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// `text` without the key: servers like to quote it in their errors.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        let key = self.expose();
        if key.len() < 4 {
            // So short a word is no key, and would tear ordinary text apart.
            return text.to_owned();
        }
        text.replace(key, HIDDEN)
    }
}

impl From<String> for Secret {
    fn from(key: String) -> Self {
        Secret(key.trim().to_owned().into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(HIDDEN)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Secret::from)
    }
}

impl JsonSchema for Secret {
    fn schema_name() -> Cow<'static, str> {
        "Secret".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string"})
    }
}
