//! Encoding: how a file's bytes are text. A file is text only where its own encoding gives back its very bytes, so that
//! what an edit does not touch stays; a character that the encoding lacks is refused, never replaced.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::EncoderResult;
use std::borrow::Cow;
use std::fmt;

/// Bytes that are looked at to tell an 8-bit or multi-byte encoding, at most.
const SAMPLE: usize = 256 * 1024;

/// How a file's bytes are text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Encoding(Kind);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Utf8,
    Utf16Le,
    Utf16Be,
    Legacy(&'static encoding_rs::Encoding),
}

impl Encoding {
    /// UTF-8, with or without a mark at the start.
    pub const UTF_8: Encoding = Encoding(Kind::Utf8);

    /// Its name as the WHATWG Encoding Standard has it.
    pub fn name(self) -> &'static str {
        match self.0 {
            Kind::Utf8 => "UTF-8",
            Kind::Utf16Le => "UTF-16LE",
            Kind::Utf16Be => "UTF-16BE",
            Kind::Legacy(encoding) => encoding.name(),
        }
    }

    /// The text as bytes.
    ///
    /// # Errors
    /// The first character that the encoding lacks.
    pub fn encode(self, text: &str) -> Result<Vec<u8>, char> {
        match self.0 {
            Kind::Utf8 => Ok(text.as_bytes().to_vec()),
            Kind::Utf16Le => Ok(text.encode_utf16().flat_map(u16::to_le_bytes).collect()),
            Kind::Utf16Be => Ok(text.encode_utf16().flat_map(u16::to_be_bytes).collect()),
            Kind::Legacy(encoding) => legacy_bytes(encoding, text),
        }
    }
}

impl fmt::Debug for Encoding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// The bytes as text, a mark at the start included, and how they are that.
///
/// # Errors
/// Why they are no text that can be edited without damage.
pub(crate) fn decode(bytes: &[u8]) -> Result<(Cow<'_, str>, Encoding), String> {
    match bytes {
        [0xff, 0xfe, ..] => return utf16(bytes, Kind::Utf16Le),
        [0xfe, 0xff, ..] => return utf16(bytes, Kind::Utf16Be),
        _ if is_binary(bytes) => return Err("it is binary".to_owned()),
        _ => {}
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok((Cow::Borrowed(text), Encoding::UTF_8)),
        Err(error) => legacy(bytes, error.valid_up_to()),
    }
}

/// Whether the bytes hold what no text has.
pub(crate) fn is_binary(bytes: &[u8]) -> bool {
    bytes.contains(&0)
}

fn utf16(bytes: &[u8], kind: Kind) -> Result<(Cow<'_, str>, Encoding), String> {
    let encoding = Encoding(kind);
    let broken = || format!("it is {} with broken pairs or half a unit", encoding.name());
    let (units, rest) = bytes.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(broken());
    }
    let unit = |pair: &[u8; 2]| match kind {
        Kind::Utf16Be => u16::from_be_bytes(*pair),
        _ => u16::from_le_bytes(*pair),
    };
    let text: String = char::decode_utf16(units.iter().map(unit))
        .collect::<Result<_, _>>()
        .map_err(|_| broken())?;
    match text.contains('\0') {
        true => Err("it is binary".to_owned()),
        false => Ok((Cow::Owned(text), encoding)),
    }
}

