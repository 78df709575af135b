//! A real Prometheus that scrapes an Envoy.

use std::{
    env, fs,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use serde_json::{Value, json};

use super::{
    folder::Folder,
    http::{self, Request},
    poll,
};

const START: Duration = Duration::from_secs(30);
const LOG: &str = "prometheus.log";

/// A running Prometheus. Dropping it ends it.
#[derive(Debug)]
pub struct Prometheus {
    child: Child,
    folder: Folder,
    addr: SocketAddr,
}

impl Prometheus {
    /// Starts one that scrapes this admin interface each second, with these rules.
    #[track_caller]
    pub fn start(envoy: SocketAddr, rules: &str) -> Self {
        let folder = Folder::new();
        let config = json!({
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [folder.put("rules.yaml", rules)],
            "scrape_configs": [{
                "job_name": "envoy",
                "metrics_path": "/stats/prometheus",
                "static_configs": [{"targets": [envoy.to_string()]}],
            }],
        });
        // JSON is YAML.
        let config = folder.put("prometheus.yaml", &config.to_string());
        let log = fs::File::create(folder.path(LOG)).expect("the temporary folder takes a file");
        let addr = free_port();
        let child = Command::new(program("prometheus"))
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path("data").display()))
            .arg(format!("--web.listen-address={addr}"))
            .arg("--log.level=warn")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("Prometheus can be run");
        let prometheus = Self { child, folder, addr };
        let scraped = || {
            let ready = http::try_send(addr, &Request::get("/-/ready")).ok()?;
            (ready.status == 200 && !prometheus.query("up == 1").is_empty()).then_some(())
        };
        let log = || fs::read_to_string(prometheus.folder.path(LOG)).unwrap_or_default();
        poll(START, scraped).unwrap_or_else(|| panic!("Prometheus scrapes nothing:\n{}", log()));
        prometheus
    }

    /// The series that an expression gives now, each with its labels and its value.
    #[track_caller]
    pub fn query(&self, expression: &str) -> Vec<Series> {
        let answer = self.ask("query", &[("query", expression)]);
        let result = answer["data"]["result"].as_array().expect("a list").clone();
        result
            .into_iter()
            .map(|series| Series {
                labels: series["metric"].clone(),
                value: number(&series["value"][1]),
            })
            .collect()
    }

    /// The series that an expression gave in the last seconds, each with its labels, and its values with
    /// the seconds since the first.
    #[track_caller]
    pub fn query_range(&self, expression: &str, seconds: u64) -> Vec<(Value, Vec<(f64, f64)>)> {
        let end = super::now();
        let start = end - seconds;
        let (from, to) = (start.to_string(), end.to_string());
        let answer = self.ask(
            "query_range",
            &[("query", expression), ("start", &from), ("end", &to), ("step", "1")],
        );
        let result = answer["data"]["result"].as_array().expect("a list").clone();
        let points = |series: &Value| {
            let values = series["values"].as_array().expect("values").iter();
            values
                .map(|value| (number(&value[0]) - number(&json!(start)), number(&value[1])))
                .collect()
        };
        result.iter().map(|series| (series["metric"].clone(), points(series))).collect()
    }

    /// The names of the alerts that fire now.
    pub fn firing(&self) -> Vec<String> {
        let series = self.query("ALERTS{alertstate=\"firing\"}");
        let name = |series: &Series| series.labels["alertname"].as_str().map(str::to_owned);
        let mut names: Vec<_> = series.iter().filter_map(name).collect();
        names.sort();
        names.dedup();
        names
    }

    #[track_caller]
    fn ask(&self, what: &str, parameters: &[(&str, &str)]) -> Value {
        let query =
            form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
        let answer = http::send(self.addr, &Request::get(format!("/api/v1/{what}?{query}")));
        let answer = answer.json();
        assert_eq!(answer["status"], "success", "{parameters:?}: {answer}");
        answer
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            let log = fs::read_to_string(self.folder.path(LOG)).unwrap_or_default();
            eprintln!("--- Prometheus' log ---\n{log}\n---");
        }
    }
}

/// A series at one time.
#[derive(Clone, Debug)]
pub struct Series {
    pub labels: Value,
    pub value: f64,
}

/// A number as Prometheus writes it: some as a text, `NaN` among them.
fn number(value: &Value) -> f64 {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    text.parse().unwrap_or(f64::NAN)
}

/// Runs `promtool` in the project's folder, and says what it said.
pub fn promtool(arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(program("promtool"))
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("promtool can be run");
    let said = [output.stdout, output.stderr]
        .map(|part| String::from_utf8_lossy(&part).into_owned())
        .concat();
    if output.status.success() { Ok(said) } else { Err(said) }
}

/// In the folder `STEPUP_PROMETHEUS`, else on `PATH`, else where the scripts install it.
fn program(name: &str) -> PathBuf {
    if let Some(chosen) = env::var_os("STEPUP_PROMETHEUS") {
        return Path::new(&chosen).join(name);
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join(".tools/prometheus");
    env::split_paths(&path)
        .chain([installed])
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
        .expect("Prometheus is on PATH, in .tools (see scripts/test), or in STEPUP_PROMETHEUS")
}

/// An address that nothing listens on.
pub fn free_port() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
    listener.local_addr().expect("a bound socket has an address")
}
