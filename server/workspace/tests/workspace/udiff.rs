//! Unified diff cases.

use crate::bench::{Case, Want::*, check};
use workspace::Format;

const CASES: &[Case] = &[
    Case {
        name: "git, two files",
        files: &[("a", "1\n2\n3\n"), ("b", "x\n")],
        patch: "diff --git a/a b/a\nindex 1..2 100644\n--- a/a\n+++ b/a\n@@ -1,3 +1,3 @@\n 1\n-2\n+two\n 3\ndiff --git a/b b/b\n--- a/b\n+++ b/b\n@@ -1 +1 @@\n-x\n+y\n",
        want: Files(&[("a", Some("1\ntwo\n3\n")), ("b", Some("y\n"))]),
    },
    Case {
        name: "plain names and times",
        files: &[("d/a", "1\n")],
        patch: "--- d/a\t2024-01-01 00:00:00\n+++ d/a\t2024-01-02 00:00:00\n@@ -1 +1 @@\n-1\n+2\n",
        want: Files(&[("d/a", Some("2\n"))]),
    },
    Case {
        name: "no numbers, in a fence",
        files: &[("a", "1\n2\n")],
        patch: "So:\n```diff\n--- a\n+++ a\n@@ ... @@\n 1\n-2\n+two\n```\ndone\n",
        want: Files(&[("a", Some("1\ntwo\n"))]),
    },
    Case {
        name: "the line decides between equals",
        files: &[("a", "x\n-\nx\n-\nx\n")],
        patch: "--- a/a\n+++ b/a\n@@ -3,1 +3,1 @@\n-x\n+y\n",
        want: Files(&[("a", Some("x\n-\ny\n-\nx\n"))]),
    },
    Case {
        name: "lines count from before the hunks above",
        files: &[("a", "h\nx\nm\nx\nm\nx\n")],
        patch: "--- a/a\n+++ b/a\n@@ -1,1 +1,3 @@\n+0\n+0\n h\n@@ -4,1 +6,1 @@\n-x\n+y\n",
        want: Files(&[("a", Some("0\n0\nh\nx\nm\ny\nm\nx\n"))]),
    },
    Case {
        name: "equal places and a wrong line",
        files: &[("a", "x\n-\nx\n")],
        patch: "--- a/a\n+++ b/a\n@@ -9,1 +9,1 @@\n-x\n+y\n",
        want: Refused(&["Ambiguous"]),
    },
    Case {
        name: "wrong numbers, one place",
        files: &[("a", "1\n2\n3\n4\n")],
        patch: "--- a/a\n+++ b/a\n@@ -70,9 +70,9 @@ fn x()\n 2\n-3\n+three\n",
        want: Files(&[("a", Some("1\n2\nthree\n4\n"))]),
    },
    Case {
        name: "counts too small",
        files: &[("a", "1\n2\n3\n4\n")],
        patch: "--- a/a\n+++ b/a\n@@ -1,1 +1,1 @@\n 1\n 2\n-3\n+three\n",
        want: Files(&[("a", Some("1\n2\nthree\n4\n"))]),
    },
    Case {
        name: "created",
        files: &[],
        patch: "--- /dev/null\n+++ b/n/f.txt\n@@ -0,0 +1,2 @@\n+a\n+b\n",
        want: Files(&[("n/f.txt", Some("a\nb\n"))]),
    },
    Case {
        name: "created over a file",
        files: &[("f", "mine\n")],
        patch: "--- /dev/null\n+++ b/f\n@@ -0,0 +1 @@\n+a\n",
        want: Refused(&["Exists"]),
    },
    Case {
        name: "deleted",
        files: &[("f", "a\nb\n")],
        patch: "diff --git a/f b/f\ndeleted file mode 100644\n--- a/f\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-a\n-b\n",
        want: Files(&[("f", None)]),
    },
    Case {
        name: "deleted, but it holds something else",
        files: &[("f", "a\nmine\n")],
        patch: "--- a/f\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-a\n-b\n",
        want: Refused(&["Changed"]),
    },
    Case {
        name: "renamed with a change",
        files: &[("o", "a\nb\n")],
        patch: "diff --git a/o b/p\nsimilarity index 50%\nrename from o\nrename to p\n--- a/o\n+++ b/p\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n",
        want: Files(&[("o", None), ("p", Some("a\nc\n"))]),
    },
    Case {
        name: "renamed alone",
        files: &[("o", "a\n")],
        patch: "diff --git a/o b/p q\nsimilarity index 100%\nrename from o\nrename to p q\n",
        want: Files(&[("o", None), ("p q", Some("a\n"))]),
    },
    Case {
        name: "renamed onto a file that is there",
        files: &[("o", "a\n"), ("p", "keep me\n")],
        patch: "diff --git a/o b/p\nsimilarity index 100%\nrename from o\nrename to p\n",
        want: Refused(&["Exists"]),
    },
    Case {
        name: "a newline taken away",
        files: &[("f", "a\nb\n")],
        patch: "--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n a\n-b\n+b\n\\ No newline at end of file\n",
        want: Files(&[("f", Some("a\nb"))]),
    },
    Case {
        name: "a newline added",
        files: &[("f", "a\nb")],
        patch: "--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+b\n",
        want: Files(&[("f", Some("a\nb\n"))]),
    },
    Case {
        name: "no newline on both sides",
        files: &[("f", "a\nb")],
        patch: "--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n-a\n+A\n b\n\\ No newline at end of file\n",
        want: Files(&[("f", Some("A\nb"))]),
    },
    Case {
        name: "an insertion without context, by its line",
        files: &[("f", "1\n2\n3\n")],
        patch: "--- a/f\n+++ b/f\n@@ -2,0 +3,1 @@\n+new\n",
        want: Files(&[("f", Some("1\n2\nnew\n3\n"))]),
    },
    Case {
        name: "an insertion without context or line",
        files: &[("f", "1\n")],
        patch: "--- a/f\n+++ b/f\n@@ @@\n+new\n",
        want: Refused(&["Exists"]),
    },
    Case {
        name: "blank context lines lost their blank",
        files: &[("f", "a\n\nb\n")],
        patch: "--- a/f\n+++ b/f\n@@ -1,3 +1,3 @@\n a\n\n-b\n+c\n",
        want: Files(&[("f", Some("a\n\nc\n"))]),
    },
    Case {
        name: "a line that looks like a header",
        files: &[("f.sql", "-- x\ny\n")],
        patch: "--- a/f.sql\n+++ b/f.sql\n@@ -1,2 +1,2 @@\n--- x\n+++ z\n y\n",
        want: Files(&[("f.sql", Some("++ z\ny\n"))]),
    },
    Case {
        name: "a mail's signature",
        files: &[("f", "a\n")],
        patch: "From 1\nSubject: x\n\n--- a/f\n+++ b/f\n@@ -1 +1 @@\n-a\n+b\n-- \n2.39.0\n",
        want: Files(&[("f", Some("b\n"))]),
    },
    Case {
        name: "a quoted name",
        files: &[("ü.txt", "a\n")],
        patch: "--- \"a/\\303\\274.txt\"\n+++ \"b/\\303\\274.txt\"\n@@ -1 +1 @@\n-a\n+b\n",
        want: Files(&[("ü.txt", Some("b\n"))]),
    },
    Case {
        name: "CRLF on both sides",
        files: &[("f", "a\r\nb\r\n")],
        patch: "--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n a\r\n-b\r\n+c\r\n",
        want: Files(&[("f", Some("a\r\nc\r\n"))]),
    },
    Case {
        name: "binary",
        files: &[],
        patch: "diff --git a/x b/x\nGIT binary patch\nliteral 1\n",
        want: Broken("binary"),
    },
    Case {
        name: "a symbolic link",
        files: &[],
        patch: "diff --git a/x b/x\nnew file mode 120000\n--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+/etc\n",
        want: Broken("regular"),
    },
    Case {
        name: "no file named",
        files: &[],
        patch: "@@ -1 +1 @@\n-a\n+b\n",
        want: Broken("names no file"),
    },
    Case {
        name: "an empty hunk",
        files: &[("f", "a\n")],
        patch: "--- a/f\n+++ b/f\n@@ -1 +1 @@\n",
        want: Broken("hunk is empty"),
    },
];

#[test]
fn udiff_cases() {
    check(Format::Auto, None, CASES);
}

#[test]
fn the_file_given_is_the_target_of_bare_hunks() {
    let cases = [Case {
        name: "given",
        files: &[("x", "a\nb\n")],
        patch: "@@ -1,2 +1,2 @@\n a\n-b\n+c\n",
        want: Files(&[("x", Some("a\nc\n"))]),
    }];
    check(Format::Auto, Some("x"), &cases);
}
