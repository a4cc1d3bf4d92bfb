//! Names: words that say nothing in the name of a file, a type or a module.

const BANNED: [&str; 10] = [
    "manager", "helper", "util", "common", "core", "base", "handler", "data", "info", "misc",
];

/// Names in a file (its own included) with the banned word in each.
pub fn banned<'a>(path: &'a str, text: &'a str) -> Vec<(&'a str, &'static str)> {
    let stem = path
        .rsplit('/')
        .next()
        .unwrap_or(path)
        .trim_end_matches(".rs");
    std::iter::once(stem)
        .chain(text.lines().filter_map(declared))
        .filter_map(|name| Some((name, word(name)?)))
        .collect()
}

/// The type or module that a line declares.
fn declared(line: &str) -> Option<&str> {
    let mut words = line
        .split_whitespace()
        .skip_while(|word| word.starts_with("pub") || *word == "unsafe");
    match words.next()? {
        "struct" | "enum" | "trait" | "type" | "mod" | "union" => {
            let name = words.next()?;
            name.split(|letter: char| !letter.is_alphanumeric() && letter != '_')
                .next()
        }
        _ => None,
    }
}

/// The banned word among the words of a name in snake_case or CamelCase.
fn word(name: &str) -> Option<&'static str> {
    let mut words: Vec<String> = vec![String::new()];
    for letter in name.chars() {
        if letter == '_' || letter.is_uppercase() {
            words.push(String::new());
        }
        if letter != '_' {
            words.last_mut()?.extend(letter.to_lowercase());
        }
    }
    BANNED
        .into_iter()
        .find(|banned| words.iter().any(|word| word == banned))
}
