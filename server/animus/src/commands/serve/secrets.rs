//! Secrets: the token's file and the key's. A file that others could read or have put there is refused, never mended in silence.

use camino::{Utf8Path, Utf8PathBuf};
use protocol::{Code, Failure};
use rpc::Keys;
use sandbox::Tree;
use std::os::unix::fs::MetadataExt;

/// Name of the token's file in the state folder.
const TOKEN: &str = "serve.token";

/// Fewest characters of a token.
const SHORTEST: usize = 32;

/// The workspace's token and the file it is in; made on first use.
///
/// # Errors
/// `config` for a file that is a link or has a second name, that is somebody else's or readable by others, that lies where others
/// can write, or that holds no token; `io`.
pub fn token(state: &Tree) -> Result<(String, Utf8PathBuf), Failure> {
    let path = state.path().join(TOKEN);
    let io = |error: std::io::Error| {
        Failure::new(Code::Io, format!("{path}: {error}"))
            .hint("set ANIMUS_STATE_DIR to a folder that can be written")
    };
    match std::fs::symlink_metadata(&path) {
        Ok(found) => {
            private(&found)
                .and_then(|()| alone(&found, state))
                .map_err(|why| mistrusted(&path, why))?;
            let bytes = state.read(TOKEN).map_err(io)?;
            let text = String::from_utf8(bytes).unwrap_or_default();
            let token = text.trim();
            // What a header could not carry would refuse everybody.
            let visible = token.bytes().all(|byte| byte.is_ascii_graphic());
            match visible && token.len() >= SHORTEST {
                true => Ok((token.to_owned(), path)),
                false => Err(mistrusted(&path, "it holds no token")),
            }
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            // Two random ids: 244 random bits.
            let token = format!(
                "{}{}",
                uuid::Uuid::new_v4().simple(),
                uuid::Uuid::new_v4().simple()
            );
            state
                .write(TOKEN, format!("{token}\n").as_bytes(), Some(0o600))
                .map_err(io)?;
            Ok((token, path))
        }
        Err(error) => Err(io(error)),
    }
}

/// The files that `server.tls` names, if it names any.
///
/// # Errors
/// `config` for one file without the other, one that cannot be read, and a key that others can read.
pub fn keys(tls: &rpc::Tls) -> Result<Option<Keys>, Failure> {
    let (certificates, key) = match (&tls.cert_file, &tls.key_file) {
        (None, None) => return Ok(None),
        (Some(certificates), Some(key)) => (Utf8Path::new(certificates), Utf8Path::new(key)),
        _ => {
            return Err(Failure::new(
                Code::Config,
                "server.tls needs both cert_file and key_file",
            ));
        }
    };
    let found = std::fs::metadata(key).map_err(|error| unreadable(key, &error))?;
    private(&found).map_err(|why| {
        Failure::new(Code::Config, format!("server.tls.key_file {key}: {why}"))
            .hint(format!("chmod 600 {key}"))
    })?;
    Ok(Some(Keys {
        certificates: read(certificates)?,
        key: read(key)?,
    }))
}

fn read(path: &Utf8Path) -> Result<Vec<u8>, Failure> {
    let (Some(folder), Some(name), true) = (path.parent(), path.file_name(), path.is_absolute())
    else {
        return Err(Failure::new(
            Code::Config,
            format!("server.tls: {path} is no absolute path of a file"),
        ));
    };
    let bytes = Tree::open(folder).and_then(|folder| folder.read(name));
    bytes.map_err(|error| unreadable(path, &error))
}

fn unreadable(path: &Utf8Path, error: &std::io::Error) -> Failure {
    Failure::new(Code::Config, format!("server.tls: {path}: {error}"))
}

/// Whether a file is a plain one of ours that nobody else can read or write; else why not.
fn private(found: &std::fs::Metadata) -> Result<(), &'static str> {
    if found.is_symlink() {
        return Err("it is a link, so somebody else may have chosen what it holds");
    }
    if !found.is_file() {
        return Err("it is no file");
    }
    if found.uid() != rustix::process::geteuid().as_raw() {
        return Err("it belongs to somebody else");
    }
    match found.mode() & 0o077 {
        0 => Ok(()),
        _ => Err("others than its owner can read or write it"),
    }
}

/// Whether nobody else could put the file there or keep a name of it.
fn alone(found: &std::fs::Metadata, state: &Tree) -> Result<(), &'static str> {
    if found.nlink() > 1 {
        return Err("it has a second name, so somebody else may have chosen what it holds");
    }
    let folder = std::fs::metadata(state.path().as_std_path());
    match folder.map(|folder| folder.mode() & 0o022) {
        Ok(0) => Ok(()),
        _ => Err("others than its owner can write in its folder"),
    }
}

fn mistrusted(path: &Utf8Path, why: &str) -> Failure {
    Failure::new(
        Code::Config,
        format!("the token file {path} is not trusted: {why}"),
    )
    .hint("remove it; a new one is made at the next start")
}
