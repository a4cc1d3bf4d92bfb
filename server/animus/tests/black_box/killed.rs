//! Killed: `kill -9` of a server at random instants while it works on several tasks. Afterwards every session loads and resumes or
//! says why not, no process of a test lives on, and of each task the files are all old or all new.

use crate::daemon::{Daemon, SERVE, sessions};
use crate::interrupt::living;
use crate::run::{critic, plan};
use crate::stage::{Stage, said};
use serde_json::{Value, json};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use testkit::http::{Captured, ModelServer};

const TASKS: usize = 4;
/// Files that each task changes.
const FILES: usize = 3;
const PATIENCE: Duration = Duration::from_secs(60);

/// Numbers that look random (SplitMix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end.max(1)
    }
}

/// What the rounds came to.
#[derive(Debug, Default)]
struct Sum {
    rounds: usize,
    sessions: usize,
    /// Cut off, and brought to an end by `session resume`.
    resumed: usize,
    /// Cut off when the patch had landed, or before the request was there: `session resume` says so.
    reported: usize,
    /// Over before the kill.
    finished: usize,
    landed: usize,
    torn: usize,
}

#[test]
fn a_server_killed_fifteen_times() {
    eprintln!("{:?}", rounds(15, seed()));
}

#[test]
#[ignore = "minutes; `cargo xtask bench kills` runs it"]
fn a_server_killed_many_times() {
    let count = std::env::var("ANIMUS_KILLS").ok();
    let count = count.and_then(|text| text.parse().ok()).unwrap_or(100);
    println!("{:?}", rounds(count, seed()));
}

/// Of the clock, or as a failed run printed it.
fn seed() -> u64 {
    let given = std::env::var("ANIMUS_KILL_SEED").ok();
    let clock = || {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        u64::try_from(now.as_nanos() % u128::from(u64::MAX)).unwrap()
    };
    given
        .and_then(|text| text.parse().ok())
        .unwrap_or_else(clock)
}

fn rounds(count: usize, seed: u64) -> Sum {
    eprintln!("ANIMUS_KILL_SEED={seed}");
    let mut dice = Dice(seed);
    let mut sum = Sum::default();
    let whole = measured();
    for round in 0..count {
        // Half of them where tests run and patches land, which is the shorter part.
        let span = u64::try_from(whole.as_millis()).unwrap();
        let at = match round % 2 {
            0 => dice.below(span * 9 / 8),
            _ => span / 2 + dice.below(span * 5 / 8),
        };
        let at = Duration::from_millis(at);
        let told =
            format!("ANIMUS_KILL_SEED={seed}, round {round}, killed after {at:?} of {whole:?}");
        one(round, at, &told, &mut sum);
    }
    assert_eq!(sum.rounds, count);
    sum
}

/// How long the tasks take when nobody kills.
fn measured() -> Duration {
    let (stage, mark) = ground(9_999);
    let model = ModelServer::asked(turn);
    let daemon = Daemon::start(&mut stage.with_model(&model.base_url(), &SERVE));
    let begun = Instant::now();
    let readers: Vec<_> = (0..TASKS)
        .map(|task| start(&daemon, task).unwrap())
        .collect();
    for mut reader in readers {
        let mut last = Value::Null;
        while let Some(event) = reader.next() {
            last = event;
        }
        assert_eq!(last["update"]["reason"], "verified", "{last}");
    }
    let whole = begun.elapsed();
    gone(&mark, "measured");
    whole
}

fn start(daemon: &Daemon, task: usize) -> std::io::Result<crate::daemon::Reader> {
    daemon.task(
        &format!("Mend group {task}"),
        Some(&format!("sh check{task}.sh")),
    )
}

/// A workspace whose tests leave grandchildren that step out of their session, and the number that marks them.
fn ground(round: usize) -> (Stage, String) {
    let stage = Stage::empty();
    let mark = format!("88{round:04}{:07}", std::process::id());
    for task in 0..TASKS {
        for file in 0..FILES {
            stage.write(&format!("group{task}/file{file}.txt"), "old\nsame\n");
        }
        stage.write(
            &format!("check{task}.sh"),
            &format!(
                "(setsid sleep {mark} &)\n(sh -c 'sleep {mark}; true' &)\nsleep 0.1\ngrep -q new group{task}/file0.txt\n"
            ),
        );
    }
    (stage, mark)
}

/// What the model says to a request: by the newest task in it and what happened since.
fn turn(request: &Captured) -> Value {
    let body = request.json();
    if body["tools"].as_array().is_none_or(Vec::is_empty) {
        return json!({ "pause_ms": 60, "text": critic()["text"] });
    }
    let messages = body["messages"].as_array().cloned().unwrap_or_default();
    let text = |message: &Value| message["content"].to_string();
    let opening = messages
        .iter()
        .rposition(|message| message["role"] == "user" && text(message).contains("Mend group "))
        .unwrap_or_default();
    let words = text(&messages[opening]);
    let group = words.split("Mend group ").nth(1).unwrap_or_default();
    let group: String = group.chars().take_while(char::is_ascii_digit).collect();
    let since = &messages[opening + 1..];
    let kept = since
        .iter()
        .any(|message| text(message).contains("Your draft has all the edits"));
    let done = since.iter().any(|message| message["role"] == "tool");
    match kept || done {
        true => json!({ "pause_ms": 40, "text": "Done." }),
        false => json!({ "pause_ms": 40, "text": "I mend it.", "calls": [plan(), patch(&group)] }),
    }
}

