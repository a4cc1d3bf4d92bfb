//! Asked: the schemas of what a client may be asked, `animus/client/*`. The types are those of the agreed form; they are read
//! by `insight`, in the words of LSP.

use agent::insight::Verb;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::{Position, Range};

/// Whose diagnostics are wanted.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct WantedDiagnostics {
    /// Documents; all that have some where absent.
    #[serde(default)]
    uris: Vec<String>,
    /// Two folders that nobody looks at, without a draft and with it: their documents are to be read out of sight, and every one
    /// must be in the answer.
    #[serde(default)]
    hidden: Vec<String>,
}

/// What is wrong, document by document.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct DocumentsDiagnostics {
    documents: Vec<DocumentDiagnostics>,
}

/// What is wrong in a document.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct DocumentDiagnostics {
    uri: String,
    /// `Diagnostic` of LSP.
    diagnostics: Vec<Value>,
}

/// A place in a document.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct DocumentPosition {
    uri: String,
    position: Position,
}

/// `Location` of LSP.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct Location {
    uri: String,
    range: Range,
}

/// Places.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct Locations {
    locations: Vec<Location>,
}

/// What is to have another name.
#[derive(JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "only its schema is used")]
struct WantedRename {
    uri: String,
    position: Position,
    new_name: String,
}

/// What a rename changes.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct RenameEdit {
    /// `WorkspaceEdit` of LSP, which the client does not apply.
    edit: Option<Map<String, Value>>,
}

/// Which definitions are wanted.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct WantedSymbols {
    query: String,
}

/// Definitions.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct NamedSymbols {
    symbols: Vec<NamedSymbol>,
}

/// A definition: `WorkspaceSymbol` of LSP with its location.
#[derive(JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "only its schema is used")]
struct NamedSymbol {
    name: String,
    container_name: Option<String>,
    location: Location,
}

/// A text beside another: that of a document, or this one.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct Side {
    #[serde(default)]
    uri: Option<String>,
    #[serde(default)]
    text: Option<String>,
    /// For a person, with `text`.
    #[serde(default)]
    title: Option<String>,
}

/// What the person looks at.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct Active {
    uri: String,
    /// The selection; empty at the cursor.
    range: Range,
    /// Documents on the screen.
    #[serde(default)]
    visible: Vec<String>,
}

/// What the person would see.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct Sides {
    left: Side,
    right: Side,
    /// For a person.
    title: String,
}

/// No parameters.
#[derive(JsonSchema)]
struct NoParams {}

/// Every one of them.
pub(super) fn verbs(generator: &mut SchemaGenerator) -> Value {
    let mut all = Map::new();
    for verb in Verb::ALL {
        let said = match verb {
            Verb::Diagnostics => words::<WantedDiagnostics, DocumentsDiagnostics>,
            Verb::Definition | Verb::References => words::<DocumentPosition, Locations>,
            Verb::Rename => words::<WantedRename, Option<RenameEdit>>,
            Verb::Symbols => words::<WantedSymbols, NamedSymbols>,
            Verb::Selection => words::<NoParams, Option<Active>>,
            Verb::OpenDiff => words::<Sides, Option<NoParams>>,
        };
        all.insert(verb.word().to_owned(), said(generator));
    }
    Value::Object(all)
}

fn words<P: JsonSchema, A: JsonSchema>(generator: &mut SchemaGenerator) -> Value {
    json!({
        "params": generator.subschema_for::<P>(),
        "answer": generator.subschema_for::<A>(),
    })
}
