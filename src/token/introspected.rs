//! Tokens that an authorization server is asked about: which questions are open, and which tokens
//! it refused a short time ago.
//!
//! A question is asked in the filter's own tick, not for the request that brings it up. The proxy
//! ties a call to the context that makes it, so that the end of one request would take the answer
//! from others that wait for it; and the SDK never forgets a call whose answer does not come.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use log::{error, warn};
use serde_json::{Map, Value};

use super::cache::{CacheLimits, TokenCache};
use super::{Evidence, Issuer, TokenError, Unproven};
use crate::config::Mistakes;
use crate::host::{CallId, CalloutAnswer, Host};
use crate::introspection::{self, IntrospectionSettings, NoAnswer, Server, Statement};
use crate::keys::KeySource;
use crate::report::Counter;
use crate::time::Moment;

/// The most questions of a worker to one server that are open. More would be a flood, and only take
/// memory and the server's time.
const MOST_QUESTIONS: usize = 256;
/// The most questions of a worker to all servers. Each has its share, so that one that hangs takes
/// nothing from another.
const MOST_QUESTIONS_IN_ALL: usize = 1024;
/// How long questions are asked in one tick. Each can cost a signature, and nothing else is served
/// meanwhile.
const LONGEST_TURN: Duration = Duration::from_millis(5);
/// How long a refusal is remembered at most. A token can be so new that the server which was asked
/// has not heard of it.
const LONGEST_REFUSAL: Duration = Duration::from_secs(10);
/// When to try again after a failure.
const RETRY_AFTER: Duration = Duration::from_secs(5);
/// When to try again where too many questions are open.
const RETRY_WHEN_BUSY: Duration = Duration::from_secs(1);
/// What the proxy may need for an answer beyond the call's time-out.
const MARGIN: Duration = Duration::from_secs(5);
/// How often a failure is logged for each server at most: there can be thousands in a second.
const LOG_EVERY: Duration = Duration::from_secs(10);

/// Which question to an authorization server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QuestionId(u64);

/// The authorization servers, and what they are being asked.
#[derive(Debug)]
pub(super) struct Introspections {
    servers: HashMap<Box<str>, KnownServer>,
    questions: HashMap<Box<str>, Question>,
    open: HashSet<QuestionId>,
    next: u64,
    refused: TokenCache<Refusal>,
}

#[derive(Debug)]
struct KnownServer {
    server: Server,
    logged_at: Option<Moment>,
    /// How many questions to it there are.
    questions: usize,
}

/// What is asked about one token, for all requests that bring it.
#[derive(Debug)]
struct Question {
    id: QuestionId,
    issuer: Arc<Issuer>,
    /// What the token itself says that it is bound to.
    cnf: Option<Value>,
    state: State,
}

#[derive(Debug)]
enum State {
    ToBeAsked,
    /// The answer comes until then, or was lost.
    Asked(CallId, Moment),
    /// For the requests that wait; it goes once they are served.
    Answered(Result<Arc<Evidence>, Unproven>),
}

#[derive(Clone, Copy, Debug)]
struct Refusal {
    error: TokenError,
    until: Moment,
}

/// Evidence from an answer, to be remembered.
pub(super) struct Learned {
    pub(super) token: Box<str>,
    pub(super) evidence: Arc<Evidence>,
}

