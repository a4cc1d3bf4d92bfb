//! Listen: the address and its socket. Loopback and socket files are open by default; every other address needs a word for it, and
//! TLS or another word.

use crate::config::Config;
use crate::guard::Hosts;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener, UnixStream};

/// Why the door cannot open.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is no address.
    #[error("server.addr `{0}` is neither host:port nor unix:/path; use 127.0.0.1:7777")]
    Address(String),
    /// The address can be reached from other machines.
    #[error(
        "server.addr `{0}` is open to other machines; use a loopback address such as 127.0.0.1:7777, or say --allow-remote (server.allow_remote: true)"
    )]
    Open(SocketAddr),
    /// Other machines would be spoken to in plain text.
    #[error(
        "server.addr `{0}` is open to other machines and has no TLS: the token could be read on the way; set server.tls.cert_file and key_file, or say --insecure"
    )]
    Plain(SocketAddr),
    /// The socket file cannot be made safely.
    #[error("server.addr `unix:{path}`: {why}")]
    Socket {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The certificate or key is none.
    #[error("server.tls: {0}")]
    Tls(String),
    /// The system refused.
    #[error("cannot listen on {addr}: {source}; is another server running there?")]
    Listen {
        /// The address.
        addr: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A defect of ours.
    #[error("the server could not be put together: {0}")]
    Internal(String),
}

/// Whether the token may go over the network as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wiretap {
    /// No: other machines need TLS.
    Refused,
    /// A person said so.
    Accepted,
}

/// Where to listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A port.
    Tcp(SocketAddr),
    /// A socket file.
    Unix(PathBuf),
}

/// A bound socket. The file of a socket goes with it.
pub enum Socket {
    /// A port.
    Tcp(TcpListener),
    /// A socket file.
    Unix(UnixListener, PathBuf),
}

/// A connection of either kind.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send + 'static> Stream for T {}

/// The address of a configuration, if it may be listened on.
///
/// # Errors
/// Text that is no address; other machines without the words for it.
pub fn address(config: &Config, wiretap: Wiretap) -> Result<Address, Error> {
    let text = config.addr.trim();
    if let Some(path) = text.strip_prefix("unix:") {
        return match path.starts_with('/') {
            true => Ok(Address::Unix(PathBuf::from(path))),
            false => Err(Error::Address(text.to_owned())),
        };
    }
    let full = match text.strip_prefix("localhost:") {
        Some(port) => format!("127.0.0.1:{port}"),
        None if text.starts_with(':') => format!("127.0.0.1{text}"),
        None => text.to_owned(),
    };
    let addr: SocketAddr = full.parse().map_err(|_| Error::Address(text.to_owned()))?;
    let encrypted = config.tls.cert_file.is_some();
    match (addr.ip().is_loopback(), config.allow_remote) {
        (true, _) => Ok(Address::Tcp(addr)),
        (false, false) => Err(Error::Open(addr)),
        (false, true) if !encrypted && wiretap == Wiretap::Refused => Err(Error::Plain(addr)),
        (false, true) => Ok(Address::Tcp(addr)),
    }
}

impl Socket {
    /// Binds.
    ///
    /// # Errors
    /// What the system says; a socket file that is somebody's.
    pub async fn bind(address: &Address) -> Result<Socket, Error> {
        match address {
            Address::Tcp(addr) => {
                let bound = TcpListener::bind(addr).await;
                bound.map(Socket::Tcp).map_err(|source| Error::Listen {
                    addr: addr.to_string(),
                    source,
                })
            }
            Address::Unix(path) => unix(path).await,
        }
    }

    /// Where it listens, as a client would write it.
    ///
    /// # Errors
    /// What the system says.
    pub fn name(&self, scheme: &str) -> std::io::Result<String> {
        match self {
            Socket::Tcp(listener) => Ok(format!("{scheme}://{}", listener.local_addr()?)),
            Socket::Unix(_, path) => Ok(format!("unix:{}", path.display())),
        }
    }

    /// Whether other machines can reach it.
    pub fn is_remote(&self) -> bool {
        match self {
            Socket::Tcp(listener) => listener
                .local_addr()
                .is_ok_and(|addr| !addr.ip().is_loopback()),
            Socket::Unix(..) => false,
        }
    }

    /// Which host names requests may ask for.
    ///
    /// # Errors
    /// What the system says.
    pub fn hosts(&self, config: &Config) -> std::io::Result<Hosts> {
        let mut names: Vec<String> = ["127.0.0.1", "[::1]", "localhost"]
            .map(str::to_owned)
            .to_vec();
        names.extend(config.allowed_hosts.iter().cloned());
        let addr = match self {
            Socket::Tcp(listener) => Some(listener.local_addr()?),
            Socket::Unix(..) => None,
        };
        names.extend(addr.map(|addr| match addr.ip() {
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => format!("[{ip}]"),
        }));
        Ok(Hosts {
            names,
            port: addr.map(|addr| addr.port()),
            default_port: match config.tls.cert_file {
                Some(_) => 443,
                None => 80,
            },
            any_address: self.is_remote(),
        })
    }

