//! What somebody outside adds to a search: nearness in meaning, and guessed words.

use index::{Genre, Hit, Index, Query, Signal};

fn index() -> Index {
    let mut index = Index::new();
    for (path, text) in [
        (
            "net/retry.rs",
            "/// Asks again.\npub fn retry_request(times: u32) -> bool {\n    times > 0\n}\n",
        ),
        (
            "net/socket.rs",
            "/// Opens a socket.\npub fn open_socket(port: u16) -> bool {\n    port > 0\n}\n\n#[cfg(test)]\nmod tests {\n    fn opens() {}\n}\n",
        ),
        (
            "ui/colour.rs",
            "/// Paints a button.\npub fn paint(colour: u32) -> u32 {\n    colour\n}\n",
        ),
        ("README.md", "How to retry a request, and paint.\n"),
    ] {
        index.update(path, text);
    }
    index
}

/// Bits of every score, so that equal means equal.
fn told(hits: &[Hit]) -> Vec<(String, u32, u64, Vec<String>)> {
    let one = |hit: &Hit| {
        (
            hit.path.clone(),
            hit.start,
            hit.score.to_bits(),
            hit.why.clone(),
        )
    };
    hits.iter().map(one).collect()
}

#[test]
fn without_vectors_answers_are_exactly_as_before() {
    let index = index();
    let nothing = |_: &str, _: u32, _: u32| None;
    let wrong = |_: &str, _: u32, _: u32| Some(f32::NAN);
    let same = |_: &str, _: u32, _: u32| Some(0.7);
    let strong = |path: &str, _: u32, _: u32| Some(if path == "ui/colour.rs" { 1.0 } else { 0.0 });
    for words in [
        "retry the request",
        "open a socket",
        "paint_button colour",
        "zebra",
    ] {
        let plain = told(&index.search(&Query::of(words), 20));
        let off = Query::of(words)
            .meaning(&strong)
            .without(&[Signal::Meaning]);
        for query in [
            Query::of(words).meaning(&nothing),
            Query::of(words).meaning(&wrong),
            // What is equally near to all says nothing.
            Query::of(words).meaning(&same),
            Query::of(words).also(""),
            off,
        ] {
            assert_eq!(told(&index.search(&query, 20)), plain, "{words}");
        }
    }
}

#[test]
fn what_is_near_is_found_without_a_common_word() {
    let index = index();
    let meaning = |path: &str, _: u32, _: u32| match path {
        "ui/colour.rs" => Some(0.9),
        "net/retry.rs" => Some(0.2),
        _ => None,
    };
    let words = "tint the widget";
    assert!(index.search(&Query::of(words), 5).is_empty());
    let hits = index.search(&Query::of(words).meaning(&meaning), 5);
    assert_eq!(hits.len(), 1, "{hits:?}");
    assert_eq!(hits[0].path, "ui/colour.rs");
    assert_eq!(hits[0].why, ["meaning: near to what is asked"]);
    // Two that share the word: the nearer one wins.
    let near = |wanted: &'static str| {
        move |path: &str, _: u32, _: u32| Some(if path == wanted { 0.8 } else { 0.1 })
    };
    for wanted in ["net/retry.rs", "net/socket.rs"] {
        let hits = index.search(&Query::of("net").meaning(&near(wanted)), 5);
        assert_eq!(hits[0].path, wanted);
    }
}

#[test]
fn guessed_words_find_more_and_leave_the_asked_ones_their_weight() {
    let index = index();
    let words = "repeat the call";
    assert!(index.search(&Query::of(words), 5).is_empty());
    let hits = index.search(&Query::of(words).also("retry_request retry"), 5);
    assert_eq!(hits[0].path, "net/retry.rs");
    // A guess that repeats the question changes nothing.
    let words = "open_socket port";
    let plain = told(&index.search(&Query::of(words), 20));
    let query = Query::of(words).also("port port open_socket");
    assert_eq!(told(&index.search(&query, 20)), plain);
    let hits = index.search(&Query::of(words).also("paint"), 20);
    assert_eq!(hits[0].path, "net/socket.rs");
}

#[test]
fn pieces_say_what_they_are() {
    let index = index();
    let genres = |path: &str| -> Vec<Genre> {
        let pieces = index.pieces(path);
        pieces.iter().map(|piece| piece.genre).collect()
    };
    assert_eq!(genres("net/socket.rs"), [Genre::Code, Genre::Test]);
    assert_eq!(genres("README.md"), [Genre::Prose]);
    assert!(genres("none.rs").is_empty());
    let pieces = index.pieces("net/socket.rs");
    assert_eq!((pieces[0].start, pieces[0].end), (1, 4));
}
