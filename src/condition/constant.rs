//! What can be told of a condition without a request.

use cel::common::ast::{EntryExpr, Expr, IdedExpr, operators};
use cel::common::types::CelBool;
use cel::{Context, Value};

use super::{Doubt, environment, expressions};

/// What a checked expression is for every request, where it is the same for all.
pub(super) fn of(node: &IdedExpr) -> Option<Result<bool, Doubt>> {
    if let Expr::Call(call) = &node.expr
        && let [one, other] = call.args.as_slice()
    {
        // One side that decides is enough.
        let decides = match call.func_name.as_str() {
            operators::LOGICAL_AND => Some(false),
            operators::LOGICAL_OR => Some(true),
            _ => None,
        };
        if let Some(decides) = decides {
            return match (of(one), of(other)) {
                (Some(Ok(value)), _) | (_, Some(Ok(value))) if value == decides => {
                    Some(Ok(decides))
                }
                (Some(Ok(_)), Some(Ok(_))) => Some(Ok(!decides)),
                (Some(Err(doubt)), Some(_)) | (Some(_), Some(Err(doubt))) => Some(Err(doubt)),
                _ => None,
            };
        }
    }
    if let Expr::Call(call) = &node.expr
        && call.func_name == operators::LOGICAL_NOT
        && let [operand] = call.args.as_slice()
    {
        return of(operand).map(|found| found.map(|found| !found));
    }
    (!reads(node)).then(|| {
        let context = Context::with_env(environment::shared());
        expressions::begin();
        let value = Value::resolve_val(node, &context)?;
        value.downcast_ref::<CelBool>().map(|value| *value.inner()).ok_or(Doubt::WrongType)
    })
}

/// Whether anything in the expression has a name: a fact, or the variable of a loop.
fn reads(node: &IdedExpr) -> bool {
    match &node.expr {
        Expr::Literal(_) => false,
        Expr::Call(call) => {
            call.target.as_deref().is_some_and(reads) || call.args.iter().any(reads)
        }
        Expr::List(list) => list.elements.iter().any(reads),
        Expr::Map(map) => map.entries.iter().any(|entry| match &entry.expr {
            EntryExpr::MapEntry(entry) => reads(&entry.key) || reads(&entry.value),
            EntryExpr::StructField(_) => true,
        }),
        Expr::Select(select) => reads(&select.operand),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Condition, Known, Scope};

    #[test]
    fn what_no_request_changes_is_told() {
        for (source, expected) in [
            ("true", Some(Some(true))),
            ("1 > 2", Some(Some(false))),
            ("!(1 > 2)", Some(Some(true))),
            ("request.method == 'GET' || true", Some(Some(true))),
            ("false && request.method == 'GET'", Some(Some(false))),
            ("true && 2 > 1", Some(Some(true))),
            ("decimal('2') > decimal('1') && 'a' in ['a']", Some(Some(true))),
            ("1 / 0 == 1", Some(None)),
            ("1 / 0 == 1 || true", Some(Some(true))),
            ("true && request.method == 'GET'", None),
            ("request.method == 'GET'", None),
            ("[1, 2].exists(x, x > 1)", None),
        ] {
            let condition = Condition::compile(source, Scope::Request, &Known::default());
            let condition = condition.unwrap_or_else(|mistakes| panic!("{source}: {mistakes:?}"));
            assert_eq!(condition.constant().map(Result::ok), expected, "{source}");
        }
    }
}
