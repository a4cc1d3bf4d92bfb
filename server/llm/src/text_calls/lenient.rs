//! Lenient JSON: what models write for it, with trailing commas, single quotes, bare keys, comments, Python's literals, raw line
//! ends in strings and brackets that are not closed. A crate for JSON5 takes the half of it, and those for "repair" close strings
//! and numbers that were cut; here the text ends only behind something whole.

use serde_json::{Map, Number, Value};
use std::collections::BTreeMap;
use std::iter::Peekable;
use std::str::CharIndices;

/// How deep objects and lists may nest.
const DEEPEST: usize = 64;

/// The note on a text that ends within objects or lists: what followed may be lost.
pub const UNCLOSED: &str = "missing brackets at the end";

/// What was wrong with a text, each thing once, in a few words each.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Notes(Vec<&'static str>);

impl Notes {
    /// Adds a thing, unless it is there.
    pub fn add(&mut self, note: &'static str) {
        if !self.0.contains(&note) {
            self.0.push(note);
        }
    }

    /// All of them, in the order in which they were found.
    #[must_use]
    pub fn all(&self) -> &[&'static str] {
        &self.0
    }
}

/// How numbers and words without quotes were written, where their values would be written otherwise: `1.10`, `1e3`, `True`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Spelling {
    own: Option<String>,
    members: BTreeMap<String, Spelling>,
}

static USUAL: Spelling = Spelling {
    own: None,
    members: BTreeMap::new(),
};

impl Spelling {
    /// That of a member of an object or list; items are called by their place.
    #[must_use]
    pub fn of(&self, member: &str) -> &Spelling {
        self.members.get(member).unwrap_or(&USUAL)
    }

    /// The value's own.
    #[must_use]
    pub fn own(&self) -> Option<&str> {
        self.own.as_deref()
    }

    fn of_own(own: Option<String>) -> Spelling {
        let members = BTreeMap::new();
        Spelling { own, members }
    }

    fn add(&mut self, member: String, spelling: Spelling) {
        if spelling != USUAL {
            self.members.insert(member, spelling);
        }
    }
}

/// The value of the whole text, if nothing in it had to be guessed; what was put right is added to `notes`.
pub fn parse(text: &str, notes: &mut Notes) -> Option<Value> {
    spelled(text, notes).map(|(value, _)| value)
}

/// A value, and how it was written.
pub type Read = (Value, Spelling);

/// The value as JSON, each number as it was written.
#[must_use]
pub fn written(value: &Value, spelling: &Spelling) -> String {
    match value {
        Value::Object(map) => {
            let member = |(name, value): (&String, &Value)| {
                let value = written(value, spelling.of(name));
                format!("{}:{value}", Value::from(name.as_str()))
            };
            let members: Vec<String> = map.iter().map(member).collect();
            format!("{{{}}}", members.join(","))
        }
        Value::Array(items) => {
            let item = |(at, item): (usize, &Value)| written(item, spelling.of(&at.to_string()));
            let items: Vec<String> = items.iter().enumerate().map(item).collect();
            format!("[{}]", items.join(","))
        }
        Value::Number(number) => spelling
            .own()
            .map_or_else(|| number.to_string(), str::to_owned),
        other => other.to_string(),
    }
}

/// The same, with how it was written.
pub fn spelled(text: &str, notes: &mut Notes) -> Option<Read> {
    let mut reader = Reader {
        text,
        chars: text.char_indices().peekable(),
        notes,
        closable: false,
    };
    let read = reader.value(0)?;
    reader.blank()?;
    for (_, c) in reader.chars.by_ref() {
        match c {
            '}' | ']' => reader.notes.add("surplus brackets"),
            ';' => reader.notes.add("a semicolon"),
            c if c.is_whitespace() => {}
            _ => return None,
        }
    }
    Some(read)
}

struct Reader<'a, 'n> {
    text: &'a str,
    chars: Peekable<CharIndices<'a>>,
    notes: &'n mut Notes,
    /// Whether what was read last is whole even where the text ends behind it.
    closable: bool,
}

