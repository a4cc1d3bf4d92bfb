//! Names: what patterns stand for, and what lies below a folder.
//!
//! Invariant: at least the names that the shell would take, or that a command would list; more is only asked about more often.

use camino::{Utf8Path, Utf8PathBuf};

use super::{Places, real};
use crate::policy::listing::Whole;
use crate::secret::{is_secret_path, matches_name};

/// More names than this for one pattern nobody reads.
const MOST_NAMES: usize = 2_000;
/// Longest part of a pattern, bytes; names are no longer.
const LONGEST_PART: usize = 255;

impl Places {
    /// The names that a pattern stands for; itself where there are none, as in bash.
    pub(in crate::policy) fn expand(&self, pattern: &str) -> Result<Vec<String>, String> {
        let itself = || unescaped(pattern);
        if self.moved || self.made {
            return Err(format!("names {} after the line has made files", itself()));
        }
        if pattern.starts_with('/') && !self.expandable(pattern) {
            return Err(format!("names {}, outside the workspace", itself()));
        }
        let mut all = Vec::new();
        for cwd in &self.cwds {
            let (start, parts) = match pattern.strip_prefix('/') {
                Some(parts) => ("/", parts),
                None => ("", pattern),
            };
            let mut found = vec![start.to_owned()];
            for part in parts.split('/') {
                let mut next = Vec::new();
                for start in found {
                    next.extend(self.matching(cwd, &start, part)?);
                    if next.len() > MOST_NAMES {
                        break;
                    }
                }
                found = next;
            }
            let found = found
                .into_iter()
                .filter(|name| !name.is_empty() && cwd.join(name).symlink_metadata().is_ok());
            all.extend(found);
        }
        match all.len() {
            0 => Ok(vec![itself()]),
            1..=MOST_NAMES => Ok(all),
            _ => Err(format!(
                "{} stands for more than {MOST_NAMES} names",
                itself()
            )),
        }
    }

    /// Counts an entry of a folder.
    fn look_at(&self) -> Result<(), String> {
        let left = self.entries.get().saturating_sub(1);
        self.entries.set(left);
        match left {
            0 => Err("lists more files than can be looked at".to_owned()),
            _ => Ok(()),
        }
    }

    /// The names below `start` that one part of a pattern takes.
    fn matching(&self, cwd: &Utf8Path, start: &str, part: &str) -> Result<Vec<String>, String> {
        let join = |name: &str| match start {
            "" => name.to_owned(),
            "/" => format!("/{name}"),
            start => format!("{start}/{name}"),
        };
        let plain = unescaped(part);
        if plain.len() == part.len() && !part.contains(['*', '?', '['])
            || matches!(part, "" | "." | "..")
        {
            return Ok(vec![join(&plain)]);
        }
        if part.len() > LONGEST_PART {
            return Err("holds a pattern longer than any name".to_owned());
        }
        let Ok(entries) = cwd.join(start).read_dir_utf8() else {
            return Ok(Vec::new());
        };
        let mut names = Vec::new();
        for entry in entries {
            self.look_at()?;
            let entry = entry
                .map_err(|error| format!("a pattern stands for what cannot be read: {error}"))?;
            let name = entry.file_name();
            // A dot at the start is only taken by a dot.
            if (!name.starts_with('.') || part.starts_with(['.', '\\'])) && matches_name(part, name)
            {
                names.push(join(name));
            }
        }
        Ok(names)
    }

    /// Whether an absolute pattern begins with the folder of the workspace, or one of the system's programs and libraries.
    fn expandable(&self, pattern: &str) -> bool {
        let plain = |part: &&str| !part.contains(['*', '?', '[', '\\']) && *part != "..";
        let start: Utf8PathBuf = pattern.split('/').take_while(plain).collect();
        let start = Utf8Path::new("/").join(start);
        [
            self.root.as_path(),
            Utf8Path::new("/usr"),
            Utf8Path::new("/lib"),
        ]
        .iter()
        .any(|folder| start.starts_with(folder))
    }

    /// Whether all below these folders, as far as `listed` takes its name, may be read: no secret, no link out of the workspace.
    pub(in crate::policy) fn open_below(
        &self,
        starts: &[String],
        listed: &dyn Fn(&str) -> bool,
        whole: Whole,
    ) -> Result<(), String> {
        for start in starts {
            self.readable(start)?;
            for real in self.all(start)? {
                self.walk(&real, listed, whole, 0)?;
            }
        }
        Ok(())
    }

    fn walk(
        &self,
        folder: &Utf8Path,
        listed: &dyn Fn(&str) -> bool,
        whole: Whole,
        depth: usize,
    ) -> Result<(), String> {
        // A file, or nothing.
        let Ok(entries) = folder.read_dir_utf8() else {
            return Ok(());
        };
        for entry in entries {
            let entry = entry.map_err(|error| format!("lists what cannot be read: {error}"))?;
            self.look_at()?;
            if depth > 64 {
                return Err("lists folders too deep to look at".to_owned());
            }
            let kind = entry.file_type().map_err(|error| error.to_string())?;
            let (name, path) = (entry.file_name(), entry.path());
            let below = path.strip_prefix(&self.root).unwrap_or(path);
            let splits = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '\\');
            let problem = match () {
                () if listed(name)
                    && whole == Whole::Unquoted
                    && below.as_str().contains(splits) =>
                {
                    "is more than one word"
                }
                () if kind.is_dir() && name != ".git" => {
                    self.walk(path, listed, whole, depth + 1)?;
                    continue;
                }
                () if kind.is_dir() || !listed(name) => continue,
                () if kind.is_symlink() && !real(path).starts_with(&self.root) => {
                    "leads out of the workspace"
                }
                () if is_secret_path(below.as_str()) => "may hold secrets",
                () => continue,
            };
            return Err(format!("may list {below}, which {problem}"));
        }
        Ok(())
    }
}

/// A pattern as the word it is where nothing matches.
fn unescaped(pattern: &str) -> String {
    let mut text = String::new();
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        text.push(if c == '\\' {
            chars.next().unwrap_or(c)
        } else {
            c
        });
    }
    text
}
