//! The faults that send without end, each alone in a process of its own, whose memory is measured.

use std::process::Command;

use super::{fault::Load, play, table};

/// The most that the process may grow, in KiB; the server that sends is in it, too.
const MOST_KIB: u64 = 48 << 10;

#[test]
#[allow(
    clippy::disallowed_methods,
    reason = "only a process of its own has a peak of its own"
)]
fn a_flood_takes_little_memory() {
    let own = std::env::current_exe().unwrap();
    let child = "faults::memory::floods_in_a_process_of_their_own";
    let output = Command::new(own)
        .args(["--exact", child, "--ignored", "--nocapture"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{told}");
    assert!(said.contains("1 passed"), "{said}");
}

#[tokio::test]
#[ignore = "the test above runs it"]
async fn floods_in_a_process_of_their_own() {
    let floods = table()
        .into_iter()
        .filter(|fault| fault.load == Load::Heavy);
    let floods: Vec<_> = floods.collect();
    assert!(floods.len() >= 8, "{}", floods.len());
    let before = kib("VmRSS");
    let mut wrong = Vec::new();
    for flood in floods {
        forget_peak();
        let name = flood.name.clone();
        let start = std::time::Instant::now();
        wrong.extend(play::play_all(vec![flood], 1).await);
        let grown = kib("VmHWM").saturating_sub(before);
        println!("{name}: {} MiB, {:?}", grown >> 10, start.elapsed());
        if grown > MOST_KIB {
            wrong.push(format!("{name}: the process grew by {grown} KiB"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "the kernel tells the memory of a process by a file"
)]
fn kib(key: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(key)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// The peak is the present from here on; where the kernel does not allow it, the peak is that of all floods.
#[allow(
    clippy::disallowed_methods,
    reason = "the kernel takes the order by a file"
)]
fn forget_peak() {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}
