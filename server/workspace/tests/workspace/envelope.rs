//! Envelope cases.

use crate::bench::{Case, Want::*, check};
use workspace::Format;

const CASES: &[Case] = &[
    Case {
        name: "add",
        files: &[],
        patch: "*** Begin Patch\n*** Add File: d/a.md\n+one\n+\n+two\n*** End Patch\n",
        want: Files(&[("d/a.md", Some("one\n\ntwo\n"))]),
    },
    Case {
        name: "several operations",
        files: &[("m.txt", "line1\nline2\n"), ("d.txt", "x\n")],
        patch: "*** Begin Patch\n*** Add File: n/new.txt\n+created\n*** Delete File: d.txt\n*** Update File: m.txt\n@@\n-line2\n+changed\n*** End Patch",
        want: Files(&[
            ("n/new.txt", Some("created\n")),
            ("d.txt", None),
            ("m.txt", Some("line1\nchanged\n")),
        ]),
    },
    Case {
        name: "several chunks",
        files: &[("m.txt", "1\n2\n3\n4\n")],
        patch: "*** Begin Patch\n*** Update File: m.txt\n@@\n-2\n+two\n@@\n-4\n+four\n*** End Patch",
        want: Files(&[("m.txt", Some("1\ntwo\n3\nfour\n"))]),
    },
    Case {
        name: "move with a change, over an existing file",
        files: &[("old/n.txt", "from\n"), ("new/n.txt", "there\n")],
        patch: "*** Begin Patch\n*** Update File: old/n.txt\n*** Move to: new/n.txt\n@@\n-from\n+to\n*** End Patch",
        want: Files(&[("old/n.txt", None), ("new/n.txt", Some("to\n"))]),
    },
    Case {
        name: "move alone",
        files: &[("a", "x\n")],
        patch: "*** Begin Patch\n*** Update File: a\n*** Move to: b/c\n*** End Patch",
        want: Files(&[("a", None), ("b/c", Some("x\n"))]),
    },
    Case {
        name: "nothing in it",
        files: &[],
        patch: "*** Begin Patch\n*** End Patch",
        want: Broken("changes nothing"),
    },
    Case {
        name: "an empty section",
        files: &[("f", "x\n")],
        patch: "*** Begin Patch\n*** Update File: f\n*** End Patch",
        want: Broken("is empty"),
    },
    Case {
        name: "an unknown section",
        files: &[],
        patch: "*** Begin Patch\n*** Frobnicate File: f\n*** End Patch",
        want: Broken("is not a section"),
    },
    Case {
        name: "cut off",
        files: &[("f", "x\n")],
        patch: "*** Begin Patch\n*** Update File: f\n@@\n-x\n+y\n",
        want: Broken("cut off"),
    },
    Case {
        name: "context is missing",
        files: &[("m.txt", "line1\nline2\n")],
        patch: "*** Begin Patch\n*** Update File: m.txt\n@@\n-missing\n+changed\n*** End Patch",
        want: Refused(&["NotFound", "m.txt hunk 1"]),
    },
    Case {
        name: "no such file, names that are near",
        files: &[("src/lib.rs", "x\n")],
        patch: "*** Begin Patch\n*** Update File: lib.rs\n@@\n-x\n+y\n*** End Patch",
        want: Refused(&["MissingFile", "did you mean src/lib.rs?"]),
    },
    Case {
        name: "delete what is not there",
        files: &[],
        patch: "*** Begin Patch\n*** Delete File: no\n*** End Patch",
        want: Refused(&["MissingFile"]),
    },
    Case {
        name: "delete a folder",
        files: &[("d/f", "x\n")],
        patch: "*** Begin Patch\n*** Delete File: d\n*** End Patch",
        want: Refused(&["it is a folder"]),
    },
    Case {
        name: "add writes over what is there",
        files: &[("f", "old\n")],
        patch: "*** Begin Patch\n*** Add File: f\n+new\n*** End Patch",
        want: Files(&[("f", Some("new\n"))]),
    },
    Case {
        name: "a rewritten last line gets its newline",
        files: &[("f", "no newline")],
        patch: "*** Begin Patch\n*** Update File: f\n@@\n-no newline\n+first\n+second\n*** End Patch",
        want: Files(&[("f", Some("first\nsecond\n"))]),
    },
    Case {
        name: "an untouched last line keeps its bytes",
        files: &[("f", "a\nb")],
        patch: "*** Begin Patch\n*** Update File: f\n@@\n-a\n+A\n*** End Patch",
        want: Files(&[("f", Some("A\nb"))]),
    },
    Case {
        name: "only additions go to the end",
        files: &[("f", "1\n2\n")],
        patch: "*** Begin Patch\n*** Update File: f\n@@\n+3\n+4\n*** End Patch",
        want: Files(&[("f", Some("1\n2\n3\n4\n"))]),
    },
    Case {
        name: "padded header and markers",
        files: &[("f", "old\n")],
        patch: " *** Begin Patch \n  *** Update File: f  \n@@\n-old\n+new\n  *** End Patch ",
        want: Files(&[("f", Some("new\n"))]),
    },
    Case {
        name: "heredoc in a reply",
        files: &[("f", "old\n")],
        patch: "I will run\n```sh\napply_patch <<'EOF'\n*** Begin Patch\n*** Update File: f\n@@\n-old\n+new\n*** End Patch\nEOF\n```\n",
        want: Files(&[("f", Some("new\n"))]),
    },
    Case {
        name: "removal only",
        files: &[("f", "1\n2\n3\n")],
        patch: "*** Begin Patch\n*** Update File: f\n@@\n 1\n-2\n 3\n*** End Patch",
        want: Files(&[("f", Some("1\n3\n"))]),
    },
    Case {
        name: "end of file decides",
        files: &[("f", "a\nx\nb\nx\n")],
        patch: "*** Begin Patch\n*** Update File: f\n@@\n-x\n+y\n*** End of File\n*** End Patch",
        want: Files(&[("f", Some("a\nx\nb\ny\n"))]),
    },
    Case {
        name: "the first chunk needs no @@",
        files: &[("f", "a\nb\n")],
        patch: "*** Begin Patch\n*** Update File: f\n a\n-b\n+c\n*** End Patch",
        want: Files(&[("f", Some("a\nc\n"))]),
    },
    Case {
        name: "an anchor decides, by its block",
        files: &[(
            "f.py",
            "class A:\n    def f(self):\n        return 1\n\nclass B:\n    def f(self):\n        return 1\n\nclass C:\n    def f(self):\n        return 1\n",
        )],
        patch: "*** Begin Patch\n*** Update File: f.py\n@@ class B:\n     def f(self):\n-        return 1\n+        return 2\n*** End Patch",
        want: Files(&[(
            "f.py",
            Some(
                "class A:\n    def f(self):\n        return 1\n\nclass B:\n    def f(self):\n        return 2\n\nclass C:\n    def f(self):\n        return 1\n",
            ),
        )]),
    },
    Case {
        name: "stacked anchors",
        files: &[(
            "f.py",
            "class A:\n  def f():\n    pass\n  def g():\n    pass\nclass B:\n  def f():\n    pass\n  def g():\n    pass\n",
        )],
        patch: "*** Begin Patch\n*** Update File: f.py\n@@ class B:\n@@   def g():\n-    pass\n+    return\n*** End Patch",
        want: Files(&[(
            "f.py",
            Some(
                "class A:\n  def f():\n    pass\n  def g():\n    pass\nclass B:\n  def f():\n    pass\n  def g():\n    return\n",
            ),
        )]),
    },
    Case {
        name: "additions below an anchor",
        files: &[("f.rs", "use a;\n\nfn main() {\n}\n")],
        patch: "*** Begin Patch\n*** Update File: f.rs\n@@ fn main() {\n+    run();\n*** End Patch",
        want: Files(&[("f.rs", Some("use a;\n\nfn main() {\n    run();\n}\n"))]),
    },
    Case {
        name: "a match above its anchor is not the place",
        files: &[("f", "x = 1\nclass A\ny = 1\n")],
        patch: "*** Begin Patch\n*** Update File: f\n@@ class A\n-x = 1\n+x = 2\n*** End Patch",
        want: Refused(&["NotFound"]),
    },
    Case {
        name: "two places and nothing that decides",
        files: &[("f", "a\nx\nb\nx\n")],
        patch: "*** Begin Patch\n*** Update File: f\n@@\n-x\n+y\n*** End Patch",
        want: Refused(&["Ambiguous", "2 places, lines 2, 4"]),
    },
    Case {
        name: "order decides",
        files: &[("f", "x\nmid\nx\n")],
        patch: "*** Begin Patch\n*** Update File: f\n@@\n-mid\n+MID\n@@\n-x\n+y\n*** End Patch",
        want: Files(&[("f", Some("x\nMID\ny\n"))]),
    },
    Case {
        name: "typographic signs in the file",
        files: &[("f.txt", "say \u{201c}hi\u{201d} \u{2013} now\nnext\n")],
        patch: "*** Begin Patch\n*** Update File: f.txt\n@@\n say \"hi\" - now\n-next\n+last\n*** End Patch",
        want: Files(&[("f.txt", Some("say \u{201c}hi\u{201d} \u{2013} now\nlast\n"))]),
    },
    Case {
        name: "line endings stay",
        files: &[("f", "a\r\nb\r\nc\r\n")],
        patch: "*** Begin Patch\n*** Update File: f\n@@\n a\n-b\n+B\n+B2\n c\n*** End Patch",
        want: Files(&[("f", Some("a\r\nB\r\nB2\r\nc\r\n"))]),
    },
    Case {
        name: "a patch with carriage returns",
        files: &[("f", "a\nb\n")],
        patch: "*** Begin Patch\r\n*** Update File: f\r\n@@\r\n-b\r\n+c\r\n*** End Patch\r\n",
        want: Files(&[("f", Some("a\nc\n"))]),
    },
    Case {
        name: "outside the workspace",
        files: &[],
        patch: "*** Begin Patch\n*** Add File: ../x\n+y\n*** End Patch",
        want: Broken("`..`"),
    },
    Case {
        name: "git's own folder",
        files: &[],
        patch: "*** Begin Patch\n*** Add File: .git/hooks/pre-commit\n+y\n*** End Patch",
        want: Broken("`.git`"),
    },
    Case {
        name: "a secret",
        files: &[(".env", "KEY=1\n")],
        patch: "*** Begin Patch\n*** Update File: .env\n@@\n-KEY=1\n+KEY=2\n*** End Patch",
        want: Refused(&["Forbidden"]),
    },
    Case {
        name: "the others are fine",
        files: &[("f", "1\n2\n3\n")],
        patch: "*** Begin Patch\n*** Update File: f\n@@\n-1\n+one\n@@\n-zwei\n+two\n@@\n-3\n+three\n*** End Patch",
        want: Refused(&["f hunk 2", "the other 2 are fine"]),
    },
    Case {
        name: "a line without a sign",
        files: &[("f", "x\n")],
        patch: "*** Begin Patch\n*** Update File: f\n@@\n-x\nbare\n+y\n*** End Patch",
        want: Broken("starts with ` `"),
    },
];

#[test]
fn envelope_cases() {
    check(Format::Auto, None, CASES);
}
