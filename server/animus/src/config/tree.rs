//! Tree: configuration as it was written, each key and value with the place it came from; order of keys is kept.

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;
use std::fmt;
use std::sync::Arc;

/// Where a value was written: a file with line and column (both from 1), or anything else with line 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Path of the file, or `environment variable NAME`.
    pub source: Arc<str>,
    /// Line from 1; 0 where the source has no lines.
    pub line: u32,
    /// Column from 1, in characters; 0 where the source has no lines.
    pub column: u32,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(&self.source),
            _ => write!(f, "{}:{}:{}", self.source, self.line, self.column),
        }
    }
}

/// A value and where it was written.
#[derive(Debug, Clone)]
pub struct Node {
    /// The value.
    pub value: Value,
    /// Where.
    pub origin: Origin,
}

/// A YAML value.
#[derive(Debug, Clone)]
pub enum Value {
    /// Nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// Any other number.
    Number(f64),
    /// Text.
    Text(String),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping, in the order of the file.
    Map(Vec<Entry>),
}

/// One key of a mapping.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key was written.
    pub origin: Origin,
    /// Its value.
    pub node: Node,
}

impl Node {
    /// An empty mapping that nobody wrote.
    pub fn empty(source: &str) -> Node {
        Node {
            value: Value::Map(Vec::new()),
            origin: Origin {
                source: source.into(),
                line: 0,
                column: 0,
            },
        }
    }

    /// Reads YAML text. Errors carry the place and what the parser said.
    pub fn parse(source: &str, text: &str) -> Result<Node, (Origin, String)> {
        let source: Arc<str> = source.into();
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if text
            .lines()
            .all(|line| line.trim().is_empty() || line.trim_start().starts_with('#'))
        {
            return Ok(Node::empty(&source));
        }
        // Aliases may save typing, not multiply: a few hundred bytes must not become gigabytes.
        let options = serde_saphyr::options! {
            alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: 20_000 },
            strict_booleans: true,
        };
        let raw: Spanned<Raw> =
            serde_saphyr::from_str_with_options(text, options).map_err(|error| {
                let bare = error.without_snippet();
                let at = error.location();
                let origin = Origin {
                    source: source.clone(),
                    line: at.map_or(0, |at| narrow(at.line())),
                    column: at.map_or(0, |at| narrow(at.column())),
                };
                let message = bare.to_string();
                let message = message.lines().next().unwrap_or_default();
                let message = match message.split(" at line ").next().unwrap_or_default() {
                    message if message.contains("recursive references") => {
                        "an alias (`*name`) stands inside what it repeats (`&name`), which would never end"
                    }
                    message => message,
                };
                (
                    origin,
                    message.replace(", set DuplicateKeyPolicy in Options if acceptable", ""),
                )
            })?;
        let node = place(raw, &source);
        Ok(match node.value {
            Value::Null => Node {
                value: Value::Map(Vec::new()),
                origin: node.origin,
            },
            _ => node,
        })
    }

    /// The value under a path of keys and list indices.
    pub fn get(&self, path: &[String]) -> Option<&Node> {
        let Some((first, rest)) = path.split_first() else {
            return Some(self);
        };
        match &self.value {
            Value::Map(entries) => entries
                .iter()
                .find(|entry| &entry.key == first)?
                .node
                .get(rest),
            Value::List(items) => items.get(first.parse::<usize>().ok()?)?.get(rest),
            _ => None,
        }
    }

    /// Where the key at the end of a path was written, or the nearest place above it.
    pub fn origin_of(&self, path: &[String]) -> Origin {
        let Some((first, rest)) = path.split_first() else {
            return self.origin.clone();
        };
        match &self.value {
            Value::Map(entries) => match entries.iter().find(|entry| &entry.key == first) {
                Some(entry) if rest.is_empty() => entry.origin.clone(),
                Some(entry) => entry.node.origin_of(rest),
                None => self.origin.clone(),
            },
            Value::List(items) => match first
                .parse::<usize>()
                .ok()
                .and_then(|index| items.get(index))
            {
                Some(item) => item.origin_of(rest),
                None => self.origin.clone(),
            },
            _ => self.origin.clone(),
        }
    }

    /// The same tree with the value under `path` replaced; missing mappings are made on the way.
    pub fn with(mut self, path: &[String], node: Node) -> Node {
        let Some((first, rest)) = path.split_first() else {
            return node;
        };
        let origin = node.origin.clone();
        if !matches!(self.value, Value::Map(_)) {
            self = Node {
                value: Value::Map(Vec::new()),
                origin: origin.clone(),
            };
        }
        if let Value::Map(entries) = &mut self.value {
            match entries.iter_mut().find(|entry| &entry.key == first) {
                Some(entry) => {
                    entry.node = entry.node.clone().with(rest, node);
                    if rest.is_empty() {
                        entry.origin = origin;
                    }
                }
                None => {
                    let inner = Node {
                        value: Value::Map(Vec::new()),
                        origin: origin.clone(),
                    };
                    entries.push(Entry {
                        key: first.clone(),
                        origin,
                        node: inner.with(rest, node),
                    });
                }
            }
        }
        self
    }

    /// The tree as JSON, places dropped.
    pub fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(value) => (*value).into(),
            Value::Integer(value) => (*value).into(),
            Value::Number(value) => (*value).into(),
            Value::Text(value) => value.as_str().into(),
            Value::List(items) => items.iter().map(Node::to_json).collect(),
            Value::Map(entries) => entries
                .iter()
                .map(|entry| (entry.key.clone(), entry.node.to_json()))
                .collect::<serde_json::Map<_, _>>()
                .into(),
        }
    }
}

/// A value as the parser hands it over, with places still inside.
enum Raw {
    Leaf(Value),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<String>, Spanned<Raw>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Leaf(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Leaf(Value::Null))
    }

    fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<Raw, D::Error> {
        Raw::deserialize(inner)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Leaf(Value::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Leaf(Value::Integer(value)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Leaf(
            i64::try_from(value).map_or(Value::Number(value as f64), Value::Integer),
        ))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Raw, E> {
        Ok(Raw::Leaf(Value::Number(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Leaf(Value::Text(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Raw, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Raw::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Raw, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Raw::Map(map))
    }
}

fn place(raw: Spanned<Raw>, source: &Arc<str>) -> Node {
    let origin = origin_in(source, &raw.referenced);
    let value = match raw.value {
        Raw::Leaf(value) => value,
        Raw::List(items) => {
            Value::List(items.into_iter().map(|item| place(item, source)).collect())
        }
        Raw::Map(entries) => Value::Map(
            entries
                .into_iter()
                .map(|(key, node)| Entry {
                    origin: origin_in(source, &key.referenced),
                    key: key.value,
                    node: place(node, source),
                })
                .collect(),
        ),
    };
    Node { value, origin }
}

fn origin_in(source: &Arc<str>, at: &serde_saphyr::Location) -> Origin {
    Origin {
        source: source.clone(),
        line: narrow(at.line()),
        column: narrow(at.column()),
    }
}

fn narrow(number: impl TryInto<u32>) -> u32 {
    number.try_into().unwrap_or(0)
}
