//! What confinement costs: `/bin/true` started plainly, with the sandbox off, and under all layers of this kernel, taking turns.
//! Prints a line of JSON for each: its name, and every time in nanoseconds.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement: it starts a program plainly, prints, and may panic"
)]

use std::time::Instant;

use camino::Utf8PathBuf;
use sandbox::{Access, Approval, Config, Limits, Line, Sandbox, exec};
use tokio_util::sync::CancellationToken;

const ROUNDS: usize = 250;
/// Runs before the first that counts.
const WARM: usize = 10;

fn main() {
    let folder = std::env::temp_dir().join(format!("animus-bench-confine-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let root = Utf8PathBuf::from_path_buf(folder).unwrap();
    let off = Config {
        enabled: false,
        ..Config::default()
    };
    let confined = Sandbox::new(&Config::default(), &root).unwrap();
    let held = confined.report().enforced_by().join(", ");
    let off = Sandbox::new(&off, &root).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut times = [Vec::new(), Vec::new(), Vec::new()];
    for round in 0..WARM + ROUNDS {
        let taken = [
            plain(),
            runtime.block_on(under(&off, &root)),
            runtime.block_on(under(&confined, &root)),
        ];
        for (times, taken) in times.iter_mut().zip(taken) {
            times.extend((round >= WARM).then_some(taken));
        }
    }
    std::fs::remove_dir_all(&root).unwrap();
    for (name, times) in ["plain fork and exec", "limits only", &held]
        .iter()
        .zip(times)
    {
        println!("{{\"name\": \"{name}\", \"nanoseconds\": {times:?}}}");
    }
}

fn plain() -> u64 {
    let since = Instant::now();
    let status = std::process::Command::new("/bin/true").env_clear().status();
    assert!(status.unwrap().success());
    nanoseconds(since)
}

/// From the policy's verdict to the end of the process tree.
async fn under(sandbox: &Sandbox, root: &Utf8PathBuf) -> u64 {
    let since = Instant::now();
    let line = Line::Argv(vec!["/bin/true".to_owned()]);
    let (access, limits) = (Access::Draft, Limits::default());
    let permit = sandbox.permit(line, access, Approval::Given, limits, root, &[]);
    let outcome = exec(permit.unwrap(), CancellationToken::new(), |_, _| {}).await;
    assert_eq!(outcome.unwrap().end, sandbox::End::Exit(0));
    nanoseconds(since)
}

fn nanoseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_nanos()).unwrap()
}
