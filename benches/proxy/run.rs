//! The measurements.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::authz;
use crate::bootstrap;
use crate::figures::Figure;
use crate::load::Load;
use crate::options::Options;
use crate::process::{cpu_time, pin};
use crate::results::{Measured, Results, Startup};
use crate::support::http::Connection;
use crate::support::{Envoy, EnvoyOptions, Request};
use crate::variant::Variant;
use crate::workshop::Workshop;

/// The core of the proxy; the load has the other.
const CORE: usize = 0;

/// How often it is measured what a start takes.
const STARTS: usize = 5;

/// Measures these variants as the options ask for, and tells what Envoy says of its version.
pub fn all(options: &Options, workshop: &Workshop, variants: &[Variant]) -> (Results, String) {
    let startup = (!options.no_startup).then(|| measure_startup(workshop));
    let server = authz::start();
    let envoy = Envoy::start(
        EnvoyOptions::whole(bootstrap::bootstrap(variants, server)).log_level("wasm:warning"),
    );
    pin(envoy.pid(), CORE);
    let places = addresses(&envoy);
    eprintln!("signing tokens");
    let prepare = |(variant, addr): (&Variant, &SocketAddr)| {
        Load::new(variant, &workshop.tokens(variant.tokens), *addr)
    };
    let loads: Vec<_> = variants.iter().zip(&places).map(prepare).collect();
    let mut rounds = Rounds { envoy: &envoy, variants, loads: &loads, options };
    rounds.warm_up();
    let (cpu, requests) = rounds.measure();
    let latency = rounds.latencies();
    let base_of = |variant: &Variant| {
        let place = variants.iter().position(|other| other.name == variant.base);
        &cpu[place.expect("bases are always measured")]
    };
    let mut added = BTreeMap::new();
    let measured = variants.iter().zip(&cpu).zip(requests).zip(latency).map(
        |(((variant, cpu), requests), latency)| {
            let over = |(with, without): (&f64, &f64)| (with - without) / variant.copies as f64;
            let difference: Vec<_> = cpu.iter().zip(base_of(variant)).map(over).collect();
            added.insert(variant.name, difference.clone());
            Measured {
                name: variant.name,
                note: variant.note,
                cpu: Figure::of(cpu.iter().copied()),
                added: Figure::of(difference),
                requests,
                latency,
            }
        },
    );
    let variants = measured.collect();
    let server: Value = serde_json::from_str(&envoy.admin_get("/server_info")).expect("JSON");
    let version = server["version"].as_str().unwrap_or("unknown").to_owned();
    (Results { variants, startup, added }, version)
}

struct Rounds<'a> {
    envoy: &'a Envoy,
    variants: &'a [Variant],
    loads: &'a [Load],
    options: &'a Options,
}

impl Rounds<'_> {
    /// V8 compiles what is used often again, and better. Caches fill, too.
    fn warm_up(&mut self) {
        for load in self.loads {
            load.saturate(self.options.time);
        }
    }

    /// The CPU time for each request in microseconds, by variant and round, and how many requests
    /// there were.
    fn measure(&mut self) -> (Vec<Vec<f64>>, Vec<u64>) {
        let count = self.variants.len();
        let (mut cpu, mut requests) = (vec![Vec::new(); count], vec![0; count]);
        let rounds = self.options.rounds();
        for round in 1..=rounds {
            eprintln!("round {round} of {rounds}");
            for (index, variant) in self.variants.iter().enumerate() {
                let (before, load) = (self.cpu(variant), &self.loads[index]);
                let answered = load.saturate(self.options.time);
                let used = self.cpu(variant).saturating_sub(before);
                cpu[index].push(used.as_secs_f64() * 1e6 / answered as f64);
                requests[index] += answered;
            }
        }
        (cpu, requests)
    }

    /// The CPU time of all that serves the variant.
    fn cpu(&self, variant: &Variant) -> Duration {
        let proxy = cpu_time(self.envoy.pid());
        let server =
            if variant.asks_server { cpu_time(std::process::id()) } else { Duration::ZERO };
        proxy + server
    }

    fn latencies(&mut self) -> Vec<Option<(f64, f64)>> {
        if !self.options.measures_latency() {
            return vec![None; self.variants.len()];
        }
        let rate = self.options.rate;
        let micros = |time: Duration| time.as_secs_f64() * 1e6;
        eprintln!("latency at {rate} requests a second");
        let all = self.loads.iter().zip(self.variants);
        all.map(|(load, variant)| {
            // oha sends one token, which is not new the second time.
            if variant.tokens.change() {
                return None;
            }
            let (half, most) = load.latency(rate, self.options.latency_time, variant.status);
            Some((micros(half), micros(most)))
        })
        .collect()
    }
}

/// Where the listeners of the bootstrap are, in order.
fn addresses(envoy: &Envoy) -> Vec<SocketAddr> {
    let listeners: Value =
        serde_json::from_str(&envoy.admin_get("/listeners?format=json")).expect("JSON");
    let listeners = listeners["listener_statuses"].as_array().expect("a list");
    let find = |name: String| {
        let listener = listeners.iter().find(|listener| listener["name"] == json!(name))?;
        let port = listener.pointer("/local_address/socket_address/port_value")?.as_u64()?;
        Some(SocketAddr::from(([127, 0, 0, 1], u16::try_from(port).ok()?)))
    };
    (0..listeners.len()).map(|index| find(format!("v{index}")).expect("a port")).collect()
}

fn measure_startup(workshop: &Workshop) -> Startup {
    eprintln!("what a start takes");
    let startups = workshop.startups();
    // One VM checks the configuration, one is the main thread's, each worker has one of its own.
    let vms = 3.0;
    let start = |filters: &[Value], workers: u32| {
        let variant = Variant::new("start", filters.to_vec());
        let bootstrap = bootstrap::bootstrap(&[variant], SocketAddr::from(([127, 0, 0, 1], 9)));
        let begin = Instant::now();
        let envoy = Envoy::start(
            EnvoyOptions::whole(bootstrap).concurrency(workers).log_level("wasm:warning"),
        );
        (begin.elapsed().as_secs_f64() * 1e3, envoy)
    };
    let rules_ms = Figure::of((0..STARTS).map(|_| {
        let (few, _) = start(&startups.small, 1);
        let (many, _) = start(&startups.large, 1);
        (many - few) / vms
    }));
    let memory = |filters: &[Value], workers: u32| {
        let (_, envoy) = start(filters, workers);
        // Compilers and allocators settle.
        thread::sleep(Duration::from_secs(2));
        envoy.memory() as f64
    };
    // The memory of a process varies by more than a VM takes: so many workers, and often.
    let per_worker = |filters: &[Value]| {
        let of_one = |_| (memory(filters, 17) - memory(filters, 1)) / 16.0;
        Figure::of((0..3).map(of_one)).median
    };
    let idle_bytes = per_worker(&startups.small) - per_worker(&startups.none);
    let (_, envoy) = start(&startups.small, 1);
    thread::sleep(Duration::from_secs(2));
    let before = envoy.memory() as f64;
    let mut connection = Connection::open(addresses(&envoy)[0]).expect("Envoy listens");
    for token in &startups.tokens {
        let request = Request::get("/accounts/7").header("connection", "keep-alive").bearer(token);
        assert_eq!(connection.send(&request).expect("an answer").status, 200);
    }
    let full_bytes = idle_bytes + envoy.memory() as f64 - before;
    let module_bytes = fs::metadata(&workshop.modules().stepup).expect("the module is there").len();
    Startup { rules_ms: rules_ms.median, module_bytes, idle_bytes, full_bytes }
}
