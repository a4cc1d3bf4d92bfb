//! Tests of `llm` over real HTTP on the loopback: every byte is written by a server that these tests script.

mod ask;
mod choice;
mod embeddings;
mod faults;
mod scripts;
mod wire;
