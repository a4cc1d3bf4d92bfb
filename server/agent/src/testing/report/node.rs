//! Node: the `spec` reporter of node's own runner. Its list at the end names each failure with its place.

use super::{Case, Outcome, Reading, frame, without_time};

/// Reads all tests.
pub fn read(lines: &[&str]) -> Reading {
    let mut reading = Reading::default();
    if !lines.iter().any(|line| line.starts_with("ℹ tests ")) {
        return reading;
    }
    let list = lines
        .iter()
        .position(|line| line.trim_end() == "✖ failing tests:");
    for line in &lines[..list.unwrap_or(lines.len())] {
        let text = line.trim_start();
        let signed = text
            .strip_prefix("✔ ")
            .map(|title| (Outcome::Passed, title))
            .or(text
                .strip_prefix("﹣ ")
                .map(|title| (Outcome::Skipped, title)));
        if let Some((outcome, title)) = signed {
            let title = title.split(" # ").next().unwrap_or(title);
            reading.cases.push(Case::new(without_time(title), outcome));
        }
        for (word, slot) in [
            ("ℹ pass ", &mut reading.passed),
            ("ℹ fail ", &mut reading.failed),
        ] {
            if let Some(number) = line
                .strip_prefix(word)
                .and_then(|rest| rest.trim().parse().ok())
            {
                *slot = Some(slot.unwrap_or(0u32).saturating_add(number));
            }
        }
        if line
            .strip_prefix("ℹ cancelled ")
            .is_some_and(|rest| rest.trim() != "0")
        {
            reading.extent = super::Extent::Cut;
        }
    }
    let Some(list) = list else { return reading };
    let starts = |line: &str| line.starts_with("test at ");
    let mut at = list + 1;
    while let Some(line) = lines.get(at) {
        at += 1;
        let Some(place) = line.strip_prefix("test at ") else {
            continue;
        };
        let Some(title) = lines
            .get(at)
            .and_then(|line| line.trim_start().strip_prefix("✖ "))
        else {
            continue;
        };
        let start = at + 1;
        while lines.get(at).is_some_and(|line| !starts(line)) {
            at += 1;
        }
        if title.contains(" # TODO") {
            continue;
        }
        let body = &lines[start.min(at)..at];
        let is_frame = |line: &&&str| line.trim_start().starts_with("at ");
        let said: Vec<&str> = body
            .iter()
            .take_while(|line| !is_frame(line))
            .map(|line| line.trim())
            .take(40)
            .collect();
        let declared = frame::place(place);
        let own = body
            .iter()
            .filter(is_frame)
            .find_map(|line| frame::script(line));
        reading.cases.push(Case {
            suite: declared.as_ref().map(|place| place.path.clone()),
            message: Some(said.join("\n")),
            place: own.or(declared),
            ..Case::new(without_time(title), Outcome::Failed)
        });
    }
    reading
}
