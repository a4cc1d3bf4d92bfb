//! Target: any text as a reply, its format told by shape, whole and in pieces.
#![no_main]

use libfuzzer_sys::fuzz_target;
use workspace::{Format, ReplyStream, edits_parse};

fuzz_target!(|text: &str| {
    let mut stream = ReplyStream::new();
    let mut items: Vec<_> = text
        .split_inclusive(['\n', 'e'])
        .flat_map(|chunk| stream.push(chunk))
        .collect();
    items.extend(stream.finish());
    assert_eq!(items, edits_parse(text));
    ground::parsed(text, Format::Auto);
    ground::parsed(text, Format::Whole);
});
