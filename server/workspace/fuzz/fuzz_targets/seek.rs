//! Target: a file's bytes, and a hunk cut from its text or not, on every rung of the search.
#![no_main]

use libfuzzer_sys::fuzz_target;
use workspace::{Grain, HunkSpec, Op, Patch, Reach, Site};

fuzz_target!(|input: (Vec<u8>, &str, &str, u8, u8)| {
    let (file, before, after, choice, line) = input;
    let grain = match choice & 1 {
        0 => Grain::Lines,
        _ => Grain::Text,
    };
    let lines = |text: &str| match grain {
        Grain::Lines if !text.is_empty() && !text.ends_with('\n') => format!("{text}\n"),
        _ => text.to_owned(),
    };
    let hunk = HunkSpec {
        before: lines(before),
        after: lines(after),
        grain,
        reach: match choice & 2 {
            0 => Reach::One,
            _ => Reach::All,
        },
        site: match (choice >> 2) & 3 {
            0 => Site::Anywhere,
            1 => Site::First,
            2 => Site::Below,
            _ => Site::End,
        },
        line: (line > 0).then_some(u32::from(line)),
        scope: match choice & 16 {
            0 => Vec::new(),
            _ => vec![after.lines().next().unwrap_or_default().to_owned()],
        },
        ..HunkSpec::default()
    };
    let op = Op::Edit {
        path: ground::target(),
        hunks: vec![hunk.clone(), hunk],
        rename_to: None,
    };
    ground::applied(&file, &Patch { ops: vec![op] });
});
