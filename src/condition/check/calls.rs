//! Calls: operators, and the functions that there are.

use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, operators};

use super::relations::Shape;
use super::{Checker, ident};
use crate::condition::environment::{
    ADD, CONTAINED, DIFFERENT, DIVIDE, EQUAL, FUNCTIONS, MULTIPLY, SUBTRACT, Signature,
};
use crate::condition::names::FAMILIES;
use crate::condition::{Family, Type, Variable};
use crate::config::suggestion;

impl Checker<'_> {
    pub(super) fn visit_call(&mut self, call: &mut CallExpr) -> Type {
        if call.func_name == operators::IN
            && let Some(found) = self.visit_presence(call)
        {
            return found;
        }
        if let Some(found) = self.visit_level(call) {
            return found;
        }
        let shapes = call.args.iter().map(Shape::of).collect::<Vec<_>>();
        let target = call.target.as_mut().map(|target| self.visit(target));
        let args = call.args.iter_mut().map(|arg| self.visit(arg)).collect::<Vec<_>>();
        let name = call.func_name.clone();
        match (name.as_str(), args.as_slice()) {
            (operators::CONDITIONAL, [condition, one, other]) => {
                self.expect("?", *condition, Type::Bool);
                if one == other { *one } else { Type::Dyn }
            }
            (operators::LOGICAL_AND, [one, other]) => self.logical("&&", [*one, *other]),
            (operators::LOGICAL_OR, [one, other]) => self.logical("||", [*one, *other]),
            (operators::LOGICAL_NOT, [one]) => self.logical("!", [*one]),
            (operators::NOT_STRICTLY_FALSE, [_]) => Type::Bool,
            (operators::EQUALS, [one, other]) => {
                EQUAL.clone_into(&mut call.func_name);
                self.compare("==", [*one, *other], &shapes)
            }
            (operators::NOT_EQUALS, [one, other]) => {
                DIFFERENT.clone_into(&mut call.func_name);
                self.compare("!=", [*one, *other], &shapes)
            }
            (operators::LESS, [one, other]) => self.compare("<", [*one, *other], &shapes),
            (operators::LESS_EQUALS, [one, other]) => self.compare("<=", [*one, *other], &shapes),
            (operators::GREATER, [one, other]) => self.compare(">", [*one, *other], &shapes),
            (operators::GREATER_EQUALS, [one, other]) => {
                self.compare(">=", [*one, *other], &shapes)
            }
            (operators::IN, [one, of]) => {
                CONTAINED.clone_into(&mut call.func_name);
                self.contained(*one, *of, &shapes)
            }
            (operators::ADD, [one, other]) => {
                self.arithmetic("+", &[Type::String, Type::List], *one, *other, call)
            }
            (operators::SUBSTRACT, [one, other]) => self.arithmetic("-", &[], *one, *other, call),
            (operators::MULTIPLY, [one, other]) => self.arithmetic("*", &[], *one, *other, call),
            (operators::DIVIDE, [one, other]) => self.arithmetic("/", &[], *one, *other, call),
            (operators::MODULO, [one, other]) => self.arithmetic("%", &[], *one, *other, call),
            (operators::NEGATE, [one]) => *one,
            (operators::INDEX, [of, _]) => {
                if !(of.may_be(Type::List) || *of == Type::Map) {
                    self.mistake_at("[", &format!("{} has no members", of.name()));
                }
                Type::Dyn
            }
            (name, _) => {
                if let ("containsIP", [found], [arg]) = (name, args.as_slice(), shapes.as_slice()) {
                    self.check_address(name, *found, arg);
                }
                self.function(name, target, &args, call)
            }
        }
    }

    /// `"name" in request.headers`: whether there is such a member.
    fn visit_presence(&mut self, call: &mut CallExpr) -> Option<Type> {
        let [name, of] = call.args.as_mut_slice() else { return None };
        let (path, false) = super::path_of(of)? else { return None };
        let path = path.join(".");
        let is_family = |(name, family, _): &&(&str, Family, Type)| {
            *name == path && !matches!(family, Family::Feeds | Family::Signals)
        };
        let (family_name, family, _) = FAMILIES.iter().find(is_family)?;
        let Expr::Literal(LiteralValue::String(literal)) = &name.expr else {
            self.mistake_at(
                &path,
                &format!("expected a written-out name before in, such as \"name\" in {path}"),
            );
            return Some(Type::Bool);
        };
        let member = Self::spelled(*family, literal.inner());
        let text = member.clone().into_string();
        name.expr = Expr::Literal(LiteralValue::String(text.into()));
        of.expr = ident(family_name);
        let variable = Variable::Member(*family, member);
        self.note(variable, &path);
        Some(Type::Bool)
    }

    fn expect(&mut self, text: &str, found: Type, expected: Type) {
        if !found.may_be(expected) {
            let message = format!("{text} takes {}; found {}", expected.name(), found.name());
            self.mistake_at(text, &message);
        }
    }

    fn logical<const N: usize>(&mut self, sign: &str, operands: [Type; N]) -> Type {
        for operand in operands {
            self.expect(sign, operand, Type::Bool);
        }
        Type::Bool
    }

    /// Arithmetic takes two values of one type.
    fn arithmetic(
        &mut self,
        sign: &str,
        more: &[Type],
        one: Type,
        other: Type,
        call: &mut CallExpr,
    ) -> Type {
        let takes = |t: &Type| {
            matches!(t, Type::Int | Type::Uint | Type::Double | Type::Decimal | Type::Dyn)
                || more.contains(t)
        };
        if !takes(&one) || !takes(&other) || !one.may_be(other) {
            let message = format!(
                "{} {sign} {} cannot be computed; expected two values of one type (2.0 is a double, \
                 2 an int, decimal(\"2\") a decimal)",
                one.name(),
                other.name()
            );
            self.mistake_at(sign, &message);
        }
        // The library appends to lists in its own way, and `%` takes no doubles.
        let checked = match sign {
            "+" if one != Type::List && other != Type::List => Some(ADD),
            "-" => Some(SUBTRACT),
            "*" => Some(MULTIPLY),
            "/" => Some(DIVIDE),
            _ => None,
        };
        if let Some(checked) = checked {
            checked.clone_into(&mut call.func_name);
        }
        if one == Type::Dyn { other } else { one }
    }

    fn function(
        &mut self,
        name: &str,
        target: Option<Type>,
        args: &[Type],
        call: &mut CallExpr,
    ) -> Type {
        let of_name = || FUNCTIONS.iter().filter(|function| function.name == name);
        let all = || target.iter().chain(args).copied();
        let fits = |function: &&Signature| {
            function.is_member == target.is_some()
                && function.takes.len() == all().count()
                && all().zip(function.takes).all(|(found, takes)| found.may_be(*takes))
        };
        if let Some(function) = of_name().find(fits) {
            function.stands_for.clone_into(&mut call.func_name);
            self.check_literals(name, &call.args);
            return function.gives;
        }
        let shown = |function: &Signature| {
            let takes = function.takes.iter().map(|t| t.name()).collect::<Vec<_>>();
            match takes.split_first() {
                Some((target, rest)) if function.is_member => {
                    format!("{name}({}) of {target}", rest.join(", "))
                }
                _ => format!("{name}({})", takes.join(", ")),
            }
        };
        let known = of_name().map(shown).collect::<Vec<_>>();
        let message = if known.is_empty() {
            let hint = match name {
                "now" => "; the time is request.time".to_owned(),
                "not" => "; did you mean \"!\"?".to_owned(),
                _ => suggestion(name, FUNCTIONS.iter().map(|function| function.name)),
            };
            format!("there is no function {name}{hint}")
        } else {
            let found = args.iter().map(|t| t.name()).collect::<Vec<_>>().join(", ");
            let of = target.map_or_else(String::new, |target| format!(" of {}", target.name()));
            format!("{name} is called with ({found}){of}; expected {}", known.join(" or "))
        };
        self.mistake_at(name, &message);
        Type::Dyn
    }

    /// What is written out can be checked now.
    fn check_literals(&mut self, name: &str, args: &[IdedExpr]) {
        for arg in args {
            let Expr::Literal(LiteralValue::String(text)) = &arg.expr else {
                if name == "matches" {
                    self.mistake_at(
                        name,
                        "expected a written-out expression as in matches(\"^a\")",
                    );
                }
                continue;
            };
            if let Err(problem) = crate::condition::environment::check_literal(name, text.inner()) {
                self.mistake_at(text.inner(), &problem);
            }
        }
    }
}
