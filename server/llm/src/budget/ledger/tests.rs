//! A day's file: shared, torn, written by others, and carried over a restart.

use std::{
    sync::{Arc, Barrier},
    thread,
};

use super::*;

/// Stands for the folder of day files: every append is atomic, as one `write` to a file opened for appending is.
type Files = Arc<Mutex<HashMap<String, Vec<u8>>>>;

fn open(files: &Files, day: &Arc<Mutex<String>>) -> Ledger {
    let (read, write, day) = (Arc::clone(files), Arc::clone(files), Arc::clone(day));
    Ledger::with_clock(
        Box::new(move |day, offset| {
            let files = read.lock();
            let bytes = files.get(day).map_or(&[][..], Vec::as_slice);
            bytes
                .get(usize::try_from(offset).unwrap()..)
                .unwrap_or_default()
                .to_vec()
        }),
        Box::new(move |day, text| {
            write
                .lock()
                .entry(day.to_owned())
                .or_default()
                .extend_from_slice(text.as_bytes());
        }),
        Box::new(move || day.lock().clone()),
    )
}

/// What is spent.
fn spent(ledger: &Ledger) -> u64 {
    ledger.standing().spent
}

fn refused(spent: u64, limit: u64, is_held_up: bool) -> Refused {
    Refused {
        spent,
        limit,
        is_held_up,
    }
}

fn stage() -> (Files, Arc<Mutex<String>>) {
    (
        Files::default(),
        Arc::new(Mutex::new("2026-01-02".to_owned())),
    )
}

#[test]
fn spending_survives_a_restart_and_a_crash() {
    let (files, day) = stage();
    let first = open(&files, &day);
    let ticket = first.reserve(100, Some(1000)).unwrap();
    first.settle(ticket, 40);
    let running = first.reserve(300, Some(1000)).unwrap();
    let other = open(&files, &day);
    let seen = other.standing();
    assert_eq!(
        (seen.spent, seen.held),
        (40, 300),
        "what is under way is not spent"
    );
    assert_eq!(
        other.reserve(661, Some(1000)).unwrap_err(),
        refused(40, 1000, true)
    );
    drop((running, first, other));
    // As if another process had written it, which is over.
    let text = String::from_utf8(files.lock()["2026-01-02"].clone()).unwrap();
    let own = format!("\"pid\":{}", std::process::id());
    let text = text.replace(&own, "\"pid\":4294967295");
    files.lock().insert("2026-01-02".to_owned(), text.into());
    let second = open(&files, &day);
    let standing = |raised| Standing {
        spent: 340,
        held: 0,
        raised,
    };
    assert_eq!(
        second.standing(),
        standing(0),
        "what was never settled stays spent"
    );
    assert_eq!(
        second.reserve(661, Some(1000)).unwrap_err(),
        refused(340, 1000, false)
    );
    second.raise(1);
    assert_eq!(open(&files, &day).standing(), standing(1));
    assert!(second.reserve(661, Some(1000)).is_ok());
    *day.lock() = "2026-01-03".to_owned();
    assert_eq!(spent(&second), 0, "a new day");
}

#[test]
fn a_call_over_midnight_counts_on_the_day_on_which_it_began() {
    let (files, day) = stage();
    let ledger = open(&files, &day);
    let ticket = ledger.reserve(100, None).unwrap();
    *day.lock() = "2026-01-03".to_owned();
    assert_eq!(spent(&ledger), 0);
    ledger.settle(ticket, 7);
    assert_eq!(spent(&ledger), 0);
    *day.lock() = "2026-01-02".to_owned();
    assert_eq!(spent(&open(&files, &day)), 7);
}

#[test]
fn lines_that_cannot_be_read_are_skipped_and_swallow_none() {
    let (files, day) = stage();
    let text = "{\"id\":\"a\",\"pid\":1,\"reserve\":5}\n{\"id\":\"b\",\"pid\":1,\"reserve\":-5}\nhello\n\n\u{1}\u{2}\n{\"id\":\"c\",\"pid\":1,\"dance\":5}\n\
        {\"id\":\"a\",\"pid\":1,\"settle\":3,\"note\":\"from a newer version\"}\n{\"id\":\"z\",\"pid\":9,\"settle\":2}\n{\"id\":\"d\",\"pid\":1,\"reser";
    files.lock().insert("2026-01-02".to_owned(), text.into());
    files
        .lock()
        .get_mut("2026-01-02")
        .unwrap()
        .splice(0..0, *b"\xff\xfe\n");
    let ledger = open(&files, &day);
    assert_eq!(spent(&ledger), 5);
    let ticket = ledger.reserve(10, Some(15)).unwrap();
    assert_eq!((spent(&ledger), ledger.standing().held), (5, 10));
    ledger.settle(ticket, 1);
    assert_eq!(spent(&ledger), 6);
    assert_eq!(spent(&open(&files, &day)), 6, "behind the torn line");
}

#[test]
fn processes_do_not_share_the_last_cent() {
    for _ in 0..30 {
        let (files, day) = stage();
        let start = Barrier::new(6);
        let won = thread::scope(|scope| {
            let runs: Vec<_> = (0..6)
                .map(|_| {
                    scope.spawn(|| {
                        let ledger = open(&files, &day);
                        start.wait();
                        ledger.reserve(400, Some(1000)).is_ok()
                    })
                })
                .collect();
            runs.into_iter()
                .map(|run| run.join().unwrap())
                .filter(|won| *won)
                .count()
        });
        assert!((1..=2).contains(&won), "{won}");
        assert_eq!(open(&files, &day).standing().held, 400 * won as u64);
    }
}

#[test]
fn a_file_that_cannot_be_written_is_still_counted_here() {
    let ledger = Ledger::in_memory();
    let ticket = ledger.reserve(60, Some(100)).unwrap();
    assert_eq!(
        ledger.reserve(60, Some(100)).unwrap_err(),
        refused(0, 100, true)
    );
    ledger.settle(ticket, 10);
    assert!(ledger.reserve(60, Some(100)).is_ok());
}
