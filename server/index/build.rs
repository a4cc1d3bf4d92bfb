//! Build: a fingerprint of all that decides what an index holds, so that one packed by other code is not read.
#![allow(clippy::disallowed_methods, reason = "a build reads its own sources")]

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

fn main() -> std::io::Result<()> {
    let mut files = Vec::new();
    for folder in ["src", "queries"] {
        gather(Path::new(folder), &mut files)?;
    }
    // The versions of the grammars.
    files.push(PathBuf::from("../../Cargo.lock"));
    files.sort();
    let mut hasher = DefaultHasher::new();
    for file in files {
        println!("cargo:rerun-if-changed={}", file.display());
        if file.exists() {
            std::fs::read(&file)?.hash(&mut hasher);
        }
    }
    println!("cargo:rerun-if-changed=src");
    println!("cargo:rerun-if-changed=queries");
    println!("cargo:rustc-env=INDEX_FINGERPRINT={:016x}", hasher.finish());
    Ok(())
}

fn gather(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        match path.is_dir() {
            true => gather(&path, files)?,
            false => files.push(path),
        }
    }
    Ok(())
}
