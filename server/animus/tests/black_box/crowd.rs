//! Crowd: many tasks at once on one server, one of whose readers stands still while its task says very much. Memory stays flat, the
//! others are not slowed, and the reader that stood gets every event once it reads (R1).

use crate::daemon::{Daemon, Reader, SERVE, sessions};
use crate::stage::Stage;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use testkit::http::{Answer, Captured, Server, Step};

/// Bytes of one piece of reasoning.
const PIECE: usize = 8 * 1024;
/// Bytes of reasoning in one turn.
const TURN: usize = 2 * 1024 * 1024;
const PATIENCE: Duration = Duration::from_secs(600);

/// How much of a crowd.
struct Crowd {
    tasks: usize,
    /// MiB that the task with the slow reader says.
    output: usize,
    /// How long its reader stands at least.
    stall: Duration,
}

/// What one run took.
#[derive(Debug)]
struct Run {
    /// KiB of the idle server, when a quarter was said, at most, and when all was read.
    before: u64,
    quarter: u64,
    peak: u64,
    after: u64,
    /// Until all other tasks were over.
    others: Duration,
    /// Events that the slow reader got, without a gap.
    events: u64,
    /// Bytes that its session has on disk.
    written: u64,
}

#[test]
fn r1_twenty_tasks_and_a_reader_that_stands() {
    let crowd = Crowd {
        tasks: 20,
        output: 64,
        stall: Duration::ZERO,
    };
    let run = crowd.run(Slow::Stands);
    eprintln!("{run:?}");
    assert!(run.written > 64 * 1024 * 1024, "{run:?}");
    // The rest of what was said would be 48 MiB and more.
    let grown = run.peak.saturating_sub(run.quarter);
    assert!(grown < 24 * 1024, "memory grew by {grown} KiB: {run:?}");
}

#[test]
#[ignore = "minutes; `cargo xtask bench crowd` runs it"]
fn r1_two_hundred_tasks_and_a_reader_that_stands() {
    let crowd = Crowd {
        tasks: 200,
        output: 200,
        stall: Duration::from_secs(60),
    };
    let mib = |kib: u64| kib as f64 / 1024.0;
    let reads = crowd.run(Slow::Reads);
    let stands = crowd.run(Slow::Stands);
    for (name, run) in [("reads on", &reads), ("stands for 60 s", &stands)] {
        println!(
            "the reader {name}: memory {:.1} MiB idle, {:.1} when a quarter was said, {:.1} at most, {:.1} at the end; the other {} tasks took {:.2} s; {} events, {:.0} MiB, none missing",
            mib(run.before),
            mib(run.quarter),
            mib(run.peak),
            mib(run.after),
            crowd.tasks - 1,
            run.others.as_secs_f64(),
            run.events,
            mib(run.written / 1024)
        );
    }
    let ratio = stands.others.as_secs_f64() / reads.others.as_secs_f64();
    println!("time of the others with the reader that stands, against without: {ratio:.2}");
}

/// What the reader of the talkative task does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slow {
    Reads,
    Stands,
}