/// What a backslash stands for.
enum Escape {
    Sure,
    /// For one character, if the model escaped at all.
    Doubtful,
    /// For itself.
    Unknown,
}

/// What follows an item.
#[derive(PartialEq, Eq)]
enum Behind {
    Item,
    End,
}

impl Reader<'_, '_> {
    fn peek(&mut self) -> Option<char> {
        self.chars.peek().map(|(_, c)| *c)
    }

    /// Skips white space and comments; none in a comment that does not end.
    fn blank(&mut self) -> Option<()> {
        loop {
            while self.chars.next_if(|(_, c)| c.is_whitespace()).is_some() {}
            let Some((at, '/')) = self.chars.peek().copied() else {
                return Some(());
            };
            let rest = &self.text[at..];
            let length = if rest.starts_with("//") {
                rest.find('\n').unwrap_or(rest.len())
            } else if rest.starts_with("/*") {
                rest.find("*/")? + 2
            } else {
                return Some(());
            };
            self.notes.add("comments");
            while self
                .chars
                .next_if(|(here, _)| *here < at + length)
                .is_some()
            {}
        }
    }

    fn value(&mut self, depth: usize) -> Option<Read> {
        self.blank()?;
        let value = match self.peek()? {
            _ if depth > DEEPEST => return None,
            '{' => self.object(depth)?,
            '[' => self.list(depth)?,
            quote @ ('"' | '\'') => (Value::String(self.string(quote)?), Spelling::default()),
            c if c == '-' || c.is_ascii_digit() => return self.number(),
            c if c.is_alphabetic() => self.literal()?,
            _ => return None,
        };
        self.closable = true;
        Some(value)
    }

    fn object(&mut self, depth: usize) -> Option<Read> {
        self.chars.next();
        let (mut map, mut spelling) = (Map::new(), Spelling::default());
        self.blank()?;
        if self.chars.next_if(|(_, c)| *c == '}').is_some() {
            return Some((Value::Object(map), spelling));
        }
        loop {
            self.blank()?;
            let key = self.key()?;
            self.closable = false;
            self.blank()?;
            self.chars.next_if(|(_, c)| *c == ':')?;
            let (value, own) = self.value(depth + 1)?;
            spelling.add(key.clone(), own);
            // Of two values nobody can say which was meant.
            if map.insert(key, value).is_some() {
                return None;
            }
            if self.behind('}')? == Behind::End {
                return Some((Value::Object(map), spelling));
            }
        }
    }

    fn list(&mut self, depth: usize) -> Option<Read> {
        self.chars.next();
        let (mut items, mut spelling) = (Vec::new(), Spelling::default());
        self.blank()?;
        if self.chars.next_if(|(_, c)| *c == ']').is_some() {
            return Some((Value::Array(items), spelling));
        }
        loop {
            let (item, own) = self.value(depth + 1)?;
            spelling.add(items.len().to_string(), own);
            items.push(item);
            if self.behind(']')? == Behind::End {
                return Some((Value::Array(items), spelling));
            }
        }
    }

    /// Reads up to the next item or past the end, which may be missing where the whole text ends behind something whole.
    fn behind(&mut self, close: char) -> Option<Behind> {
        self.blank()?;
        match self.chars.next() {
            None if self.closable => {
                self.notes.add(UNCLOSED);
                Some(Behind::End)
            }
            Some((_, c)) if c == close => Some(Behind::End),
            Some((_, ',')) => {
                self.closable = false;
                self.blank()?;
                match self.chars.next_if(|(_, c)| *c == close) {
                    Some(_) => {
                        self.notes.add("trailing commas");
                        Some(Behind::End)
                    }
                    None => Some(Behind::Item),
                }
            }
            _ => None,
        }
    }

