//! Watch: a real Prometheus with the configuration that is shipped, and its answers. It ends with the value.

use super::ground::{Ground, get};
use super::queries;
use crate::setup::Watching;
use crate::shell::{command, quiet, top};
use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use std::fs;
use std::net::TcpListener;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const DEADLINE: Duration = Duration::from_secs(60);

pub struct Watch {
    prometheus: Child,
    address: String,
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.prometheus.kill();
        let _ = self.prometheus.wait();
    }
}

impl Watch {
    /// Starts it beside a server. Of the configuration only address and pace are changed.
    pub fn begin(tools: &Watching, ground: &Ground) -> Result<Watch> {
        let folder = ground.folder().join("prometheus");
        fs::create_dir_all(&folder)?;
        let configs = top().join("configs");
        let config = fs::read_to_string(configs.join("prometheus.yml"))?;
        ensure!(config.contains("127.0.0.1:7777") && config.contains("_interval: 15s"));
        let config = config
            .replace("127.0.0.1:7777", ground.address())
            .replace("_interval: 15s", "_interval: 1s");
        fs::write(folder.join("prometheus.yml"), config)?;
        fs::copy(configs.join("alerts.yml"), folder.join("alerts.yml"))?;
        fs::write(folder.join("animus.token"), ground.token())?;
        let checked = ["check", "config", "prometheus.yml"];
        quiet(command(&tools.promtool).args(checked).current_dir(&folder))?;
        let free = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let log = fs::File::create(folder.join("log"))?;
        let prometheus = command(&tools.prometheus)
            .arg("--config.file=prometheus.yml")
            .arg("--storage.tsdb.path=series")
            .arg(format!("--web.listen-address={free}"))
            .current_dir(&folder)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .context("Prometheus does not start")?;
        Ok(Watch {
            prometheus,
            address: free.to_string(),
        })
    }

    /// Waits for a first scrape that went well.
    pub fn until_scraped(&self) -> Result<()> {
        self.until("up{job=\"animus\"} == 1 and on () animus_build_info")
    }

    /// Waits for two scrapes more: a rise is made of two samples.
    pub fn until_counted(&self) -> Result<()> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        self.until(&format!("timestamp(animus_build_info) > {}", now + 3))
    }

    fn until(&self, query: &str) -> Result<()> {
        let begun = Instant::now();
        loop {
            match self.ask(query) {
                Ok(series) if series > 0 => return Ok(()),
                other if begun.elapsed() > DEADLINE => bail!("`{query}` stays {other:?}"),
                _ => std::thread::sleep(Duration::from_millis(200)),
            }
        }
    }

    /// A query is valid and returns series. One that compares may return none: then each selector in it must.
    pub fn resolves(&self, query: &str) -> Result<()> {
        let series = self.ask(query)?;
        let compares = [" > ", " < ", " == ", " >= ", " != "]
            .iter()
            .any(|sign| query.contains(sign));
        if series > 0 {
            return Ok(());
        }
        ensure!(compares, "`{query}` returns nothing");
        let selectors = queries::selectors(query);
        ensure!(!selectors.is_empty(), "`{query}` selects nothing");
        for selector in selectors {
            ensure!(
                self.ask(&selector)? > 0,
                "`{selector}` of `{query}` returns nothing"
            );
        }
        Ok(())
    }

    /// Every rule was loaded and judged without an error.
    pub fn rules(&self) -> Result<()> {
        let begun = Instant::now();
        loop {
            let answer = self.api("/api/v1/rules")?;
            let groups = answer["data"]["groups"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            let rules: Vec<Value> = groups
                .iter()
                .filter_map(|group| group["rules"].as_array())
                .flatten()
                .cloned()
                .collect();
            if let Some(bad) = rules.iter().find(|rule| rule["health"] == "err") {
                bail!("{bad}");
            }
            if !rules.is_empty() && rules.iter().all(|rule| rule["health"] == "ok") {
                return Ok(());
            }
            ensure!(begun.elapsed() < DEADLINE, "{answer}");
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// How many series an instant query returns.
    fn ask(&self, query: &str) -> Result<usize> {
        let encoded: String = query.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let answer = self.api(&format!("/api/v1/query?query={encoded}"))?;
        ensure!(answer["status"] == "success", "`{query}`: {answer}");
        let result = answer["data"]["result"].as_array().context("no result")?;
        Ok(result.len())
    }

    fn api(&self, path: &str) -> Result<Value> {
        let body = get(&self.address, path, None)?;
        serde_json::from_str(&body).with_context(|| body.clone())
    }
}
