//! Section: a headed part of the stream, from the phases that make it up.

use protocol::Phase;

/// A headed part of the stream. Acting and using tools is one part, so that the stream does not flicker between headings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// Before the first part.
    None,
    /// What the model must see is gathered.
    Context,
    /// Steps are stated.
    Plan,
    /// The draft is made.
    Work,
    /// The critic reads.
    Review,
    /// The tests run.
    Tests,
    /// The draft is mended.
    Repair,
    /// The patch is shown and lands.
    Patch,
}

impl Section {
    /// Its heading.
    pub fn title(self) -> Option<&'static str> {
        match self {
            Section::None => None,
            Section::Context => Some("Context"),
            Section::Plan => Some("Plan"),
            Section::Work => Some("Work"),
            Section::Review => Some("Review"),
            Section::Tests => Some("Tests"),
            Section::Repair => Some("Repair"),
            Section::Patch => Some("Patch"),
        }
    }

    /// The part after a phase has begun.
    pub fn then(self, phase: Phase) -> Section {
        match phase {
            Phase::Context => Section::Context,
            Phase::Plan => Section::Plan,
            Phase::Act if self == Section::Repair => Section::Repair,
            Phase::Act => Section::Work,
            Phase::Reflect => Section::Review,
            Phase::Test => Section::Tests,
            Phase::Repair => Section::Repair,
            Phase::Propose | Phase::Land => Section::Patch,
            Phase::Intake | Phase::Tool | Phase::Check | Phase::Waiting | Phase::Finished => self,
        }
    }
}
