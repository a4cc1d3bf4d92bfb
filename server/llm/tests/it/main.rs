//! Tests of `llm` over real HTTP on the loopback: every byte is written by a server that these tests script.

mod anthropic;
mod ask;
mod attempts;
mod breaker;
mod budget;
mod choice;
mod day;
mod effort;
mod embeddings;
mod faults;
mod ids;
mod infill;
mod limits;
mod odd;
mod quirks;
mod recorded;
mod schemas;
mod scripts;
mod size;
mod templates;
mod text_calls;
mod veil;
mod wire;
