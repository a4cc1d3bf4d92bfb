//! Wire: messages as bytes and back.

use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt};

/// A message with its header.
pub(super) fn frame(message: &Value) -> Vec<u8> {
    let body = message.to_string();
    format!("Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// The answer to a request of the server.
pub(super) fn answer(id: &Value, result: Value) -> Vec<u8> {
    frame(&json!({ "jsonrpc": "2.0", "id": id, "result": result }))
}

/// The next message; `None` at the end. Panics on bytes that are no message: nothing else may come out of a server (X1).
pub(super) async fn read(pipe: &mut (impl AsyncRead + Unpin)) -> Option<Value> {
    let mut header = Vec::new();
    while !header.ends_with(b"\r\n\r\n") {
        header.push(pipe.read_u8().await.ok()?);
    }
    let header = String::from_utf8(header).expect("a header");
    let length = header
        .trim()
        .strip_prefix("Content-Length: ")
        .and_then(|length| length.parse().ok());
    let mut body = vec![0; length.unwrap_or_else(|| panic!("no header: {header:?}"))];
    pipe.read_exact(&mut body).await.ok()?;
    Some(serde_json::from_slice(&body).expect("JSON"))
}