    fn key(&mut self) -> Option<String> {
        if let Some(quote @ ('"' | '\'')) = self.peek() {
            return self.string(quote);
        }
        let mut key = String::new();
        let fits = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$' | '-');
        while let Some((_, c)) = self.chars.next_if(|(_, c)| fits(*c)) {
            key.push(c);
        }
        self.notes.add("keys without quotes");
        let is_name = key.starts_with(|c: char| c.is_alphabetic() || matches!(c, '_' | '$'));
        is_name.then_some(key)
    }

    fn string(&mut self, quote: char) -> Option<String> {
        self.chars.next();
        if quote == '\'' {
            self.notes.add("single quotes");
        }
        let (mut text, mut unknown, mut doubtful) = (String::new(), false, false);
        loop {
            match self.chars.next()?.1 {
                // Who does not double one backslash does not double the others: `\b` may be two characters as well.
                c if c == quote => return (!(unknown && doubtful)).then_some(text),
                '\\' => match self.escape(&mut text)? {
                    Escape::Sure => {}
                    Escape::Doubtful => doubtful = true,
                    Escape::Unknown => unknown = true,
                },
                c => {
                    if c.is_control() {
                        self.notes.add("raw line ends or tabs in a string");
                    }
                    text.push(c);
                }
            }
        }
    }

    fn escape(&mut self, text: &mut String) -> Option<Escape> {
        let c = self.chars.next()?.1;
        let (meant, escape) = match c {
            '"' | '\\' | '/' | '\'' => (c, Escape::Sure),
            'n' => ('\n', Escape::Doubtful),
            't' => ('\t', Escape::Doubtful),
            'r' => ('\r', Escape::Doubtful),
            'b' => ('\u{8}', Escape::Doubtful),
            'f' => ('\u{c}', Escape::Doubtful),
            'u' => return self.unicode(text),
            // Of a regular expression or a path.
            other => {
                self.notes.add("single backslashes in a string");
                text.push('\\');
                (other, Escape::Unknown)
            }
        };
        text.push(meant);
        Some(escape)
    }

    fn unicode(&mut self, text: &mut String) -> Option<Escape> {
        let first = self.hex()?;
        let code = match first {
            0xD800..=0xDBFF => {
                self.chars.next_if(|(_, c)| *c == '\\')?;
                self.chars.next_if(|(_, c)| *c == 'u')?;
                let second = self.hex().filter(|low| (0xDC00..=0xDFFF).contains(low))?;
                0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00)
            }
            other => other,
        };
        text.push(char::from_u32(code)?);
        Some(Escape::Sure)
    }

    fn hex(&mut self) -> Option<u32> {
        (0..4).try_fold(0, |code, _| {
            Some(code * 16 + self.chars.next()?.1.to_digit(16)?)
        })
    }

    fn number(&mut self) -> Option<Read> {
        let mut digits = String::new();
        let fits = |c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.' | 'e' | 'E');
        while let Some((_, c)) = self.chars.next_if(|(_, c)| fits(*c)) {
            digits.push(c);
        }
        // Digits could follow where the text ends.
        self.closable = false;
        let number: Number = serde_json::from_str(&digits).ok()?;
        let own = (number.to_string() != digits).then_some(digits);
        Some((Value::Number(number), Spelling::of_own(own)))
    }

    fn literal(&mut self) -> Option<Read> {
        let mut word = String::new();
        while let Some((_, c)) = self
            .chars
            .next_if(|(_, c)| c.is_alphanumeric() || *c == '_')
        {
            word.push(c);
        }
        let value = match word.as_str() {
            "true" => return Some((Value::Bool(true), Spelling::default())),
            "false" => return Some((Value::Bool(false), Spelling::default())),
            "null" => return Some((Value::Null, Spelling::default())),
            "True" => Value::Bool(true),
            "False" => Value::Bool(false),
            "None" | "undefined" => Value::Null,
            _ => return None,
        };
        self.notes.add("literals of another language");
        Some((value, Spelling::of_own(Some(word))))
    }
}
