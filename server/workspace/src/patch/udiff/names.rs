//! Names: the file names in a diff's headers: git's `a/` and `b/`, quotes, times.

/// The name, unless it stands for no file.
pub(super) fn real(name: Option<&str>) -> Option<&str> {
    name.filter(|name| *name != "/dev/null")
}

/// The names without `a/` and `b/`, where both sides have them.
pub(super) fn stripped<'a>(
    old: Option<&'a str>,
    new: Option<&'a str>,
) -> (Option<&'a str>, Option<&'a str>) {
    let (old, new) = (real(old), real(new));
    let (a, b) = (
        old.map(|name| name.strip_prefix("a/")),
        new.map(|name| name.strip_prefix("b/")),
    );
    match (a, b) {
        (Some(Some(a)), Some(Some(b))) => (Some(a), Some(b)),
        (Some(Some(a)), None) => (Some(a), None),
        (None, Some(Some(b))) => (None, Some(b)),
        _ => (old, new),
    }
}

/// `a/x b/x`, quoted or not; a name with blanks is found by both halves being the same.
pub(super) fn git_names(names: &str) -> (Option<String>, Option<String>) {
    let names = names.trim_end();
    if let Some(inner) = names.strip_prefix('"') {
        let end = inner.find("\" ").map(|at| at + 2);
        return match end {
            Some(end) => (
                Some(unquoted(&names[..end])),
                Some(unquoted(names[end..].trim_start())),
            ),
            None => (None, None),
        };
    }
    let half = names.len() / 2;
    if names.is_char_boundary(half) && names[half..].starts_with(' ') {
        let (old, new) = (&names[..half], &names[half + 1..]);
        if old.get(2..) == new.get(2..) {
            return (Some(old.to_owned()), Some(new.to_owned()));
        }
    }
    match names.split_once(' ') {
        Some((old, new)) if !new.contains(' ') => (Some(unquoted(old)), Some(unquoted(new))),
        _ => (None, None),
    }
}

/// The name of a `---` or `+++` line: without the time that follows a tab, without quotes.
pub(super) fn header_name(text: &str) -> String {
    let name = text.split('\t').next().unwrap_or(text);
    unquoted(name.trim())
}

/// Git's C-style quotes taken off; octal escapes are bytes.
pub(super) fn unquoted(name: &str) -> String {
    let Some(body) = name
        .strip_prefix('"')
        .and_then(|name| name.strip_suffix('"'))
    else {
        return name.to_owned();
    };
    let mut bytes = Vec::new();
    let mut rest = body.bytes().peekable();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        match rest.next() {
            Some(b't') => bytes.push(b'\t'),
            Some(b'n') => bytes.push(b'\n'),
            Some(first @ b'0'..=b'7') => {
                let mut value = u32::from(first - b'0');
                for _ in 0..2 {
                    if let Some(digit @ b'0'..=b'7') = rest.peek().copied() {
                        value = value * 8 + u32::from(digit - b'0');
                        rest.next();
                    }
                }
                bytes.push(u8::try_from(value & 0xff).unwrap_or(b'?'));
            }
            Some(other) => bytes.push(other),
            None => bytes.push(b'\\'),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
