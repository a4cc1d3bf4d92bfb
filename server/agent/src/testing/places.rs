//! Places: which file of the workspace a runner means by a path. Where several could be meant, none is.

use workspace::RelPath;

/// The file: that very path, or the only one that ends with it, or the only one that it ends with.
pub fn resolve<'a>(files: &'a [RelPath], path: &str) -> Option<&'a RelPath> {
    let path = path.replace('\\', "/");
    let path = path.trim_start_matches("./");
    if let Some(exact) = files.iter().find(|file| file.as_str() == path) {
        return Some(exact);
    }
    let ends = |whole: &str, tail: &str| {
        whole
            .strip_suffix(tail)
            .is_some_and(|head| head.ends_with('/'))
    };
    let below = |file: &&RelPath| ends(file.as_str(), path);
    only(files.iter().filter(below)).or_else(|| {
        // The longest name that a path from elsewhere ends with is the nearest.
        let above = files.iter().filter(|file| ends(path, file.as_str()));
        let longest = above.clone().map(|file| file.as_str().len()).max();
        only(above.filter(|file| Some(file.as_str().len()) == longest))
    })
}

fn only<'a>(mut files: impl Iterator<Item = &'a RelPath>) -> Option<&'a RelPath> {
    let first = files.next()?;
    files.next().is_none().then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_file_or_nothing() {
        let names = [
            "a/x.go",
            "b/x.go",
            "a/y.go",
            "src/main/T.java",
            "t.py",
            "k/t.py",
        ];
        let files: Vec<RelPath> = names
            .iter()
            .map(|name| RelPath::new(name).unwrap())
            .collect();
        for (path, file) in [
            ("a/x.go", Some("a/x.go")),
            ("x.go", None),
            ("y.go", Some("a/y.go")),
            ("T.java", Some("src/main/T.java")),
            ("/elsewhere/k/t.py", Some("k/t.py")),
            ("./t.py", Some("t.py")),
            ("/usr/lib/none.py", None),
            ("", None),
        ] {
            let found = resolve(&files, path).map(RelPath::as_str);
            assert_eq!(found, file, "{path}");
        }
    }
}
