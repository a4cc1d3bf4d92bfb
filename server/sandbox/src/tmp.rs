//! `Tmp`: a run's own folder for temporary files, where no mount can give it an empty `/tmp`.
//!
//! Invariant: its name is new, its mode 0700, and it goes with its owner.

use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::sync::atomic::{AtomicU64, Ordering};

use camino::{Utf8Path, Utf8PathBuf};

use crate::probe::{Layer, Report};

#[derive(Debug)]
pub(crate) struct Tmp {
    path: Utf8PathBuf,
}

impl Tmp {
    /// One, unless the mounts provide it.
    pub(crate) fn needed(report: &Report) -> io::Result<Option<Tmp>> {
        if report.has(Layer::Mounts) {
            Ok(None)
        } else {
            Tmp::new().map(Some)
        }
    }

    pub(crate) fn new() -> io::Result<Tmp> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let place = Utf8PathBuf::from_path_buf(std::env::temp_dir())
            .unwrap_or_else(|_| "/tmp".into())
            .canonicalize_utf8()?;
        loop {
            let count = COUNT.fetch_add(1, Ordering::Relaxed);
            let path = place.join(format!("animus-{}-{count}", std::process::id()));
            match std::fs::DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => return Ok(Tmp { path }),
                // Someone else's, or left by a crash.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    pub(crate) fn path(&self) -> &Utf8Path {
        &self.path
    }
}

impl Drop for Tmp {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.path) {
            tracing::warn!(path = %self.path, %error, "temporary folder stays behind");
        }
    }
}
