//! Options: what `profiles.txt` lets a program be called with.
//!
//! Invariant: an option that a row does not list is asked about, also a shortened one; values that are paths are judged by place.

use std::sync::LazyLock;

use super::profile::Uses;

/// Longest option of which every end is taken for a path, bytes.
const LONGEST_OPTION: usize = 255;

/// A line of `profiles.txt`; its head explains the columns.
struct Row {
    programs: Vec<&'static str>,
    /// Leading words, each with its alternatives.
    leading: Vec<Vec<&'static str>>,
    /// For what follows `--`.
    tail: bool,
    options: Vec<Known>,
    any: bool,
    words: Words,
}

/// What an option takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Value {
    None,
    /// A word; glued or the next.
    Free,
    /// Only glued on.
    Glued,
    /// Two words.
    Two,
    /// A path to read.
    Path,
    /// A path to write.
    Write,
    /// A plain name.
    Name,
}

impl Value {
    fn words(self) -> usize {
        match self {
            Value::None | Value::Glued => 0,
            Value::Free | Value::Path | Value::Write | Value::Name => 1,
            Value::Two => 2,
        }
    }

    fn judge(self, name: &str, value: &str, uses: &mut Uses) -> Result<(), String> {
        match self {
            Value::Path => uses.reads.extend(listed(value)),
            Value::Write => uses.writes.push(value.to_owned()),
            Value::Name if !plain(value) || value.contains(':') || a_file(value) => {
                return Err(format!("{name}: the value {value} is not judged"));
            }
            // Some may be a path, also where this file does not say so.
            Value::Free | Value::Glued | Value::Two if !only_reads(name) => {
                uses.names.extend(
                    listed(value)
                        .into_iter()
                        .filter(|part| part.contains(char::is_alphanumeric)),
                );
            }
            Value::None | Value::Free | Value::Glued | Value::Two | Value::Name => {}
        }
        Ok(())
    }
}

