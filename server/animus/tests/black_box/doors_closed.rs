//! The door for programs is closed: what is asked for by pages, strangers and the unlucky is refused, and nothing hangs.

use crate::doors::{lines, talker};
use crate::interrupt::{ended, signal};
use crate::serve::{SERVE, Served, ask};
use crate::stage::{Stage, said};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(60);

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// What a server says to bytes, until it closes.
pub fn raw(address: &str, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    // It may answer, and close, before it has read all.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn pages_and_strange_hosts_are_refused_even_with_the_token() {
    let stage = talker("one", 0, &json!({"allowed_hosts": ["box.example"]}));
    let mut served = Served::of(&mut stage.animus(&SERVE));
    let here = served.address.clone();
    let port = here.rsplit(':').next().unwrap().to_owned();
    let head = |line: &str, fields: &str| {
        format!(
            "{line}\r\nAuthorization: Bearer {}\r\nConnection: close\r\n{fields}\r\n",
            served.token
        )
    };
    let get = "GET /tools/schemas HTTP/1.1";
    let host = format!("Host: {here}\r\n");
    for (line, fields, code) in [
        (get, host.clone(), 200),
        (get, format!("Host: LOCALHOST:{port}\r\n"), 200),
        (get, format!("Host: [::1]:{port}\r\n"), 200),
        (get, format!("Host: box.example:{port}\r\n"), 200),
        (get, "Host: box.example\r\n".into(), 421),
        (get, "Host: localhost\r\n".into(), 421),
        (get, format!("Host: evil.example:{port}\r\n"), 421),
        (get, format!("Host: localhost.evil.example:{port}\r\n"), 421),
        (get, format!("{host}Host: evil.example\r\n"), 421),
        (get, String::new(), 421),
        (
            "GET http://evil.example/tools/schemas HTTP/1.1",
            host.clone(),
            421,
        ),
        (get, format!("{host}Origin: http://{here}\r\n"), 403),
        (get, format!("{host}Origin: null\r\n"), 403),
        (get, format!("{host}Sec-Fetch-Site: cross-site\r\n"), 403),
        (
            "GET /healthz HTTP/1.1",
            format!("{host}Origin: https://evil.example\r\n"),
            403,
        ),
        (
            "OPTIONS /agent/run HTTP/1.1",
            format!(
                "{host}Origin: https://evil.example\r\nAccess-Control-Request-Method: POST\r\n"
            ),
            403,
        ),
        (
            "POST /connect.agent.v1.AgentService/RunTask HTTP/1.1",
            format!("{host}Origin: null\r\nContent-Type: application/json\r\n"),
            403,
        ),
    ] {
        let answer = raw(&here, head(line, &fields).as_bytes());
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {code} ")),
            "{line} {fields}\n{answer}"
        );
        assert!(
            !answer.to_ascii_lowercase().contains("access-control-allow"),
            "{answer}"
        );
    }
    let form = format!(
        "POST /agent/run HTTP/1.1\r\nAuthorization: Bearer {}\r\n{host}Content-Type: text/plain\r\nContent-Length: 14\r\nConnection: close\r\n\r\n{{\"prompt\":\"x\"}}",
        served.token
    );
    let answer = raw(&here, form.as_bytes());
    assert!(answer.starts_with("HTTP/1.1 415"), "{answer}");
    let list = served.post("/agent/verb/task/list", "{}");
    assert!(list.contains("{\"tasks\":[]}"), "{list}");
    served.end();
}

