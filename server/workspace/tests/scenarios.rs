//! Scenarios: one file a case under `scenarios/<group>/`, each a patch, the files it meets and what comes of it, byte for
//! byte. Every case is also undone (W3) and read in pieces.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::expect_used)]

use camino::{Utf8Path, Utf8PathBuf};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use workspace::{
    Disk, Draft, Format, Matching, Mode, Patch, PatchStream, RelPath, Root, Snapshot,
    parse_patch_below,
};

/// Bytes and permission bits by path.
type Tree = BTreeMap<String, (Vec<u8>, u32)>;

/// One case.
#[derive(Default)]
struct Case {
    options: BTreeMap<String, String>,
    before: Tree,
    after: Tree,
    gone: Vec<String>,
    patch: String,
    refused: Vec<String>,
}

fn folder() -> Utf8PathBuf {
    Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios")
}

/// All cases by `group/case`.
fn cases() -> BTreeMap<String, Case> {
    let mut cases = BTreeMap::new();
    for group in folder().read_dir_utf8().unwrap() {
        let group = group.unwrap().into_path();
        if !group.is_dir() {
            continue;
        }
        for file in group.read_dir_utf8().unwrap() {
            let file = file.unwrap().into_path();
            let name = format!(
                "{}/{}",
                group.file_name().unwrap(),
                file.file_stem().unwrap()
            );
            let case = read(&std::fs::read_to_string(&file).unwrap());
            cases.insert(name, case);
        }
    }
    cases
}

/// A file of sections: `-- before PATH [MODE] --`, `-- after PATH [MODE] --`, `-- gone PATH --`, `-- patch --` and
/// `-- refused --`; above them what the case shows, and options as `key: value`.
fn read(text: &str) -> Case {
    let mut case = Case::default();
    let mut open: Option<(String, String)> = None;
    for line in text.split_inclusive('\n') {
        let head = line
            .trim_end()
            .strip_prefix("-- ")
            .and_then(|head| head.strip_suffix(" --"))
            .filter(|head| {
                let word = head.split(' ').next().unwrap();
                ["before", "after", "gone", "patch", "refused"].contains(&word)
            });
        match (head, &mut open) {
            (Some(head), _) => {
                if let Some((head, body)) = open.replace((head.to_owned(), String::new())) {
                    section(&mut case, &head, &body);
                }
            }
            (None, Some((_, body))) => body.push_str(line),
            (None, None) => {
                if let Some((key, value)) = line.split_once(": ") {
                    case.options.insert(key.to_owned(), value.trim().to_owned());
                }
            }
        }
    }
    let (head, body) = open.expect("a case has sections");
    section(&mut case, &head, &body);
    case
}

fn section(case: &mut Case, head: &str, body: &str) {
    let (word, rest) = head.split_once(' ').unwrap_or((head, ""));
    let (path, mode) = match rest.rsplit_once(' ') {
        Some((path, mode)) if mode.len() == 3 && u32::from_str_radix(mode, 8).is_ok() => {
            (path, u32::from_str_radix(mode, 8).unwrap())
        }
        _ => (rest, 0o644),
    };
    match word {
        "before" => drop(case.before.insert(path.to_owned(), (bytes(body), mode))),
        "after" => drop(case.after.insert(path.to_owned(), (bytes(body), mode))),
        "gone" => case.gone.push(rest.to_owned()),
        "patch" => case.patch = String::from_utf8(bytes(body)).unwrap(),
        _ => case.refused = body.lines().map(str::to_owned).collect(),
    }
}

/// The bytes that a section's text stands for: `\r`, `\t`, `\s` (a blank), `\xHH`, `\u{HEX}` and `\\`; a lone `\` at the end
/// of a line takes its newline away.
fn bytes(body: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = body;
    while let Some(at) = rest.find('\\') {
        out.extend_from_slice(&rest.as_bytes()[..at]);
        rest = &rest[at + 1..];
        let sign = rest.chars().next().unwrap();
        rest = &rest[sign.len_utf8()..];
        match sign {
            'r' => out.push(b'\r'),
            't' => out.push(b'\t'),
            's' => out.push(b' '),
            '\\' => out.push(b'\\'),
            '\n' => {}
            'x' => {
                out.push(u8::from_str_radix(&rest[..2], 16).unwrap());
                rest = &rest[2..];
            }
            'u' => {
                let (hex, tail) = rest[1..].split_once('}').unwrap();
                let sign = char::from_u32(u32::from_str_radix(hex, 16).unwrap()).unwrap();
                out.extend_from_slice(sign.to_string().as_bytes());
                rest = tail;
            }
            other => panic!("`\\{other}` is no escape"),
        }
    }
    out.extend_from_slice(rest.as_bytes());
    out
}

/// All files below a folder.
fn tree(root: &Utf8Path) -> Tree {
    let mut tree = Tree::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir_utf8().unwrap() {
            let path = entry.unwrap().into_path();
            let kind = path.symlink_metadata().unwrap();
            if kind.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap().to_string();
                let mode = kind.permissions().mode() & 0o777;
                tree.insert(name, (std::fs::read(&path).unwrap(), mode));
            }
        }
    }
    tree
}

fn lay(root: &Utf8Path, tree: &Tree) {
    for (path, (bytes, mode)) in tree {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(*mode)).unwrap();
    }
}

