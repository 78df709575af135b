//! How the story looks. Colours are for terminals only, and `NO_COLOR` turns them off.

use anstream::println;
use anstyle::{AnsiColor, Style};

use super::story::Expected;
use super::support::{Request, Response};

const TITLE: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();
const ASKED: Style = AnsiColor::Yellow.on_default();

/// The parameters that tell a client what to do.
const IMPORTANT: [&str; 3] = ["error", "acr_values", "max_age"];

pub(crate) fn request(number: usize, title: &str, request: &Request, login: &str) {
    println!("{TITLE}{number}. {title}{TITLE:#}");
    let target = String::from_utf8_lossy(&request.target);
    println!("   {} {target}   {DIM}login: {login}{DIM:#}", request.method);
}

pub(crate) fn response(response: &Response) {
    let status = response.status;
    let style = if status < 400 { GOOD } else { ASKED };
    println!("   {style}{status} {}{style:#}", reason(status));
    let Some(header) = response.header("www-authenticate") else { return };
    println!("   {DIM}WWW-Authenticate: Bearer{DIM:#}");
    for (name, value) in parameters(header) {
        let style = if IMPORTANT.contains(&name.as_str()) { ASKED } else { DIM };
        println!("     {style}{name}=\"{value}\"{style:#}");
    }
}

/// Where `trying`, somebody tries changes, and what differs is told without blame.
pub(crate) fn verdict(expected: &Expected, differences: &[String], trying: bool) {
    if differences.is_empty() {
        let as_expected = match expected {
            Expected::Passes => "reached the application",
            Expected::Challenged { error: Some("invalid_token"), .. } => {
                "refused; the application saw nothing"
            }
            Expected::Challenged { .. } => "challenged; the application saw nothing",
        };
        println!("   {GOOD}✓ {as_expected}{GOOD:#}\n");
    } else if trying {
        println!("   {ASKED}≠ the story has it otherwise: {}{ASKED:#}\n", differences.join("; "));
    } else {
        println!("   {BAD}✗ not as expected: {}{BAD:#}\n", differences.join("; "));
    }
}

pub(crate) fn total(arrived: usize, should_arrive: usize, differing: usize, trying: bool) {
    if differing > 0 && trying {
        let answers = if differing == 1 { "answer differs" } else { "answers differ" };
        println!(
            "{ASKED}{differing} {answers} from the story of the shipped file; after a change of \
             yours that may be right{ASKED:#}"
        );
    } else if arrived == should_arrive {
        println!("{GOOD}✓ {arrived} requests reached the application: those that should{GOOD:#}");
    } else {
        println!("{BAD}✗ {arrived} requests reached the application, not {should_arrive}{BAD:#}");
    }
}

/// The parameters of a challenge, in their order; none where the header is no challenge.
pub(crate) fn parameters(header: &str) -> Vec<(String, String)> {
    let challenges = http_auth::parse_challenges(header).unwrap_or_default();
    let all = challenges.into_iter().flat_map(|challenge| challenge.params);
    all.map(|(name, value)| (name.to_owned(), value.to_unescaped())).collect()
}

const fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "",
    }
}
