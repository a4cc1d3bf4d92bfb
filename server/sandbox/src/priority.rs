//! Priority: a thread of this process that lets the others go first.

/// How far below others, of 0 to 19.
#[cfg(target_os = "linux")]
const BEHIND: i32 = 10;

/// From now on the calling thread runs where others have nothing to do. Where the system knows no such thing, nothing happens.
pub fn step_back() {
    #[cfg(target_os = "linux")]
    // Linux takes the id of a thread here, and means that thread alone.
    let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), BEHIND);
}