#[test]
fn a_token_file_that_others_could_know_is_refused() {
    let stage = talker("one", 0, &json!({}));
    let mut served = Served::of(&mut stage.animus(&SERVE));
    served.end();
    let file = Path::new(&served.token_file).to_owned();
    let good = std::fs::read_to_string(&file).unwrap();
    let elsewhere = stage.home().join("token");
    let refused = |why: &str| {
        let serve = said(&mut stage.animus(&SERVE));
        assert!(
            serve.code == 11 && serve.out.is_empty() && serve.err.contains(why),
            "{why}: {}",
            serve.err
        );
    };
    for bits in [0o640, 0o604, 0o660, 0o666] {
        mode(&file, bits);
        refused("others than its owner");
    }
    mode(&file, 0o600);
    for none in [
        "short",
        &format!("{0}\n{0}", good.trim()),
        &format!("{}\u{e9}", good.trim()),
    ] {
        std::fs::write(&file, format!("{none}\n")).unwrap();
        refused("no token");
    }
    std::fs::write(&file, &good).unwrap();
    std::fs::hard_link(&file, stage.home().join("second")).unwrap();
    refused("second name");
    std::fs::remove_file(stage.home().join("second")).unwrap();
    let folder = file.parent().unwrap();
    mode(folder, 0o777);
    refused("its folder");
    mode(folder, 0o700);
    std::fs::remove_file(&file).unwrap();
    std::fs::write(&elsewhere, &good).unwrap();
    mode(&elsewhere, 0o600);
    std::os::unix::fs::symlink(&elsewhere, &file).unwrap();
    refused("a link");
    std::fs::remove_file(&file).unwrap();
    std::os::unix::fs::symlink(stage.home().join("nothing"), &file).unwrap();
    refused("a link");
    std::fs::remove_file(&file).unwrap();
    std::fs::create_dir(&file).unwrap();
    refused("no file");
    std::fs::remove_dir(&file).unwrap();
    let mut fresh = Served::of(&mut stage.animus(&SERVE));
    assert_ne!(fresh.token, good.trim());
    fresh.end();
}

