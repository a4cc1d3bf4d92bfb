//! Bench: a workspace on the real disk for one test, and the table of patch cases.

use camino::{Utf8Path, Utf8PathBuf};
use std::sync::Arc;
use workspace::{Disk, Draft, Format, Mode, RelPath, Root, Snapshot, parse_patch_below};

/// A workspace folder that goes when the test ends.
pub struct Bench {
    _dir: tempfile::TempDir,
    pub path: Utf8PathBuf,
    pub state: Utf8PathBuf,
}

impl Bench {
    pub fn new(files: &[(&str, &str)]) -> Bench {
        let dir = tempfile::tempdir().unwrap();
        let top = Utf8Path::from_path(dir.path())
            .unwrap()
            .canonicalize_utf8()
            .unwrap();
        let bench = Bench {
            _dir: dir,
            path: top.join("work"),
            state: top.join("state"),
        };
        std::fs::create_dir_all(&bench.path).unwrap();
        std::fs::create_dir_all(&bench.state).unwrap();
        for (path, text) in files {
            bench.put(path, text.as_bytes());
        }
        bench
    }

    pub fn put(&self, path: &str, bytes: &[u8]) {
        let full = self.path.join(path);
        std::fs::create_dir_all(full.parent().unwrap()).unwrap();
        std::fs::write(full, bytes).unwrap();
    }

    pub fn get(&self, path: &str) -> Option<String> {
        let bytes = std::fs::read(self.path.join(path)).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    pub fn disk(&self) -> Disk {
        Disk::open(Root::open(&self.path).unwrap()).unwrap()
    }

    pub fn draft(&self) -> Draft {
        Draft::new(Arc::new(Snapshot::new(Arc::new(self.disk()))))
    }
}

pub fn rel(path: &str) -> RelPath {
    RelPath::new(path).unwrap()
}

pub fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(future)
}

/// What a case ends in.
pub enum Want {
    /// These files have these texts (`None`: gone).
    Files(&'static [(&'static str, Option<&'static str>)]),
    /// Refused, and each of these is said.
    Refused(&'static [&'static str]),
    /// Not a patch, and this is said.
    Broken(&'static str),
}

/// A patch, the files it meets, and what comes of it.
pub struct Case {
    pub name: &'static str,
    pub files: &'static [(&'static str, &'static str)],
    pub patch: &'static str,
    pub want: Want,
}

/// Runs a table; every case is tried before any failure is told.
pub fn check(format: Format, file: Option<&str>, cases: &[Case]) {
    let mut wrong = String::new();
    for case in cases {
        if let Err(what) = one(format, file, case) {
            wrong.push_str(&format!("\n== {}\n{what}\n", case.name));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

fn one(format: Format, file: Option<&str>, case: &Case) -> Result<(), String> {
    let bench = Bench::new(case.files);
    let mut draft = bench.draft();
    let root = draft.snapshot().root().clone();
    let file = file.map(rel);
    let patch = match (
        parse_patch_below(case.patch, format, file.as_ref(), &root),
        &case.want,
    ) {
        (Ok(patch), _) => patch,
        (Err(error), Want::Broken(said)) if error.to_string().contains(said) => return Ok(()),
        (Err(error), _) => return Err(format!("does not parse: {error}")),
    };
    if matches!(case.want, Want::Broken(_)) {
        return Err(format!("parses as {patch:?}"));
    }
    match (draft.apply(&patch, Mode::Atomic), &case.want) {
        (Ok(_), Want::Files(files)) => {
            for (path, want) in *files {
                let got = draft.read(&rel(path)).map_err(|error| error.to_string())?;
                let got = got.map(|content| String::from_utf8_lossy(&content.bytes).into_owned());
                if got.as_deref() != *want {
                    return Err(format!("{path}\n got: {got:?}\nwant: {want:?}"));
                }
            }
            Ok(())
        }
        (Err(refused), Want::Refused(said)) => {
            let text: String = refused
                .iter()
                .map(|refused| format!("{:?} {refused}\n", refused.reason))
                .collect();
            if !draft.is_empty() {
                return Err("refused, but the draft is not empty".to_owned());
            }
            match said.iter().find(|said| !text.contains(**said)) {
                Some(missing) => Err(format!("does not say {missing:?}: {text}")),
                None => Ok(()),
            }
        }
        (Ok(applied), _) => Err(format!("applied:\n{}", applied.diff)),
        (Err(refused), _) => Err(refused
            .iter()
            .map(|refused| format!("{refused}\n"))
            .collect()),
    }
}
