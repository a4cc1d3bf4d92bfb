//! Stage: a workspace, a home and a state folder of its own, and the binary with nothing else in its environment.

use serde_json::Value;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// The folders of one test.
pub struct Stage {
    folder: TempDir,
}

/// What a process said.
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Stage {
    /// An empty workspace.
    pub fn empty() -> Stage {
        let folder = tempfile::tempdir().unwrap();
        for name in ["ws", "home", "state"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        Stage { folder }
    }

    /// A workspace with these files.
    pub fn with(files: &[(&str, &str)]) -> Stage {
        let stage = Stage::empty();
        for (path, text) in files {
            stage.write(path, text);
        }
        stage
    }

    /// The workspace.
    pub fn root(&self) -> PathBuf {
        self.folder.path().join("ws")
    }

    /// The home folder.
    pub fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// Writes a file of the workspace.
    pub fn write(&self, path: &str, text: &str) {
        let path = self.root().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Writes the user's configuration file.
    pub fn configure(&self, text: &str) -> PathBuf {
        let path = self.home().join(".config/animus/config.yaml");
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Reads a file of the workspace.
    pub fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.root().join(path)).unwrap()
    }

    /// The binary in the workspace. No model is in reach, not even an Ollama of this machine.
    pub fn animus(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_animus"));
        command
            .args(args)
            .current_dir(self.root())
            .env_clear()
            .env("PATH", std::env::var("PATH").unwrap_or_default())
            .env("HOME", self.home())
            .env("ANIMUS_STATE_DIR", self.folder.path().join("state"))
            .env("OLLAMA_HOST", "127.0.0.1:1")
            .stdin(Stdio::null());
        for toolchain in ["RUSTUP_HOME", "CARGO_HOME", "RUSTUP_TOOLCHAIN"] {
            if let Ok(value) = std::env::var(toolchain) {
                command.env(toolchain, value);
            }
        }
        if let Ok(home) = std::env::var("HOME")
            && std::env::var("RUSTUP_HOME").is_err()
            && Path::new(&home).join(".rustup").is_dir()
        {
            command
                .env("RUSTUP_HOME", format!("{home}/.rustup"))
                .env("CARGO_HOME", format!("{home}/.cargo"));
        }
        command
    }

    /// The binary with a model at an address in OpenAI's words.
    pub fn with_model(&self, base_url: &str, args: &[&str]) -> Command {
        let mut command = self.animus(args);
        command
            .env("OPENAI_API_KEY", "sk-test-key")
            .env("OPENAI_BASE_URL", base_url)
            .env("ANIMUS_MODEL", "test-model");
        command
    }
}

/// Runs a command to its end.
pub fn said(command: &mut Command) -> Said {
    told(command.output().unwrap())
}

/// Runs a command with text on stdin.
pub fn fed(command: &mut Command, text: &str) -> Said {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let text = text.to_owned();
    let writer = std::thread::spawn(move || {
        let _ = stdin.write_all(text.as_bytes());
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    told(output)
}

fn told(output: Output) -> Said {
    Said {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

impl Said {
    /// Stdout as one JSON value.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out)
            .unwrap_or_else(|error| panic!("{error}\nstdout: {}\nstderr: {}", self.out, self.err))
    }

    /// Stdout as the events of one task: P1 no gaps, exactly one `finished`, and it is last.
    pub fn events(&self) -> Vec<Value> {
        let events: Vec<Value> = self
            .out
            .lines()
            .map(|line| {
                serde_json::from_str(line)
                    .unwrap_or_else(|error| panic!("{error}: {line}\nstderr: {}", self.err))
            })
            .collect();
        assert!(!events.is_empty(), "no events; stderr: {}", self.err);
        for (number, event) in events.iter().enumerate() {
            assert_eq!(event["seq"], number as u64, "gap in {}", self.out);
            assert_eq!(event["task"], events[0]["task"]);
        }
        let finished: Vec<usize> = (0..events.len())
            .filter(|at| events[*at]["update"]["type"] == "finished")
            .collect();
        assert_eq!(finished, [events.len() - 1], "{}", self.out);
        events
    }

    /// The last event's update.
    pub fn finished(&self) -> Value {
        self.events().last().unwrap()["update"].clone()
    }
}