#[test]
fn a_socket_file_serves_its_owner() {
    let stage = talker("one two", 0, &json!({}));
    let folder = stage.home().join("run");
    std::fs::create_dir(&folder).unwrap();
    mode(&folder, 0o700);
    let path = folder.join("animus.sock");
    let addr = format!("unix:{}", path.display());
    let serve = ["serve", "--json", "--addr", &addr];
    let mut served = Served::of(&mut stage.animus(&serve));
    assert_eq!(served.address, addr);
    assert_eq!(
        std::fs::symlink_metadata(&path)
            .unwrap()
            .permissions()
            .mode()
            & 0o777,
        0o600
    );
    let talk = |token: &str| {
        let mut stream = UnixStream::connect(&path).unwrap();
        let body = "{\"prompt\":\"Say something\"}";
        write!(stream, "POST /agent/run HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    assert!(talk("wrong").starts_with("HTTP/1.1 401"));
    let events = lines(&talk(&served.token));
    assert_eq!(events.last().unwrap()["update"]["reason"], "no_change");
    let second = said(&mut stage.animus(&serve));
    assert!(
        second.code == 11 && second.err.contains("another server"),
        "{}",
        second.err
    );
    served.end();
    assert!(!path.exists());
}

#[test]
fn other_machines_need_two_words_or_tls() {
    let stage = talker("one", 0, &json!({}));
    let bare = ["serve", "--json", "--addr", "0.0.0.0:0"];
    let refused = said(&mut stage.animus(&bare));
    assert!(
        refused.code == 11 && refused.err.contains("--allow-remote"),
        "{}",
        refused.err
    );
    let remote = [&bare[..], &["--allow-remote"]].concat();
    let refused = said(&mut stage.animus(&remote));
    assert!(
        refused.code == 11 && refused.err.contains("TLS"),
        "{}",
        refused.err
    );
    let insecure = [&remote[..], &["--insecure"]].concat();
    let mut served = Served::of(&mut stage.animus(&insecure));
    let port = served.address.rsplit(':').next().unwrap().to_owned();
    let here = format!("127.0.0.1:{port}");
    assert!(ask(&here, "GET /tools/schemas HTTP/1.1", "").starts_with("HTTP/1.1 401"));
    assert!(ask(&here, &served.head("GET", "/tools/schemas"), "").starts_with("HTTP/1.1 200"));
    served.end();
}

/// A certificate for this machine in the stage's home, and what trusts it.
fn certificate(stage: &Stage) -> (Value, rustls::ClientConfig) {
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    let [cert, key] = ["cert.pem", "key.pem"].map(|name| stage.home().join(name));
    std::fs::write(&cert, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    mode(&key, 0o600);
    let mut roots = rustls::RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let client = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (json!({"cert_file": cert, "key_file": key}), client)
}

#[test]
fn tls_is_spoken_where_the_files_are_named() {
    let stage = talker("one two", 0, &json!({}));
    let (tls, client) = certificate(&stage);
    let config = std::fs::read_to_string(stage.home().join(".config/animus/config.yaml")).unwrap();
    let mut config: Value = serde_json::from_str(&config).unwrap();
    config["server"] = json!({ "tls": tls });
    stage.configure(&config.to_string());

    let mut served = Served::of(&mut stage.animus(&SERVE));
    let address = served.address.trim_start_matches("https://").to_owned();
    let name = rustls::pki_types::ServerName::try_from("127.0.0.1").unwrap();
    let connection = rustls::ClientConnection::new(Arc::new(client), name).unwrap();
    let mut stream = rustls::StreamOwned::new(connection, TcpStream::connect(&address).unwrap());
    let body = "{\"prompt\":\"Say something\"}";
    let (head, length) = (served.head("POST", "/agent/run"), body.len());
    write!(stream, "{head}\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert_eq!(
        lines(&answer).last().unwrap()["update"]["reason"],
        "no_change"
    );
    let plain = raw(
        &address,
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
    );
    assert!(!plain.contains("HTTP/1.1"), "{plain}");
    served.end();

    mode(&stage.home().join("key.pem"), 0o644);
    let refused = said(&mut stage.animus(&SERVE));
    assert!(
        refused.code == 11 && refused.err.contains("key_file"),
        "{}",
        refused.err
    );
}

#[test]
fn what_is_too_large_or_too_slow_is_let_go() {
    let stage = talker("one two three", 4_000, &json!({"idle_seconds": 1}));
    let mut served = Served::of(&mut stage.animus(&SERVE));
    let here = served.address.clone();
    let head = |length: usize| {
        format!(
            "{}\r\nHost: {here}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n",
            served.head("POST", "/agent/run")
        )
    };
    let mut large = head(9 << 20).into_bytes();
    large.resize(large.len() + (9 << 20), b' ');
    let answer = raw(&here, &large);
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    let long = format!(
        "GET /healthz HTTP/1.1\r\nHost: {here}\r\nX: {}\r\n\r\n",
        "x".repeat(100_000)
    );
    let answer = raw(&here, long.as_bytes());
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    // Half a head, a body that never comes, half a greeting of HTTP/2, and nothing at all: each is closed, none is waited for.
    for half in ["GET /healthz HTTP/1.1\r\nHost: ", "PRI * HTTP/2.0\r\n", ""] {
        let answer = raw(&here, half.as_bytes());
        assert!(!answer.contains("200"), "{half}: {answer}");
    }
    // Who never shows the token is let go too, however busy the connection is.
    let mut stranger = TcpStream::connect(&here).unwrap();
    stranger.set_read_timeout(Some(LONG)).unwrap();
    let begun = Instant::now();
    let ask = format!("GET /healthz HTTP/1.1\r\nHost: {here}\r\n\r\n");
    while stranger.write_all(ask.as_bytes()).is_ok()
        && stranger.read(&mut [0; 4096]).is_ok_and(|read| read > 0)
    {
        assert!(begun.elapsed() < LONG, "a stranger was never let go");
        std::thread::sleep(Duration::from_millis(50));
    }
    // A task that says nothing for longer than that is not cut.
    let body = "{\"prompt\":\"Say something\"}";
    let answer = raw(&here, format!("{}{body}", head(body.len())).as_bytes());
    assert_eq!(
        lines(&answer).last().unwrap()["update"]["reason"],
        "no_change"
    );
    signal(&served.child, "-INT");
    assert_eq!(ended(&mut served.child, LONG), 0);
}

#[test]
fn ndjson_alone_leaves_the_services_out() {
    for (transport, code) in [("ndjson", 404), ("connect", 200)] {
        let stage = talker("one", 0, &json!({ "transport": transport }));
        let mut served = Served::of(&mut stage.animus(&SERVE));
        let answer = served.post("/animus.v1.AgentService/Call", "{\"verb\":\"status\"}");
        assert!(answer.starts_with(&format!("HTTP/1.1 {code}")), "{answer}");
        served.end();
    }
}

#[test]
fn the_proto_files_come_out_of_the_program() {
    let stage = Stage::empty();
    let serve = said(&mut stage.animus(&["serve", "--proto", "protos"]));
    assert_eq!(serve.code, 0, "{}", serve.err);
    assert!(
        stage
            .read("protos/connect/agent/v1/agent.proto")
            .contains("rpc RunTask")
    );
    assert!(
        stage
            .read("protos/animus/v1/agent.proto")
            .contains("rpc Follow")
    );
    assert!(stage.root().join("protos/animus.protoset").exists());
}
