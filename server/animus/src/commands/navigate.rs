//! `outline`, `symbol`, `definition`, `references`, `neighbours`: ways from name to name in the current folder's code. With
//! `--json` each prints what the verb of its name answers.

use crate::cli::Output;
use crate::commands::search::opened;
use crate::compose::Compose;
use crate::print;
use crate::render::style::{DIM, PLAIN, Painted, STRONG, line};
use agent::navigate;
use clap::Args;
use index::{Definition, Signed};
use protocol::{Code, Failure};
use serde::Serialize;
use serde_json::json;
use std::fmt::Write;

/// List the definitions of a file
#[derive(Debug, Args)]
pub struct Outline {
    /// The file, relative to the folder
    #[arg(value_name = "FILE")]
    path: String,
}

/// Find a symbol by its name, or nearly so
#[derive(Debug, Args)]
pub struct Symbol {
    /// A name, Container::name, or the beginning or a part of a name
    name: String,
    /// How many definitions at most (default: 50)
    #[arg(short, value_name = "N")]
    k: Option<usize>,
}

/// What is asked about
#[derive(Debug, Args)]
pub struct About {
    /// A name, Container::name, or a place FILE:LINE[:COLUMN], column in bytes from 1
    #[arg(value_name = "NAME|PLACE")]
    what: String,
    /// How many answers at most (default: 50)
    #[arg(short, value_name = "N")]
    k: Option<usize>,
}

/// The definitions of a file, outer before inner.
pub fn outline(args: &Outline, compose: &Compose) -> Result<u8, Failure> {
    let symbols = compose.reader()?.outline(&args.path)?;
    match compose.output() {
        Output::Json => print::json(&json!({ "symbols": symbols })),
        Output::Text => {
            let mut text = String::new();
            for it in &symbols {
                let lines = format!("{:>5}-{:<5}", it.start, it.end);
                let inset = if it.container.is_some() { "  " } else { "" };
                let signature = line(&it.signature);
                let _ = writeln!(text, "{} {inset}{signature}", Painted(DIM, lines));
            }
            print::text(&or_none(text, "no definitions known in this file"));
        }
    }
    Ok(0)
}

/// Definitions by name.
pub fn symbol(args: &Symbol, compose: &Compose) -> Result<u8, Failure> {
    let about = agent::About {
        name: Some(args.name.clone()),
        k: args.k,
        ..agent::About::default()
    };
    let found = asked(compose, about, navigate::symbols)?;
    Ok(told("symbols", &found, compose))
}

/// Where a name is defined.
pub fn definition(args: &About, compose: &Compose) -> Result<u8, Failure> {
    let found = asked(compose, args.read()?, navigate::definitions)?;
    Ok(told("definitions", &found, compose))
}

/// The uses of a name.
pub fn references(args: &About, compose: &Compose) -> Result<u8, Failure> {
    let found = asked(compose, args.read()?, navigate::references)?;
    if compose.output() == Output::Json {
        print::json(&found);
        return Ok(0);
    }
    let mut text = String::new();
    for it in &found.uses {
        let place = format!("{}:{}:{}", it.path, it.line, it.column + 1);
        let within = it.within.as_deref().unwrap_or_default();
        let _ = writeln!(
            text,
            "{}  {}\n    {}",
            Painted(STRONG, line(&place)),
            Painted(DIM, line(within)),
            Painted(PLAIN, line(&it.text))
        );
    }
    if found.more {
        let _ = writeln!(text, "{}", Painted(DIM, "there are more: raise -k"));
    }
    print::text(&or_none(text, "no code uses this name"));
    Ok(0)
}

/// What a definition uses, and what uses it.
pub fn neighbours(args: &About, compose: &Compose) -> Result<u8, Failure> {
    let near = asked(compose, args.read()?, navigate::neighbours)?;
    if compose.output() == Output::Json {
        print::json(&near);
        return Ok(0);
    }
    let mut text = shown(&near.of.definition, &near.of.signature);
    let _ = writeln!(text, "{}", Painted(DIM, "uses"));
    for it in &near.uses {
        text.push_str(&shown(&it.definition, &it.signature));
    }
    let _ = writeln!(text, "{}", Painted(DIM, "used by"));
    for it in &near.used_by {
        let lines: Vec<String> = it.lines.iter().map(u32::to_string).collect();
        text.push_str(&shown(
            &it.definition,
            &format!("lines {}", lines.join(", ")),
        ));
    }
    if !near.others.is_empty() {
        let _ = writeln!(text, "{}", Painted(DIM, "other definitions of that name"));
    }
    for it in &near.others {
        text.push_str(&shown(it, ""));
    }
    print::text(&text);
    Ok(0)
}

/// Asks the index of the folder, once it is up to date.
fn asked<T>(
    compose: &Compose,
    about: agent::About,
    work: fn(&index::Code, &agent::About) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let about = navigate::checked(about)?;
    let knowledge = opened(compose, false)?;
    let answer = navigate::ask(&knowledge, |code| work(code, &about));
    knowledge.finish();
    answer
}

impl About {
    fn read(&self) -> Result<agent::About, Failure> {
        let about = agent::About {
            k: self.k,
            ..agent::About::default()
        };
        let Some((path, line, column)) = place(&self.what) else {
            return Ok(agent::About {
                name: Some(self.what.clone()),
                ..about
            });
        };
        if line == 0 || column == 0 {
            return Err(Failure::new(
                Code::InvalidInput,
                format!("`{}`: lines and columns count from 1", self.what),
            ));
        }
        Ok(agent::About {
            path: Some(path.to_owned()),
            line: Some(line),
            column: Some(column - 1),
            ..about
        })
    }
}

/// `FILE:LINE` and `FILE:LINE:COLUMN`; the column is 1 where absent.
fn place(what: &str) -> Option<(&str, u32, u32)> {
    let (front, last) = what.rsplit_once(':')?;
    let last: u32 = last.parse().ok()?;
    match front
        .rsplit_once(':')
        .map(|(path, line)| (path, line.parse()))
    {
        Some((path, Ok(line))) => Some((path, line, last)),
        _ => Some((front, last, 1)),
    }
}

fn told(key: &str, found: &[Signed], compose: &Compose) -> u8 {
    match compose.output() {
        Output::Json => print::json(&answer(key, found)),
        Output::Text => {
            let text = found.iter().map(|it| shown(&it.definition, &it.signature));
            print::text(&or_none(text.collect(), "nothing here defines such a name"));
        }
    }
    0
}

fn answer(key: &str, found: &[impl Serialize]) -> serde_json::Value {
    json!({ key: found })
}

fn shown(it: &Definition, below: &str) -> String {
    let place = format!("{}:{}-{}", it.path, it.start, it.end);
    let what = format!("{} {}", it.kind.as_str(), it.full_name());
    let mut text = format!(
        "{}  {}\n",
        Painted(STRONG, line(&place)),
        Painted(DIM, line(&what))
    );
    if !below.is_empty() {
        let _ = writeln!(text, "    {}", Painted(PLAIN, line(below)));
    }
    text
}

fn or_none(text: String, none: &str) -> String {
    match text.is_empty() {
        true => format!("{none}\n"),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::place;

    #[test]
    fn a_place_is_no_name() {
        for (what, read) in [
            ("src/a.rs:12", Some(("src/a.rs", 12, 1))),
            ("src/a.rs:12:5", Some(("src/a.rs", 12, 5))),
            ("Cart::sum", None),
            ("sum", None),
            ("a:b:7", Some(("a:b", 7, 1))),
        ] {
            assert_eq!(place(what), read, "{what}");
        }
    }
}
