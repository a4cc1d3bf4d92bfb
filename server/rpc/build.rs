//! Build: turns the `.proto` files into Rust, without a compiler that would have to be installed.
#![allow(
    clippy::disallowed_methods,
    reason = "a build script: it reads its environment and writes below OUT_DIR"
)]

use std::error::Error;
use std::path::PathBuf;

const FILES: [&str; 2] = ["connect/agent/v1/agent.proto", "animus/v1/agent.proto"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("no OUT_DIR")?);
    let set = out.join("descriptors.bin");
    let mut compiler = protox::Compiler::new(["proto"])?;
    compiler.include_imports(true).include_source_info(true);
    compiler.open_files(FILES)?;
    std::fs::write(&set, compiler.encode_file_descriptor_set())?;
    // Cargo is told to watch it, and would find it newer than this run: then every build would be a new one.
    std::fs::File::options()
        .write(true)
        .open(&set)?
        .set_modified(std::time::UNIX_EPOCH)?;
    compiler.include_source_info(false);
    std::fs::write(
        out.join("animus.protoset"),
        compiler.encode_file_descriptor_set(),
    )?;
    connectrpc_build::Config::new()
        .descriptor_set(set)
        .files(&FILES)
        .gate_client_feature(true)
        .include_file("_connectrpc.rs")
        .compile()?;
    Ok(())
}