impl Crowd {
    fn run(&self, slow: Slow) -> Run {
        let stage = Stage::empty();
        let lines: String = (0..2_000).map(|line| format!("note {line}\n")).collect();
        stage.write("notes.txt", &lines);
        stage.configure(
            "agent: {max_steps: 1000, enable_plan: false}\nserver: {metrics_enabled: true}\n",
        );
        let turns = self.output * 1024 * 1024 / TURN;
        let model = Server::with(move |number, request| answer(number, request, turns));
        let base = format!("{}/v1", model.url());
        let daemon = Daemon::start(&mut stage.with_model(&base, &SERVE));
        let before = daemon.memory("VmRSS");
        let peak = AtomicU64::new(before);
        let over = AtomicBool::new(false);
        let begun = Instant::now();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !over.load(Ordering::Acquire) {
                    peak.fetch_max(daemon.memory("VmRSS"), Ordering::AcqRel);
                    std::thread::sleep(Duration::from_millis(50));
                }
            });
            let talkative = daemon.task("Talk", None).unwrap();
            let early = match slow {
                Slow::Reads => Ok(scope.spawn(|| read(talkative))),
                Slow::Stands => Err(talkative),
            };
            let others: Vec<_> = (1..self.tasks)
                .map(|task| {
                    let reader = daemon.task(&format!("Quick {task}"), None).unwrap();
                    scope.spawn(move || read(reader))
                })
                .collect();
            for other in others {
                assert!(other.join().unwrap() > 3);
            }
            let others = begun.elapsed();
            let mut quarter = before;
            let events = match early {
                Ok(reading) => reading.join().unwrap(),
                Err(talkative) => {
                    // All of it flows although nobody reads.
                    let bytes = u64::try_from(self.output * 1024 * 1024).unwrap();
                    while largest(&stage) < bytes || begun.elapsed() < self.stall {
                        assert!(begun.elapsed() < PATIENCE, "{} bytes", largest(&stage));
                        if largest(&stage) < bytes / 4 {
                            quarter = daemon.memory("VmRSS");
                        }
                        std::thread::sleep(Duration::from_millis(50));
                    }
                    read(talkative)
                }
            };
            let after = daemon.memory("VmRSS");
            over.store(true, Ordering::Release);
            let pieces = u64::try_from(turns * (TURN / PIECE)).unwrap();
            assert!(events > pieces, "{events} events of {pieces} pieces");
            Run {
                before,
                quarter,
                peak: peak.load(Ordering::Acquire),
                after,
                others,
                events,
                written: largest(&stage),
            }
        })
    }
}

/// Reads a task to its end: every number once, in order, `finished` last. Returns how many events there were.
fn read(mut reader: Reader) -> u64 {
    let (mut due, mut last) = (0, Value::Null);
    while let Some(event) = reader.next() {
        assert_eq!(event["seq"], due);
        due += 1;
        last = event;
    }
    assert_eq!(last["update"]["type"], "finished", "{last}");
    assert_eq!(last["update"]["reason"], "no_change", "{last}");
    due
}

/// Bytes of the largest session file.
fn largest(stage: &Stage) -> u64 {
    let sizes = sessions(stage)
        .into_iter()
        .filter_map(|path| path.metadata().ok());
    sizes.map(|meta| meta.len()).max().unwrap_or_default()
}

/// The model: the talkative task thinks for two MiB in each of its turns, the others read a line or two.
fn answer(number: usize, request: &Captured, turns: usize) -> Answer {
    let body = request.json();
    let messages = body["messages"].as_array().cloned().unwrap_or_default();
    let talks = messages.iter().any(|message| {
        message["role"] == "user" && message["content"].to_string().contains("Talk")
    });
    let done = messages
        .iter()
        .filter(|message| message["role"] == "tool")
        .count();
    let (thoughts, most) = match talks {
        true => (TURN / PIECE, turns - 1),
        false => (1, 3),
    };
    let chunk = |delta: Value, finish: Value| {
        let value = json!({ "id": "c", "object": "chat.completion.chunk", "model": "m",
            "choices": [{ "index": 0, "delta": delta, "finish_reason": finish }] });
        format!("data: {value}\n\n").into_bytes()
    };
    // Thoughts in this form are shown and not sent back.
    let text = "thought ".repeat(PIECE / 8);
    let thought = json!({ "content": [{ "type": "thinking", "thinking": [{ "type": "text", "text": text }] }] });
    let (delta, finish) = match done < most {
        true => {
            let arguments = json!({ "path": "notes.txt", "start": done + 1, "end": done + 1 });
            let call = json!({ "index": 0, "id": format!("call_{number}"), "type": "function",
                "function": { "name": "read_file", "arguments": arguments.to_string() } });
            (json!({ "tool_calls": [call] }), "tool_calls")
        }
        false => (json!({ "content": "Nothing has to change." }), "stop"),
    };
    Answer::head(200, &[("content-type", "text/event-stream")])
        .then(Step::Repeat(
            chunk(thought, Value::Null),
            Some(thoughts as u64),
        ))
        .then(Step::Bytes(chunk(delta, Value::Null)))
        .then(Step::Bytes(chunk(json!({}), json!(finish))))
        .then(Step::Bytes(
            // What was thought is not sent again, so the next prompt is as short.
            b"data: {\"choices\": [], \"usage\": {\"prompt_tokens\": 2000, \"completion_tokens\": 10}}\n\n".to_vec(),
        ))
        .then(Step::Bytes(b"data: [DONE]\n\n".to_vec()))
}
