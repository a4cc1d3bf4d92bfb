//! A history that is cut or changed anywhere gives no panic and no event that was not written.

use super::*;
use camino::Utf8Path;
use protocol::{FinishReason, PROTOCOL_VERSION, Speaker, TaskId, TaskRequest, Update, Usage};

struct Ground {
    _folder: tempfile::TempDir,
    tree: Arc<Tree>,
    session: SessionId,
}

impl Ground {
    fn new() -> Ground {
        let folder = tempfile::tempdir().unwrap();
        let tree = Tree::create(Utf8Path::from_path(folder.path()).unwrap()).unwrap();
        Ground {
            _folder: folder,
            tree: Arc::new(tree),
            session: "s1".into(),
        }
    }

    fn put(&self, bytes: &[u8]) {
        let path = format!("{FOLDER}/{}.ndjson", self.session);
        self.tree.write(&path, bytes, Some(0o600)).unwrap();
    }

    fn bytes(&self, ending: &str) -> Vec<u8> {
        let path = format!("{FOLDER}/{}.{ending}", self.session);
        self.tree.read(&path).unwrap_or_default()
    }

    fn load(&self) -> (Vec<Event>, Damage) {
        load(&self.tree, &self.session).unwrap()
    }

    fn open(&self) -> History {
        History::open(&self.tree, &self.session, Opening::Known).unwrap()
    }

    /// The file of these events.
    fn written(&self, events: &[Event]) -> Vec<u8> {
        let mut history = History::open(&self.tree, &self.session, Opening::Fresh).unwrap();
        for event in events {
            history.append(event).unwrap();
        }
        self.bytes("ndjson")
    }
}

fn events() -> Vec<Event> {
    let request = TaskRequest {
        prompt: "say \"good\nbye\"".into(),
        ..TaskRequest::default()
    };
    let task = |task: &str| {
        let told = [
            Update::Started {
                request: request.clone(),
                root: "/w".into(),
                model: "m".into(),
                scripted: true,
            },
            Update::Prompt {
                by: Speaker::User,
                text: "ü, and a last line \\n that is none".into(),
            },
            Update::Finished {
                reason: FinishReason::NoChange,
                exit_code: 0,
                summary: "done".into(),
                failure: None,
                usage: Usage::default(),
                duration_ms: 7,
            },
        ];
        let event = |(seq, update): (usize, Update)| Event {
            v: PROTOCOL_VERSION,
            task: TaskId::from(task),
            session: "s1".into(),
            seq: seq as u64,
            ts: "2026-01-01T00:00:00.000Z".into(),
            update,
        };
        told.into_iter().enumerate().map(event).collect::<Vec<_>>()
    };
    [task("t1"), task("t2")].concat()
}

#[test]
fn p2_a_line_with_its_sum_is_still_an_event() {
    let ground = Ground::new();
    let file = ground.written(&events());
    let lines = file
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty());
    let read: Vec<Event> = lines
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect();
    assert_eq!(read, events());
    assert_eq!(ground.load(), (events(), Damage::default()));
}

#[test]
fn lines_of_before_there_were_sums_load() {
    let ground = Ground::new();
    let mut file = Vec::new();
    for event in events() {
        file.extend(serde_json::to_vec(&event).unwrap());
        file.push(b'\n');
    }
    ground.put(&file);
    assert_eq!(ground.load(), (events(), Damage::default()));
    assert_eq!(ground.open().torn, 0);
    assert_eq!(ground.bytes("ndjson"), file);
}

