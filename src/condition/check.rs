//! Checks an expression before it is ever evaluated: that all names are known, and that types fit as
//! far as they can be told. What is left open shows as an error with a request, and counts as doubt.
//!
//! The checker rewrites as it goes. Names of facts become single variables, and operators that would
//! answer `false` where types differ become functions of [`super::environment`] that fail.

mod calls;
mod relations;

use cel::common::ast::{
    CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedExpr, LiteralValue, SelectExpr, operators,
};

use super::environment::NULL;
use super::names::{FACTS, FAMILIES, METADATA, names};
use super::{Family, Known, Scope, Type, Variable};
use crate::config::suggestion;

/// A mistake at a line and a column of the expression, both counted from 1.
pub(super) fn at((line, column): (isize, isize), source: &str, message: &str) -> String {
    let several = source.trim_end().contains('\n');
    match (several, column) {
        (_, ..=0) => message.to_owned(),
        (false, _) => format!("column {column}: {message}"),
        (true, _) => format!("line {line}, column {column}: {message}"),
    }
}

/// How deep operations may be nested. Each takes from the stack of the module when it is evaluated.
const DEEPEST: usize = 64;

pub(super) struct Checker<'k> {
    source: &'k str,
    scope: Scope,
    known: &'k Known<'k>,
    /// The variables of macros such as `exists`, innermost last.
    locals: Vec<String>,
    reads: Vec<Variable>,
    mistakes: Vec<String>,
    /// How far inside of the expression this is.
    depth: usize,
}

impl<'k> Checker<'k> {
    pub(super) const fn new(source: &'k str, scope: Scope, known: &'k Known<'k>) -> Self {
        Self {
            source,
            scope,
            known,
            locals: Vec::new(),
            reads: Vec::new(),
            mistakes: Vec::new(),
            depth: 0,
        }
    }

    /// What the expression reads, each once; or all mistakes.
    pub(super) fn finish(self) -> Result<Vec<Variable>, Vec<String>> {
        if self.mistakes.is_empty() { Ok(self.reads) } else { Err(self.mistakes) }
    }

    pub(super) fn mistake(&mut self, message: String) {
        self.mistakes.push(message);
    }

