//! `awk`: programs that only print.
//!
//! Invariant: a program is allowed when read from left to right it has no redirection, pipe, command or file of its own; where two
//! awks would read it differently it is not.

use super::profile::Uses;

/// `awk` with a program in its words.
pub(super) fn judge(args: &[&str]) -> Result<Uses, String> {
    let mut rest = args.iter().copied();
    while let Some(arg) = rest.next() {
        match arg {
            "-F" => drop(rest.next()),
            "-v" if rest.next().is_some_and(reaches_out) => {
                return Err("awk: a variable may name other files".to_owned());
            }
            "-v" | "--" => {}
            arg if arg.starts_with("-F") => {}
            arg if arg.starts_with('-') => {
                return Err(format!("awk: the option {arg} is not judged"));
            }
            arg => return finish(arg, rest),
        }
    }
    Err("awk without a program".to_owned())
}

fn finish<'a>(program: &str, files: impl Iterator<Item = &'a str>) -> Result<Uses, String> {
    if !harmless(program) {
        return Err("awk: the program may write files or run programs".to_owned());
    }
    Ok(Uses {
        reads: files.map(str::to_owned).collect(),
        ..Uses::default()
    })
}

/// Words by which a program runs others, reads others or is another, wherever they stand.
fn reaches_out(text: &str) -> bool {
    [
        "system",
        "getline",
        "close",
        "fflush",
        "ENVIRON",
        "ARGV",
        "ARGC",
        "PROCINFO",
        "SYMTAB",
        "FUNCTAB",
        "extension",
        "/inet",
        "@",
    ]
    .iter()
    .any(|word| text.contains(word))
}

/// What a slash would be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Slash {
    Pattern,
    Division,
    /// Depends on the awk, or on more than the word before.
    Unclear,
}

fn harmless(program: &str) -> bool {
    if reaches_out(program) {
        return false;
    }
    let bytes = program.as_bytes();
    let mut at = 0;
    let mut printing = false;
    let mut slash = Slash::Pattern;
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        let next = bytes.get(at).copied();
        match byte {
            b'"' => match string(bytes, at) {
                Some(end) => (at, slash) = (end, Slash::Division),
                None => return false,
            },
            b'/' if slash == Slash::Unclear => return false,
            b'/' if slash == Slash::Pattern => match pattern(bytes, at) {
                Some(end) => (at, slash) = (end, Slash::Division),
                None => return false,
            },
            b'#' => {
                at = bytes[at..]
                    .iter()
                    .position(|byte| *byte == b'\n')
                    .map_or(bytes.len(), |end| at + end)
            }
            b'|' if next == Some(b'|') => (at, slash) = (at + 1, Slash::Pattern),
            b'|' | b'\\' | b'`' => return false,
            b'>' if printing => return false,
            b'+' | b'-' if next == Some(byte) => (at, slash) = (at + 1, Slash::Unclear),
            b';' | b'{' | b'}' => (printing, slash) = (false, Slash::Pattern),
            // A statement may go on after it.
            b'\n' => slash = Slash::Pattern,
            byte if byte.is_ascii_alphanumeric() || byte == b'_' => {
                let end = bytes[at..]
                    .iter()
                    .position(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_');
                let end = end.map_or(bytes.len(), |end| at + end);
                let word = &program[at - 1..end];
                printing |= matches!(word, "print" | "printf");
                slash = match word {
                    "print" | "printf" | "return" | "in" | "case" | "exit" | "else" => {
                        Slash::Pattern
                    }
                    "length" => Slash::Unclear,
                    // May never end.
                    "while" | "do" => return false,
                    _ => Slash::Division,
                };
                at = end;
            }
            b')' | b'$' | b'.' => slash = Slash::Unclear,
            b']' => slash = Slash::Division,
            byte if byte.is_ascii_whitespace() => {}
            byte if b"(,?:!~=<>+-*%^&[/".contains(&byte) => slash = Slash::Pattern,
            _ => return false,
        }
    }
    true
}

/// Just after the closing quote.
fn string(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        match bytes.get(at)? {
            b'\\' => at += 2,
            b'"' => return Some(at + 1),
            b'\n' => return None,
            _ => at += 1,
        }
    }
}

/// Just after the closing slash. A slash in brackets ends the pattern for some awks only.
fn pattern(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    let mut bracket = false;
    loop {
        match bytes.get(at)? {
            b'\\' => at += 2,
            b'/' if bracket => return None,
            b'/' => return Some(at + 1),
            b'\n' => return None,
            byte => {
                bracket = *byte == b'[' || (bracket && *byte != b']');
                at += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::harmless;

    #[test]
    fn programs_that_only_print() {
        for program in [
            "{print $1}",
            "/a|b/ {print}",
            "$3 > 100",
            "$1 == \"a|b>c\" {n++} END {print n}",
            "NR>1 && !seen[$0]++",
            "{s += $1 / 2} END {print s / NR}",
            "BEGIN {FS = \",\"} # | comment\n{print}",
            "{printf \"%s|\\\"%s\\\"\\n\", $1, $2}",
            "/[|>]/",
            "$2 ~ /x>y/",
            "{ if ($1 > 2) print $1; else n = n > 3 ? 1 : 2 }",
        ] {
            assert!(harmless(program), "{program}");
        }
        for program in [
            "{print > \"f\"}",
            "{print $1 > $2}",
            "{print | \"sh\"}",
            "{\"ls\" | getline}",
            "BEGIN {system(\"x\")}",
            "{print (1 > 2)}",
            "/[/]/ {print > \"f\"} /]/",
            "{x = $1 / 2; print > \"f\" } # /",
            "{a = b / c; print | \"sh /\"}",
            "BEGIN {ARGV[1] = \"x\"}",
            "@load \"x\"",
            "{print \"a\\",
            "/a",
            "\"a",
            "{ print $1\\\n > \"f\" }",
            "{print a[1] / 2 > \"f/\"}",
            "{n = f(x) / 3; printf \"a\" >> \"f\" /2/}",
            "{x++ / 2; print > \"/f\"}",
            "{if (1) /\"/ ; print > \"f\"; if (1) /\"/}",
            "{print 1,\n2 > \"f\"}",
            "{x = 1./2; print > \"f\" #/\n}",
            "BEGIN {while (1) n++}",
            "{$/\"/ ; print > \"f\"; x = $/\"/}",
        ] {
            assert!(!harmless(program), "{program}");
        }
    }
}
