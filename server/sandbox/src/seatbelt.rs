//! `Seatbelt`: a view as a profile for macOS's `sandbox-exec`.
//!
//! Invariant: the profile denies by default; what is hidden is denied last, and of two rules the later one counts. Unverified: the
//! text is tested, no macOS has run it.

use std::io;

use camino::{Utf8Path, Utf8PathBuf};

use crate::view::{Network, View};

/// Folders of the system that any program may read.
const SYSTEM: [&str; 13] = [
    "/System",
    "/Library/Apple",
    "/Library/Developer",
    "/Library/Java",
    "/Library/Preferences",
    "/usr",
    "/bin",
    "/sbin",
    "/opt",
    "/private/etc",
    "/private/var/db/dyld",
    "/private/var/db/timezone",
    "/private/var/select",
];

/// What a program needs to live, its files aside.
const LIFE: &str = "\
(version 1)
(deny default)
(allow process-exec)
(allow process-fork)
(allow process-info* (target same-sandbox))
(allow signal (target same-sandbox))
(allow sysctl-read)
(allow ipc-posix-sem)
(allow ipc-posix-shm)
(allow pseudo-tty)
(allow mach-lookup
  (global-name \"com.apple.system.opendirectoryd.libinfo\")
  (global-name \"com.apple.system.notification_center\")
  (global-name \"com.apple.system.logger\"))
(allow file-read-metadata)
(allow file-read-data (literal \"/\"))
(allow file-read* file-write* file-ioctl
  (literal \"/dev/null\") (literal \"/dev/zero\") (literal \"/dev/random\") (literal \"/dev/urandom\")
  (literal \"/dev/ptmx\") (regex #\"^/dev/ttys[0-9]+$\") (regex #\"^/dev/fd/[0-9]+$\"))
";

/// What the network needs beyond sockets.
const NETWORK: &str = "\
(allow network* (remote ip) (local ip))
(allow network-outbound (literal \"/private/var/run/mDNSResponder\"))
(allow system-socket)
(allow mach-lookup
  (global-name \"com.apple.trustd.agent\")
  (global-name \"com.apple.SystemConfiguration.configd\"))
";

/// The profile of a view.
///
/// # Errors
/// A path holds a control character: the profile's language has no safe way to write it.
pub(crate) fn profile(view: &View) -> io::Result<String> {
    let system = SYSTEM.map(Utf8PathBuf::from);
    let readable = system.iter().chain(&view.readable);
    let mut text = LIFE.to_owned();
    rule(&mut text, "allow file-read*", readable)?;
    rule(&mut text, "allow file-read* file-write*", &view.writable)?;
    // Sockets with a path: the command's own, and nobody else's.
    let own = "allow network-bind network-inbound network-outbound";
    rule(&mut text, own, &view.writable)?;
    if view.network == Network::Host {
        text.push_str(NETWORK);
    }
    let hidden = "deny file-read* file-write* network*";
    rule(&mut text, hidden, &view.hidden)?;
    Ok(text)
}

/// `sandbox-exec` with the profile, by its absolute path.
#[cfg(target_os = "macos")]
pub(crate) fn command(
    view: &View,
    program: &Utf8Path,
    arguments: &[String],
) -> io::Result<std::process::Command> {
    let mut command = std::process::Command::new("/usr/bin/sandbox-exec");
    command.args(["-p", &profile(view)?]);
    command.arg(program).args(arguments);
    Ok(command)
}

/// Whether a shell under a profile runs, and cannot write outside.
#[cfg(target_os = "macos")]
pub(crate) fn holds() -> io::Result<()> {
    let tmp = crate::tmp::Tmp::new()?;
    let victim = tmp.path().join("victim");
    std::fs::write(&victim, "precious")?;
    let view = View {
        readable: vec![tmp.path().to_owned()],
        writable: Vec::new(),
        masked: Vec::new(),
        hidden: Vec::new(),
        cwd: "/".into(),
        network: Network::Off,
        processes: 64,
        file_bytes: 1 << 20,
        memory_bytes: 64 << 20,
        cpu_seconds: 60,
    };
    let line = "cat \"$0\" || exit 1; (echo x > \"$0\") 2>/dev/null; exit 7";
    let arguments = ["-c", line, victim.as_str()].map(str::to_owned);
    let status = command(&view, Utf8Path::new("/bin/sh"), &arguments)?
        .env_clear()
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .status()?;
    let intact = std::fs::read(&victim).is_ok_and(|bytes| bytes == b"precious");
    match (status.code(), intact) {
        (Some(7), true) => Ok(()),
        (_, false) => Err(io::Error::other("the probe wrote a file outside")),
        (code, true) => Err(io::Error::other(format!("the probe died: {code:?}"))),
    }
}

/// One rule over folders and files; none, where there are none.
fn rule<'p>(
    text: &mut String,
    head: &str,
    paths: impl IntoIterator<Item = &'p Utf8PathBuf>,
) -> io::Result<()> {
    let mut filters = String::new();
    for path in paths {
        filters.push_str(&format!("\n  (subpath {})", quoted(path)?));
    }
    if !filters.is_empty() {
        text.push_str(&format!("({head}{filters})\n"));
    }
    Ok(())
}

/// A string of the profile's language.
fn quoted(path: &Utf8Path) -> io::Result<String> {
    if path.as_str().contains(char::is_control) {
        let error = format!("{path:?}: a path with a control character cannot be confined");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, error));
    }
    let escaped = path.as_str().replace('\\', "\\\\").replace('"', "\\\"");
    Ok(format!("\"{escaped}\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view() -> View {
        View {
            readable: vec!["/Users/a/ws".into()],
            writable: vec!["/Users/a/state/scratch".into()],
            masked: Vec::new(),
            hidden: vec!["/Users/a/ws/.env".into()],
            cwd: "/Users/a/ws".into(),
            network: Network::Off,
            processes: 1,
            file_bytes: 1,
            memory_bytes: 1,
            cpu_seconds: 1,
        }
    }

    #[test]
    fn files_are_allowed_by_roots_and_hidden_ones_denied_last() {
        let text = profile(&view()).unwrap();
        let rules = text.strip_prefix(LIFE).unwrap();
        let rules = rules.split_once("select\")\n").unwrap().1;
        expect_test::expect![[r#"
              (subpath "/Users/a/ws"))
            (allow file-read* file-write*
              (subpath "/Users/a/state/scratch"))
            (allow network-bind network-inbound network-outbound
              (subpath "/Users/a/state/scratch"))
            (deny file-read* file-write* network*
              (subpath "/Users/a/ws/.env"))
        "#]]
        .assert_eq(rules);
    }

    #[test]
    fn the_network_is_open_only_where_the_view_says_so() {
        let closed = profile(&view()).unwrap();
        assert!(
            !closed.contains("ip)") && !closed.contains("mDNS"),
            "{closed}"
        );
        let open = View {
            network: Network::Host,
            ..view()
        };
        assert!(profile(&open).unwrap().contains(NETWORK));
    }

    #[test]
    fn nothing_is_written_outside_the_writable_roots() {
        let read_only = View {
            writable: Vec::new(),
            ..view()
        };
        let text = profile(&read_only).unwrap();
        let writes: Vec<&str> = text
            .split("\n(")
            .filter(|rule| rule.starts_with("allow") && rule.contains("file-write"))
            .collect();
        assert!(
            writes.len() == 1 && writes[0].contains("/dev/null"),
            "{writes:?}"
        );
        assert!(text.contains("(deny default)") && !text.contains("(allow default)"));
    }

    proptest::proptest! {
        /// No name can end its string and begin a rule of its own.
        #[test]
        fn a_path_stays_one_string(name in "[a\"\\\\()\n ]{0,24}") {
            let readable = vec![Utf8PathBuf::from(format!("/{name}"))];
            let Ok(text) = profile(&View { readable, ..view() }) else {
                assert!(name.contains('\n'));
                return Ok(());
            };
            let (mut inside, mut escaped, mut depth) = (false, false, 0i32);
            for c in text.chars() {
                match (inside, escaped, c) {
                    (true, true, _) => escaped = false,
                    (true, false, '\\') => escaped = true,
                    (_, _, '"') => inside = !inside,
                    (false, _, '(') => depth += 1,
                    (false, _, ')') => depth -= 1,
                    _ => {}
                }
                assert!(depth >= 0);
            }
            assert!(!inside && depth == 0);
        }
    }
}
