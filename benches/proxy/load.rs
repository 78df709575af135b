//! The load: wrk for as many requests as the proxy takes, oha for a fixed rate.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;

use crate::process::on_core;
use crate::support::folder::Folder;
use crate::variant::Variant;

/// The core that the load runs on; the proxy has the other.
pub const CORE: usize = 1;

/// What clients send besides, so that there is something to read.
const HEADERS: [(&str, &str); 4] = [
    ("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
    ("accept", "application/json"),
    ("accept-language", "en-GB,en;q=0.5"),
    ("origin", "https://app.example.com"),
];

/// What bodies are.
const JSON: &str = "application/json";

/// The requests of one variant, ready to be sent.
#[derive(Debug)]
pub struct Load {
    folder: Folder,
    url: String,
    first_token: Option<String>,
    body: Option<&'static str>,
}

impl Load {
    /// Writes the requests of the variant down for wrk, which sends them to `addr` with one token
    /// after the other.
    pub fn new(variant: &Variant, tokens: &[String], addr: SocketAddr) -> Self {
        let folder = Folder::new();
        folder.put("tokens", &tokens.join("\n"));
        folder.put("load.lua", &script(variant, &folder));
        let url = format!("http://{addr}{}", variant.path);
        Self { folder, url, first_token: tokens.first().cloned(), body: variant.body }
    }

    /// Sends requests one after the other over 8 connections, and says how many were answered.
    pub fn saturate(&self, time: Duration) -> u64 {
        let script = self.folder.path("load.lua");
        let output = on_core(CORE, "wrk")
            .args(["--threads", "1", "--connections", "8", "--duration"])
            .arg(format!("{}s", time.as_secs().max(1)))
            .arg("--script")
            .arg(script)
            .arg(&self.url)
            .output()
            .expect("wrk can be run");
        let text = String::from_utf8_lossy(&output.stdout);
        let line = text.lines().find_map(|line| line.strip_prefix("done "));
        let line = line.unwrap_or_else(|| panic!("wrk said: {text}"));
        let numbers: Vec<u64> = line.split(' ').map(|n| n.parse().expect("a number")).collect();
        let [requests, wrong, failed] = numbers[..] else { panic!("wrk said: {line}") };
        assert!(wrong == 0 && failed == 0, "{}: {wrong} wrong answers, {failed} failed", self.url);
        requests
    }

    /// Sends `rate` requests a second, whether or not earlier ones are answered, and says how long
    /// the half and all but a hundredth of them took. A late request counts from when it was due.
    ///
    /// All carry the first token.
    pub fn latency(&self, rate: u32, time: Duration, status: u16) -> (Duration, Duration) {
        let mut command = on_core(CORE, "oha");
        command
            .args(["--no-tui", "--output-format", "json", "--latency-correction", "-c", "8"])
            .args(["-q", &rate.to_string(), "-z", &format!("{}s", time.as_secs().max(1))]);
        for (name, value) in HEADERS {
            command.arg("-H").arg(format!("{name}: {value}"));
        }
        if let Some(token) = &self.first_token {
            command.arg("-H").arg(format!("authorization: Bearer {token}"));
        }
        if let Some(body) = self.body {
            command.args(["-m", "POST", "-T", JSON, "-d", body]);
        }
        let output = command.arg(&self.url).output().expect("oha can be run");
        let report: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| panic!("oha said: {}", String::from_utf8_lossy(&output.stderr)));
        let answers = report["statusCodeDistribution"].as_object().expect("oha counts answers");
        assert!(answers.keys().all(|key| *key == status.to_string()), "{}: {answers:?}", self.url);
        let quantile = |name: &str| {
            let seconds = report["latencyPercentiles"][name].as_f64().expect("oha tells quantiles");
            Duration::from_secs_f64(seconds)
        };
        (quantile("p50"), quantile("p99"))
    }
}

/// Has wrk send one token after the other, and count answers that are not as expected.
fn script(variant: &Variant, folder: &Folder) -> String {
    let mut text = String::from("local requests, wrong, threads = {}, 0, {}\n");
    if let Some(body) = variant.body {
        let _ = writeln!(text, "wrk.method, wrk.body = \"POST\", {body:?}");
        let _ = writeln!(text, "wrk.headers[\"content-type\"] = {JSON:?}");
    }
    for (name, value) in HEADERS {
        let _ = writeln!(text, "wrk.headers[{name:?}] = {value:?}");
    }
    let _ = write!(
        text,
        r#"
function setup(thread) table.insert(threads, thread) end
function init()
  failures = 0
  for token in io.lines("{}") do
    wrk.headers["authorization"] = "Bearer " .. token
    table.insert(requests, wrk.format())
  end
  if #requests == 0 then table.insert(requests, wrk.format()) end
end
local next = 0
function request()
  next = next % #requests + 1
  return requests[next]
end
"#,
        folder.path("tokens").display()
    );
    // Looking at each answer costs the load time, so only refusals are: wrk itself counts those.
    let _ = write!(
        text,
        r#"
function done(summary, latency, all)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.timeout
  local wrong = errors.status
  if {refusal} then wrong = summary.requests - errors.status end
  io.write(string.format("done %d %d %d\n", summary.requests, wrong, failed))
end
"#,
        refusal = variant.status >= 400
    );
    text
}
