//! Symbol: one definition and where it stands; lines count from 1 and both ends are inside.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a definition defines.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum SymbolKind {
    /// A free function.
    Function,
    /// A function of a type, trait or interface.
    Method,
    /// A struct or union.
    Struct,
    /// A class, record or object.
    Class,
    /// An enum.
    Enum,
    /// A trait.
    Trait,
    /// An interface or protocol.
    Interface,
    /// A block that adds to a type, named by the type: a Rust `impl`, a Swift extension.
    Impl,
    /// A module or namespace.
    Module,
    /// A constant.
    Const,
    /// A Rust static.
    Static,
    /// A variable of a package, module or file.
    Variable,
    /// A property of a type: a value with accessors.
    Property,
    /// A named type, alias or associated type.
    Type,
    /// A macro.
    Macro,
    /// What a test runner runs: a test, benchmark, fuzz target, example, or a named group of them.
    Test,
}

impl SymbolKind {
    /// The kind in snake case, as it is serialized.
    pub fn as_str(self) -> &'static str {
        match self {
            SymbolKind::Function => "function",
            SymbolKind::Method => "method",
            SymbolKind::Struct => "struct",
            SymbolKind::Class => "class",
            SymbolKind::Enum => "enum",
            SymbolKind::Trait => "trait",
            SymbolKind::Interface => "interface",
            SymbolKind::Impl => "impl",
            SymbolKind::Module => "module",
            SymbolKind::Const => "const",
            SymbolKind::Static => "static",
            SymbolKind::Variable => "variable",
            SymbolKind::Property => "property",
            SymbolKind::Type => "type",
            SymbolKind::Macro => "macro",
            SymbolKind::Test => "test",
        }
    }

    /// The kind that a query's capture name stands for; `None` for captures that are no definition.
    pub(crate) fn of_capture(name: &str) -> Option<SymbolKind> {
        match name {
            "function" => Some(SymbolKind::Function),
            "method" => Some(SymbolKind::Method),
            "struct" => Some(SymbolKind::Struct),
            "class" => Some(SymbolKind::Class),
            "enum" => Some(SymbolKind::Enum),
            "trait" => Some(SymbolKind::Trait),
            "interface" => Some(SymbolKind::Interface),
            "impl" => Some(SymbolKind::Impl),
            "module" => Some(SymbolKind::Module),
            "const" => Some(SymbolKind::Const),
            "static" => Some(SymbolKind::Static),
            "variable" => Some(SymbolKind::Variable),
            "property" => Some(SymbolKind::Property),
            "type" => Some(SymbolKind::Type),
            "macro" => Some(SymbolKind::Macro),
            "test" => Some(SymbolKind::Test),
            _ => None,
        }
    }

    /// Whether functions in it are methods.
    pub(crate) fn has_methods(self) -> bool {
        matches!(
            self,
            SymbolKind::Class
                | SymbolKind::Struct
                | SymbolKind::Enum
                | SymbolKind::Trait
                | SymbolKind::Interface
                | SymbolKind::Impl
        )
    }

    /// Whether it runs as code: such a definition is one region of text, whatever it holds.
    pub(crate) fn is_callable(self) -> bool {
        match self {
            SymbolKind::Function | SymbolKind::Method | SymbolKind::Test | SymbolKind::Macro => {
                true
            }
            SymbolKind::Struct
            | SymbolKind::Class
            | SymbolKind::Enum
            | SymbolKind::Trait
            | SymbolKind::Interface
            | SymbolKind::Impl
            | SymbolKind::Module
            | SymbolKind::Const
            | SymbolKind::Static
            | SymbolKind::Variable
            | SymbolKind::Property
            | SymbolKind::Type => false,
        }
    }
}

/// One definition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Symbol {
    /// Its name without generics or path; for an `impl` the name of the type.
    pub name: String,
    /// What it is.
    pub kind: SymbolKind,
    /// First line of the comments and attributes right above it; equal to `start` where there are none.
    pub doc_start: u32,
    /// Its first line.
    pub start: u32,
    /// Its last line.
    pub end: u32,
    /// Name of the definition around it, or of a Go method's receiver type.
    pub container: Option<String>,
    /// Its head without the body, white space folded, at most 200 characters.
    pub signature: String,
}
