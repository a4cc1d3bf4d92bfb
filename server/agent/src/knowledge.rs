//! Knowledge: the index over the user's files as they are now, unsaved buffers included. It is built on the first search and
//! brought up to date on each, away from the runtime's threads; the first model request never waits for it.

use crate::config::ToolsConfig;
use parking_lot::Mutex;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use workspace::{Hash, Host, RelPath, Snapshot};

/// The index with what it was built from.
pub struct Knowledge {
    host: Arc<dyn Host>,
    limits: ToolsConfig,
    built: Arc<Mutex<Built>>,
}

#[derive(Default)]
struct Built {
    index: index::Index,
    seen: HashMap<RelPath, Hash>,
}

impl Knowledge {
    /// Nothing is read yet.
    pub fn new(host: Arc<dyn Host>, limits: ToolsConfig) -> Self {
        Self {
            host,
            limits,
            built: Arc::default(),
        }
    }

    /// The best regions for a query, over the files as they are now.
    pub async fn search(&self, query: &str, k: usize) -> Vec<index::Hit> {
        let query = query.to_owned();
        self.with(move |index| index.search(&index::Query::of(&query), k))
            .await
            .unwrap_or_default()
    }

    /// Runs `work` on the fresh index, off the runtime's threads. None if it panicked.
    pub async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&index::Index) -> T + Send + 'static,
    ) -> Option<T> {
        let (host, limits, built) = (self.host.clone(), self.limits.clone(), self.built.clone());
        let job = tokio::task::spawn_blocking(move || {
            let mut built = built.lock();
            built.refresh(&host, &limits);
            work(&built.index)
        });
        job.await.ok()
    }
}

impl Built {
    fn refresh(&mut self, host: &Arc<dyn Host>, limits: &ToolsConfig) {
        let Ok(files) = Snapshot::new(host.clone()).files() else {
            return;
        };
        let mut present = HashSet::new();
        for path in files.iter().take(limits.semantic_max_files) {
            let Ok(Some(content)) = host.read(path) else {
                continue;
            };
            if content.bytes.len() > limits.semantic_max_file_bytes {
                continue;
            }
            present.insert(path.clone());
            if self.seen.get(path) == Some(&content.hash) {
                continue;
            }
            if let Ok((text, _)) = content.decoded() {
                self.index.update(path.as_str(), &text);
                self.seen.insert(path.clone(), content.hash);
            }
        }
        let gone: Vec<RelPath> = self
            .seen
            .keys()
            .filter(|path| !present.contains(*path))
            .cloned()
            .collect();
        for path in gone {
            self.index.remove(path.as_str());
            self.seen.remove(&path);
        }
    }
}
