//! Feed: a patch's text as it comes in, cut into lines for the reader of its format. What comes out depends on the lines
//! alone, never on how the text was cut when it came; each line is looked at a bounded number of times.

use super::blocks::{self, Block};
use super::{Format, Op, PatchError, Place, envelope, json, udiff, whole};
use crate::lines::BOM;
use crate::path::{RelPath, Root};

/// What a reader makes of some lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// One change.
    Op(Op),
    /// One block, not lowered yet.
    Block(Block),
    /// A fenced shell script.
    Shell(String),
    /// A block that does not parse; the text after it may.
    Broken(PatchError),
}

/// One line of a patch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Given {
    /// Without its ending.
    pub text: String,
    /// Whether it ended in `\r\n`.
    pub cr: bool,
    /// Its index, from 0.
    pub at: usize,
}

/// The reader of one format.
enum Reader {
    Sniff(Sniff),
    Envelope(envelope::Reader),
    Blocks(blocks::Reader),
    Udiff(udiff::Reader),
    Whole(whole::Reader),
    Json(String),
}

/// A text on its way in.
pub(super) struct Feed {
    reader: Reader,
    file: Option<RelPath>,
    root: Option<Root>,
    rest: String,
    at: usize,
}

impl Feed {
    pub(super) fn new(format: Format, file: Option<RelPath>, root: Option<Root>) -> Feed {
        let named = file.as_ref().map(|file| file.as_str());
        let reader = match format {
            Format::Auto => Reader::Sniff(Sniff::default()),
            _ => reader(format, named),
        };
        Feed {
            reader,
            file,
            root,
            rest: String::new(),
            at: 0,
        }
    }

    pub(super) fn file(&self) -> Option<&RelPath> {
        self.file.as_ref()
    }

    pub(super) fn place(&self) -> Place<'_> {
        place(&self.file, &self.root)
    }

    /// More text; what closed by it goes to `out`, also where an error follows.
    pub(super) fn push(&mut self, chunk: &str, out: &mut Vec<Piece>) -> Result<(), PatchError> {
        let mut chunk = chunk;
        while let Some(end) = chunk.find('\n') {
            self.rest.push_str(&chunk[..end]);
            chunk = &chunk[end + 1..];
            let line = std::mem::take(&mut self.rest);
            self.line(line, out)?;
        }
        self.rest.push_str(chunk);
        Ok(())
    }

    /// The end of the text.
    pub(super) fn finish(mut self, out: &mut Vec<Piece>) -> Result<(), PatchError> {
        let last = std::mem::take(&mut self.rest);
        if !last.is_empty() {
            self.line(last, out)?;
        }
        let place = place(&self.file, &self.root);
        finish(self.reader, place, out)
    }

    fn line(&mut self, mut text: String, out: &mut Vec<Piece>) -> Result<(), PatchError> {
        if self.at == 0 && text.starts_with(BOM) {
            text.remove(0);
        }
        let cr = text.ends_with('\r');
        if cr {
            text.pop();
        }
        let line = Given {
            text,
            cr,
            at: self.at,
        };
        self.at += 1;
        let place = place(&self.file, &self.root);
        let Reader::Sniff(sniff) = &mut self.reader else {
            return read(&mut self.reader, line, place, out);
        };
        let Some(format) = sniff.line(line) else {
            return Ok(());
        };
        let held = std::mem::take(&mut sniff.lines);
        self.reader = reader(format, self.file.as_ref().map(|file| file.as_str()));
        for line in held {
            read(&mut self.reader, line, place, out)?;
        }
        Ok(())
    }
}

fn place<'a>(file: &'a Option<RelPath>, root: &'a Option<Root>) -> Place<'a> {
    Place {
        file: file.as_ref(),
        root: root.as_ref(),
    }
}

fn reader(format: Format, file: Option<&str>) -> Reader {
    match format {
        Format::Auto | Format::Whole => Reader::Whole(whole::Reader::new(file)),
        Format::Envelope => Reader::Envelope(envelope::Reader::default()),
        Format::Blocks => Reader::Blocks(blocks::Reader::new(file)),
        Format::Udiff => Reader::Udiff(udiff::Reader::default()),
        Format::Json => Reader::Json(String::new()),
    }
}

fn read(
    reader: &mut Reader,
    line: Given,
    place: Place<'_>,
    out: &mut Vec<Piece>,
) -> Result<(), PatchError> {
    match reader {
        Reader::Envelope(reader) => reader.line(line, place, out),
        Reader::Blocks(reader) => {
            reader.line(line, out);
            Ok(())
        }
        Reader::Udiff(reader) => reader.line(line, place, out),
        Reader::Whole(reader) => reader.line(line, place, out),
        Reader::Json(text) => {
            write(text, &line);
            Ok(())
        }
        Reader::Sniff(sniff) => {
            sniff.lines.push(line);
            Ok(())
        }
    }
}

fn finish(reader: Reader, place: Place<'_>, out: &mut Vec<Piece>) -> Result<(), PatchError> {
    match reader {
        Reader::Envelope(reader) => reader.finish(place, out),
        Reader::Blocks(reader) => {
            reader.finish(out);
            Ok(())
        }
        Reader::Udiff(reader) => reader.finish(place, out),
        Reader::Whole(reader) => reader.finish(place, out),
        Reader::Json(text) => json::parse(&text, place, out),
        Reader::Sniff(sniff) => sniff.finish(place, out),
    }
}

fn write(text: &mut String, line: &Given) {
    text.push_str(&line.text);
    text.push_str(if line.cr { "\r\n" } else { "\n" });
}

/// A text whose format is not known yet. An opening line decides at once; JSON and whole files, which could be examples in
/// what is said around a patch, only where the text has no such line at all.
#[derive(Default)]
struct Sniff {
    lines: Vec<Given>,
}

impl Sniff {
    /// The format, once this line says it.
    fn line(&mut self, line: Given) -> Option<Format> {
        let last = self.lines.last().map_or("", |line| line.text.as_str());
        let format = if udiff::is_file_header(last, &line.text) {
            Some(Format::Udiff)
        } else if envelope::opens(&line.text) {
            Some(Format::Envelope)
        } else if blocks::opens(&line.text) {
            Some(Format::Blocks)
        } else if udiff::opens(&line.text) {
            Some(Format::Udiff)
        } else {
            None
        };
        self.lines.push(line);
        format
    }

    fn finish(self, place: Place<'_>, out: &mut Vec<Piece>) -> Result<(), PatchError> {
        let mut text = String::new();
        for line in &self.lines {
            write(&mut text, line);
        }
        if json::looks_like(&text) {
            return json::parse(&text, place, out);
        }
        let mut reader = whole::Reader::new(None);
        for line in self.lines {
            reader.line(line, place, out)?;
        }
        reader.finish(place, out)
    }
}
