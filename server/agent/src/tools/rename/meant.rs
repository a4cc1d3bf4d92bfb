//! Meant: whether the uses of a name in a file are of one definition, as far as imports tell. A file of another language, or one
//! that has the name from somewhere else, means another thing by it; where it cannot be told, it does too.

use index::{Language, ReferenceKind, Use};

/// What a file says of where its names come from.
pub(super) struct Reader<'t> {
    /// The file that uses the name.
    pub path: &'t str,
    /// Its text.
    pub text: &'t str,
}

/// Languages whose files use each other's names.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    Script,
    Python,
    Rust,
    /// The files of a folder have each other's names without an import.
    Package(Language),
    Other,
}

fn family(path: &str, text: &str) -> Family {
    match Language::of_text(path, text) {
        Language::JavaScript | Language::TypeScript | Language::Tsx => Family::Script,
        Language::Python => Family::Python,
        Language::Rust => Family::Rust,
        language @ (Language::Go | Language::Java | Language::Kotlin) => Family::Package(language),
        _ => Family::Other,
    }
}

impl Reader<'_> {
    /// Whether all of these uses, which are all that the file has of the name, are of what the file at `home` defines.
    pub(super) fn means(&self, uses: &[&Use], home: Reader<'_>) -> bool {
        if self.path == home.path {
            // The file's own definition, unless it has the name from elsewhere too.
            return !uses.iter().any(|it| it.kind == ReferenceKind::Import)
                || self.all_lead(uses, &home, family(self.path, self.text));
        }
        let family = family(self.path, self.text);
        if family != self::family(home.path, home.text) {
            return false;
        }
        match family {
            Family::Package(_) => {
                folder(self.path) == folder(home.path)
                    && uses.iter().all(|it| it.kind != ReferenceKind::Import)
            }
            Family::Other => false,
            _ => {
                uses.iter().any(|it| it.kind == ReferenceKind::Import)
                    && self.all_lead(uses, &home, family)
            }
        }
    }

    fn all_lead(&self, uses: &[&Use], home: &Reader<'_>, family: Family) -> bool {
        let mut imports = uses.iter().filter(|it| it.kind == ReferenceKind::Import);
        imports.all(|it| self.leads(it, home, family).unwrap_or(false))
    }

    /// Whether one import is of the file at `home`; `None` where it does not say.
    fn leads(&self, it: &Use, home: &Reader<'_>, family: Family) -> Option<bool> {
        let start: usize = self
            .text
            .split_inclusive('\n')
            .take((it.line as usize).checked_sub(1)?)
            .map(str::len)
            .sum();
        let (before, behind) = (
            self.text.get(..start + it.column as usize)?,
            self.text.get(start + it.end_column as usize..)?,
        );
        match family {
            Family::Script => {
                let module = quoted(behind)?;
                let wanted = stem(home.path);
                let place = joined(folder(self.path), module)?;
                let is = |path: &str| path == wanted || format!("{path}/index") == wanted;
                Some(is(&place) || is(stem(&place)))
            }
            Family::Python => {
                let statement = before.lines().rfind(|line| {
                    let line = line.trim_start();
                    line.starts_with("from ") || line.starts_with("import ")
                })?;
                let module = statement.trim_start().strip_prefix("from ")?;
                let module = module.split_whitespace().next()?;
                Some(is_python(module, self.path, home.path))
            }
            Family::Rust => {
                let statement = &before[before.rfind("use ")? + "use ".len()..];
                (!statement.contains(';')).then_some(())?;
                let path = statement.trim();
                let is_own = ["crate::", "super::", "self::"]
                    .iter()
                    .any(|root| path.starts_with(root));
                // What stands before the name or before the braces that it is in.
                let outer = path.split('{').next()?.trim_end_matches("::");
                let module = outer.rsplit("::").next()?;
                let is_flat = path.matches('{').count() <= 1;
                let root = |path: &str| path.find("src/").map(|at| path[..at].to_owned());
                Some(
                    is_own
                        && is_flat
                        && module == module_of(home.path)
                        && root(self.path) == root(home.path),
                )
            }
            _ => None,
        }
    }
}

fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// The path without its end; `.d.ts` is one.
fn stem(path: &str) -> &str {
    let path = path.strip_suffix(".d.ts").unwrap_or(path);
    match path.rsplit_once('.') {
        Some((stem, end)) if !end.contains('/') && !stem.is_empty() && !stem.ends_with('/') => stem,
        _ => path,
    }
}

/// The first string of a statement.
fn quoted(text: &str) -> Option<&str> {
    let at = text.find(['\'', '"', '`'])?;
    if text[..at].contains(';') {
        return None;
    }
    let quote = text[at..].chars().next()?;
    text[at + 1..].split(quote).next()
}

