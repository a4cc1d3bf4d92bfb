//! Defined: which files define a name; a name that no file defines any more is forgotten (I1).

use std::collections::HashMap;

/// File numbers by name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Defined {
    /// Sorted, each number once.
    by_name: HashMap<Box<str>, Vec<u32>>,
}

impl Defined {
    /// The numbers of the files that define `name`, in order of number.
    pub(crate) fn files(&self, name: &str) -> &[u32] {
        self.by_name.get(name).map_or(&[], Vec::as_slice)
    }

    /// Adds the names that `file` defines; a name may come more than once.
    pub(crate) fn add<'n>(&mut self, file: u32, names: impl Iterator<Item = &'n str>) {
        for name in names {
            match self.by_name.get_mut(name) {
                Some(files) => {
                    if let Err(at) = files.binary_search(&file) {
                        files.insert(at, file);
                    }
                }
                None => {
                    self.by_name.insert(name.into(), vec![file]);
                }
            }
        }
    }

    /// Takes away the names that `file` defined.
    pub(crate) fn remove<'n>(&mut self, file: u32, names: impl Iterator<Item = &'n str>) {
        for name in names {
            let Some(files) = self.by_name.get_mut(name) else {
                continue;
            };
            if let Ok(at) = files.binary_search(&file) {
                files.remove(at);
            }
            if files.is_empty() {
                self.by_name.remove(name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i1_names_come_and_go_with_their_files() {
        let mut defined = Defined::default();
        defined.add(2, ["a", "b", "a"].into_iter());
        defined.add(1, ["a"].into_iter());
        assert_eq!(defined.files("a"), [1, 2]);
        assert_eq!(defined.files("b"), [2]);
        defined.remove(2, ["a", "b", "a", "never"].into_iter());
        assert_eq!(defined.files("a"), [1]);
        defined.remove(1, ["a"].into_iter());
        assert!(defined.by_name.is_empty());
    }
}
