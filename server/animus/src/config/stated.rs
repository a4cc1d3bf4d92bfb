//! Stated: keys whose type any text fits, and whose meaning is judged here: the file's version, addresses, shares.

use super::tree::Node;
use super::{Problem, Settings, Version};

/// The first of them that is wrong.
pub fn wrong(tree: &Node, settings: &Settings) -> Option<Problem> {
    let problem = |path: &[&str], message: String| {
        let path: Vec<String> = path.iter().map(|part| (*part).to_owned()).collect();
        Problem {
            origin: tree
                .get(&path)
                .map_or_else(|| tree.origin_of(&path), |node| node.origin.clone()),
            key: path.join("."),
            message,
        }
    };
    if let Some(version) = settings.version.as_ref().and_then(other_version) {
        let message = format!("this program reads files of version 1, not {version}");
        return Some(problem(&["version"], message));
    }
    if let Some(message) = address(&settings.server.addr) {
        return Some(problem(&["server", "addr"], message));
    }
    let traces = &settings.telemetry;
    if let Some(endpoint) = traces
        .otlp_endpoint
        .as_deref()
        .filter(|url| !url.trim().is_empty())
        && let Err(error) = llm::Collector::new(endpoint, None)
    {
        let message = error.to_string();
        let message = message.replace("telemetry.otlp_endpoint ", "");
        return Some(problem(&["telemetry", "otlp_endpoint"], message));
    }
    (!(0.0..=100.0).contains(&traces.sample_percent)).then(|| {
        let message = format!("{} is not from 0 to 100", traces.sample_percent);
        problem(&["telemetry", "sample_percent"], message)
    })
}

/// The version, where it is not ours.
fn other_version(version: &Version) -> Option<String> {
    match version {
        Version::Number(1) => None,
        Version::Number(other) => Some(other.to_string()),
        Version::Text(text) => {
            let plain = text.trim().trim_start_matches(['v', 'V']);
            let ours = plain == "1" || plain.strip_prefix("1.").is_some_and(is_zeros);
            (!ours).then(|| format!("`{text}`"))
        }
    }
}

fn is_zeros(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| matches!(byte, b'0' | b'.'))
}

/// What is wrong with an address to listen on: `HOST:PORT`, `:PORT`, or the path of a socket.
fn address(addr: &str) -> Option<String> {
    if addr.starts_with("unix:") || addr.starts_with('/') {
        return None;
    }
    let wrong = |why: &str| {
        Some(format!(
            "`{addr}` is not HOST:PORT ({why}); use 127.0.0.1:7777"
        ))
    };
    let Some((host, port)) = addr.rsplit_once(':') else {
        return wrong("there is no port");
    };
    if port.parse::<u16>().is_err() || port.starts_with('+') {
        return wrong("the port is no number from 0 to 65535");
    }
    let bracketed = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    if let Some(inner) = bracketed {
        return match inner.parse::<std::net::Ipv6Addr>() {
            Ok(_) => None,
            Err(_) => wrong("what is in brackets is no IPv6 address"),
        };
    }
    // Digits and dots alone are meant as an IPv4 address.
    let as_v4 = !host.is_empty() && host.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    if as_v4 && host.parse::<std::net::Ipv4Addr>().is_err() {
        return wrong("the host is no IPv4 address");
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    match host.bytes().all(plain) {
        true => None,
        false if host.contains(':') => wrong("an IPv6 address stands in brackets: [::1]:7777"),
        false => wrong("the host is no name and no address"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_judged_by_their_form() {
        for good in [
            "127.0.0.1:7777",
            ":8080",
            "localhost:0",
            "[::1]:80",
            "0.0.0.0:65535",
            "build-1.lan:80",
            "unix:/run/animus.sock",
            "/run/animus.sock",
        ] {
            assert_eq!(address(good), None, "{good}");
        }
        for wrong in [
            "",
            "localhost",
            "127.0.0.1",
            "127.0.0.1:http",
            "127.0.0.1:65536",
            "127.0.0.1:-1",
            "127.0.0.1:+1",
            "256.1.1.1:80",
            "1.2.3:80",
            "::1:80",
            "[::zz]:80",
            "http://localhost:80",
            "a b:80",
        ] {
            assert!(address(wrong).is_some(), "{wrong}");
        }
    }

    #[test]
    fn only_version_1_is_read() {
        let text = |text: &str| Version::Text(text.to_owned());
        for good in [Version::Number(1), text("1"), text("1.0"), text("v1")] {
            assert_eq!(other_version(&good), None);
        }
        for other in [
            Version::Number(0),
            Version::Number(2),
            text("2"),
            text("1.1"),
            text(""),
            text("one"),
        ] {
            assert!(other_version(&other).is_some());
        }
    }
}