    /// The next connection. Safe to drop while waiting.
    ///
    /// # Errors
    /// What the system says; most of it passes.
    pub async fn accept(&self) -> std::io::Result<Box<dyn Stream>> {
        match self {
            Socket::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                // Small frames go out at once.
                let _ = stream.set_nodelay(true);
                Ok(Box::new(stream))
            }
            Socket::Unix(listener, _) => Ok(Box::new(listener.accept().await?.0)),
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if let Socket::Unix(_, path) = self {
            let _ = rustix::fs::unlink(path.as_path());
        }
    }
}

async fn unix(path: &Path) -> Result<Socket, Error> {
    let wrong = |why: String| Error::Socket {
        path: path.to_owned(),
        why,
    };
    let me = rustix::process::geteuid().as_raw();
    let folder = path.parent().unwrap_or(path);
    let ours = std::fs::metadata(folder).map_err(|error| wrong(error.to_string()))?;
    if ours.uid() != me || ours.mode() & 0o022 != 0 {
        let why = "its folder must be yours, and nobody else may write there";
        return Err(wrong(why.to_owned()));
    }
    if let Ok(old) = std::fs::symlink_metadata(path) {
        if !old.file_type().is_socket() || old.uid() != me {
            return Err(wrong("something else lies there".to_owned()));
        }
        if UnixStream::connect(path).await.is_ok() {
            return Err(wrong("another server listens there".to_owned()));
        }
        rustix::fs::unlink(path).map_err(|error| wrong(error.to_string()))?;
    }
    let bind = || -> rustix::io::Result<OwnedFd> {
        use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket =
            rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
        // The file gets the mode of the socket, so that nobody can connect before a later change of mode.
        rustix::fs::fchmod(&socket, rustix::fs::Mode::from_raw_mode(0o600))?;
        rustix::net::bind(&socket, &SocketAddrUnix::new(path)?)?;
        rustix::net::listen(&socket, 1024)?;
        Ok(socket)
    };
    let listener = bind()
        .map_err(std::io::Error::from)
        .and_then(|socket| UnixListener::from_std(std::os::unix::net::UnixListener::from(socket)));
    listener
        .map(|listener| Socket::Unix(listener, path.to_owned()))
        .map_err(|error| wrong(error.to_string()))
}

#[cfg(test)]
#[allow(
    clippy::disallowed_methods,
    reason = "tests lay files where the socket would be"
)]
mod tests {
    use super::*;
    use crate::config::Tls;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn other_machines_need_a_word_and_tls_or_another_word() {
        let judge = |addr: &str, allow_remote, tls: bool, wiretap| {
            let config = Config {
                addr: addr.to_owned(),
                allow_remote,
                tls: Tls {
                    cert_file: tls.then(|| "cert.pem".to_owned()),
                    key_file: tls.then(|| "key.pem".to_owned()),
                },
                ..Config::default()
            };
            address(&config, wiretap)
        };
        for good in [
            ":7777",
            "localhost:1",
            "[::1]:80",
            "127.9.9.9:1",
            "unix:/run/a.sock",
        ] {
            assert!(
                judge(good, false, false, Wiretap::Refused).is_ok(),
                "{good}"
            );
        }
        for bad in [
            "nonsense",
            "unix:a.sock",
            "",
            "localhost",
            "evil.localhost:1",
        ] {
            let refused = judge(bad, true, true, Wiretap::Accepted);
            assert!(matches!(refused, Err(Error::Address(_))), "{bad}");
        }
        for remote in ["0.0.0.0:7777", "192.168.1.4:80", "[::]:1"] {
            let open = judge(remote, false, true, Wiretap::Accepted);
            assert!(matches!(open, Err(Error::Open(_))), "{remote}");
            let plain = judge(remote, true, false, Wiretap::Refused);
            assert!(matches!(plain, Err(Error::Plain(_))), "{remote}");
            assert!(judge(remote, true, true, Wiretap::Refused).is_ok());
            assert!(judge(remote, true, false, Wiretap::Accepted).is_ok());
        }
    }

    #[tokio::test]
    async fn what_is_listened_on_is_a_name_of_this_machine() {
        let config = Config {
            addr: "127.0.0.2:0".to_owned(),
            ..Config::default()
        };
        let address = address(&config, Wiretap::Refused).unwrap();
        let socket = Socket::bind(&address).await.unwrap();
        let hosts = socket.hosts(&config).unwrap();
        assert!(
            hosts.names.contains(&"127.0.0.2".to_owned()),
            "{:?}",
            hosts.names
        );
    }

    #[tokio::test]
    async fn a_socket_file_is_private_and_never_taken_from_a_living_server() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o700)).unwrap();
        let path = dir.path().join("a.sock");
        let first = unix(&path).await.unwrap();
        let mode = std::fs::symlink_metadata(&path).unwrap().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(matches!(unix(&path).await, Err(Error::Socket { .. })));
        drop(first);
        assert!(!path.exists());
        // What a killed server leaves behind.
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        drop(unix(&path).await.unwrap());
        std::fs::write(&path, "mine").unwrap();
        assert!(unix(&path).await.is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"mine");
        std::fs::remove_file(&path).unwrap();
        std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o777)).unwrap();
        assert!(unix(&path).await.is_err());
    }
}
