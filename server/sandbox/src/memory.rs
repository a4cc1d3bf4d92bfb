//! Memory: what this process no longer needs, given back.

/// Gives freed memory back to the system, for after work that needed much for a short while: the allocator would keep it.
/// Costs a few milliseconds. Where the allocator knows no such thing, nothing happens.
pub fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // No pointer goes in or out; the allocator takes its own locks.
    unsafe {
        libc::malloc_trim(0);
    }
}
