//! Bodies however they were cut, and what is no answer.

use super::*;

const EVENTS: &str = "\u{feff}: hello\n\ndata: {\"a\":\"żółw 🐢\"}\n\nevent: x\nid: 7\ndata:{\"b\":\ndata: 2}\n\n: ping\n\ndata: {\"c\":3}\n\ndata: [DONE]\n\n";

async fn read(chunks: Vec<Vec<u8>>) -> Result<Vec<Value>, Error> {
    let chunks = stream::iter(chunks.into_iter().map(|chunk| Ok(Bytes::from(chunk))));
    let idle = Duration::from_secs(5);
    let mut values = Vec::new();
    match open(guarded(chunks, "p", (idle, idle)), "p", idle).await? {
        Body::Json(value) => values.push(value),
        Body::Events(events) => {
            let take = |value: &Value| {
                values.push(value.clone());
                Ok(Step::Progress)
            };
            events.drain(take).await?;
        }
    }
    Ok(values)
}

#[tokio::test]
async fn events_are_the_same_wherever_the_bytes_are_cut() {
    let whole = read(vec![EVENTS.into()]).await.unwrap();
    assert_eq!(whole.len(), 3);
    assert_eq!(whole[0]["a"], "żółw 🐢");
    for newline in ["\n", "\r\n", "\r"] {
        let text = EVENTS.replace('\n', newline);
        let bytes = text.as_bytes();
        for at in 0..=bytes.len() {
            let cut = vec![bytes[..at].to_vec(), bytes[at..].to_vec()];
            assert_eq!(read(cut).await.unwrap(), whole, "{newline:?} cut at {at}");
        }
        let single = bytes.iter().map(|byte| vec![*byte]).collect();
        assert_eq!(
            read(single).await.unwrap(),
            whole,
            "{newline:?} byte by byte"
        );
    }
}

#[tokio::test]
async fn what_is_no_answer_is_a_clear_error() {
    for (bytes, says) in [
        (&b""[..], "it is empty"),
        (b" \r\n ", "it is empty"),
        (b"\xEF\xBB\xBF", "it is empty"),
        (b"{\"choices\":", "JSON is not valid"),
        (b"<!doctype html><p>Login", "HTML page"),
        (b"data: {\"a\":\n\n", "not valid JSON"),
        (b"data: \xff\xfe\n\n", "no event stream"),
    ] {
        let error = read(vec![bytes.to_vec()]).await.unwrap_err();
        assert!(error.to_string().contains(says), "{bytes:?}: {error}");
    }
    assert_eq!(
        read(vec![b"data: {\"a\":1}".to_vec()]).await.unwrap().len(),
        1,
        "no empty line at the end"
    );
}

#[tokio::test]
async fn an_answer_without_end_is_cut() {
    for (start, piece, says) in [
        (
            &b"data: "[..],
            vec![b'x'; 1 << 20],
            "an event is larger than 4 MiB",
        ),
        (b": ", vec![b'x'; 1 << 20], "an event is larger than 4 MiB"),
        (b"[\"", vec![b'x'; 1 << 20], "it is larger than 8 MiB"),
        (b"", vec![b' '; 1 << 20], "it is larger than 32 MiB"),
        (
            b"",
            b"data: {}\r\n\r\n".repeat(100_000),
            "it is larger than 32 MiB",
        ),
        (
            b"",
            b": alive\n".repeat(100_000),
            "it is larger than 32 MiB",
        ),
    ] {
        let chunks = std::iter::once(start.to_vec()).chain(std::iter::repeat_n(piece, 50));
        let error = read(chunks.collect()).await.unwrap_err();
        assert!(error.to_string().contains(says), "{error}");
    }
}