enum Known {
    Letters(&'static str, Value),
    Long(&'static str, Value),
    /// One or two dashes, as in Go and Java.
    Either(&'static str, Value),
    Refused(&'static str),
    Digits,
}

/// What the other words are.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Words {
    None,
    Free,
    /// Files or folders to read.
    Paths,
    /// Files or folders of which only the names are told, and what the folder knows of them.
    Entries,
    /// First something else (a pattern, a filter), then paths.
    Pattern,
    /// One path at most; a second would be written.
    One,
    /// Files or folders to write.
    Writes,
    /// Names that may be paths; they stay in the workspace.
    Names,
    /// Plain names: no path, no assignment.
    Plain,
    /// One of these; `*` at the end stands for any ending.
    OneOf(Vec<&'static str>),
}

static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| {
    include_str!("profiles.txt")
        .lines()
        .filter_map(row)
        .collect()
});

/// What a command touches, if a row knows it; `None` where no row knows the program with these leading words.
pub(super) fn judge(name: &str, args: &[&str]) -> Option<Result<Uses, String>> {
    let (row, rest) = find(name, args, false)?;
    let (own, tail) = match rest.iter().position(|arg| *arg == "--") {
        Some(at) => match find(name, args, true) {
            Some((row, _)) => (&rest[..at], Some((row, &rest[at + 1..]))),
            None => (rest, None),
        },
        None => (rest, None),
    };
    let judged = row.uses(name, own).and_then(|mut uses| {
        if let Some((row, tail)) = tail {
            uses.add(row.uses(name, tail)?);
        }
        Ok(uses)
    });
    Some(judged)
}

/// Whether a program takes any word at all without harm, apart from the places it reads.
pub(super) fn reads_any(name: &str) -> bool {
    ROWS.iter().any(|row| {
        row.programs.contains(&name)
            && row.any
            && matches!(row.words, Words::Paths | Words::Entries)
    })
}

/// The row with the most leading words, and the words after them.
fn find<'a, 'b>(
    name: &str,
    args: &'a [&'b str],
    tail: bool,
) -> Option<(&'static Row, &'a [&'b str])> {
    ROWS.iter()
        .filter(|row| row.tail == tail && row.programs.contains(&name))
        .filter(|row| {
            row.leading.len() <= args.len()
                && row
                    .leading
                    .iter()
                    .zip(args)
                    .all(|(words, arg)| words.contains(arg))
        })
        .max_by_key(|row| row.leading.len())
        .map(|row| (row, &args[row.leading.len()..]))
}

impl Row {
    fn uses(&self, name: &str, args: &[&str]) -> Result<Uses, String> {
        let mut uses = Uses::default();
        let mut others = Vec::new();
        let mut patterned = false;
        let mut rest = args.iter();
        while let Some(arg) = rest.next() {
            if *arg == "--" {
                others.extend(rest.by_ref().map(|arg| (*arg).to_owned()));
            } else if !arg.starts_with('-') || *arg == "-" {
                others.push((*arg).to_owned());
            } else {
                // With a pattern given by an option, alone or in a cluster, no word is one.
                let short = !arg.starts_with("--") && arg.contains(['e', 'f']);
                patterned |= short
                    || arg.starts_with("--regexp")
                    || arg.starts_with("--file")
                    || *arg == "--type-list";
                if self.any {
                    self.free(name, arg, &mut uses)?;
                } else {
                    let taken = self.known(name, arg, &mut uses)?;
                    let values: Vec<&str> = rest.by_ref().take(taken.words()).copied().collect();
                    for value in values {
                        if swallowed(name, arg, value) {
                            return Err(format!("{name}: {value} may be no value of {arg}"));
                        }
                        taken.judge(name, value, &mut uses)?;
                    }
                }
            }
        }
        self.place(name, others, patterned, &mut uses)?;
        Ok(uses)
    }

    /// An option of a program that may have any: its end may be a path.
    fn free(&self, name: &str, arg: &str, uses: &mut Uses) -> Result<(), String> {
        let option = arg.split('=').next().unwrap_or(arg);
        let refused = self.options.iter().any(|known| match known {
            Known::Refused(known) if known.starts_with("--") => {
                option.len() > 2 && known.starts_with(option)
            }
            Known::Refused(known) => !arg.starts_with("--") && arg.contains(&known[1..]),
            _ => false,
        });
        if refused || arg.len() > LONGEST_OPTION {
            return Err(format!("{name}: the option {arg} is not judged"));
        }
        match arg.split_once('=') {
            Some((_, value)) if arg.starts_with("--") => uses.reads.push(value.to_owned()),
            _ if arg.starts_with("--") => {}
            _ => uses.reads.extend(
                arg.char_indices()
                    .skip(2)
                    .map(|(at, _)| arg[at..].to_owned()),
            ),
        }
        Ok(())
    }

    /// What a listed option takes from the words after it.
    fn known(&self, name: &str, arg: &str, uses: &mut Uses) -> Result<Value, String> {
        let unknown = || Err(format!("{name}: the option {arg} is not judged"));
        let (option, glued) = arg
            .split_once('=')
            .map_or((arg, None), |(option, value)| (option, Some(value)));
        let dashless = option.trim_start_matches('-');
        let long = self.options.iter().find_map(|known| match known {
            Known::Long(known, value) if *known == option => Some(*value),
            Known::Either(known, value) if *known == dashless => Some(*value),
            _ => None,
        });
        match (long, glued) {
            (Some(Value::None | Value::Two), Some(_)) => return unknown(),
            (Some(value), Some(glued)) => {
                return value.judge(name, glued, uses).map(|()| Value::None);
            }
            (Some(value), None) => return Ok(value),
            (None, _) if arg.starts_with("--") => return unknown(),
            (None, _) => {}
        }
        for (at, letter) in arg.char_indices().skip(1) {
            let known = self.options.iter().find_map(|known| match known {
                Known::Letters(letters, value) if letters.contains(letter) => Some(*value),
                Known::Digits if letter.is_ascii_digit() => Some(Value::None),
                _ => None,
            });
            let end = &arg[at + letter.len_utf8()..];
            match known {
                Some(Value::None) => {}
                Some(value) if end.is_empty() => return Ok(value),
                Some(value) => {
                    return value
                        .judge(name, end.trim_start_matches('='), uses)
                        .map(|()| Value::None);
                }
                None => return unknown(),
            }
        }
        Ok(Value::None)
    }

    fn place(
        &self,
        name: &str,
        others: Vec<String>,
        patterned: bool,
        uses: &mut Uses,
    ) -> Result<(), String> {
        let first =
            |accepted: &dyn Fn(&str) -> bool| others.iter().find(|word| !accepted(word)).cloned();
        let odd = match &self.words {
            Words::Free => return Ok(()),
            Words::Paths => {
                uses.reads.extend(others);
                return Ok(());
            }
            Words::Entries => {
                uses.entries.extend(others);
                return Ok(());
            }
            Words::Pattern => {
                uses.reads
                    .extend(others.into_iter().skip(usize::from(!patterned)));
                return Ok(());
            }
            Words::One if others.len() < 2 => {
                uses.reads.extend(others);
                return Ok(());
            }
            Words::One => return Err(format!("{name}: the second file is written")),
            Words::Writes => {
                uses.writes.extend(others);
                return Ok(());
            }
            Words::Names => {
                match first(&|word| !word.starts_with(['-', '@']) && !word.contains("://")) {
                    None => {
                        uses.names.extend(others);
                        return Ok(());
                    }
                    odd => odd,
                }
            }
            Words::None => others.into_iter().next(),
            Words::Plain => first(&plain),
            Words::OneOf(known) => first(&|word| known.iter().any(|known| accepts(known, word))),
        };
        match odd {
            Some(word) => Err(format!(
                "{name} {word} is not on the list of commands that run without a question"
            )),
            None => Ok(()),
        }
    }
}

/// A value that may be a list, and its parts.
fn listed(value: &str) -> Vec<String> {
    let parts = value.split([':', ',', ';']).filter(|part| *part != value);
    std::iter::once(value)
        .chain(parts)
        .map(str::to_owned)
        .collect()
}

/// Programs whose values are texts, patterns and numbers, and which do nothing but read what their words and `=@` name.
fn only_reads(name: &str) -> bool {
    matches!(
        name,
        "grep" | "egrep" | "fgrep" | "rg" | "ag" | "cut" | "sort" | "jq" | "date" | "fd" | "fdfind"
    )
}

/// Whether a word after an option looks like one itself: versions of a program differ in which options take a word.
fn swallowed(name: &str, option: &str, value: &str) -> bool {
    let number = value.chars().nth(1).is_some_and(|c| c.is_ascii_digit());
    let pattern = only_reads(name)
        && (option == "--regexp" || (option.ends_with('e') && !option.starts_with("--")));
    value.starts_with('-') && value.len() > 1 && !number && !pattern
}

fn accepts(known: &str, word: &str) -> bool {
    // A task of a module: `:core:test`.
    let word = match word.starts_with(':') {
        true => word.rsplit(':').next().unwrap_or(word),
        false => word,
    };
    match known.strip_suffix('*') {
        Some(start) => word.strip_prefix(start).is_some_and(|end| {
            end.is_empty() || (end.starts_with([':', '-', '_', '.']) && plain(end))
        }),
        None => word == known,
    }
}

/// Whether a name has an ending, as files have; versions have only digits there.
fn a_file(name: &str) -> bool {
    name.split('.')
        .skip(1)
        .any(|end| end.starts_with(|c: char| c.is_alphabetic()))
}

/// A name of a target, a test or a package.
fn plain(word: &str) -> bool {
    let set = ["V", "VERBOSE", "DEBUG", "CI"].iter().any(|name| {
        word.strip_prefix(name)
            .is_some_and(|rest| rest == "=0" || rest == "=1")
    });
    set || word
        .chars()
        .all(|c| c.is_alphanumeric() || "_-:.@+".contains(c))
}

fn row(line: &'static str) -> Option<Row> {
    let mut columns = line.split(" | ").map(str::trim);
    let (head, options, words) = (columns.next()?, columns.next()?, columns.next()?);
    let mut head = head.split_whitespace().peekable();
    let programs = head.next()?.split(',').collect();
    let mut leading: Vec<Vec<&str>> = head.map(|word| word.split(',').collect()).collect();
    let tail = leading.last().is_some_and(|last| last == &["--"]);
    if tail {
        leading.pop();
    }
    Some(Row {
        programs,
        leading,
        tail,
        any: options.split_whitespace().any(|word| word == "*"),
        options: options.split_whitespace().filter_map(option).collect(),
        words: words_of(words)?,
    })
}

fn option(text: &'static str) -> Option<Known> {
    let ends = [
        ("==", Value::Two),
        ("=@", Value::Path),
        ("=!", Value::Write),
        ("=:", Value::Name),
        ("=?", Value::Glued),
        ("=", Value::Free),
    ];
    let (name, value) = ends
        .iter()
        .find_map(|(end, value)| text.strip_suffix(end).map(|name| (name, *value)))
        .unwrap_or((text, Value::None));
    match name.as_bytes() {
        [b'*'] => None,
        b"-#" => Some(Known::Digits),
        [b'!', ..] => Some(Known::Refused(&name[1..])),
        [b'~', ..] => Some(Known::Either(&name[1..], value)),
        [b'-', b'-', ..] => Some(Known::Long(name, value)),
        [b'-', ..] => Some(Known::Letters(&name[1..], value)),
        _ => None,
    }
}

fn words_of(text: &'static str) -> Option<Words> {
    Some(match text {
        "none" => Words::None,
        "free" => Words::Free,
        "paths" => Words::Paths,
        "entries" => Words::Entries,
        "pattern" => Words::Pattern,
        "one" => Words::One,
        "writes" => Words::Writes,
        "names" => Words::Names,
        "plain" => Words::Plain,
        known => Words::OneOf(known.strip_prefix('=')?.split(',').collect()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_and_every_option_of_the_file_is_read() {
        for line in include_str!("profiles.txt")
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
        {
            let row = row(line).unwrap_or_else(|| panic!("{line}"));
            let options = line
                .split(" | ")
                .nth(1)
                .unwrap()
                .split_whitespace()
                .filter(|word| !matches!(*word, "*" | "."));
            assert_eq!(row.options.len(), options.count(), "{line}");
            assert!(
                !row.programs.is_empty()
                    && (row.any
                        || row
                            .options
                            .iter()
                            .all(|known| !matches!(known, Known::Refused(_)))),
                "{line}"
            );
        }
    }
}
