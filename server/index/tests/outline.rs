//! Outlines: what is found in Rust, Go, broken and plain texts.

use expect_test::{Expect, expect};
use index::{SymbolKind, error_count, outline, symbol_at};

fn check(path: &str, text: &str, expected: Expect) {
    let mut shown = String::new();
    for it in outline(path, text) {
        let container = it.container.as_deref().unwrap_or("-");
        shown += &format!(
            "{}({})-{} {} {} in {container}: {}\n",
            it.start,
            it.doc_start,
            it.end,
            it.kind.as_str(),
            it.name,
            it.signature
        );
    }
    expected.assert_eq(&shown);
}

const RUST: &str = r#"//! File comment.
use std::fmt;
/// A shape,
/// with sides.
#[derive(
    Debug,
)]
pub struct Shape<T> {
    sides: Vec<T>,
}

pub struct Pair(pub u8, u8);
union Bits { a: u32 }
/** block
    comment */
enum Kind { A, B }
const LIMIT: usize = { 3 }; // not a lead
static NAME: &str = "x";
type Alias<T> = Shape<T>;
macro_rules! shout { () => {} }

trait Area {
    type Unit;
    const SIDES: u8;
    /// Its area.
    fn area(&self) -> f64;
    fn twice(&self) -> f64 { self.area() * 2.0 }
}

impl<T: fmt::Debug> Area for Shape<T>
where
    T: Clone,
{
    fn area(
        &self,
    ) -> f64 {
        fn inner() {}
        0.0
    }
}

impl fmt::Debug for &'static crate::Bits { }
mod other;
extern "C" { fn abs(x: i32) -> i32; }
const _: () = ();

#[cfg(test)]
mod tests {
    #[test]
    fn works() {}
    #[tokio::test(flavor = "current_thread")]
    // Slow.
    async fn waits() {}
}
"#;