fn patch(group: &str) -> Value {
    let hunks: String = (0..FILES)
        .map(|file| {
            format!("*** Update File: group{group}/file{file}.txt\n@@\n-old\n+new\n same\n")
        })
        .collect();
    let text = format!("*** Begin Patch\n{hunks}*** End Patch\n");
    json!({ "name": "apply_patch", "arguments": { "patch": text } })
}

fn one(round: usize, at: Duration, told: &str, sum: &mut Sum) {
    let (stage, mark) = ground(round);
    let model = ModelServer::asked(turn);
    let mut daemon = Daemon::start(&mut stage.with_model(&model.base_url(), &SERVE));
    let begun = Instant::now();
    let readers: Vec<_> = (0..TASKS).map(|task| start(&daemon, task)).collect();
    std::thread::sleep(at.saturating_sub(begun.elapsed()));
    daemon.kill();
    drop(readers);
    gone(&mark, told);
    for task in 0..TASKS {
        for file in 0..FILES {
            is_new(&stage, task, file, told);
        }
    }
    // The next command of any kind mends what a landing left behind.
    let list = said(&mut stage.animus(&["session", "list", "--json"]));
    assert_eq!(list.code, 0, "{told}: {}", list.err);
    let landed = groups(&stage, told);
    let sessions_there = sessions(&stage).len();
    let list = list.json();
    let list = list["sessions"].as_array().unwrap();
    // A session of which not one line was written yet is not listed.
    assert!(
        list.len() <= sessions_there && sessions_there <= TASKS,
        "{told}"
    );
    for session in list {
        assert!(session.get("damaged").is_none(), "{told}: {session}");
        sum.sessions += 1;
        resume(&stage, &model, session, told, sum);
    }
    let after = groups(&stage, told);
    for task in 0..TASKS {
        assert!(
            after[task] || !landed[task],
            "{told}: group {task} went back"
        );
    }
    sum.landed += after.iter().filter(|new| **new).count();
    sum.rounds += 1;
    gone(&mark, told);
}

fn resume(stage: &Stage, model: &ModelServer, session: &Value, told: &str, sum: &mut Sum) {
    let id = session["id"].as_str().unwrap();
    let shown = said(&mut stage.animus(&["session", "show", id, "--json"]));
    assert_eq!(shown.code, 0, "{told}: {}", shown.err);
    if session.get("finished").is_some() {
        sum.finished += 1;
        return;
    }
    let resumed =
        said(&mut stage.with_model(&model.base_url(), &["session", "resume", id, "--json"]));
    let events: Vec<Value> = resumed
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    if events.first().is_none_or(|first| first["seq"] != 0) {
        // Its patch had landed: nothing is left to do but to say how it ended.
        let end = events.last().map(|last| last["update"]["reason"].clone());
        assert_eq!(
            (end, resumed.code),
            (Some(json!("verified")), 0),
            "{told}: {}{}",
            resumed.out,
            resumed.err
        );
        sum.reported += 1;
    } else {
        let end = resumed.finished();
        let torn = resumed.out.contains("history were torn");
        sum.torn += usize::from(torn);
        assert!(
            ["verified", "no_change"].contains(&end["reason"].as_str().unwrap()),
            "{told}: {end}\n{}",
            resumed.err
        );
        sum.resumed += 1;
    }
    let again = said(&mut stage.animus(&["session", "show", id, "--json"])).json();
    assert!(again["session"].get("damaged").is_none(), "{told}: {again}");
}

/// Whether a file is new; anything but the old and the new text is torn.
fn is_new(stage: &Stage, task: usize, file: usize, told: &str) -> bool {
    let path = format!("group{task}/file{file}.txt");
    match stage.read(&path).as_str() {
        "old\nsame\n" => false,
        "new\nsame\n" => true,
        torn => panic!("{told}: {path} is torn: {torn:?}"),
    }
}

/// Which tasks' files are new, all of them.
fn groups(stage: &Stage, told: &str) -> Vec<bool> {
    let group = |task| {
        let new: Vec<bool> = (0..FILES)
            .map(|file| is_new(stage, task, file, told))
            .collect();
        assert!(
            new.iter().all(|one| *one == new[0]),
            "{told}: group {task} landed half: {new:?}"
        );
        new[0]
    };
    (0..TASKS).map(group).collect()
}

/// Waits until no process has the mark.
fn gone(mark: &str, told: &str) {
    let begun = Instant::now();
    loop {
        let left = living(mark);
        if left.is_empty() {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{told}: orphans: {left:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
