//! The step-up story, told with real requests through a real Envoy. `scripts/demo` runs it.

// It shows what it does on a terminal, and a broken demo may fail by panicking.
#![allow(clippy::expect_used, clippy::indexing_slicing)]

#[path = "demo/show.rs"]
mod show;
#[path = "demo/story.rs"]
mod story;
#[path = "../tests/support/mod.rs"]
mod support;

use std::error::Error;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::ExitCode;
use std::sync::mpsc;

use anstream::println;
use clap::Parser;
use envoy_stepup::cli::document::Documents;
use envoy_stepup::cli::key::TestKey;
use envoy_stepup::cli::token::{self, TestToken};
use serde_json::{Map, Value, json};

use self::story::Tokens;
use self::support::{Envoy, EnvoyOptions, Reply, Upstream, bootstrap, shipped};

/// The file that Envoy is started with.
const FILE: &str = "envoy/envoy.yaml";
/// The port of that file, for whoever tries things by hand.
const PORT: u16 = 10_000;
/// The key that signs the tokens of `--serve`. It is kept, so that `stepup token` can sign others.
const KEY: &str = ".tools/demo.jwk";

#[derive(Parser)]
struct Arguments {
    /// Keep Envoy running after the story, and print curl lines with tokens to try, and how to make
    /// others
    #[arg(long)]
    serve: bool,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            anstream::eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether everything was as expected. Who keeps it running tries changes, and those show.
fn run(arguments: &Arguments) -> Result<bool, Box<dyn Error>> {
    let key = if arguments.serve { kept_key()? } else { TestKey::generate() };
    let application = Upstream::start_with(|_| Reply::new(200, "hello from the application\n"));
    let port = if arguments.serve { free_port() } else { 0 };
    let envoy = start(&key, application.addr(), port)?;
    let tokens = Tokens::sign(&key)?;
    let differing = story::tell(&envoy, &application, &tokens, arguments.serve)?;
    if arguments.serve {
        serve(&envoy, &tokens)?;
    }
    Ok(arguments.serve || differing == 0)
}

fn kept_key() -> Result<TestKey, Box<dyn Error>> {
    let file = shipped::path(KEY);
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let (key, _) = TestKey::load_or_create(&file)?;
    Ok(key)
}

/// Starts Envoy with the shipped file, made to fit this machine.
fn start(key: &TestKey, application: SocketAddr, port: u16) -> Result<Envoy, Box<dyn Error>> {
    let module = bootstrap::wasm();
    if !module.is_file() {
        return Err(format!("no module at {}; run scripts/demo", module.display()).into());
    }
    let mut documents = read()?;
    check(&documents)?;
    token::trust(&mut documents, TestToken::ISSUER, key).map_err(|why| format!("{FILE}: {why}"))?;
    let [file] = documents.into_values().try_into().map_err(|_| "one document is expected")?;
    let mut file = shipped::with_module(file);
    if let Some(members) = file.as_object_mut() {
        members.insert("admin".to_owned(), json!({"address": address(0)}));
    }
    for listener in objects(&mut file, "/static_resources/listeners") {
        listener.insert("address".to_owned(), address(port));
    }
    for cluster in objects(&mut file, "/static_resources/clusters") {
        cluster.insert("type".to_owned(), json!("STATIC"));
        let application = json!({"endpoint": {"address": address(application.port())}});
        let endpoints = json!([{"lb_endpoints": [application]}]);
        let assignment = json!({"cluster_name": cluster.get("name"), "endpoints": endpoints});
        cluster.insert("load_assignment".to_owned(), assignment);
    }
    EnvoyOptions::whole(file)
        .start()
        .map_err(|failure| format!("Envoy does not start with {FILE}\n{failure}").into())
}

fn read() -> Result<Documents, String> {
    let text = fs::read_to_string(shipped::path(FILE));
    let text = text.map_err(|why| format!("{FILE}: cannot be read: {why}"))?;
    Documents::parse(&text).map_err(|why| format!("{FILE}: {why}"))
}

/// Tells mistakes in the file before Envoy would, and without its log around them.
fn check(documents: &Documents) -> Result<(), String> {
    let configurations = documents.configurations();
    for configuration in configurations.map_err(|why| format!("{FILE}: {why}"))? {
        configuration.compile().map_err(|mistakes| {
            let lines = mistakes.iter().map(|mistake| format!("\n{FILE}: {mistake}"));
            format!("the configuration has mistakes{}", lines.collect::<String>())
        })?;
    }
    Ok(())
}

/// The objects in a list of the file; none where it has no such list.
fn objects<'f>(
    file: &'f mut Value,
    list: &str,
) -> impl Iterator<Item = &'f mut Map<String, Value>> {
    let items = file.pointer_mut(list).and_then(Value::as_array_mut);
    items.into_iter().flatten().filter_map(Value::as_object_mut)
}

/// An address of this machine.
fn address(port: u16) -> Value {
    json!({"socket_address": {"address": Ipv4Addr::LOCALHOST.to_string(), "port_value": port}})
}

/// The usual port, or 0 for any when it is taken.
fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, PORT)).map_or(0, |_| PORT)
}

/// Prints what can be tried by hand, and waits for Ctrl-C.
fn serve(envoy: &Envoy, tokens: &Tokens) -> Result<(), Box<dyn Error>> {
    let addr = envoy.addr();
    println!("\nEnvoy stays up until Ctrl-C:");
    println!("  requests  http://{addr}");
    println!("  admin     http://{}", envoy.admin_addr());
    println!("  log       {}", envoy.log_file().display());
    println!("\nPaste these into another terminal:\n");
    for (login, token) in tokens.iter() {
        println!("{}={token}", login.variable());
    }
    println!();
    println!("curl -i http://{addr}/healthz");
    println!("curl -i http://{addr}/accounts/7");
    println!("curl -i -H \"Authorization: Bearer $PASSWORD\" http://{addr}/accounts/7");
    for (login, _) in tokens.iter() {
        let variable = login.variable();
        println!(
            "curl -i -H \"Authorization: Bearer ${variable}\" -X POST http://{addr}/accounts/7/transfers"
        );
    }
    println!(
        "\nFor another login (name your level's acr), or once these have expired after an hour:\n"
    );
    println!("cargo run --quiet --bin stepup -- token --key {KEY} --acr 2");
    let (stop, stopped) = mpsc::channel();
    ctrlc::set_handler(move || {
        // There is nobody to tell when it ends already.
        let _ = stop.send(());
    })?;
    stopped.recv()?;
    Ok(())
}
