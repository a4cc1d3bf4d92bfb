//! Replies: the list for scripts outside.

use expect_test::{Expect, expect};
use workspace::edits_parse;

fn check(reply: &str, want: Expect) {
    let lines: Vec<String> = edits_parse(reply).iter().map(ToString::to_string).collect();
    want.assert_eq(&lines.join("\n"));
}

#[test]
fn blocks_shell_and_errors_in_order() {
    check(
        "Here:\n\nfoo.txt\n```text\n<<<<<<< SEARCH\nTwo\n=======\nTooooo\n>>>>>>> REPLACE\n```\n\nthen\n\n```bash\ncargo test\n```\n\nbar.py\n<<<<<<< SEARCH\nx\n",
        expect![[r#"
            {"path":"foo.txt","replace":"Tooooo\n","search":"Two\n"}
            {"shell":"cargo test\n"}
            {"error":"line 19: the block has no `=======` line and no `>>>>>>> REPLACE` line; it may be cut off, send it again, whole"}"#]],
    );
}

#[test]
fn other_formats_are_lowered() {
    check(
        "*** Begin Patch\n*** Update File: a\n@@\n x\n-y\n+z\n*** Add File: b\n+new\n*** Delete File: c\n*** End Patch",
        expect![[r#"
            {"path":"a","replace":"x\nz\n","search":"x\ny\n"}
            {"path":"b","replace":"new\n","search":""}
            {"delete":true,"path":"c"}"#]],
    );
    check(
        "--- a/f\n+++ b/f\n@@ -1 +1 @@\n-a\n+b\n",
        expect![[r#"{"path":"f","replace":"b\n","search":"a\n"}"#]],
    );
}

#[test]
fn a_reply_without_edits_is_an_empty_list() {
    check("Nothing to do here.", expect![[""]]);
}
