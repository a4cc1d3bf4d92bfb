//! Addresses: which URI is which path of the workspace. A document that is open keeps the URI that the client gave it;
//! what is no `file:` URI below the root has no path here and is kept out.

use std::collections::{BTreeMap, HashMap};
use std::str::FromStr;

use camino::{Utf8Path, Utf8PathBuf};
use lsp_types::Uri;
use parking_lot::RwLock;
use workspace::{RelPath, Root};

/// The book of one workspace.
#[derive(Debug)]
pub struct Addresses {
    root: Root,
    /// The root as the client writes it, without a slash at the end.
    shown: String,
    open: RwLock<BTreeMap<RelPath, String>>,
    /// The same the other way round: asked at each change of a document.
    known: RwLock<HashMap<String, RelPath>>,
}

impl Addresses {
    /// The book of the workspace at a URI.
    ///
    /// # Errors
    /// Says what is wrong with the URI or the folder.
    pub fn open(uri: &str) -> Result<Addresses, String> {
        let path = to_path(uri)
            .ok_or_else(|| format!("the workspace folder `{uri}` is not a local folder"))?;
        let root = Root::open(&path).map_err(|error| error.to_string())?;
        Ok(Addresses {
            root,
            shown: uri.trim_end_matches('/').to_owned(),
            open: RwLock::default(),
            known: RwLock::default(),
        })
    }

    /// The workspace's folder.
    pub fn root(&self) -> &Root {
        &self.root
    }

    /// The path of a URI, if it is ours. A file has one path, though a link among the folders above it gives it several names:
    /// the agent must find the buffer of what it reads.
    pub fn path(&self, uri: &str) -> Option<RelPath> {
        if let Some(path) = self.known.read().get(uri) {
            return Some(path.clone());
        }
        let path = to_path(uri)?;
        let real = path
            .parent()
            .and_then(|folder| folder.canonicalize_utf8().ok());
        let real = real
            .zip(path.file_name())
            .map(|(folder, name)| folder.join(name));
        match real {
            Some(real) => self.root.relative(&real),
            None => self.root.relative(&path),
        }
    }

    /// The URI of a path: the client's own while the document is open.
    pub fn uri(&self, path: &RelPath) -> String {
        if let Some(uri) = self.open.read().get(path) {
            return uri.clone();
        }
        let encoded = Uri::from_file_path(Utf8Path::new("/").join(path.as_str()));
        let tail = encoded.as_ref().map_or(path.as_str(), |uri| {
            uri.as_str().trim_start_matches("file:///")
        });
        format!("{}/{tail}", self.shown)
    }

    /// The client opened a document under this URI.
    pub fn opened(&self, path: RelPath, uri: &str) {
        self.known.write().insert(uri.to_owned(), path.clone());
        self.open.write().insert(path, uri.to_owned());
    }

    /// The client closed it.
    pub fn closed(&self, path: &RelPath) {
        if let Some(uri) = self.open.write().remove(path) {
            self.known.write().remove(&uri);
        }
    }
}

/// The absolute path of a `file:` URI on this machine.
pub fn to_path(uri: &str) -> Option<Utf8PathBuf> {
    let uri = Uri::from_str(uri).ok()?;
    let local = uri
        .authority()
        .is_none_or(|authority| matches!(authority.host(), "" | "localhost"));
    if !uri.scheme().as_str().eq_ignore_ascii_case("file") || !(local || cfg!(windows)) {
        return None;
    }
    let path = uri.to_file_path()?.into_owned();
    Utf8PathBuf::from_path_buf(path)
        .ok()
        .filter(|path| path.is_absolute())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_map_to_paths_below_the_root_only() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Uri::from_file_path(dir.path()).unwrap().as_str().to_owned();
        let addresses = Addresses::open(&format!("{folder}/")).unwrap();
        for (tail, expected) in [
            ("/src/a.rs", Some("src/a.rs")),
            ("/sp%20ace/%C3%BC.rs", Some("sp ace/ü.rs")),
            ("/%2e%2e/x", None),
            ("/.git/config", None),
            ("", None),
        ] {
            let path = addresses.path(&format!("{folder}{tail}"));
            assert_eq!(path.as_ref().map(RelPath::as_str), expected, "{tail}");
            if let Some(path) = path {
                assert_eq!(addresses.uri(&path), format!("{folder}{tail}"));
            }
        }
        for outside in [
            "untitled:Untitled-1",
            "file:///etc/passwd",
            "git:/a.rs",
            "file://host/a",
            "no uri at all",
            "a.rs",
            "",
        ] {
            assert_eq!(addresses.path(outside), None, "{outside}");
        }
    }

    #[test]
    #[cfg(unix)]
    #[allow(clippy::disallowed_methods, reason = "the links are made here")]
    fn a_file_has_one_path_whatever_link_leads_to_it() {
        let dir = tempfile::tempdir().unwrap();
        let real = dir.path().join("real");
        std::fs::create_dir_all(real.join("folder")).unwrap();
        std::os::unix::fs::symlink(&real, dir.path().join("alias")).unwrap();
        std::os::unix::fs::symlink(real.join("folder"), real.join("link")).unwrap();
        let uri = |path: &str| {
            Uri::from_file_path(dir.path().join(path))
                .unwrap()
                .as_str()
                .to_owned()
        };
        let addresses = Addresses::open(&uri("real")).unwrap();
        for (name, expected) in [
            ("alias/a", "a"),
            ("real/link/b", "folder/b"),
            ("alias/folder/b", "folder/b"),
        ] {
            let path = addresses.path(&uri(name)).unwrap();
            assert_eq!(path.as_str(), expected);
            addresses.opened(path.clone(), &uri(name));
            assert_eq!(
                addresses.uri(&path),
                uri(name),
                "it keeps the client's name"
            );
            addresses.closed(&path);
        }
    }

    #[test]
    fn an_open_document_keeps_the_uri_of_the_client() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Uri::from_file_path(dir.path()).unwrap().as_str().to_owned();
        let addresses = Addresses::open(&folder).unwrap();
        let odd = format!("{folder}/a%2Db.rs");
        let path = addresses.path(&odd).unwrap();
        addresses.opened(path.clone(), &odd);
        assert_eq!(addresses.uri(&path), odd);
        addresses.closed(&path);
        assert_eq!(addresses.uri(&path), format!("{folder}/a-b.rs"));
    }
}