    /// A mistake at the first place where the expression has this text.
    fn mistake_at(&mut self, text: &str, message: &str) {
        let before = self.source.find(text).and_then(|at| self.source.get(..at));
        let position = before.map_or((0, 0), |before| {
            let line = before.matches('\n').count();
            let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count());
            let from_one = |n: usize| isize::try_from(n.saturating_add(1)).unwrap_or_default();
            (from_one(line), from_one(column))
        });
        self.mistakes.push(at(position, self.source, message));
    }

    /// Checks an expression, rewrites it, and tells its type.
    pub(super) fn visit(&mut self, node: &mut IdedExpr) -> Type {
        self.depth = self.depth.saturating_add(1);
        let found = if self.depth > DEEPEST {
            if self.depth == DEEPEST.saturating_add(1) {
                self.mistake(format!("is nested deeper than {DEEPEST} operations"));
            }
            Type::Dyn
        } else {
            self.visit_inner(node)
        };
        self.depth = self.depth.saturating_sub(1);
        found
    }

    fn visit_inner(&mut self, node: &mut IdedExpr) -> Type {
        if let Some((path, is_test)) = path_of(node)
            && path.first().is_some_and(|root| !self.locals.contains(root))
        {
            return self.visit_name(node, &path, is_test);
        }
        match &mut node.expr {
            Expr::Literal(LiteralValue::Null) => {
                node.expr = call(NULL);
                Type::Null
            }
            Expr::Literal(literal) => type_of(literal),
            Expr::Ident(_) => Type::Dyn,
            Expr::Select(select) => self.visit_select(select),
            Expr::Call(call) => self.visit_call(call),
            Expr::List(list) => {
                for element in &mut list.elements {
                    self.visit(element);
                }
                Type::List
            }
            Expr::Map(map) => {
                for entry in &mut map.entries {
                    if let EntryExpr::MapEntry(entry) = &mut entry.expr {
                        self.visit(&mut entry.key);
                        self.visit(&mut entry.value);
                    }
                }
                Type::Map
            }
            Expr::Comprehension(comprehension) => self.visit_comprehension(comprehension),
            Expr::Struct(message) => {
                let name = message.type_name.clone();
                self.mistake_at(&name, "there are no messages here; expected a value or a list");
                Type::Dyn
            }
            Expr::Unspecified => {
                self.mistake("is not complete".to_owned());
                Type::Dyn
            }
        }
    }

    fn visit_select(&mut self, select: &mut SelectExpr) -> Type {
        let of = self.visit(&mut select.operand);
        if !of.may_be(Type::Map) {
            let field = select.field.clone();
            self.mistake_at(&field, &format!("{} has no member {field}", of.name()));
        }
        if select.test { Type::Bool } else { Type::Dyn }
    }

    /// A loop inside of a loop over what a client sends could take as long as the client likes.
    fn visit_comprehension(&mut self, comprehension: &mut ComprehensionExpr) -> Type {
        let is_inner = !self.locals.is_empty();
        let is_fixed = matches!(comprehension.iter_range.expr, Expr::List(_));
        let range = self.visit(&mut comprehension.iter_range);
        let name = comprehension.iter_var.clone();
        if !(range.may_be(Type::List) || range == Type::Map) {
            self.mistake_at(&name, &format!("goes through {}; expected a list", range.name()));
        }
        if is_inner && !is_fixed {
            self.mistake_at(&name, "is a loop inside of a loop; expected a written-out list there");
        }
        if is_root(&name) {
            self.mistake_at(&name, &format!("{name} is the name of a fact; expected another name"));
        }
        let init = self.visit(&mut comprehension.accu_init);
        let outer = self.locals.len();
        self.locals.push(name);
        self.locals.extend(comprehension.iter_var2.clone());
        self.locals.push(comprehension.accu_var.clone());
        self.visit(&mut comprehension.loop_cond);
        self.visit(&mut comprehension.loop_step);
        self.visit(&mut comprehension.result);
        self.locals.truncate(outer);
        if init == Type::Int { Type::Bool } else { init }
    }

    /// A name, and members of what it names.
    fn visit_name(&mut self, node: &mut IdedExpr, path: &[String], is_test: bool) -> Type {
        let Some((base, variable, found, used)) = self.find(path) else { return Type::Dyn };
        let name = path.join(".");
        if !self.locals.is_empty() && variable.can_be_long() {
            self.mistake_at(
                &name,
                &format!(
                    "{name} is read within a loop, which could take as long as a client likes; \
                     expected the loop's variable, and what is written out"
                ),
            );
        }
        self.note(variable, &name);
        let rest = path.get(used..).unwrap_or_default();
        if rest.is_empty() {
            node.expr = base;
            return match (&mut node.expr, is_test) {
                (_, false) => found,
                (Expr::Select(select), true) => {
                    select.test = true;
                    Type::Bool
                }
                (_, true) => {
                    self.mistake_at(&name, &format!("{name} is always there; expected a member"));
                    Type::Bool
                }
            };
        }
        if found != Type::Dyn {
            let name = path.get(..used).unwrap_or_default().join(".");
            self.mistake_at(&name, &format!("{name} is {}, which has no members", found.name()));
        }
        let mut chain = base;
        for field in rest {
            chain = select(chain, field);
        }
        if let Expr::Select(last) = &mut chain {
            last.test = is_test;
        }
        node.expr = chain;
        if is_test { Type::Bool } else { Type::Dyn }
    }

    /// The expression for what a path names, the variable, its type, and how many steps name it.
    fn find(&mut self, path: &[String]) -> Option<(Expr, Variable, Type, usize)> {
        let one = path.first()?;
        let two = path.get(1).map(|second| format!("{one}.{second}"));
        let called = |name: &str| match () {
            () if two.as_deref() == Some(name) => Some(2),
            () if one == name => Some(1),
            () => None,
        };
        let by_name = |(name, fact, found): &(&str, _, Type)| {
            called(name).map(|used| (ident(name), Variable::Fact(*fact), *found, used))
        };
        if let Some(found) = FACTS.iter().find_map(by_name) {
            return Some(found);
        }
        let by_name = |(name, family, found): &(&'static str, Family, Type)| {
            called(name).map(|used| (*name, *family, *found, used))
        };
        if let Some((name, family, found, used)) = FAMILIES.iter().find_map(by_name) {
            let Some(member) = path.get(used) else {
                self.mistake_at(name, &format!("{name} is no value of its own; {}", hint(family)));
                return None;
            };
            let found = self.member(family, member).unwrap_or(found);
            let spelled = Self::spelled(family, member);
            let expression = select(ident(name), &spelled);
            let variable = Variable::Member(family, spelled);
            return Some((expression, variable, found, used.saturating_add(1)));
        }
        if one == METADATA {
            let (Some(namespace), Some(key)) = (path.get(1), path.get(2)) else {
                self.mistake_at(
                    METADATA,
                    "metadata is no value of its own; expected metadata[\"namespace\"].key",
                );
                return None;
            };
            let variable = Variable::Metadata(namespace.as_str().into(), key.as_str().into());
            let expression = select(select(ident(METADATA), namespace), key);
            return Some((expression, variable, Type::String, 3));
        }
        self.unknown(path);
        None
    }

    /// Header names have no case.
    fn spelled(family: Family, member: &str) -> Box<str> {
        match family {
            Family::Headers | Family::ResponseHeaders => member.to_ascii_lowercase().into(),
            _ => member.into(),
        }
    }

    /// The type of a member whose name the configuration gives.
    fn member(&mut self, family: Family, member: &str) -> Option<Type> {
        let (names, found): (Vec<_>, _) = match family {
            Family::Feeds => {
                let feeds = self.known.feeds;
                let found = feeds.iter().find(|(name, _)| *name == member);
                let found = found.map(|(_, found)| Type::Feed(*found));
                (feeds.iter().map(|(name, _)| *name).collect(), found)
            }
            Family::Signals => {
                let signals = self.known.signals;
                let found = signals.iter().find(|(name, _)| *name == member);
                (signals.iter().map(|(name, _)| *name).collect(), found.map(|(_, found)| *found))
            }
            _ => return None,
        };
        if !names.contains(&member) {
            let hint = suggestion(member, names.into_iter());
            let message = format!("{} has no {member:?}{hint}", family.name());
            self.mistake_at(member, &message);
        }
        found
    }

    fn unknown(&mut self, path: &[String]) {
        let Some(root) = path.first() else { return };
        let name = match path.get(1) {
            Some(second) => format!("{root}.{second}"),
            None if is_root(root) => {
                let members = names().filter(|name| name.split('.').next() == Some(root));
                let members = members.collect::<Vec<_>>().join(", ");
                let message = format!("{root} is no value of its own; expected {members}");
                self.mistake_at(root, &message);
                return;
            }
            None => root.clone(),
        };
        let is_word = path.len() == 1 && root.bytes().all(|byte| byte.is_ascii_uppercase());
        let hint = if is_word {
            format!("; a text needs quotes: '{root}'")
        } else {
            suggestion(&name, names())
        };
        self.mistake_at(&name, &format!("nothing is named {name:?}{hint}"));
    }

    /// Notes that a variable is read, by this name in the expression.
    fn note(&mut self, variable: Variable, name: &str) {
        if let Some(why) = variable.refused_in(self.scope) {
            self.mistake_at(name, why);
        }
        if !self.reads.contains(&variable) {
            self.reads.push(variable);
        }
    }
}

