//! `find` and `sed`: programs whose arguments are little programs.
//!
//! Invariant: only expressions and commands known to do nothing but read are allowed.

use super::profile::Uses;

const TESTS: [&str; 48] = [
    "-name",
    "-iname",
    "-path",
    "-ipath",
    "-wholename",
    "-iwholename",
    "-type",
    "-xtype",
    "-maxdepth",
    "-mindepth",
    "-size",
    "-mtime",
    "-mmin",
    "-ctime",
    "-cmin",
    "-atime",
    "-amin",
    "-newer",
    "-newermt",
    "-perm",
    "-user",
    "-group",
    "-uid",
    "-gid",
    "-empty",
    "-not",
    "-a",
    "-o",
    "-and",
    "-or",
    "-print",
    "-print0",
    "-printf",
    "-ls",
    "-prune",
    "-quit",
    "-regex",
    "-iregex",
    "-regextype",
    "-links",
    "-executable",
    "-readable",
    "-writable",
    "-xdev",
    "-mount",
    "-daystart",
    "-depth",
    "-follow",
];

/// `find`: starting points, then tests. The command of one `-exec` is judged like any other.
pub(super) fn find(args: &[&str]) -> Result<Uses, String> {
    let mut uses = Uses::default();
    let mut starts = true;
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        match *arg {
            "-L" | "-H" | "-P" if starts => {}
            "-exec" if uses.runs.is_empty() => {
                starts = false;
                let mut ended = false;
                for arg in rest.by_ref() {
                    // A plus ends it after the names only.
                    ended = *arg == ";"
                        || (*arg == "+" && uses.runs.last().is_some_and(|last| last == "{}"));
                    if ended {
                        break;
                    }
                    uses.runs.push((*arg).to_owned());
                }
                if uses.runs.is_empty() || !ended {
                    return Err("find: -exec without a command".to_owned());
                }
            }
            arg if arg.starts_with('-') && arg.len() > 1 => {
                starts = false;
                let known = TESTS.contains(&arg) || arg == "-true" || arg == "-false";
                // `-mtime -7`: a number, not a test.
                if !known && !arg[1..].starts_with(|c: char| c.is_ascii_digit()) {
                    return Err(format!("find: {arg} is not judged"));
                }
            }
            "(" | ")" | "!" | "," => starts = false,
            arg if starts => uses.reads.push(arg.to_owned()),
            _ => {}
        }
    }
    // `-newer FILE` tells no more than a time.
    Ok(uses)
}

/// `sed` without `-i`, with a script that only prints, deletes and substitutes.
pub(super) fn sed(args: &[&str]) -> Result<Uses, String> {
    const LONG: [&str; 7] = [
        "--quiet",
        "--silent",
        "--regexp-extended",
        "--null-data",
        "--unbuffered",
        "--posix",
        "--separate",
    ];
    let mut scripts = Vec::new();
    let mut files = Vec::new();
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        let letters = arg.strip_prefix('-').filter(|letters| !letters.is_empty());
        match *arg {
            "-e" | "--expression" => scripts.push(rest.next().copied().unwrap_or_default()),
            arg if arg.starts_with("--expression=") => scripts.push(&arg["--expression=".len()..]),
            "--" => files.extend(rest.by_ref().map(|arg| (*arg).to_owned())),
            arg if LONG.contains(&arg) => {}
            // `-ne SCRIPT`.
            _ if letters
                .and_then(|letters| letters.strip_suffix('e'))
                .is_some_and(quiet) =>
            {
                scripts.push(rest.next().copied().unwrap_or_default());
            }
            _ if letters.is_some_and(quiet) => {}
            arg if arg.len() > 1 && arg.starts_with('-') => {
                return Err(format!("sed: the option {arg} is not judged"));
            }
            arg => files.push(arg.to_owned()),
        }
    }
    let first;
    if scripts.is_empty() {
        if files.is_empty() {
            return Err("sed without a script".to_owned());
        }
        first = files.remove(0);
        scripts.push(&first);
    }
    match scripts.iter().all(|script| harmless(script)) {
        true => Ok(Uses {
            reads: files,
            ..Uses::default()
        }),
        false => Err("sed: the script may write files or run programs".to_owned()),
    }
}

