//! Tidy: the checkout keeps the house rules (arrows, sizes, `//!`, names), so that a plain `cargo test` says so too.
#![allow(
    clippy::disallowed_methods,
    reason = "S3: it starts the xtask of this build"
)]

#[test]
fn the_checkout_keeps_the_house_rules() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_xtask"))
        .arg("tidy")
        .output()
        .expect("xtask starts");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
