//! Defined: the names that files define, by number, and which files define each; a name that no file defines any more is
//! forgotten (I1).

use serde::{Deserialize, Serialize};

use crate::interner::Interner;

/// Names by number, with the numbers of the files that define them.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Defined {
    names: Interner,
    /// By number of the name: file numbers, sorted, once for each definition.
    files: Vec<Vec<u32>>,
}

impl Defined {
    /// The numbers of the files that define `name`, sorted, each once.
    pub(crate) fn files(&self, name: &str) -> Vec<u32> {
        let number = self.names.get(name);
        let mut files = number
            .and_then(|number| self.files.get(number as usize))
            .cloned()
            .unwrap_or_default();
        files.dedup();
        files
    }

    /// The name with this number.
    pub(crate) fn name(&self, number: u32) -> &str {
        self.names.text(number)
    }

    /// Every name with the count of its definitions, in no order.
    pub(crate) fn names(&self) -> impl Iterator<Item = (&str, usize)> {
        self.names.numbers().map(|number| {
            let files = self.files.get(number as usize);
            (self.names.text(number), files.map_or(0, Vec::len))
        })
    }

    /// Notes that `file` defines `name`; returns the name's number.
    pub(crate) fn add(&mut self, file: u32, name: &str) -> u32 {
        let number = self.names.intern(name);
        if self.files.len() < self.names.bound() {
            self.files.resize_with(self.names.bound(), Vec::new);
        }
        if let Some(files) = self.files.get_mut(number as usize) {
            let at = files.partition_point(|&it| it < file);
            files.insert(at, file);
        }
        number
    }

    /// Takes away one definition of the name with this number in `file`.
    pub(crate) fn remove(&mut self, file: u32, number: u32) {
        let Some(files) = self.files.get_mut(number as usize) else {
            return;
        };
        if let Ok(at) = files.binary_search(&file) {
            files.remove(at);
        }
        if files.is_empty() {
            *files = Vec::new();
            self.names.forget(number);
        }
    }

    /// Gives back memory that growing took in advance.
    pub(crate) fn shrink(&mut self) {
        self.names.shrink();
        self.files.iter_mut().for_each(Vec::shrink_to_fit);
        self.files.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i1_names_come_and_go_with_their_files() {
        let mut defined = Defined::default();
        let numbers: Vec<u32> = ["a", "b", "a"].map(|name| defined.add(2, name)).into();
        let one = defined.add(1, "a");
        assert_eq!(defined.files("a"), [1, 2]);
        assert_eq!(defined.files("b"), [2]);
        assert_eq!(defined.name(one), "a");
        for number in numbers {
            defined.remove(2, number);
        }
        assert_eq!(defined.files("a"), [1]);
        defined.remove(1, one);
        assert_eq!(defined.names().count(), 0);
    }
}