/// Bytes that are not UTF-8 from `valid` on.
fn legacy(bytes: &[u8], valid: usize) -> Result<(Cow<'_, str>, Encoding), String> {
    let (mut good, mut bad) = (0usize, 0usize);
    for chunk in bytes.utf8_chunks() {
        good += chunk
            .valid()
            .chars()
            .filter(|sign| !sign.is_ascii())
            .count();
        bad += usize::from(!chunk.invalid().is_empty());
    }
    let marked = bytes.starts_with(&[0xef, 0xbb, 0xbf]);
    if marked || good > 2 * bad {
        return Err(format!(
            "it is UTF-8 except for {bad} places, the first at byte {valid}"
        ));
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(sample(bytes, valid), true);
    let guess = detector.guess(None, Utf8Detection::Deny);
    for encoding in [guess, encoding_rs::WINDOWS_1252] {
        let Some(text) = encoding.decode_without_bom_handling_and_without_replacement(bytes) else {
            continue;
        };
        if legacy_bytes(encoding, &text).is_ok_and(|again| again == bytes) {
            return Ok((
                Cow::Owned(text.into_owned()),
                Encoding(Kind::Legacy(encoding)),
            ));
        }
    }
    Err(format!(
        "it is not UTF-8 from byte {valid} on, and in no other encoding does the text give back the same bytes"
    ))
}

/// The part of the bytes that tells the encoding: what is not ASCII and what stands around it.
fn sample(bytes: &[u8], valid: usize) -> &[u8] {
    let from = valid.saturating_sub(256);
    let end = bytes.len().min(from + SAMPLE);
    &bytes[from..end]
}

fn legacy_bytes(encoding: &'static encoding_rs::Encoding, text: &str) -> Result<Vec<u8>, char> {
    let mut encoder = encoding.new_encoder();
    let room = encoder
        .max_buffer_length_from_utf8_without_replacement(text.len())
        .unwrap_or(text.len().saturating_mul(4));
    let mut bytes = Vec::with_capacity(room);
    match encoder.encode_from_utf8_to_vec_without_replacement(text, &mut bytes, true) {
        (EncoderResult::InputEmpty, _) => Ok(bytes),
        (EncoderResult::Unmappable(sign), _) => Err(sign),
        (EncoderResult::OutputFull, read) => Err(text[read..].chars().next().unwrap_or('\u{fffd}')),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w3_what_is_text_gives_back_its_bytes() {
        let utf16 = |text: &str, swap: bool| -> Vec<u8> {
            let unit = |unit: u16| match swap {
                true => unit.to_be_bytes(),
                false => unit.to_le_bytes(),
            };
            "\u{feff}"
                .encode_utf16()
                .chain(text.encode_utf16())
                .flat_map(unit)
                .collect()
        };
        let (shift_jis, _, _) =
            encoding_rs::SHIFT_JIS.encode("日本語のテキストです。これは文章です。\r\n");
        let (gbk, _, _) = encoding_rs::GBK.encode("这是一个中文文本文件，用来测试编码。\n");
        let (koi8, _, _) =
            encoding_rs::KOI8_R.encode("Это обычный русский текст, довольно длинный.\n");
        for (bytes, name, holds) in [
            (b"plain".to_vec(), "UTF-8", "plain"),
            (
                "\u{feff}bom\r\n".as_bytes().to_vec(),
                "UTF-8",
                "\u{feff}bom",
            ),
            (
                utf16("a\r\n\u{1d11e}", false),
                "UTF-16LE",
                "\u{feff}a\r\n\u{1d11e}",
            ),
            (utf16("hé", true), "UTF-16BE", "\u{feff}hé"),
            (b"caf\xe9 cr\xe8me\n".to_vec(), "windows-1252", "café crème"),
            (shift_jis.into_owned(), "Shift_JIS", "日本語"),
            (gbk.into_owned(), "GBK", "中文"),
            (koi8.into_owned(), "KOI8-U", "русский"),
        ] {
            let (text, encoding) = decode(&bytes).unwrap();
            assert_eq!(encoding.name(), name);
            assert!(text.contains(holds), "{text}");
            assert_eq!(encoding.encode(&text).unwrap(), bytes, "{name}");
        }
    }

    #[test]
    fn what_would_be_damaged_is_no_text() {
        for (bytes, why) in [
            (&b"a\0b"[..], "binary"),
            (b"\xff\xfea\0b", "half a unit"),
            (b"\xff\xfe\x00\xd8a\0", "broken pairs"),
            (b"\xff\xfe\0\0a\0\0\0", "binary"),
            (b"\xef\xbb\xbfcaf\xe9", "UTF-8 except for 1 places"),
            ("é à ü ö \u{e9}\n".as_bytes(), ""),
            (
                b"\xc3\xa9 \xc3\xa0 \xc3\xbc \xff",
                "UTF-8 except for 1 places, the first at byte 9",
            ),
        ] {
            match (decode(bytes), why) {
                (Ok(_), "") => {}
                (Err(got), why) => assert!(!why.is_empty() && got.contains(why), "{got}"),
                (Ok((text, encoding)), why) => panic!("{why}: {text} is {encoding:?}"),
            }
        }
    }

    #[test]
    fn a_character_that_the_encoding_lacks_is_named() {
        let (_, encoding) = decode(b"caf\xe9 cr\xe8me").unwrap();
        assert_eq!(encoding.encode("a → b"), Err('→'));
    }
}
