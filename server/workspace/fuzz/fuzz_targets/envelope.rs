//! Target: any text as a patch of the envelope format, put onto the text itself.
#![no_main]

use libfuzzer_sys::fuzz_target;
use workspace::Format;

fuzz_target!(|text: &str| {
    if let Some(patch) = ground::parsed(text, Format::Envelope) {
        ground::applied(text.as_bytes(), &patch);
    }
});
