//! Ids: opaque strings that name one task, session, patch, call or approval. Compare them, never parse them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            /// The id as it stands on the wire.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<S: Into<String>> From<S> for $name {
            fn from(text: S) -> Self {
                Self(text.into())
            }
        }
    };
}

id! {
    /// One task: one request of a person and everything done for it.
    TaskId
}
id! {
    /// One session: tasks that share a conversation.
    SessionId
}
id! {
    /// One patch: the change set that a task proposes.
    PatchId
}
id! {
    /// One tool call, as the model named it (or as it was named for the model).
    CallId
}
id! {
    /// One question to a person.
    ApprovalId
}