/// Letters of options that change how lines are read and printed.
fn quiet(letters: &str) -> bool {
    letters.bytes().all(|letter| b"nErszu".contains(&letter))
}

/// Reads a script from left to right; anything unexpected is not harmless.
fn harmless(script: &str) -> bool {
    let bytes = script.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b' '
            | b'\t'
            | b'\n'
            | b';'
            | b'{'
            | b'}'
            | b'!'
            | b','
            | b'$'
            | b'~'
            | b'+'
            | b'0'..=b'9' => at += 1,
            b'p' | b'd' | b'q' | b'Q' | b'=' | b'l' | b'n' | b'N' | b'D' | b'P' | b'h' | b'H'
            | b'g' | b'G' | b'x' => at += 1,
            b'/' => match delimited(bytes, at + 1, b'/') {
                Some(end) => at = end,
                None => return false,
            },
            b's' | b'y' => {
                let command = bytes[at];
                let Some(delimiter) = bytes
                    .get(at + 1)
                    .copied()
                    .filter(|byte| byte.is_ascii_punctuation() && *byte != b'\\')
                else {
                    return false;
                };
                let Some(end) = delimited(bytes, at + 2, delimiter)
                    .and_then(|end| delimited(bytes, end, delimiter))
                else {
                    return false;
                };
                at = end;
                while command == b's'
                    && at < bytes.len()
                    && matches!(
                        bytes[at],
                        b'g' | b'p' | b'i' | b'I' | b'm' | b'M' | b'0'..=b'9'
                    )
                {
                    at += 1;
                }
                // `w` and `e`, above all, are not among the flags.
                if at < bytes.len() && !matches!(bytes[at], b' ' | b';' | b'\n' | b'}') {
                    return false;
                }
            }
            _ => return false,
        }
    }
    true
}

/// Just after the next delimiter that is not escaped.
fn delimited(bytes: &[u8], from: usize, delimiter: u8) -> Option<usize> {
    let mut at = from;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            byte if byte == delimiter => return Some(at + 1),
            b'\n' => return None,
            b'[' => at = bracket(bytes, at + 1, delimiter)?,
            _ => at += 1,
        }
    }
    None
}

/// Just after the bracket's end. A delimiter inside ends nothing for some seds and the pattern for others.
fn bracket(bytes: &[u8], from: usize, delimiter: u8) -> Option<usize> {
    let mut at = from + usize::from(bytes.get(from) == Some(&b'^'));
    let first = at;
    loop {
        match bytes.get(at)? {
            b'\\' => at += 2,
            byte if *byte == delimiter => return None,
            b']' if at > first => return Some(at + 1),
            b'[' if bytes.get(at + 1) == Some(&b':') => {
                let class = bytes.get(at + 2..)?;
                at += 4 + class
                    .windows(2)
                    .position(|end| end == b":]")
                    .filter(|end| !class[..*end].contains(&delimiter))?;
            }
            _ => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::harmless;

    #[test]
    fn scripts_that_only_read() {
        for script in [
            "10p",
            "1,20p",
            "$p",
            "/foo/p",
            "/a/,/b/p",
            "s/a/b/",
            "s/a/b/gp;q",
            "s|/a|/b|g",
            "/x/d",
            "1!p",
            "s/a\\/b/c/2",
            "s/[[:space:]]*$//",
            "s/[^]a]/[b]/g",
        ] {
            assert!(harmless(script), "{script}");
        }
        for script in [
            "w /tmp/x",
            "s/a/b/w out",
            "s/a/b/e",
            "e ls",
            "1e",
            "r /etc/passwd",
            "s/a/b/gw x",
            "s/a",
            "W x",
            "i\\",
            "s/[/]/x/w f",
            "s/[/]/;s/w f/x/",
            "s/[]/]/;s/w f/x/",
        ] {
            assert!(!harmless(script), "{script}");
        }
    }
}