impl Introspections {
    /// Takes the credentials for all servers from the environment. `limits` are for the tokens
    /// that were refused.
    pub(super) fn new<'i>(
        issuers: impl Iterator<Item = &'i Arc<Issuer>>,
        limits: CacheLimits,
        host: &dyn Host,
    ) -> Result<Self, Mistakes> {
        let mut servers = HashMap::new();
        let mut mistakes = Vec::new();
        for issuer in issuers {
            if let Some(settings) = settings_of(issuer) {
                match Server::new(settings, host) {
                    Ok(server) => {
                        let known = KnownServer { server, logged_at: None, questions: 0 };
                        servers.insert(issuer.name.clone(), known);
                    }
                    Err(mistake) => mistakes.push(mistake),
                }
            }
        }
        match Mistakes::found(mistakes) {
            Some(mistakes) => Err(mistakes),
            None => Ok(Self {
                servers,
                questions: HashMap::new(),
                open: HashSet::new(),
                next: 0,
                refused: TokenCache::new(limits),
            }),
        }
    }

    /// What the issuer's server says about a token, as far as it was asked. If not, it will be.
    /// `cnf` is the token's own claim, where it is a JWT.
    pub(super) fn look_up(
        &mut self,
        token: &str,
        cnf: Option<&Value>,
        issuer: &Arc<Issuer>,
        now: Moment,
    ) -> Result<Arc<Evidence>, Unproven> {
        if let Some(refusal) = self.refused.get(token.as_bytes()) {
            if now < refusal.until {
                return Err(refusal.error.into());
            }
            self.refused.remove(token.as_bytes());
        }
        let share = MOST_QUESTIONS_IN_ALL.checked_div(self.servers.len()).unwrap_or_default();
        // Every server of the configuration is known.
        let known = self.servers.get_mut(&issuer.name).ok_or(Unproven::Unavailable(RETRY_AFTER))?;
        let wait = known.server.settings().wait;
        if let Some(question) = self.questions.get(token) {
            return match &question.state {
                State::Answered(result) => result.clone(),
                State::ToBeAsked | State::Asked(..) => Err(Unproven::Asking(question.id, wait)),
            };
        }
        if known.questions >= share.clamp(1, MOST_QUESTIONS) {
            return Err(Unproven::Unavailable(RETRY_WHEN_BUSY));
        }
        known.questions = known.questions.saturating_add(1);
        let id = QuestionId(self.next);
        self.next = self.next.wrapping_add(1);
        self.open.insert(id);
        let (issuer, cnf) = (Arc::clone(issuer), cnf.cloned());
        let question = Question { id, issuer, cnf, state: State::ToBeAsked };
        self.questions.insert(token.into(), question);
        Err(Unproven::Asking(id, wait))
    }

    /// Whether a question has no answer yet.
    pub(super) fn is_open(&self, question: QuestionId) -> bool {
        self.open.contains(&question)
    }

    /// Asks what is to be asked, and gives up on answers that were lost. Says whether there is more
    /// to ask than a tick has time for.
    pub(super) fn on_tick(&mut self, host: &dyn Host) -> bool {
        let now = host.moment();
        let mut to_be_asked = Vec::new();
        for (token, question) in &mut self.questions {
            match question.state {
                State::ToBeAsked => to_be_asked.push((token, question)),
                State::Asked(_, until) if now >= until => {
                    let problem = NoAnswer::Failed("no answer".to_owned());
                    let unproven = failed(&mut self.servers, &question.issuer, &problem, host);
                    question.state = State::Answered(Err(unproven));
                    self.open.remove(&question.id);
                }
                State::Asked(..) | State::Answered(..) => {}
            }
        }
        // The first come first, so that a flood cannot hold up one for ever.
        to_be_asked.sort_unstable_by_key(|(_, question)| question.id);
        for (token, question) in to_be_asked {
            if host.moment() >= now.plus(LONGEST_TURN) {
                return true;
            }
            let asked = match self.servers.get(&question.issuer.name) {
                Some(known) => {
                    let timeout = known.server.settings().timeout;
                    known.server.ask(host, token).map(|call| (call, timeout))
                }
                None => Err(NoAnswer::Failed("the server is not known".to_owned())),
            };
            question.state = match asked {
                Ok((call, timeout)) => State::Asked(call, host.moment().plus(timeout).plus(MARGIN)),
                Err(problem) => {
                    self.open.remove(&question.id);
                    let unproven = failed(&mut self.servers, &question.issuer, &problem, host);
                    State::Answered(Err(unproven))
                }
            };
        }
        false
    }

    /// Takes the answer to a call.
    pub(super) fn on_answer(&mut self, host: &dyn Host, call: CallId, answer: &CalloutAnswer) {
        let is_asked =
            |question: &Question| matches!(question.state, State::Asked(own, _) if own == call);
        let asked = self.questions.iter_mut().find(|(_, question)| is_asked(question));
        let Some((token, question)) = asked else { return };
        self.open.remove(&question.id);
        let issuer = &question.issuer;
        question.state = match introspection::read(answer) {
            Ok(statement) => {
                host.count(Counter::Introspection);
                match judge(statement, issuer, question.cnf.as_ref(), host) {
                    Ok(evidence) => State::Answered(Ok(evidence)),
                    Err(error) => {
                        let longest = settings_of(issuer).map_or(Duration::ZERO, |s| s.cache_for);
                        let remembered_for = longest.min(LONGEST_REFUSAL);
                        if remembered_for > Duration::ZERO {
                            let until = host.moment().plus(remembered_for);
                            self.refused.insert(token.as_bytes(), Refusal { error, until }, 0);
                        }
                        State::Answered(Err(error.into()))
                    }
                }
            }
            Err(problem) => State::Answered(Err(failed(&mut self.servers, issuer, &problem, host))),
        };
    }

    /// Lets the answers go, once all requests that waited for them are served. Hands out what is to
    /// be remembered.
    pub(super) fn take_answers(&mut self) -> Vec<Learned> {
        if self.open.len() == self.questions.len() {
            return Vec::new();
        }
        let answered = self.questions.extract_if(|_, question| !self.open.contains(&question.id));
        let servers = &mut self.servers;
        let learned = answered.filter_map(|(token, question)| {
            if let Some(known) = servers.get_mut(&question.issuer.name) {
                known.questions = known.questions.saturating_sub(1);
            }
            match question.state {
                State::Answered(Ok(evidence)) => Some(Learned { token, evidence }),
                _ => None,
            }
        });
        learned.collect()
    }
}

