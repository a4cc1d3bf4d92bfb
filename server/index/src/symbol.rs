//! Symbol: one definition and where it stands; lines count from 1 and both ends are inside.

use serde::{Deserialize, Serialize};

/// What a definition defines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SymbolKind {
    /// A free function.
    Function,
    /// A function of a type, trait or interface.
    Method,
    /// A struct or union.
    Struct,
    /// An enum.
    Enum,
    /// A Rust trait.
    Trait,
    /// A Go interface.
    Interface,
    /// A Rust `impl` block, named by its type.
    Impl,
    /// A module.
    Module,
    /// A constant.
    Const,
    /// A Rust static.
    Static,
    /// A Go variable of the package.
    Variable,
    /// A named type, alias or associated type.
    Type,
    /// A macro.
    Macro,
    /// A function that a test runner runs: test, benchmark, fuzz target, example.
    Test,
}

impl SymbolKind {
    /// The kind in snake case, as it is serialized.
    pub fn as_str(self) -> &'static str {
        match self {
            SymbolKind::Function => "function",
            SymbolKind::Method => "method",
            SymbolKind::Struct => "struct",
            SymbolKind::Enum => "enum",
            SymbolKind::Trait => "trait",
            SymbolKind::Interface => "interface",
            SymbolKind::Impl => "impl",
            SymbolKind::Module => "module",
            SymbolKind::Const => "const",
            SymbolKind::Static => "static",
            SymbolKind::Variable => "variable",
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
            "enum" => Some(SymbolKind::Enum),
            "trait" => Some(SymbolKind::Trait),
            "interface" => Some(SymbolKind::Interface),
            "impl" => Some(SymbolKind::Impl),
            "module" => Some(SymbolKind::Module),
            "const" => Some(SymbolKind::Const),
            "static" => Some(SymbolKind::Static),
            "variable" => Some(SymbolKind::Variable),
            "type" => Some(SymbolKind::Type),
            "macro" => Some(SymbolKind::Macro),
            _ => None,
        }
    }

    /// Whether it runs as code: such a definition is one region of text, whatever it holds.
    pub(crate) fn is_callable(self) -> bool {
        match self {
            SymbolKind::Function | SymbolKind::Method | SymbolKind::Test | SymbolKind::Macro => {
                true
            }
            SymbolKind::Struct
            | SymbolKind::Enum
            | SymbolKind::Trait
            | SymbolKind::Interface
            | SymbolKind::Impl
            | SymbolKind::Module
            | SymbolKind::Const
            | SymbolKind::Static
            | SymbolKind::Variable
            | SymbolKind::Type => false,
        }
    }
}

/// One definition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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
