//! Make: what it left out because of a red rule, by its own words and the rules in its file. A make inside another is not looked into.

use super::{FIRST, parts, stops_early};
use std::collections::BTreeSet;

/// Rules of a makefile that are looked through; with more it is in doubt.
const RULES: usize = 1_000;

const MAKE: &str = "make stopped before the end of a rule, and what stands behind did not run";

/// What make left out, by its own words and the rules in its file.
pub(super) fn hidden(
    words: &[&str],
    output: &str,
    read: impl Fn(&str) -> Option<String>,
) -> Option<&'static str> {
    let goes_on = words.iter().any(|word| {
        let is_cluster = word.starts_with('-') && !word.starts_with("--");
        *word == "--keep-going" || (is_cluster && word.contains('k'))
    });
    let is_goal = |word: &&&str| !word.starts_with('-') && !word.contains('=');
    let goals: Vec<&str> = words.iter().skip(1).filter(is_goal).copied().collect();
    for (file, line, target) in output.lines().filter_map(stopped_at) {
        // A rule that others wait for keeps them from being run.
        if !goes_on && (goals.len() > 1 || goals.first().is_some_and(|goal| *goal != target)) {
            return Some(MAKE);
        }
        let Some(text) = read(file) else { continue };
        let command = recipe_line(&text, line);
        let words: Vec<&str> = command.split_whitespace().collect();
        if behind(&text, line) || parts(&command) > 1 {
            return Some(MAKE);
        }
        if stops_early(&words) {
            return Some(FIRST);
        }
    }
    let names = ["GNUmakefile", "makefile", "Makefile"];
    let text = names.iter().find_map(|name| read(name))?;
    let red: Vec<&str> = output
        .lines()
        .filter_map(stopped_at)
        .map(|(_, _, target)| target)
        .collect();
    waits(&rules(&text), &goals, &red).then_some(MAKE)
}

/// File, line and target of `make: *** [Makefile:5: test] Error 1`; those of a make inside another name files elsewhere.
fn stopped_at(line: &str) -> Option<(&str, usize, &str)> {
    let rest = line.trim_start().strip_prefix("make: *** [")?;
    let (file, rest) = rest.split_once(':')?;
    let (number, target) = rest.split_once(':')?;
    let target = target.split(']').next()?.trim();
    Some((file, number.trim().parse().ok()?, target))
}

/// The command at a line, from 1, with the lines that it goes on in.
fn recipe_line(text: &str, line: usize) -> String {
    let mut command = String::new();
    for next in text.lines().skip(line.saturating_sub(1)) {
        let open = next.trim_end().strip_suffix('\\');
        command.push_str(open.unwrap_or(next).trim());
        command.push(' ');
        if open.is_none() {
            break;
        }
    }
    command
}

/// Whether the recipe has a command behind the one at this line, from 1.
fn behind(text: &str, line: usize) -> bool {
    let goes_on = |line: &&str| line.trim_end().ends_with('\\');
    let rest = text.lines().skip(line.saturating_sub(1));
    let own = rest.take_while(goes_on).count();
    let recipe = text
        .lines()
        .skip(line + own)
        .take_while(|line| line.starts_with('\t'));
    recipe
        .map(str::trim)
        .any(|command| !command.is_empty() && !command.starts_with('#') && parts(command) > 0)
}

/// A rule of a makefile, by its words.
struct Rule<'a> {
    targets: Vec<&'a str>,
    needs: Vec<&'a str>,
    has_recipe: bool,
}

fn rules(text: &str) -> Vec<Rule<'_>> {
    let lines: Vec<&str> = text.lines().collect();
    let rule = |(at, line): (usize, &&'_ str)| -> Option<(usize, usize)> {
        let colon = line.find(':')?;
        let is_rule = !line.starts_with(['\t', '#', '.'])
            && !line[..colon].contains('=')
            && !line[colon..].starts_with(":=")
            && !line[colon..].starts_with("::=");
        is_rule.then_some((at, colon))
    };
    let starts = lines.iter().enumerate().filter_map(rule);
    let rules = starts.map(|(at, colon)| {
        let (targets, rest) = lines[at].split_at(colon);
        let needs = rest.trim_start_matches(':').split(['#', ';']).next();
        let next = lines.get(at + 1).is_some_and(|next| next.starts_with('\t'));
        Rule {
            targets: targets.split_whitespace().collect(),
            needs: needs.unwrap_or_default().split_whitespace().collect(),
            has_recipe: next || rest.contains(';'),
        }
    });
    rules.collect()
}

/// Whether a rule with commands, which the goals need, waits for a red target and so did not run.
fn waits(rules: &[Rule<'_>], goals: &[&str], red: &[&str]) -> bool {
    if rules.len() > RULES {
        return !red.is_empty();
    }
    let below = |start: &[&str]| {
        let mut names: BTreeSet<String> = start.iter().map(|name| (*name).to_owned()).collect();
        loop {
            let own = rules
                .iter()
                .filter(|rule| rule.targets.iter().any(|name| names.contains(*name)));
            let more: Vec<String> = own
                .flat_map(|rule| rule.needs.iter().map(|name| (*name).to_owned()))
                .filter(|name| !names.contains(name))
                .collect();
            if more.is_empty() {
                return names;
            }
            names.extend(more);
        }
    };
    let first = rules.first().map(|rule| rule.targets.clone());
    let wanted = below(match goals {
        [] => first.as_deref().unwrap_or_default(),
        goals => goals,
    });
    let done = below(red);
    let mut held: BTreeSet<&str> = red.iter().copied().collect();
    loop {
        let waiting = rules.iter().filter(|rule| {
            let is_new = !rule.targets.iter().any(|name| held.contains(name));
            let is_wanted = rule.targets.iter().any(|name| wanted.contains(*name));
            // What a variable stands for is not known; what is red did not wait for itself.
            let is_open = rule.needs.iter().any(|name| name.contains('$'))
                && !rule.targets.iter().any(|name| done.contains(*name));
            let needs = rule.needs.iter().any(|name| held.contains(name));
            is_new && is_wanted && (needs || (is_open && !red.is_empty()))
        });
        let waiting: Vec<&Rule<'_>> = waiting.collect();
        if waiting.iter().any(|rule| rule.has_recipe) {
            return true;
        }
        let more: Vec<&str> = waiting
            .iter()
            .flat_map(|rule| rule.targets.clone())
            .collect();
        if more.is_empty() {
            return false;
        }
        held.extend(more);
    }
}