#[test]
fn rust() {
    check(
        "a.rs",
        RUST,
        expect![[r#"
        8(3)-10 struct Shape in -: pub struct Shape<T>
        12(12)-12 struct Pair in -: pub struct Pair(pub u8, u8);
        13(13)-13 struct Bits in -: union Bits
        16(14)-16 enum Kind in -: enum Kind
        17(17)-17 const LIMIT in -: const LIMIT: usize = { 3 };
        18(18)-18 static NAME in -: static NAME: &str = "x";
        19(19)-19 type Alias in -: type Alias<T> = Shape<T>;
        20(20)-20 macro shout in -: macro_rules! shout
        22(22)-28 trait Area in -: trait Area
        23(23)-23 type Unit in Area: type Unit;
        24(24)-24 const SIDES in Area: const SIDES: u8;
        26(25)-26 method area in Area: fn area(&self) -> f64;
        27(27)-27 method twice in Area: fn twice(&self) -> f64
        30(30)-40 impl Shape in -: impl<T: fmt::Debug> Area for Shape<T> where T: Clone,
        34(34)-39 method area in Shape: fn area( &self, ) -> f64
        37(37)-37 function inner in area: fn inner()
        42(42)-42 impl Bits in -: impl fmt::Debug for &'static crate::Bits
        43(43)-43 module other in -: mod other;
        44(44)-44 function abs in -: fn abs(x: i32) -> i32;
        48(47)-54 module tests in -: mod tests
        50(49)-50 test works in tests: fn works()
        53(51)-53 test waits in tests: async fn waits()
    "#]],
    );
}

const GO: &str = r#"// Package comment.
package shop

import "fmt"

// Limits.
const Most = 3

const (
	// A is first.
	A, B = iota, 1
	_ = 2
)

var verbose bool
var (
	one = 1
	two = 2
)

// Server serves.
type Server[T any] struct {
	name string
}

type (
	Store interface {
		Get(key string) (string, error)
		fmt.Stringer
	}
	ID int
	Name = string
)

// New makes one.
func New[T any](name string) *Server[T] {
	const local = 1
	return &Server[T]{name: name}
}

// Run runs.
func (s *Server[T]) Run() error { return nil }
func (Server[T]) Quiet() {}

func TestRun(t *testing.T) {}
func Testify() {}
"#;

#[test]
fn go() {
    check(
        "a.go",
        GO,
        expect![[r#"
            7(6)-7 const Most in -: const Most = 3
            11(10)-11 const A in -: const A, B = iota, 1
            11(10)-11 const B in -: const A, B = iota, 1
            15(15)-15 variable verbose in -: var verbose bool
            17(17)-17 variable one in -: var one = 1
            18(18)-18 variable two in -: var two = 2
            22(21)-24 struct Server in -: type Server[T any] struct
            27(27)-30 interface Store in -: type Store interface
            28(28)-28 method Get in Store: Get(key string) (string, error)
            31(31)-31 type ID in -: type ID int
            32(32)-32 type Name in -: type Name = string
            36(35)-39 function New in -: func New[T any](name string) *Server[T]
            42(41)-42 method Run in Server: func (s *Server[T]) Run() error
            43(43)-43 method Quiet in Server: func (Server[T]) Quiet()
            45(45)-45 test TestRun in -: func TestRun(t *testing.T)
            46(46)-46 function Testify in -: func Testify()
        "#]],
    );
}

#[test]
fn i2_broken_code_gives_fewer_symbols() {
    check(
        "a.rs",
        "fn good() {}\n\nfn bad( { let x = ;\n\nstruct Later { a: u8 }\n",
        expect![[r#"
            1(1)-1 function good in -: fn good()
            5(5)-5 struct Later in -: struct Later
        "#]],
    );
    check(
        "a.go",
        "package a\n\nfunc good() {}\n\nfunc bad( {\n\ntype Later struct{}\n",
        expect![[r#"
            3(3)-3 function good in -: func good()
            5(5)-7 function bad in -: func bad(
            7(7)-7 struct Later in -: type Later struct
        "#]],
    );
    check("a.txt", "fn good() {}", expect![""]);
    check("a.rs", "", expect![""]);
}

#[test]
fn the_innermost_definition_covers_a_line() {
    for (line, name) in [
        (1, None),
        (3, Some((SymbolKind::Struct, "Shape"))),
        (9, Some((SymbolKind::Struct, "Shape"))),
        (25, Some((SymbolKind::Method, "area"))),
        (30, Some((SymbolKind::Impl, "Shape"))),
        (37, Some((SymbolKind::Function, "inner"))),
        (38, Some((SymbolKind::Method, "area"))),
        (0, None),
        (900, None),
    ] {
        let found = symbol_at("a.rs", RUST, line);
        let found = found.as_ref().map(|it| (it.kind, it.name.as_str()));
        assert_eq!(found, name, "line {line}");
    }
}

#[test]
fn line_ends_do_not_matter() {
    let windows = RUST.replace('\n', "\r\n");
    assert_eq!(outline("a.rs", &windows), outline("a.rs", RUST));
}

#[test]
fn operators_and_strings_full_of_brackets_cost_no_symbols() {
    let rust = |line: &str| {
        let lines = format!("    {line}\n").repeat(10_000);
        format!("fn near() {{\n{lines}}}\n\nfn after() {{}}\n")
    };
    let go = |line: &str| {
        let lines = format!("\t{line}\n").repeat(10_000);
        format!("package a\n\nfunc near() {{\n{lines}}}\n\nfunc after() {{}}\n")
    };
    for (path, text) in [
        ("shifts.rs", rust("x = x << 1;")),
        ("comparisons.rs", rust("x = a < b && c <= d;")),
        (
            "strings.rs",
            rust("f(\"([{<\", '(', br#\"[\"{\"#); // ({[<"),
        ),
        ("comments.rs", rust("/* ( /* [ */ { */")),
        ("lifetimes.rs", rust("let x: &'a [u8] = '{' as &'b u8;")),
        ("sends.go", go("c <- 1")),
        ("shifts.go", go("x = x << 1")),
        ("strings.go", go("f(\"([{<\", '(', `[\\`) // ({[<")),
    ] {
        let symbols = outline(path, &text);
        let names: Vec<&str> = symbols.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["near", "after"], "{path}");
        assert_eq!(error_count(path, &text), Some(0), "{path}");
    }
}

#[test]
fn long_files_of_one_definition_keep_it() {
    let rows = |row: &str| row.repeat(5_000);
    for (path, text, name) in [
        (
            "table.rs",
            format!("const A: &[u8] = &[\n{}];\n", rows("    0x1f, 0x2f,\n")),
            "A",
        ),
        (
            "module.rs",
            format!("mod a {{\n{}}}\n", rows("    const _: u8 = 1;\n")),
            "a",
        ),
        (
            "text.rs",
            format!("static A: &str = \"\n{}\";\n", rows("([{ ) \n")),
            "A",
        ),
        (
            "sum.go",
            format!("package a\n\nconst A = {}\"\"\n", rows("\"\\x1f(\" +\n\t")),
            "A",
        ),
        (
            "raw.go",
            format!("package a\n\nvar A = `{}`\n", rows("({\n")),
            "A",
        ),
        (
            "sum.rs",
            format!("const A: u32 = 1{};\n", rows("\n    + 1")),
            "A",
        ),
    ] {
        let symbols = outline(path, &text);
        assert_eq!(
            symbols.first().map(|it| it.name.as_str()),
            Some(name),
            "{path}"
        );
        assert_eq!(error_count(path, &text), Some(0), "{path}");
    }
}
