//! `World`: a workspace, a scratch tree and a folder that no command may touch, on the real disk.

use camino::{Utf8Path, Utf8PathBuf};
use sandbox::{Access, Approval, Config, Layer, Limits, Line, Outcome, Sandbox, exec};
use tokio_util::sync::CancellationToken;

/// A workspace with its sandbox.
pub struct World {
    _dir: tempfile::TempDir,
    pub root: Utf8PathBuf,
    pub sandbox: Sandbox,
}

/// A workspace below `place`, with `f.txt`, beside a folder `out` that no command may touch.
pub fn world_at(place: &Utf8Path, config: &Config) -> World {
    let dir = tempfile::tempdir_in(place).unwrap();
    let path = Utf8PathBuf::from_path_buf(dir.path().canonicalize().unwrap()).unwrap();
    for folder in ["ws/.git/hooks", "ws/sub", "scratch", "out"] {
        std::fs::create_dir_all(path.join(folder)).unwrap();
    }
    std::fs::write(path.join("ws/f.txt"), "foo\n").unwrap();
    std::fs::write(path.join("out/victim"), "precious").unwrap();
    let root = path.join("ws");
    World {
        _dir: dir,
        sandbox: Sandbox::new(config, &root).unwrap(),
        root,
    }
}

pub fn world() -> World {
    world_at(Utf8Path::new("/tmp"), &Config::default())
}

impl World {
    pub fn beside(&self, name: &str) -> Utf8PathBuf {
        self.root.parent().unwrap().join(name)
    }

    pub async fn run(&self, access: Access, line: &str) -> Outcome {
        self.limited(access, line, Limits::default()).await
    }

    pub async fn limited(&self, access: Access, line: &str, limits: Limits) -> Outcome {
        let cwd = match &access {
            Access::Scratch(tree) | Access::Tests(tree) => tree.clone(),
            _ => self.root.clone(),
        };
        let permit = self
            .sandbox
            .permit(
                Line::Shell(line.to_owned()),
                access,
                Approval::Given,
                limits,
                &cwd,
                &[],
            )
            .unwrap();
        exec(permit, CancellationToken::new(), |_, _| {})
            .await
            .unwrap()
    }

    pub fn scratch(&self) -> Access {
        Access::Scratch(self.beside("scratch"))
    }

    pub fn tests(&self) -> Access {
        Access::Tests(self.beside("scratch"))
    }

    pub fn namespaces(&self) -> bool {
        self.sandbox.report().has(Layer::Mounts)
    }
}

/// Processes whose command line holds this mark.
pub fn alive(mark: &str) -> usize {
    let mark = mark.as_bytes();
    std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| std::fs::read(entry.unwrap().path().join("cmdline")).ok())
        .filter(|line| {
            line.windows(mark.len()).any(|window| window == mark) && !line.starts_with(b"cargo")
        })
        .count()
}
