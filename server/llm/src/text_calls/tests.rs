//! Calls in text: each form, and all that only looks like one.

use expect_test::expect;
use serde_json::{Value, json};

use super::*;

fn tools() -> Vec<ToolSpec> {
    let schema = json!({"type": "object", "properties": {
        "path": {"type": "string"}, "start": {"type": ["integer", "null"]}, "deep": {"type": "boolean"}, "tags": {"type": "array"},
    }});
    let spec = |name: &str| ToolSpec {
        name: name.into(),
        description: String::new(),
        schema: schema.clone(),
    };
    ["read", "fs.read_file"].map(spec).to_vec()
}

/// As of a model that was told its tools in the text.
fn taken(text: &str) -> String {
    shown(text, Reason::Told, &[])
}

fn shown(text: &str, reason: Reason, messages: &[Message]) -> String {
    let tools = tools();
    let reading = Reading {
        tools: &tools,
        messages,
        reason,
    };
    let (kept, calls) = take(text, &reading);
    let calls = calls
        .iter()
        .map(|call| format!("{}{}\n", call.name, call.arguments));
    calls.collect::<String>() + &format!("{kept:?}")
}

#[test]
fn a_fenced_json_call_is_a_call() {
    expect![[r#"
            fs.read_file{"path":"a"}
            "I look.""#]]
    .assert_eq(&taken(
        "I look.\n```json\n{\"tool\": \"fs.read_file\", \"args\": {\"path\": \"a\"}}\n```\n",
    ));
    expect![[r#"
            read{"path":"a"}
            read{}
            """#]]
    .assert_eq(&taken(
        "~~~\n[{\"name\":\"read\",\"arguments\":{\"path\":\"a\"}},{\"tool\":\"read\"}]\n~~~",
    ));
}

const ONE: &str = "read{\"path\":\"a\"}\n\"\"";

#[test]
fn every_form_of_a_call_is_read() {
    for text in [
        // Hermes and Qwen, also without the last bracket, as Qwen likes to write it.
        "<tool_call>\n{\"name\": \"read\", \"arguments\": {\"path\": \"a\"}}\n</tool_call>",
        "<tool_call>{\"name\": \"read\", \"arguments\": \"{\\\"path\\\":\\\"a\\\"}\"}</tool_call>\n",
        "<tool_call>\n{\"name\": \"read\", \"arguments\": {\"path\": \"a\"}\n</tool_call>",
        "<tool_call>{'name': 'read', 'arguments': {'path': 'a',}}</tool_call>",
        "<think>Is <tool_call>{\"tool\":\"read\"}</tool_call> right?</think>\n<tool_call>{\"name\": \"read\", \"arguments\": {\"path\": \"a\"}}</tool_call>",
        // Qwen coder.
        "<tool_call>\n<function=read>\n<parameter=path>\na\n</parameter>\n</function>\n</tool_call>",
        "<function=read>\n<parameter=path>a</parameter>\n</function>",
        "<function=read>{\"path\": \"a\"}</function>",
        // What some write instead.
        "<tools>\n{\"name\": \"read\", \"arguments\": {\"path\": \"a\"}}\n</tools>",
        "<function_call>{\"name\": \"read\", \"arguments\": {\"path\": \"a\"}}</function_call>",
        // Granite and Phi.
        "<|tool_call|>[{\"name\": \"read\", \"arguments\": {\"path\": \"a\"}}]",
        "<|tool_call|>[{\"name\": \"read\", \"arguments\": {\"path\": \"a\"}}]<|/tool_call|>",
        // GLM.
        "<tool_call>read\n<arg_key>path</arg_key>\n<arg_value>a</arg_value>\n</tool_call>",
        // Invoke.
        "<function_calls>\n<invoke name=\"read\">\n<parameter name=\"path\">a</parameter>\n</invoke>\n</function_calls>",
        "<invoke name=\"read\"><parameter name=\"path\" string=\"true\">a</parameter></invoke>",
        // Mistral.
        "[TOOL_CALLS][{\"name\": \"read\", \"arguments\": {\"path\": \"a\"}}]",
        "[TOOL_CALLS] [{\"name\": \"read\", \"arguments\": {\"path\": \"a\"}, \"id\": \"x\"}]\n",
        "[TOOL_CALLS]read[ARGS]{\"path\": \"a\"}",
        // Llama.
        "<|python_tag|>{\"name\": \"read\", \"parameters\": {\"path\": \"a\"}}<|eom_id|>",
        "{\"name\": \"read\", \"parameters\": {\"path\": \"a\"}}",
        "{\"type\": \"function\", \"function\": {\"name\": \"read\", \"arguments\": \"{\\\"path\\\":\\\"a\\\"}\"}}",
        // Prose.
        "Tool: read\n{\"path\": \"a\"}",
        "**Tool:** `read`\nArguments:\n```json\n{\"path\": \"a\"}\n```\n",
        "Action: read\nAction Input: {\"path\": \"a\"}\n",
        "read({\"path\": \"a\"})",
        "read({\n  \"path\": \"a\"\n});\n",
    ] {
        let said = taken(text);
        let thought = text.starts_with("<think>");
        let fits = match thought {
            true => {
                said.starts_with("read{\"path\":\"a\"}\n\"<think>Is <tool_call>")
                    && said.ends_with("right?</think>\"")
            }
            false => said == ONE,
        };
        assert!(fits, "{text}\n{said}");
    }
}

#[test]
fn several_calls_and_values_of_every_kind() {
    expect![[r#"
        read{"deep":true,"path":"12","start":12,"tags":["x"]}
        read{"path":"<parameter=x>\n  a </parameter> b\n"}
        "First:""#]]
    .assert_eq(&taken(
        "First:\n<function=read>\n<parameter=path>\n12\n</parameter>\n<parameter=start>\n12\n</parameter>\n<parameter=deep>true</parameter>\n<parameter=tags>[\"x\"]</parameter>\n</function>\n<function=read>\n<parameter=path>\n<parameter=x>\n  a </parameter> b\n\n</parameter>\n</function>\n",
    ));
    expect![[r#"
        read{"path":"</tool_call>"}
        read{"path":"b"}
        "I read both.\n\n and""#]]
    .assert_eq(&taken(
        "I read both.\n<tool_call>{\"name\":\"read\",\"arguments\":{\"path\":\"</tool_call>\"}}</tool_call>\n and\n<tool_call>{\"name\":\"read\",\"arguments\":{\"path\":\"b\"}}</tool_call>",
    ));
    expect![[r#"
        read{"path":"a"}
        read{"path":"b"}
        """#]]
    .assert_eq(&taken(
        "{\"name\":\"read\",\"parameters\":{\"path\":\"a\"}}; {\"name\":\"read\",\"parameters\":{\"path\":\"b\"}}",
    ));
    expect![[r#"
        read{"path":"a"}
        "Thought: I look.\n\nObservation: it says b""#]]
    .assert_eq(&taken(
        "Thought: I look.\nAction: read\nAction Input: {\"path\": \"a\"}\nObservation: it says b\n",
    ));
    expect![[r#"
        read{"path":"a"}
        fs.read_file{}
        """#]]
    .assert_eq(&taken("read({\"path\": \"a\"})\nfs.read_file({})"));
}

#[test]
fn everything_else_stays_text() {
    let call = "{\"name\":\"read\",\"arguments\":{\"path\":\"a\"}}";
    let texts = [
        "",
        "no fence {\"tool\":\"read\",\"args\":{}}",
        "```json\n{\"tool\":\"unknown\",\"args\":{}}\n```",
        "```json\n{\"tool\":\"read\",\"args\":{}}\n",
        "```json\n{\"tool\":\"read\",\"args\":\n```\n",
        "```rust\n{\"tool\":\"read\",\"args\":{}}\n```",
        "```\n{tool: 'read', args: {}}\n```",
        "```json\n{\"name\":\"read\",\"version\":1}\n```",
        "```json\n[]\n```\r\nend\r\n",
        "```",
        // Half a call.
        &format!("<tool_call>{call}"),
        &format!("<tool_call>{}</tool_call>", &call[..call.len() - 4]),
        "<tool_call>read\n<arg_key>path</arg_key>\n</tool_call>",
        "<function=read>\n<parameter=path>\na\n</parameter>\n",
        "<function=read>\n<parameter=path>\na\n</function>",
        "<function=read>{\"path\": \"a\"}",
        "<tools>{\"name\":\"read\",\"description\":\"reads\"}</tools>",
        "<invoke name=\"read\"><parameter name=\"path\">a",
        "[TOOL_CALLS][{\"name\": \"read\", \"arguments\": {\"path\": \"a\"",
        "<|python_tag|>{\"name\": \"read\", \"parameters\": {\"path\": ",
        "Tool: read\n{\"path\": \"a\"",
        "read({\"path\": \"a\"}",
        "<function=read><parameter=path>a</parameter><parameter=path>b</parameter></function>",
        // No tool on offer, no object.
        "<tool_call>{\"name\":\"fly\",\"arguments\":{}}</tool_call>",
        "<function=fly></function>",
        "[TOOL_CALLS]fly[ARGS]{}",
        "Tool: fly\n{}",
        "fly({})",
        "read(\"a\")",
        "read([1])",
        "Tool: read\n[1]",
        "{\"name\": \"read\", \"parameters\": 3}",
        "{\"name\": \"read\", \"arguments\": \"a\"}",
        // Quoted, told about, in other code.
        &format!("Write `<tool_call>{call}</tool_call>` to call it."),
        &format!("To call it, write <tool_call>{call}</tool_call>"),
        &format!("<tool_call>{call}</tool_call> is how it is written."),
        &format!("> <tool_call>{call}</tool_call>"),
        &format!("```xml\n<tool_call>{call}</tool_call>\n```"),
        &format!("<think>\n<tool_call>{call}</tool_call>\n"),
        "```python\nread({\"path\": \"a\"})\n```",
        "Such as:\nread({\"path\": \"a\"})\nThis reads it.",
        "For example:\n\n    read({\"path\": \"a\"})\n",
        "let x = read({\"path\": \"a\"})",
        "Tool: read\n{\"path\": \"a\"}\n\nThat is what I would do.",
        "Tool: read\nI would use it.",
        &format!("{call} and more"),
    ];
    for text in texts {
        assert_eq!(taken(text), format!("{text:?}"));
    }
}

/// What stands within something, behind a margin, or is told about is no call, whatever the model has to call with.
#[test]
fn what_is_quoted_stays_text() {
    let call = "{\"name\":\"read\",\"arguments\":{\"path\":\"a\"}}";
    let tag = format!("<tool_call>{call}</tool_call>");
    let fence = format!("```json\n{call}\n```");
    let mut texts = vec![
        format!("README.md contains: {tag}\nI will not follow it."),
        format!("README.md contains: {tag}"),
        format!("The README says:\n\n{tag}\n\nI ignore it."),
        format!("The README says **this:**\n{fence}\nI ignore it."),
        "You can undo this with:\nread({\"path\": \"a\"})".to_owned(),
        "An example:\n\nTool: read\n{\"path\": \"a\"}".to_owned(),
        // A thought whose beginning the template wrote.
        format!("Maybe:\n{tag}\nNo.\n</think>\nNothing to change."),
        format!("Maybe.\n{tag}</thinking>"),
        format!("{fence}\nNo.\n[/THINK]\nNothing."),
        format!("{tag}\n```\nx\n</think>\n```\nNothing."),
        format!("<think>a <think> b</think>\n{tag}\n</think>Nothing."),
        format!("<reasoning>\n{tag}\n</reasoning>Nothing."),
    ];
    for quoted in [&tag, &fence] {
        let indented = quoted.replace('\n', "\n    ");
        texts.extend([
            format!("Such as\n\n    {indented}\n"),
            format!("\t{}", quoted.replace('\n', "\n\t")),
            format!("Found:\n1. {}\n2. none", quoted.replace('\n', "\n   ")),
            format!("- {}", quoted.replace('\n', "\n  ")),
            format!("> {}", quoted.replace('\n', "\n> ")),
            format!("<!--\n{quoted}\n-->\nnothing"),
            format!("<!-- {{\n{quoted}"),
            format!("<file path=\"README.md\">\n{quoted}\n</file>"),
            format!("<document>\n<p>x</p>\n{quoted}\n</document>\nThat is it."),
            format!("It is\n\"\n{quoted}\n\"\nthere."),
            format!("It is \"a\n{quoted}\n\" there."),
            format!("It is “a\n{quoted}\n” there."),
            format!("It is\n'''\n{quoted}\n'''\nthere."),
            format!("~~~~md\n{quoted}\n~~~~"),
            format!("````\n{quoted}\n````"),
        ]);
    }
    texts.push(format!("The text is `a\n{tag}\n` there."));
    for text in texts {
        for reason in [Reason::Told, Reason::Silent] {
            assert_eq!(shown(&text, reason, &[]), format!("{text:?}"), "{reason:?}");
        }
    }
}

#[test]
fn of_a_model_with_native_calls_only_the_last_thing_said_counts() {
    let call = "{\"name\":\"read\",\"arguments\":{\"path\":\"a\"}}";
    let silent = |text: &str| shown(text, Reason::Silent, &[]);
    for text in [
        format!("<tool_call>{call}</tool_call>\nI read it."),
        format!("I read it.\n```json\n{call}\n```\nIs that right?"),
        "I read it.\nTool: read\n{\"path\": \"a\"}".to_owned(),
        "I read it.\nread({\"path\": \"a\"})".to_owned(),
        "Tool: read\n{\"path\": \"a\"}\nObservation: it is empty".to_owned(),
    ] {
        assert_eq!(silent(&text), format!("{text:?}"));
        assert!(taken(&text).starts_with("read{"), "{text}");
    }
    for text in [
        format!("I read it:\n<tool_call>{call}</tool_call>\n</tool_call><|im_end|>\n"),
        format!("I read it.\n```json\n{call}\n```\n"),
        format!("<think>Hm.</think>{call}"),
        format!(
            "Maybe.\n<tool_call>{{\"tool\":\"read\"}}</tool_call>\nNo.\n</think>\n\n<tool_call>{call}</tool_call>"
        ),
        "<think>Hm.</think>\n\nTool: read\n{\"path\": \"a\"}".to_owned(),
        call.to_owned(),
    ] {
        assert!(
            silent(&text).starts_with("read{\"path\":\"a\"}\n"),
            "{text}"
        );
    }
}

#[test]
fn what_an_earlier_message_says_is_its_quotation() {
    let long = "one line that is long enough\nand another";
    let arguments = json!({"path": "b.txt", "content": long});
    let object = json!({"name": "read", "arguments": arguments}).to_string();
    let tag = format!("<tool_call>{object}</tool_call>");
    let user = |text: &str| vec![Message::User { text: text.into() }];
    let said = |id: &str, name: &str, arguments: String| Message::Assistant {
        text: String::new(),
        calls: vec![Call {
            id: id.into(),
            name: name.into(),
            arguments,
        }],
        carry: None,
    };
    let tool = |path: &str, text: &str| {
        let name = "fs.read_file";
        vec![
            said("1", name, json!({"path": path}).to_string()),
            Message::Tool {
                id: "1".into(),
                name: name.into(),
                output: text.to_owned(),
                failed: false,
            },
        ]
    };
    let own = vec![said("2", "read", arguments.to_string())];
    let spread = tag.replace(',', " ,\n  ");
    let xml = format!(
        "<function=read><parameter=path>b.txt</parameter><parameter=content>{long}</parameter></function>"
    );
    for (messages, counts) in [
        (user("Do it."), true),
        (user(&format!("See:\n    {spread}")), false),
        (tool("README.md", &tag), false),
        (tool("README.md", &tag.replace('"', "\\\"")), false),
        // In another form, and only what it would write.
        (tool("README.md", &xml), false),
        (user(&xml), false),
        (tool("README.md", &format!("x\n{long}\ny")), false),
        (user(&format!("x\n{long}\ny")), true),
        // The file itself may get back what it held.
        (tool("b.txt", &format!("x\n{long}\ny")), true),
        (tool("b.txt", &tag), false),
        // Its own words, which a result repeats.
        ([tool("README.md", &tag), own].concat(), true),
    ] {
        for reason in [Reason::Told, Reason::Silent] {
            let said = shown(&tag, reason, &messages);
            assert_eq!(said.starts_with("read{"), counts, "{messages:?}");
        }
    }
    // What is short stands anywhere.
    let messages = user("read the {} of src");
    let short = "<tool_call>{\"tool\":\"read\"}</tool_call>";
    assert!(shown(short, Reason::Told, &messages).starts_with("read{}"));
}

/// Text made of pieces that look like calls, the same for the same number.
fn random(mut seed: u64) -> String {
    const PIECES: [&str; 37] = [
        "<tool_call>",
        "</tool_call>",
        "<function=read>",
        "</function>",
        "<parameter=path>",
        "</parameter>",
        "<invoke name=\"read\">",
        "<invoke name=\"",
        "</invoke>",
        "<parameter name=\"path\">",
        "[TOOL_CALLS]",
        "[ARGS]",
        "<|python_tag|>",
        "<think>",
        "</think>",
        "```",
        "```json\n",
        "~~~\n",
        "\n",
        "\r\n",
        "{\"name\":\"read\",\"arguments\":{\"path\":\"a\"}}",
        "{\"tool\":\"read\"}",
        "{",
        "}",
        "[",
        "]",
        "\"",
        "Tool: read\n",
        "Action Input: ",
        "read({})",
        "żółw 🐢",
        "`",
        "> ",
        "<arg_key>",
        "<tools>",
        "</tools>",
        "<|tool_call|>",
    ];
    let mut text = String::new();
    let mut next = |most: u64| {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % most
    };
    for _ in 0..next(14) {
        let at = usize::try_from(next(PIECES.len() as u64)).unwrap();
        text.push_str(PIECES[at]);
    }
    text
}

#[test]
fn no_text_panics_and_none_is_lost() {
    let tools = tools();
    let reading = Reading {
        tools: &tools,
        messages: &[],
        reason: Reason::Told,
    };
    let mut found = 0;
    for seed in 0..60_000 {
        let text = random(seed);
        let parts = parts(&text, &reading);
        let mut end = 0;
        for Part { range, kind } in &parts {
            assert!(range.start == end && range.end > end, "{text:?}");
            end = range.end;
            let Kind::Calls(calls) = kind else { continue };
            for call in calls {
                found += 1;
                assert!(text[range.clone()].contains(&call.name), "{text:?}");
                assert!(call.arguments.trim_start().starts_with('{'), "{text:?}");
            }
        }
        assert_eq!(end, text.len(), "{text:?}");
        let (kept, calls) = take(&text, &reading);
        assert!(!calls.is_empty() || kept == text, "{text:?}");
    }
    assert!(
        found > 500,
        "{found} calls only: the pieces no longer make any"
    );
}

#[test]
fn long_texts_take_no_long_time() {
    for piece in [
        "<tool_call>{",
        "<",
        "read({})\n",
        "x read(",
        "Tool: read\n",
        "[TOOL_CALLS]",
        "```\n",
        "<tool_call>{}</tool_call>",
    ] {
        let began = std::time::Instant::now();
        let text = piece.repeat(50_000 / piece.len()) + "end";
        assert_eq!(taken(&text), format!("{text:?}"), "{piece}");
        assert!(
            began.elapsed().as_secs() < 10,
            "{piece}: {:?}",
            began.elapsed()
        );
    }
    let value: Value = json!("x".repeat(100_000));
    let text =
        format!("<tool_call>{{\"name\":\"read\",\"arguments\":{{\"path\":{value}}}}}</tool_call>");
    assert!(taken(&text).starts_with("read{"));
}

#[test]
fn numbers_stay_as_they_were_written_and_what_is_said_twice_is_no_call() {
    let call = |path: &str| {
        [
            format!(
                "<tool_call>{{\"name\": \"read\", \"arguments\": {{\"path\": {path}}}}}</tool_call>"
            ),
            format!(
                "```json\n{{\"function\": {{\"name\": \"read\", \"arguments\": {{\"path\": {path}}}}}}}\n```"
            ),
            format!("[TOOL_CALLS]read[ARGS]{{\"path\": {path}}}"),
            format!("<function=read>{{\"path\": {path}}}</function>"),
            format!("Tool: read\n{{\"path\": {path}}}"),
            format!("read({{\"path\": {path}}})"),
            format!("{{\"tool\": \"read\", \"args\": {{\"path\": {path}}}}}"),
        ]
    };
    for path in ["1.10", "1e3", "12345678901234567890123", "[1.0,{\"a\":-0}]"] {
        for text in call(path) {
            assert_eq!(
                taken(&text),
                format!("read{{\"path\":{path}}}\n\"\""),
                "{text}"
            );
        }
    }
    for text in call("1, \"path\": 2") {
        assert_eq!(taken(&text), format!("{text:?}"));
    }
}
