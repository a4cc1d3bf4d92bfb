//! SEARCH/REPLACE cases.

use crate::bench::{Case, Want::*, check};
use workspace::Format;

const RS: (&str, &str) = (
    "a.rs",
    "fn a() {\n    one();\n    two();\n}\n\nfn b() {\n    one();\n}\n",
);

const CASES: &[Case] = &[
    Case {
        name: "name above the fence",
        files: &[("a.txt", "one\ntwo\n")],
        patch: "Here:\n\na.txt\n```\n<<<<<<< SEARCH\ntwo\n=======\nTWO\n>>>>>>> REPLACE\n```\n",
        want: Files(&[("a.txt", Some("one\nTWO\n"))]),
    },
    Case {
        name: "name in the fence line",
        files: &[("src/a.py", "one\ntwo\n")],
        patch: "```python src/a.py\n<<<<<<< SEARCH\ntwo\n=======\nTWO\n>>>>>>> REPLACE\n```\n",
        want: Files(&[("src/a.py", Some("one\nTWO\n"))]),
    },
    Case {
        name: "name after the fence, four ticks",
        files: &[("src/a.py", "one\ntwo\n")],
        patch: "````python\nsrc/a.py\n<<<<<<< SEARCH\ntwo\n=======\nTWO\n>>>>>>> REPLACE\n````\n",
        want: Files(&[("src/a.py", Some("one\nTWO\n"))]),
    },
    Case {
        name: "name in a fence of its own",
        files: &[("foo.txt", "one\n")],
        patch: "Here's the change:\n\n ```python\nfoo.txt\n```\n```python\n<<<<<<< SEARCH\none\n=======\ntwo\n>>>>>>> REPLACE\n```\n",
        want: Files(&[("foo.txt", Some("two\n"))]),
    },
    Case {
        name: "decorated names, one file after the other",
        files: &[("a/x.py", "1\n"), ("b.py", "1\n"), ("c_d.py", "1\n")],
        patch: "### `a/x.py`:\n<<<<<<< SEARCH\n1\n=======\n2\n>>>>>>> REPLACE\n\n**b.py**\n<<<<<<< SEARCH\n1\n=======\n3\n>>>>>>> REPLACE\n\nFile: c\\_d.py\n<<<<<<< SEARCH\n1\n=======\n4\n>>>>>>> REPLACE\n",
        want: Files(&[
            ("a/x.py", Some("2\n")),
            ("b.py", Some("3\n")),
            ("c_d.py", Some("4\n")),
        ]),
    },
    Case {
        name: "a second block without a name",
        files: &[("a.txt", "one\ntwo\n")],
        patch: "a.txt\n<<<<<<< SEARCH\none\n=======\n1\n>>>>>>> REPLACE\n\nand also this one, too\n\n<<<<<<< SEARCH\ntwo\n=======\n2\n>>>>>>> REPLACE\n",
        want: Files(&[("a.txt", Some("1\n2\n"))]),
    },
    Case {
        name: "no name at all",
        files: &[("a.txt", "one\n")],
        patch: "Now, do this.\n<<<<<<< SEARCH\none\n=======\n1\n>>>>>>> REPLACE\n",
        want: Broken("names no file"),
    },
    Case {
        name: "Cline's markers",
        files: &[("a.txt", "one\n")],
        patch: "a.txt\n------- SEARCH\none\n=======\n1\n+++++++ REPLACE\n",
        want: Files(&[("a.txt", Some("1\n"))]),
    },
    Case {
        name: "markers of 5 and 9",
        files: &[("a.txt", "one\ntwo\n")],
        patch: "a.txt\n<<<<< SEARCH\none\n=====\n1\n>>>>> REPLACE\n<<<<<<<<< SEARCH\ntwo\n=========\n2\n>>>>>>>>> REPLACE\n",
        want: Files(&[("a.txt", Some("1\n2\n"))]),
    },
    Case {
        name: "a rule in the text, markers of another length",
        files: &[("a.md", "Title\n=======\ntext\n")],
        patch: "a.md\n<<<<<<<<< SEARCH\nTitle\n=======\ntext\n=========\nTitle\n=======\nnew\n>>>>>>>>> REPLACE\n",
        want: Files(&[("a.md", Some("Title\n=======\nnew\n"))]),
    },
    Case {
        name: "a rule in the text, same markers",
        files: &[("a.md", "Title\n=======\ntext\n")],
        patch: "a.md\n<<<<<<< SEARCH\nTitle\n=======\ntext\n=======\nTitle\n=======\nnew\n>>>>>>> REPLACE\n",
        want: Broken("more than one `=======`"),
    },
    Case {
        name: "cut off in the search",
        files: &[],
        patch: "a.txt\n<<<<<<< SEARCH\none\n",
        want: Broken("cut off"),
    },
    Case {
        name: "cut off in the replacement",
        files: &[],
        patch: "a.txt\n<<<<<<< SEARCH\none\n=======\ntw",
        want: Broken("cut off"),
    },
    Case {
        name: "a new file",
        files: &[],
        patch: "d/new.txt\n<<<<<<< SEARCH\n=======\nthree\n>>>>>>> REPLACE\n",
        want: Files(&[("d/new.txt", Some("three\n"))]),
    },
    Case {
        name: "an empty search on an empty file",
        files: &[("e.txt", "")],
        patch: "e.txt\n<<<<<<< SEARCH\n=======\nthree\n>>>>>>> REPLACE\n",
        want: Files(&[("e.txt", Some("three\n"))]),
    },
    Case {
        name: "an empty search on a file with text",
        files: &[("e.txt", "one\n")],
        patch: "e.txt\n<<<<<<< SEARCH\n=======\nthree\n>>>>>>> REPLACE\n",
        want: Refused(&["Exists", "search is empty"]),
    },
    Case {
        name: "a missing file with search text",
        files: &[],
        patch: "e.txt\n<<<<<<< SEARCH\nx\n=======\ny\n>>>>>>> REPLACE\n",
        want: Refused(&["MissingFile"]),
    },
    Case {
        name: "several places are told",
        files: &[RS],
        patch: "a.rs\n<<<<<<< SEARCH\n    one();\n=======\n    uno();\n>>>>>>> REPLACE\n",
        want: Refused(&["Ambiguous", "lines 2, 7", "fn a() {", "fn b() {"]),
    },
    Case {
        name: "exact in one place, loose in another",
        files: &[("f", "  x\nx\n")],
        patch: "f\n<<<<<<< SEARCH\nx\n=======\ny\n>>>>>>> REPLACE\n",
        want: Files(&[("f", Some("  x\ny\n"))]),
    },
    Case {
        name: "indentation lost, replacement shifted too",
        files: &[RS],
        patch: "a.rs\n<<<<<<< SEARCH\none();\ntwo();\n=======\none();\nif x {\n    two();\n}\n>>>>>>> REPLACE\n",
        want: Files(&[(
            "a.rs",
            Some(
                "fn a() {\n    one();\n    if x {\n        two();\n    }\n}\n\nfn b() {\n    one();\n}\n",
            ),
        )]),
    },
    Case {
        name: "too much indentation",
        files: &[("f.py", "a:\n  b\n  c\n")],
        patch: "f.py\n<<<<<<< SEARCH\n    a:\n      b\n=======\n    a:\n      B\n      B2\n>>>>>>> REPLACE\n",
        want: Files(&[("f.py", Some("a:\n  B\n  B2\n  c\n"))]),
    },
    Case {
        name: "indentation that is not uniform",
        files: &[("f.py", "if a:\n    b\n        c\n")],
        patch: "f.py\n<<<<<<< SEARCH\nif a:\n  b\n  c\n=======\nif a:\n  d\n>>>>>>> REPLACE\n",
        want: Refused(&["NotFound", "what differs"]),
    },
    Case {
        name: "a replacement that cannot be shifted",
        files: &[("f", "a\n  b\n")],
        patch: "f\n<<<<<<< SEARCH\n  a\n    b\n=======\nx\n    b\n>>>>>>> REPLACE\n",
        want: Refused(&["NotFound"]),
    },
    Case {
        name: "tabs in the file, spaces in the patch",
        files: &[("f.go", "func a() {\n\tif x {\n\t\tone()\n\t}\n}\n")],
        patch: "f.go\n<<<<<<< SEARCH\n    if x {\n        one()\n    }\n=======\n    if x {\n        one()\n        two()\n    }\n>>>>>>> REPLACE\n",
        want: Files(&[(
            "f.go",
            Some("func a() {\n\tif x {\n\t\tone()\n\t\ttwo()\n\t}\n}\n"),
        )]),
    },
    Case {
        name: "tabs against spaces from the left edge",
        files: &[("f.go", "func a() {\n\tone()\n}\n")],
        patch: "f.go\n<<<<<<< SEARCH\nfunc a() {\n    one()\n}\n=======\nfunc a() {\n    two()\n}\n>>>>>>> REPLACE\n",
        want: Files(&[("f.go", Some("func a() {\n\ttwo()\n}\n"))]),
    },
    Case {
        name: "blanks at the ends of lines",
        files: &[("f", "a  \nb\t\nc\n")],
        patch: "f\n<<<<<<< SEARCH\na\nb\nc\n=======\na\nb\nC\n>>>>>>> REPLACE\n",
        want: Files(&[("f", Some("a  \nb\t\nC\n"))]),
    },
    Case {
        name: "blank lines around",
        files: &[("f", "a\nb\nc\n")],
        patch: "f\n<<<<<<< SEARCH\n\nb\n\n=======\n\nB\n\n>>>>>>> REPLACE\n",
        want: Files(&[("f", Some("a\nB\nc\n"))]),
    },
    Case {
        name: "dots stand for what is between",
        files: &[("f", "start\n1\n2\nend\ntail\n")],
        patch: "f\n<<<<<<< SEARCH\nstart\n...\nend\n=======\nSTART\n...\nEND\n>>>>>>> REPLACE\n",
        want: Files(&[("f", Some("START\n1\n2\nEND\ntail\n"))]),
    },
    Case {
        name: "dots with a piece in two places",
        files: &[("f", "start\n1\nend\n2\nend\n")],
        patch: "f\n<<<<<<< SEARCH\nstart\n...\nend\n=======\nSTART\n...\nEND\n>>>>>>> REPLACE\n",
        want: Refused(&["Ambiguous"]),
    },
    Case {
        name: "code left out",
        files: &[RS],
        patch: "a.rs\n<<<<<<< SEARCH\nfn a() {\n    one();\n=======\nfn a() {\n    // ... existing code ...\n>>>>>>> REPLACE\n",
        want: Refused(&["Placeholder", "existing code"]),
    },
    Case {
        name: "nothing changes",
        files: &[RS],
        patch: "a.rs\n<<<<<<< SEARCH\n    two();\n=======\n    two();\n>>>>>>> REPLACE\n",
        want: Refused(&["NoChange"]),
    },
    Case {
        name: "there already",
        files: &[("f", "a\nnew line\nc\n")],
        patch: "f\n<<<<<<< SEARCH\na\nold line\nc\n=======\na\nnew line\nc\n>>>>>>> REPLACE\n",
        want: Refused(&["AlreadyApplied", "already present at 1-3"]),
    },
    Case {
        name: "no final newline stays so",
        files: &[("f", "a\nb")],
        patch: "f\n<<<<<<< SEARCH\nb\n=======\nB\nC\n>>>>>>> REPLACE\n",
        want: Files(&[("f", Some("a\nB\nC"))]),
    },
    Case {
        name: "below a last line without newline",
        files: &[("f", "a\r\nb")],
        patch: "f\n<<<<<<< SEARCH\nb\n=======\nb\nC\n>>>>>>> REPLACE\n",
        want: Files(&[("f", Some("a\r\nb\r\nC"))]),
    },
    Case {
        name: "BOM and CRLF",
        files: &[("f", "\u{feff}a\r\nb\r\nc\r\n")],
        patch: "f\n<<<<<<< SEARCH\na\nb\n=======\nA\nx\nb\n>>>>>>> REPLACE\n",
        want: Files(&[("f", Some("\u{feff}A\r\nx\r\nb\r\nc\r\n"))]),
    },
    Case {
        name: "mixed line endings, each line as its neighbour",
        files: &[("f", "a\r\nb\nc\r\nd\n")],
        patch: "f\n<<<<<<< SEARCH\nb\nc\n=======\nb\nB2\nC\n>>>>>>> REPLACE\n",
        want: Files(&[("f", Some("a\r\nb\nB2\r\nC\r\nd\n"))]),
    },
    Case {
        name: "carriage returns alone",
        files: &[("f", "a\rb\rc\r")],
        patch: "f\n<<<<<<< SEARCH\nb\n=======\nB\nB2\n>>>>>>> REPLACE\n",
        want: Files(&[("f", Some("a\rB\rB2\rc\r"))]),
    },
    Case {
        name: "removing the last lines",
        files: &[("f", "a\nb\nc\n")],
        patch: "f\n<<<<<<< SEARCH\nb\nc\n=======\n>>>>>>> REPLACE\n",
        want: Files(&[("f", Some("a\n"))]),
    },
    Case {
        name: "one after the other, the second on the first",
        files: &[("f", "a\nb\n")],
        patch: "f\n<<<<<<< SEARCH\na\n=======\na\nx\n>>>>>>> REPLACE\n<<<<<<< SEARCH\nx\n=======\ny\n>>>>>>> REPLACE\n",
        want: Files(&[("f", Some("a\ny\nb\n"))]),
    },
    Case {
        name: "the nearest region is shown",
        files: &[RS],
        patch: "a.rs\n<<<<<<< SEARCH\nfn a() {\n    one();\n    three();\n}\n=======\nfn a() {}\n>>>>>>> REPLACE\n",
        want: Refused(&[
            "nearest are lines 1-4",
            "3 file:       two();",
            "3 search:     three();",
        ]),
    },
    Case {
        name: "a binary file",
        files: &[("f.bin", "a\0b\n")],
        patch: "f.bin\n<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE\n",
        want: Refused(&["Unreadable", "binary"]),
    },
    Case {
        name: "a numbered search",
        files: &[("f", "x\ny\nx\n")],
        patch: "f\n<<<<<<< SEARCH\n:start_line:3\n-------\nx\n=======\nz\n>>>>>>> REPLACE\n",
        want: Files(&[("f", Some("x\ny\nz\n"))]),
    },
    Case {
        name: "an indented block",
        files: &[("f.txt", "a\nb\n")],
        patch: "1. do\n   f.txt\n   <<<<<<< SEARCH\n   b\n   =======\n   c\n   >>>>>>> REPLACE\n",
        want: Files(&[("f.txt", Some("a\nc\n"))]),
    },
];

#[test]
fn blocks_cases() {
    check(Format::Auto, None, CASES);
}

#[test]
fn the_file_given_is_the_target_of_a_block_without_a_name() {
    let cases = [Case {
        name: "given",
        files: &[("x/y", "a\n")],
        patch: "<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE",
        want: Files(&[("x/y", Some("b\n"))]),
    }];
    check(Format::Blocks, Some("x/y"), &cases);
}
