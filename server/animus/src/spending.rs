//! Spending: where the ledger of what models cost is kept: a file for each local day in the state folder that all workspaces share.

use crate::print;
use llm::Ledger;
use sandbox::{Kind, Tree};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const FOLDER: &str = "spending";

/// Days that are kept.
const KEPT: usize = 62;

/// The ledger below a state folder. What cannot be written is said once; it still counts in this process.
pub fn ledger(home: Arc<Tree>) -> Ledger {
    let reader = home.clone();
    let load = move |day: &str, offset: u64| {
        let bytes = reader.read(&path(day)).unwrap_or_default();
        let from = usize::try_from(offset).map_or(bytes.len(), |offset| offset.min(bytes.len()));
        bytes[from..].to_vec()
    };
    let silent = AtomicBool::new(false);
    let append = move |day: &str, text: &str| {
        let first = matches!(home.stat(&path(day)), Ok(None));
        let written = home
            .append(&path(day))
            .and_then(|mut file| file.write_all(text.as_bytes()));
        match written {
            Ok(()) if first => prune(&home),
            Ok(()) => {}
            Err(error) if !silent.swap(true, Ordering::Relaxed) => print::warning(&format!(
                "warning: what models cost cannot be written down ({error}); budget.day_usd counts this process alone"
            )),
            Err(_) => {}
        }
    };
    Ledger::new(Box::new(load), Box::new(append))
}

fn path(day: &str) -> String {
    format!("{FOLDER}/{day}.ndjson")
}

/// The oldest days go; that one stays too long is no harm.
fn prune(home: &Tree) {
    let files = home.entries(FOLDER).unwrap_or_default();
    let days: Vec<String> = files
        .into_iter()
        .filter(|(name, kind)| *kind == Kind::File && name.ends_with(".ndjson"))
        .map(|(name, _)| name)
        .collect();
    for old in &days[..days.len().saturating_sub(KEPT)] {
        let _ = home.remove(&format!("{FOLDER}/{old}"));
    }
}