fn shown(tree: &Tree) -> String {
    tree.iter()
        .fold(String::new(), |mut text, (path, (bytes, mode))| {
            let _ = writeln!(text, "  {path} {mode:o} {}", bytes.escape_ascii());
            text
        })
}

/// Runs a case on the disk; the error says how it came out.
fn run(case: &Case) -> Result<(), String> {
    let dir = tempfile::tempdir().unwrap();
    let root = Utf8Path::from_path(dir.path())
        .unwrap()
        .canonicalize_utf8()
        .unwrap();
    lay(&root, &case.before);
    let option = |name: &str| case.options.get(name).map(String::as_str);
    let format = match option("format") {
        None => Format::Auto,
        Some("envelope") => Format::Envelope,
        Some("blocks") => Format::Blocks,
        Some("udiff") => Format::Udiff,
        Some("json") => Format::Json,
        Some("whole") => Format::Whole,
        Some(other) => return Err(format!("no format {other}")),
    };
    let file = option("file").map(|file| RelPath::new(file).unwrap());
    let mode = match option("mode") {
        Some("partial") => Mode::Partial,
        _ => Mode::Atomic,
    };
    let matching = match option("matching") {
        Some("fuzzy") => Matching::Fuzzy,
        _ => Matching::Strict,
    };
    let disk = Arc::new(Disk::open(Root::open(&root).unwrap()).unwrap());
    let place = Root::open(&root).unwrap();
    let parsed = parse_patch_below(&case.patch, format, file.as_ref(), &place);
    let mut stream = PatchStream::below(format, file.as_ref(), &place);
    let streamed: Result<Vec<_>, _> = case
        .patch
        .split_inclusive(|_| true)
        .map(|chunk| stream.push(chunk))
        .collect();
    let streamed = streamed.and_then(|ops| {
        let mut ops = ops.concat();
        ops.extend(stream.finish()?);
        Ok(Patch { ops })
    });
    if streamed != parsed {
        return Err(format!("in pieces {streamed:?}\nwhole {parsed:?}"));
    }
    let mut draft = Draft::new(Arc::new(Snapshot::new(disk.clone())));
    let refused = match parsed {
        Err(error) => error.to_string(),
        Ok(patch) => match draft.apply_matching(&patch, mode, matching) {
            Ok(applied) => told(&applied.refused),
            Err(refused) => told(&refused),
        },
    };
    let landed = match wait(draft.land(disk.as_ref(), "scenario")) {
        Ok(landed) => landed,
        Err(error) => return Err(error.to_string()),
    };
    let mut want = case.before.clone();
    case.gone.iter().for_each(|path| drop(want.remove(path)));
    want.extend(case.after.clone());
    let got = tree(&root);
    if got != want {
        return Err(format!(
            "refused: {refused}\n got:\n{}want:\n{}",
            shown(&got),
            shown(&want)
        ));
    }
    if refused.is_empty() != case.refused.is_empty() {
        return Err(format!("refused: {refused}"));
    }
    if let Some(missing) = case
        .refused
        .iter()
        .find(|said| !refused.contains(said.as_str()))
    {
        return Err(format!("does not say `{missing}`: {refused}"));
    }
    wait(landed.change.invert().land(disk.as_ref(), "undo")).map_err(|error| error.to_string())?;
    let bare = |tree: &Tree| -> BTreeMap<String, Vec<u8>> {
        tree.iter()
            .map(|(path, (bytes, _))| (path.clone(), bytes.clone()))
            .collect()
    };
    match bare(&tree(&root)) == bare(&case.before) {
        true => Ok(()),
        false => Err(format!("undone:\n{}", shown(&tree(&root)))),
    }
}

fn told(refused: &[workspace::Refused]) -> String {
    refused.iter().fold(String::new(), |mut text, refused| {
        let reason = serde_json::to_value(refused.reason).unwrap();
        let _ = writeln!(text, "{} {refused}", reason.as_str().unwrap());
        text
    })
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(future)
}

#[test]
fn w3_w4_scenarios() {
    let cases = cases();
    let mut wrong = String::new();
    for (name, case) in &cases {
        if let Err(what) = run(case) {
            let _ = writeln!(wrong, "== {name}\n{what}");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(cases.len() >= 120, "{} cases", cases.len());
}

/// Each row of the table of decisions names the cases that hold it.
#[test]
fn every_decision_in_the_docs_has_scenarios() {
    let docs = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/edits.md");
    let docs = std::fs::read_to_string(docs).unwrap();
    let cases = cases();
    let mut rows = 0;
    let mut named = Vec::new();
    let (_, table) = docs.split_once("## Decisions").unwrap();
    for row in table.lines().filter(|line| line.starts_with("| ")).skip(1) {
        let last = row.trim_end_matches([' ', '|']).rsplit('|').next().unwrap();
        let held: Vec<&str> = last.split('`').skip(1).step_by(2).collect();
        assert!(!held.is_empty(), "no scenario: {row}");
        for name in &held {
            assert!(cases.contains_key(*name), "no scenario {name}: {row}");
        }
        named.extend(held);
        rows += 1;
    }
    assert!(rows >= 30, "{rows} rows");
    for group in folder().read_dir_utf8().unwrap() {
        let group = group.unwrap();
        let prefix = format!("{}/", group.file_name());
        assert!(
            !group.path().is_dir() || named.iter().any(|name| name.starts_with(&prefix)),
            "no row names a case of {prefix}"
        );
    }
}