fn settings_of(issuer: &Issuer) -> Option<&IntrospectionSettings> {
    match &issuer.keys {
        KeySource::Introspection(settings) => Some(settings),
        KeySource::Inline(_) | KeySource::Remote(_) | KeySource::VerifiedBy(_) => None,
    }
}

/// What a statement proves.
fn judge(
    statement: Statement,
    issuer: &Arc<Issuer>,
    cnf: Option<&Value>,
    host: &dyn Host,
) -> Result<Arc<Evidence>, TokenError> {
    let Statement::Active(claims) = statement else { return Err(TokenError::Inactive) };
    check_binding(&claims, cnf)?;
    // Only such issuers are asked.
    let settings = settings_of(issuer).ok_or(TokenError::UnknownIssuer)?;
    let until = host.moment().plus(settings.cache_for);
    let evidence = Evidence::introspected(Arc::clone(issuer), until, claims, host.now())?;
    Ok(Arc::new(evidence))
}

/// RFC 7662 lets a server leave anything out, and a token that is bound would then pass for one that
/// is not. What the token says itself is not proven, but nobody gains by saying that it is bound.
fn check_binding(claims: &Map<String, Value>, cnf: Option<&Value>) -> Result<(), TokenError> {
    let stated = claims.get("cnf");
    let token_type = claims.get("token_type").and_then(Value::as_str);
    let is_dpop = token_type.is_some_and(|name| name.eq_ignore_ascii_case("DPoP"));
    let has_key = stated.is_some_and(|stated| stated.get("jkt").is_some());
    // RFC 9449 §6.2: the server tells the key of a token that is bound to one.
    if cnf.is_some_and(|own| stated != Some(own)) || (is_dpop && !has_key) {
        return Err(TokenError::BindingNotStated);
    }
    Ok(())
}

/// Tells the operator that a server gave no answer, and says what becomes of requests.
fn failed(
    servers: &mut HashMap<Box<str>, KnownServer>,
    issuer: &Issuer,
    problem: &NoAnswer,
    host: &dyn Host,
) -> Unproven {
    host.count(Counter::IntrospectionFailure);
    let now = host.moment();
    if let Some(known) = servers.get_mut(&issuer.name)
        && known.logged_at.is_none_or(|at| now >= at.plus(LOG_EVERY))
    {
        known.logged_at = Some(now);
        let endpoint = &known.server.settings().endpoint;
        let message = format!(
            "issuer {:?}: a token cannot be introspected: {endpoint}: {problem}",
            issuer.name
        );
        match problem {
            NoAnswer::Unauthorized(_) => error!("{message}"),
            NoAnswer::Failed(_) => warn!("{message}"),
        }
    }
    Unproven::Unavailable(RETRY_AFTER)
}
