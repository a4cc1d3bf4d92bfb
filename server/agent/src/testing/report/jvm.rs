//! JVM: what Maven's surefire and Gradle print of failing tests; their report files say more.

use super::{Case, Extent, Outcome, Place, Reading, number_before};

/// Reads the failing tests.
pub fn read(lines: &[&str]) -> Reading {
    let mut reading = Reading::default();
    for (at, line) in lines.iter().enumerate() {
        let text = line.strip_prefix("[ERROR] ").unwrap_or(line).trim();
        let name = surefire(text).or_else(|| gradle(line));
        if let Some(name) = name {
            let body = &lines[at + 1..lines.len().min(at + 60)];
            let body: Vec<&str> = body
                .iter()
                .take_while(|line| !ends(line))
                .copied()
                .collect();
            let said = body
                .iter()
                .take_while(|line| !line.trim_start().starts_with("at "));
            let said: Vec<&str> = said.map(|line| line.trim()).collect();
            let class = name.rsplit_once('.').map(|(class, _)| class.to_owned());
            reading.cases.push(Case {
                place: body.iter().find_map(|line| frame(line, class.as_deref())),
                suite: class,
                message: Some(said.join("\n")),
                ..Case::new(name, Outcome::Failed)
            });
        } else if let Some(rest) = totals(line) {
            let count = |word: &str| {
                let (_, rest) = rest.split_once(word)?;
                let digits =
                    rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
                rest[..digits].parse::<u32>().ok()
            };
            let failed = count("Failures: ").unwrap_or(0) + count("Errors: ").unwrap_or(0);
            let left_out = count("Skipped: ").unwrap_or(0);
            let run = count("Tests run: ").unwrap_or(0);
            reading.failed = Some(reading.failed.unwrap_or(0).saturating_add(failed));
            let passed = run.saturating_sub(failed).saturating_sub(left_out);
            reading.passed = Some(reading.passed.unwrap_or(0).saturating_add(passed));
        } else if let Some((run, rest)) = line
            .split_once(" tests completed, ")
            .or(line.split_once(" test completed, "))
        {
            if let (Ok(run), Some(failed)) =
                (run.trim().parse::<u32>(), number_before(rest, " failed"))
            {
                let left_out = number_before(rest, " skipped").unwrap_or(0);
                reading.failed = Some(reading.failed.unwrap_or(0).saturating_add(failed));
                reading.passed = Some(run.saturating_sub(failed).saturating_sub(left_out));
            }
        } else if line.contains("Reactor Summary")
            && lines[at..]
                .iter()
                .take(200)
                .any(|line| line.contains(" SKIPPED"))
        {
            reading.extent = Extent::Cut;
        }
    }
    reading
}

/// `pkg.CalcTest.bad -- Time elapsed: 0.003 s <<< FAILURE!`, and `bad(pkg.CalcTest)  Time elapsed: …` of older versions.
fn surefire(text: &str) -> Option<String> {
    let head = text
        .strip_suffix("<<< FAILURE!")
        .or(text.strip_suffix("<<< ERROR!"))?;
    let (name, _) = head.split_once("Time elapsed:")?;
    let name = name.trim().trim_end_matches("--").trim();
    if name.starts_with("Tests run:") || name.is_empty() {
        return None;
    }
    Some(
        match name.strip_suffix(')').and_then(|name| name.split_once('(')) {
            Some((method, class)) if class.contains('.') || !class.contains(' ') => {
                format!("{class}.{method}")
            }
            _ => name.to_owned(),
        },
    )
}

/// `CalcTest > bad() FAILED`.
fn gradle(line: &str) -> Option<String> {
    let name = line.strip_suffix(" FAILED")?;
    let (class, method) = name.split_once(" > ")?;
    (!class.starts_with(' ') && !class.contains(' '))
        .then(|| format!("{class}.{}", method.trim_end_matches("()")))
}

/// The last line of a module's results; those of single classes have a time.
fn totals(line: &str) -> Option<&str> {
    let at = line.find("Tests run: ")?;
    let lead = line[..at].trim_start_matches(['[', ']']);
    let is_lead = matches!(lead.trim(), "" | "ERROR]" | "WARNING]" | "INFO]");
    (is_lead && !line.contains("Time elapsed")).then(|| &line[at..])
}

fn ends(line: &&&str) -> bool {
    line.contains("Time elapsed:")
        || gradle(line).is_some()
        || line.contains("Results:")
        || line.contains("tests completed")
}

/// `at pkg.CalcTest.bad(CalcTest.java:4)`, `at CalcTest.java:4`; the test's own class before others.
fn frame(line: &str, class: Option<&str>) -> Option<Place> {
    let text = line.trim();
    let at = text.find("at ")?;
    let inner = match text
        .strip_suffix(')')
        .and_then(|text| text.rsplit_once('('))
    {
        Some((head, inner)) => {
            let own = class.is_none_or(|class| head.contains(class));
            own.then_some(inner)?
        }
        None => &text[at + 3..],
    };
    let place = super::frame::place(inner)?;
    let stem = place.path.split('.').next().unwrap_or_default();
    let own = class.is_none_or(|class| {
        class
            .rsplit('.')
            .next()
            .is_some_and(|name| name.split('$').next() == Some(stem))
    });
    own.then_some(place)
}
