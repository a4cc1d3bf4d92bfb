//! The cap of a day: shared by processes, kept over a restart, and waited for where others only hold it.

use std::{
    io::{Read, Seek, SeekFrom, Write},
    sync::Arc,
    time::{Duration, Instant},
};

use llm::{Chunk, Error, Ledger, Models, Role, Scope};
use testkit::http::{Answer, Server, Step};
use tokio_util::sync::CancellationToken;

use crate::{
    ask::{ask, request},
    budget::{answer, models},
};

/// A ledger over files, as the product has it.
#[allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "the sandbox crate writes in the product"
)]
fn ledger(folder: &std::path::Path) -> Arc<Ledger> {
    let (from, to) = (folder.to_owned(), folder.to_owned());
    let load = move |day: &str, offset: u64| {
        let mut bytes = Vec::new();
        if let Ok(mut file) = std::fs::File::open(from.join(day)) {
            file.seek(SeekFrom::Start(offset)).unwrap();
            file.read_to_end(&mut bytes).unwrap();
        }
        bytes
    };
    let append = move |day: &str, text: &str| {
        let mut options = std::fs::OpenOptions::new();
        let mut file = options
            .append(true)
            .create(true)
            .open(to.join(day))
            .unwrap();
        file.write_all(text.as_bytes()).unwrap();
    };
    Arc::new(Ledger::new(Box::new(load), Box::new(append)))
}

#[tokio::test]
async fn the_day_is_shared_by_processes_and_survives_a_restart() {
    let server = Server::start(vec![answer()]);
    let folder = tempfile::tempdir().unwrap();
    let open = || {
        models(
            &server.url(),
            "strategy: {default_model: dear}\nbudget: {day_usd: 0.54}",
        )
        .with_ledger(ledger(folder.path()))
    };
    let (one, two) = (open(), open());
    ask(&one).await.0.unwrap();
    ask(&two).await.0.unwrap();
    assert_eq!(one.spent().day, 30_000);
    let restarted = open();
    let error = ask(&restarted).await.0.unwrap_err();
    assert_eq!(
        error,
        Error::Budget {
            scope: Scope::Day,
            limit: 540_000,
            spent: 30_000
        }
    );
    two.raise(Scope::Day, 100_000);
    ask(&restarted).await.0.unwrap();
    assert_eq!(
        (restarted.spent().run, open().spent().day),
        (15_000, 45_000)
    );
}

/// Answers after a while.
fn slow() -> Server {
    Server::with(|_, _| {
        let mut slow = Answer::default().then(Step::Pause(Duration::from_millis(700)));
        slow.steps.extend(answer().steps);
        slow
    })
}

/// One attempt fits, two do not.
fn process(server: &Server, folder: &std::path::Path) -> Models {
    let rest = "strategy: {default_model: dear}\nbudget: {day_usd: 0.56}";
    models(&server.url(), rest).with_ledger(ledger(folder))
}

#[tokio::test]
async fn money_that_another_call_only_holds_is_waited_for() {
    let (server, folder) = (slow(), tempfile::tempdir().unwrap());
    let (one, two) = (
        process(&server, folder.path()),
        process(&server, folder.path()),
    );
    let first = tokio::spawn(async move { ask(&one).await });
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(two.spent().day, 0, "nothing is spent yet");
    let (reply, heard) = ask(&two).await;
    assert_eq!(reply.unwrap().model, "p/dear");
    assert_eq!(heard, ["retry", "text Hi"]);
    // What was held has caused no warning.
    assert_eq!(first.await.unwrap().1, ["text Hi"]);
    assert_eq!(two.spent().day, 30_000);
}

#[tokio::test]
async fn who_waits_for_money_can_give_up() {
    let (server, folder) = (slow(), tempfile::tempdir().unwrap());
    let (one, two) = (
        process(&server, folder.path()),
        process(&server, folder.path()),
    );
    let first = tokio::spawn(async move { ask(&one).await });
    tokio::time::sleep(Duration::from_millis(200)).await;
    let cancel = CancellationToken::new();
    let token = cancel.clone();
    let mut hear = |chunk: Chunk<'_>| {
        if let Chunk::Retry { wait, .. } = chunk {
            assert!(wait <= Duration::from_secs(60));
            token.cancel();
        }
    };
    let began = Instant::now();
    let asked = request("Hello");
    let reply = two.complete(Role::Coder, None, &asked, &cancel, &mut hear);
    assert_eq!(reply.await, Err(Error::Cancelled));
    assert!(began.elapsed() < Duration::from_millis(400));
    first.await.unwrap().0.unwrap();
}
