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
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::ExitCode;
use std::sync::mpsc;

use anstream::println;
use clap::Parser;
use envoy_stepup::cli::document::Documents;
use envoy_stepup::cli::key::TestKey;
use envoy_stepup::cli::token::{self, TestToken};
use serde_json::{Value, json};

use self::story::Tokens;
use self::support::{Envoy, EnvoyOptions, Reply, Upstream, bootstrap, shipped};

/// The file that Envoy is started with.
const FILE: &str = "envoy/envoy.yaml";
/// The port of that file, for whoever tries things by hand.
const PORT: u16 = 10_000;

#[derive(Parser)]
struct Arguments {
    /// Keep Envoy running after the story, and print curl lines with tokens to try
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

/// Whether everything was as expected.
fn run(arguments: &Arguments) -> Result<bool, Box<dyn Error>> {
    let key = TestKey::generate();
    let application = Upstream::start_with(|_| Reply::new(200, "hello from the application\n"));
    let port = if arguments.serve { free_port() } else { 0 };
    let envoy = start(&key, application.addr(), port)?;
    let tokens = Tokens::sign(&key)?;
    let good = story::tell(&envoy, &application, &tokens)?;
    if arguments.serve {
        serve(envoy.addr(), &tokens)?;
    }
    Ok(good)
}

/// Starts Envoy with the shipped file, made to fit this machine.
fn start(key: &TestKey, application: SocketAddr, port: u16) -> Result<Envoy, Box<dyn Error>> {
    let module = bootstrap::wasm();
    if !module.is_file() {
        return Err(format!("no module at {}; run scripts/demo", module.display()).into());
    }
    let mut documents = shipped::documents(FILE);
    check(&documents)?;
    token::trust(&mut documents, TestToken::ISSUER, key).map_err(|why| format!("{FILE}: {why}"))?;
    let [file] = documents.into_values().try_into().map_err(|_| "one document is expected")?;
    let mut file = shipped::with_module(file);
    listen(&mut file["admin"], 0);
    for listener in file["static_resources"]["listeners"].as_array_mut().into_iter().flatten() {
        listen(listener, port);
    }
    for cluster in file["static_resources"]["clusters"].as_array_mut().into_iter().flatten() {
        cluster["type"] = json!("STATIC");
        cluster["load_assignment"]["endpoints"] = json!([{
            "lb_endpoints": [{"endpoint": {"address": address(application.port())}}],
        }]);
    }
    EnvoyOptions::whole(file)
        .start()
        .map_err(|failure| format!("Envoy does not start with {FILE}\n{failure}").into())
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

/// Moves an address of the file to a port of this machine.
fn listen(place: &mut Value, port: u16) {
    place["address"] = address(port);
}

fn address(port: u16) -> Value {
    json!({"socket_address": {"address": Ipv4Addr::LOCALHOST.to_string(), "port_value": port}})
}

/// The usual port, or 0 for any when it is taken.
fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, PORT)).map_or(0, |_| PORT)
}

/// Prints what can be tried by hand, and waits for Ctrl-C.
fn serve(addr: SocketAddr, tokens: &Tokens) -> Result<(), Box<dyn Error>> {
    println!("Envoy stays up at http://{addr}. Paste these into another terminal:\n");
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
    println!("\nThe passkey login is good for transfers for 15 minutes. Ctrl-C ends this.");
    let (stop, stopped) = mpsc::channel();
    ctrlc::set_handler(move || {
        // There is nobody to tell when it ends already.
        let _ = stop.send(());
    })?;
    stopped.recv()?;
    Ok(())
}
