//! Landings that somebody disturbs at an exact moment.
#![allow(clippy::disallowed_methods)]

use super::*;
use crate::change::FileEdit;
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;

/// Lands `a`, `b` and `new` with the user doing something just before `b` is written; gives back what came of it and the files.
fn landed(user: impl Fn(&camino::Utf8Path)) -> (LandError, BTreeMap<String, (String, u32)>) {
    let dir = tempfile::tempdir().unwrap();
    let root = camino::Utf8Path::from_path(dir.path())
        .unwrap()
        .canonicalize_utf8()
        .unwrap();
    std::fs::write(root.join("a"), "a1").unwrap();
    std::fs::set_permissions(root.join("a"), PermissionsExt::from_mode(0o640)).unwrap();
    std::fs::write(root.join("b"), "b1").unwrap();
    let disk = Disk::open(Root::open(&root).unwrap()).unwrap();
    let change = ChangeSet {
        files: vec![
            edit("a", Some("a1"), Some("a2")),
            edit("a-new", None, Some("n2")),
            edit("b", Some("b1"), Some("b2")),
        ],
    };
    let steps = step::all(&disk, &change).unwrap();
    let ready = landing::stage(&disk, &steps).unwrap();
    let acting = steps.iter().zip(ready).inspect(|(step, _)| {
        if step.at.as_str() == "b" {
            assert_eq!(std::fs::read_to_string(root.join("a")).unwrap(), "a2");
            user(&root);
        }
    });
    let error = landing::commit(&disk, None, &[], acting).unwrap_err();
    let files = std::fs::read_dir(&root).unwrap().map(|entry| {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        let text = std::fs::read_to_string(entry.path()).unwrap_or_default();
        (entry.file_name().into_string().unwrap(), (text, mode))
    });
    let files = files.collect();
    (error, files)
}

pub(super) fn edit(path: &str, base: Option<&str>, after: Option<&str>) -> FileEdit {
    FileEdit {
        path: RelPath::new(path).unwrap(),
        base: base.map(|text| Content::new(text.as_bytes(), None)),
        after: after.map(|text| text.as_bytes().into()),
        mode: Some(0o600),
    }
}

fn texts(files: &BTreeMap<String, (String, u32)>) -> Vec<(&str, &str)> {
    files
        .iter()
        .map(|(name, (text, _))| (name.as_str(), text.as_str()))
        .collect()
}

#[test]
fn w3_a_file_saved_between_two_writes_stops_the_landing() {
    let (error, files) = landed(|root| std::fs::write(root.join("b"), "user").unwrap());
    assert_eq!(texts(&files), [("a", "a1"), ("b", "user")]);
    assert_eq!(files["a"].1, 0o640, "the old mode comes back too");
    let LandError::Stale { paths } = error else {
        panic!("{error}")
    };
    assert_eq!(paths, [RelPath::new("b").unwrap()]);
}

#[test]
fn w3_what_the_user_saved_over_a_written_file_is_not_put_back_and_is_named() {
    let (error, files) = landed(|root| {
        std::fs::write(root.join("a"), "user").unwrap();
        // The write of `b` fails for root as well.
        std::fs::remove_file(root.join("b")).unwrap();
        std::fs::create_dir(root.join("b")).unwrap();
    });
    assert_eq!(texts(&files), [("a", "user"), ("b", "")]);
    assert!(matches!(error, LandError::Io(_)), "{error}");
    let text = error.to_string();
    assert!(text.contains("`a` was saved meanwhile"), "{text}");
    assert!(!text.contains("`a-new`"), "{text}");
}

#[test]
fn w3_a_landing_that_both_stops_and_cannot_be_taken_back_says_both() {
    let (error, files) = landed(|root| {
        std::fs::write(root.join("a-new"), "user").unwrap();
        std::fs::write(root.join("b"), "user").unwrap();
    });
    assert_eq!(
        texts(&files),
        [("a", "a1"), ("a-new", "user"), ("b", "user")]
    );
    let text = error.to_string();
    assert!(
        text.contains("`b` changed meanwhile; and `a-new` was saved meanwhile"),
        "{text}"
    );
}
