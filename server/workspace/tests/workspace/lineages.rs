//! Lineage: W6, and undo by 3-way merge.

use crate::bench::{Bench, rel, wait};
use std::sync::Arc;
use workspace::{ChangeSet, Error, Lineage, Node, NodeState};

fn lineage(bench: &Bench) -> Lineage {
    Lineage::open(Arc::new(sandbox::Tree::open(&bench.state).unwrap()))
}

fn node(id: &str, change: ChangeSet) -> Node {
    Node {
        id: id.to_owned(),
        task: "t1".to_owned(),
        title: "Change it".to_owned(),
        created: format!("2026-01-01T00:00:00Z-{id}"),
        verified: true,
        state: NodeState::Landed,
        change,
    }
}

fn landed(bench: &Bench, lineage: &Lineage, id: &str, edits: &[(&str, &str)]) {
    let mut draft = bench.draft();
    for (path, text) in edits {
        draft.write(&rel(path), text).unwrap();
    }
    let landed = wait(draft.land(&bench.disk(), "test")).unwrap();
    lineage.record(&node(id, landed.change)).unwrap();
}

#[test]
fn w6_nodes_read_back_and_nothing_else_is_written() {
    let bench = Bench::new(&[("a", "1\n"), ("bin", "x\n")]);
    let lineage = lineage(&bench);
    assert!(lineage.list().unwrap().is_empty());
    landed(&bench, &lineage, "p1", &[("a", "2\n")]);
    landed(&bench, &lineage, "p2", &[("a", "3\n"), ("n", "new\n")]);
    let ids: Vec<String> = lineage
        .list()
        .unwrap()
        .into_iter()
        .map(|node| node.id)
        .collect();
    assert_eq!(ids, ["p1", "p2"]);
    assert_eq!(
        lineage.mark("p1", NodeState::Undone).unwrap(),
        lineage.get("p1").unwrap()
    );
    assert_eq!(lineage.get("p1").unwrap().state, NodeState::Undone);
    assert!(matches!(lineage.get("../x"), Err(Error::NoPatch(_))));
    assert!(matches!(lineage.get("none"), Err(Error::NoPatch(_))));
    let names: Vec<String> = std::fs::read_dir(&bench.path)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(names.len(), 3, "{names:?}");
    std::fs::write(bench.state.join("patches/broken.json"), "{").unwrap();
    assert_eq!(lineage.list().unwrap().len(), 2);
}

#[test]
fn bytes_that_are_not_text_read_back() {
    let bench = Bench::new(&[]);
    let lineage = lineage(&bench);
    bench.put("latin", b"caf\xe9\n");
    let mut draft = bench.draft();
    draft.delete(&rel("latin")).unwrap();
    let change = wait(draft.land(&bench.disk(), "test")).unwrap().change;
    lineage.record(&node("p", change)).unwrap();
    let undo = lineage.undo("p", &bench.disk()).unwrap();
    wait(undo.land(&bench.disk(), "undo")).unwrap();
    assert_eq!(
        std::fs::read(bench.path.join("latin")).unwrap(),
        b"caf\xe9\n"
    );
}

#[test]
fn undo_keeps_later_edits_or_says_where_it_cannot() {
    let text = "1\n2\n3\n4\n5\n6\n7\n";
    let bench = Bench::new(&[("a", text)]);
    let lineage = lineage(&bench);
    landed(&bench, &lineage, "p", &[("a", "1\ntwo\n3\n4\n5\n6\n7\n")]);
    bench.put("a", b"1\ntwo\n3\n4\n5\n6\nuser\n");
    let undo = lineage.undo("p", &bench.disk()).unwrap();
    wait(undo.land(&bench.disk(), "undo")).unwrap();
    assert_eq!(bench.get("a").as_deref(), Some("1\n2\n3\n4\n5\n6\nuser\n"));
    assert!(
        lineage
            .undo("p", &bench.disk())
            .is_ok_and(|change| change.is_empty())
            || lineage.undo("p", &bench.disk()).is_err()
    );

    bench.put("a", b"1\nuser's two\n3\n4\n5\n6\n7\n");
    let error = lineage.undo("p", &bench.disk()).unwrap_err();
    assert!(matches!(error, Error::Conflict { .. }), "{error}");
    std::fs::remove_file(bench.path.join("a")).unwrap();
    assert!(matches!(
        lineage.undo("p", &bench.disk()),
        Err(Error::Conflict { .. })
    ));
    assert_eq!(bench.get("a"), None);
}
