//! Clients: the network door with real programs at the other end: Connect, gRPC and gRPC-Web clients of npm, curl, and a page in
//! a browser. As with editors, only the lines `test NAME ... ok` count.

use crate::editors::{self, Tally};
use crate::setup;
use crate::shell::{command, top};
use anyhow::{Context, Result};
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};

const FOLDER: &str = "server/rpc/tests/clients";

/// The model is a script; nothing of the machine's own configuration is read.
const CONFIG: &str = "\
providers: {script: {type: scripted, script: \"@SCRIPT@\"}}
models: {demo: {provider: script, model: demo, default: true}}
agent: {enable_plan: false, enable_reflect: false}
";

/// Runs all of them against a server of their own.
pub fn run() -> Result<Tally> {
    let clients = top().join(FOLDER);
    let browser = setup::clients(&clients)?;
    let target = editors::target()?;
    let folder = target.join("client-tests");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let workspace = folder.join("workspace");
    fs::create_dir_all(&workspace)?;
    fs::create_dir_all(folder.join("state"))?;
    let script = clients.join("script.yaml").display().to_string();
    fs::write(
        folder.join("config.yaml"),
        CONFIG.replace("@SCRIPT@", &script),
    )?;
    let animus = target.join("debug/animus");
    let protos = folder.join("proto");
    crate::shell::quiet(command(&animus).arg("serve").arg("--proto").arg(&protos))?;
    let mut server = start(&animus, &folder)?;
    let result = (|| {
        let mut line = String::new();
        let output = server.stdout.take().context("no standard output")?;
        BufReader::new(output).read_line(&mut line)?;
        let hello: Value = serde_json::from_str(&line).context("the server does not start")?;
        let word = |key: &str| hello[key].as_str().context("a word of the server");
        let token = fs::read_to_string(word("token_file")?)?;
        let mut node = command("node");
        node.arg("main.mjs")
            .args([word("listening")?, token.trim()])
            .args([&protos, &browser])
            .current_dir(&clients)
            .stderr(Stdio::inherit());
        let mut tally = Tally::default();
        if !editors::watch("clients", node, &mut tally)? {
            println!("test clients::session ... FAILED: it ended badly, see above");
            tally.failed += 1;
        }
        Ok(tally)
    })();
    end(&mut server, result)
}

fn start(animus: &Path, folder: &Path) -> Result<Child> {
    command(animus)
        .args(["serve", "--json", "--addr", "127.0.0.1:0"])
        .current_dir(folder.join("workspace"))
        .env("ANIMUS_CONFIG", folder.join("config.yaml"))
        .env("ANIMUS_STATE_DIR", folder.join("state"))
        .stdout(Stdio::piped())
        .stderr(fs::File::create(folder.join("stderr.log"))?)
        .spawn()
        .context("cannot start the server")
}

/// Ends the server as a person would, and counts whether it does.
fn end(server: &mut Child, result: Result<Tally>) -> Result<Tally> {
    let asked = crate::shell::quiet(command("kill").args(["-TERM", &server.id().to_string()]));
    let status = match asked {
        Ok(_) => server.wait(),
        Err(_) => server.kill().and_then(|()| server.wait()),
    }?;
    let mut tally = result?;
    match status.success() {
        true => {
            println!("test clients::the_server_ends_in_order ... ok");
            tally.passed += 1;
        }
        false => {
            println!("test clients::the_server_ends_in_order ... FAILED: {status}");
            tally.failed += 1;
        }
    }
    Ok(tally)
}