fn hint(family: Family) -> &'static str {
    match family {
        Family::Headers => "expected request.headers[\"name\"]",
        Family::ResponseHeaders => "expected response.headers[\"name\"]",
        Family::Query => "expected request.query.name",
        Family::Claims => "expected claims.name or claims[\"name\"]",
        Family::Signals => "expected signals.name",
        Family::Feeds => "expected feeds.name",
    }
}

/// Whether names of facts begin with it.
fn is_root(name: &str) -> bool {
    names().any(|fact| fact.split('.').next() == Some(name))
}

/// A name and the members selected of it, by `.member` or `["member"]`, and whether the last one is
/// tested for by `has`.
fn path_of(node: &IdedExpr) -> Option<(Vec<String>, bool)> {
    match &node.expr {
        Expr::Ident(name) => Some((vec![name.clone()], false)),
        Expr::Select(select) => {
            let (mut path, is_test) = path_of(&select.operand)?;
            path.push(select.field.clone());
            (!is_test).then_some((path, select.test))
        }
        Expr::Call(call) if call.func_name == operators::INDEX => match call.args.as_slice() {
            [of, IdedExpr { expr: Expr::Literal(LiteralValue::String(member)), .. }] => {
                let (mut path, is_test) = path_of(of)?;
                path.push(member.inner().to_owned());
                (!is_test).then_some((path, false))
            }
            _ => None,
        },
        _ => None,
    }
}

fn ident(name: &str) -> Expr {
    Expr::Ident(name.to_owned())
}

fn call(name: &str) -> Expr {
    Expr::Call(CallExpr { func_name: name.to_owned(), target: None, args: Vec::new() })
}

fn select(operand: Expr, field: &str) -> Expr {
    let operand = Box::new(IdedExpr { id: 0, expr: operand });
    Expr::Select(SelectExpr { operand, field: field.to_owned(), test: false })
}

fn type_of(literal: &LiteralValue) -> Type {
    match literal {
        LiteralValue::Boolean(_) => Type::Bool,
        LiteralValue::Bytes(_) => Type::Bytes,
        LiteralValue::Double(_) => Type::Double,
        LiteralValue::Int(_) => Type::Int,
        LiteralValue::Null => Type::Null,
        LiteralValue::String(_) => Type::String,
        LiteralValue::UInt(_) => Type::Uint,
    }
}