/// A relative path from a folder; `None` for what is none, as packages are.
fn joined(folder: &str, relative: &str) -> Option<String> {
    if !relative.starts_with("./") && !relative.starts_with("../") {
        return None;
    }
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in relative.split('/') {
        match part {
            "." | "" => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// Whether a module's name, written in the file at `from`, is the file at `home`. A name without dots before it may begin at
/// any folder above both.
fn is_python(module: &str, from: &str, home: &str) -> bool {
    let home = stem(home);
    let home = home.strip_suffix("/__init__").unwrap_or(home);
    let name = module.trim_start_matches('.');
    let steps = module.len() - name.len();
    let name = name.replace('.', "/");
    if steps == 0 {
        let roots = std::iter::successors(Some(folder(from)), |at| {
            (!at.is_empty()).then(|| folder(at))
        });
        return roots.into_iter().any(|root| match root {
            "" => home == name || home == format!("src/{name}"),
            root => home == format!("{root}/{name}"),
        });
    }
    let mut root = folder(from);
    for _ in 1..steps {
        if root.is_empty() {
            return false;
        }
        root = folder(root);
    }
    let parts = [root, &name].into_iter().filter(|part| !part.is_empty());
    home == parts.collect::<Vec<_>>().join("/")
}

/// The module of a file of Rust by its last name.
fn module_of(path: &str) -> &str {
    let stem = stem(path);
    match stem.strip_suffix("/mod") {
        Some(folder) => folder.rsplit('/').next().unwrap_or(folder),
        None => stem.rsplit('/').next().unwrap_or(stem),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether the uses of `total` in a file mean what the file at `home` defines.
    fn means(path: &str, text: &str, home: &str) -> bool {
        let uses: Vec<Use> = index::references(path, text, "total")
            .into_iter()
            .map(|it| Use {
                path: path.to_owned(),
                line: it.line,
                column: it.column_bytes,
                end_column: it.end_column_bytes,
                kind: it.kind,
                within: None,
                text: String::new(),
            })
            .collect();
        assert!(!uses.is_empty(), "{text}");
        let home = Reader {
            path: home,
            text: "",
        };
        let uses: Vec<&Use> = uses.iter().collect();
        Reader { path, text }.means(&uses, home)
    }

    #[test]
    fn imports_tell_whose_name_it_is() {
        for (path, text, home, is) in [
            ("b.ts", "import { total } from './a';\n", "a.ts", true),
            (
                "w/b.ts",
                "import {\n  x,\n  total,\n} from \"../a.js\";\ntotal(1);\n",
                "a.ts",
                true,
            ),
            (
                "b.js",
                "import { total } from './lib'\ntotal(1)\n",
                "lib/index.ts",
                true,
            ),
            (
                "b.ts",
                "import { total } from 'yaml';\ntotal(1);\n",
                "yaml.ts",
                false,
            ),
            ("b.ts", "import { total } from './other';\n", "a.ts", false),
            ("b.ts", "import { total } from './x/a';\n", "a.ts", false),
            ("b.ts", "total(1);\n", "a.ts", false),
            ("a.ts", "import { total } from 'yaml';\n", "a.ts", false),
            ("a.ts", "total(1);\n", "a.ts", true),
            ("b.js", "import { total } from './a'\n", "a.py", false),
            ("b.py", "from a import x, total\ntotal(2)\n", "a.py", true),
            (
                "p/b.py",
                "from .a import (\n    x,\n    total,\n)\n",
                "p/a.py",
                true,
            ),
            ("p/q/b.py", "from ..a import total\n", "p/a.py", true),
            ("tests/b.py", "from p.a import total\n", "src/p/a.py", true),
            ("b.py", "from p import total\n", "p/__init__.py", true),
            (
                "b.py",
                "from pandas import total\ntotal(2)\n",
                "a.py",
                false,
            ),
            (
                "b.py",
                "from a import x\nfrom pandas import total\n",
                "a.py",
                false,
            ),
            ("b.py", "import total\n", "a.py", false),
            (
                "src/b.rs",
                "use crate::a::{x, total};\nfn f() { total(); }\n",
                "src/a.rs",
                true,
            ),
            ("src/b.rs", "use crate::a::total;\n", "src/a/mod.rs", true),
            ("src/b.rs", "use serde::total;\n", "src/serde.rs", false),
            ("src/b.rs", "use crate::c::total;\n", "src/a.rs", false),
            ("y/src/b.rs", "use crate::a::total;\n", "x/src/a.rs", false),
            (
                "p/b.go",
                "package p\n\nfunc f() { total() }\n",
                "p/a.go",
                true,
            ),
            (
                "q/b.go",
                "package q\n\nfunc f() { total() }\n",
                "p/a.go",
                false,
            ),
            ("b.lua", "print(total(1))\n", "a.lua", false),
        ] {
            assert_eq!(means(path, text, home), is, "{path} of {home}: {text}");
        }
    }
}