#[test]
fn cut_at_every_byte() {
    let ground = Ground::new();
    let (all, file) = (events(), ground.written(&events()));
    for at in 0..=file.len() {
        ground.put(&file[..at]);
        ground.tree.remove_all("sessions/s1.torn").unwrap();
        let (seen, damage) = ground.load();
        assert_eq!(seen, all[..seen.len()], "cut at {at}");
        // Where not one event is whole, the file must not look as if nothing had been lost.
        let lost = Damage {
            lines: u64::from(seen.is_empty() && at > 0),
            ..Damage::default()
        };
        assert_eq!(damage, lost, "cut at {at}");
        let torn = usize::try_from(ground.open().torn).unwrap();
        let (mended, aside) = (ground.bytes("ndjson"), ground.bytes("torn"));
        assert_eq!(aside.len(), torn, "cut at {at}");
        assert!(mended.is_empty() || mended.ends_with(b"\n"), "cut at {at}");
        // Nothing is thrown away; only a line end may have come back.
        let kept = [&mended[..], &aside[..]].concat();
        assert!(
            kept == file[..at] || kept == file[..=at],
            "cut at {at}: {torn} aside"
        );
        assert_eq!(ground.load(), (seen, Damage::default()), "cut at {at}");
    }
}

#[test]
fn any_byte_changed() {
    let ground = Ground::new();
    let (all, file) = (events(), ground.written(&events()));
    for at in 0..file.len() {
        for flip in [0x01, 0x20, 0x80, 0xff] {
            let mut broken = file.clone();
            broken[at] ^= flip;
            ground.put(&broken);
            let told = format!("byte {at} with {flip:#x}");
            let (seen, damage) = ground.load();
            assert!(seen.iter().all(|event| all.contains(event)), "{told}");
            let in_tail = at + 1 == file.len();
            if seen != all && !in_tail {
                assert!(damage.count() > 0, "{told}: nothing said");
            }
            drop(ground.open());
            let (mended, _) = ground.load();
            assert!(mended.iter().all(|event| all.contains(event)), "{told}");
        }
    }
}

#[test]
fn zeros_and_garbage_behind_the_end_go_aside() {
    let ground = Ground::new();
    let file = ground.written(&events());
    for tail in [
        vec![0; 70_000],
        b"\x00\x00\n\xff\xfe{half\n\n\x01".to_vec(),
        b"{\"v\":1,\"task\"".to_vec(),
    ] {
        ground.tree.remove_all("sessions/s1.torn").unwrap();
        ground.put(&[&file[..], &tail[..]].concat());
        assert_eq!(ground.open().torn, tail.len() as u64);
        assert_eq!(ground.bytes("torn"), tail);
        assert_eq!(ground.bytes("ndjson"), file);
    }
}

#[test]
fn what_is_missing_or_there_twice_is_counted() {
    let ground = Ground::new();
    let file = ground.written(&events());
    let lines: Vec<&[u8]> = file.split_inclusive(|byte| *byte == b'\n').collect();
    let count = |order: &[usize]| {
        let text: Vec<u8> = order.iter().flat_map(|at| lines[*at].to_vec()).collect();
        ground.put(&text);
        ground.load().1
    };
    let damage = |missing, doubled| Damage {
        lines: 0,
        missing,
        doubled,
    };
    assert_eq!(count(&[0, 2, 3, 4, 5]), damage(1, 0));
    assert_eq!(count(&[1, 2, 3, 4, 5]), damage(1, 0));
    assert_eq!(count(&[0, 1, 3, 4, 5]), damage(1, 0), "an end is missing");
    assert_eq!(count(&[0, 1, 1, 2, 3, 4, 5]), damage(0, 1));
}

#[test]
fn a_deleted_session_is_gone_with_all_it_had_and_a_running_one_stays() {
    let ground = Ground::new();
    ground.written(&events());
    let running = ground.open();
    let failure = delete(&ground.tree, &ground.session).unwrap_err();
    assert_eq!(failure.code, Code::Stale, "{failure}");
    drop(running);
    delete(&ground.tree, &ground.session).unwrap();
    assert!(ground.tree.entries(FOLDER).unwrap().is_empty());
    let again = History::open(&ground.tree, &ground.session, Opening::Known);
    assert_eq!(again.unwrap_err().kind(), std::io::ErrorKind::NotFound);
}
