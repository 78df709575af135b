//! JSON as CEL sees it. Nothing is copied until it is asked for.

use cel::ExecutionError;
use cel::common::traits::{Indexer, Sizer};
use cel::common::types::{self, CelBool, CelDouble, CelInt, CelList, CelNull, CelString, Type};
use cel::common::value::{CowVal, Val};
use serde_json::{Map, Number, Value};

use super::Unclear;
use crate::body::are_alike;
use crate::number;

/// The value of CEL for one of JSON. All numbers are doubles, as CEL maps them.
pub(in crate::condition) fn value_of<'v>(value: &'v Value) -> Box<dyn Val + 'v> {
    match value {
        Value::Null => Box::new(CelNull),
        Value::Bool(value) => Box::new(CelBool::from(*value)),
        Value::Number(number) => match number.as_f64().filter(|_| is_exact(number)) {
            Some(number) => Box::new(CelDouble::from(number)),
            None => Box::new(Unclear),
        },
        Value::String(text) => Box::new(CelString::from(text.as_str())),
        Value::Array(items) => {
            Box::new(CelList::from(items.iter().map(value_of).collect::<Vec<_>>()))
        }
        Value::Object(members) => Box::new(Object { members }),
    }
}

/// Whether a double is this number. Fractions have lost how they were written.
fn is_exact(number: &Number) -> bool {
    let is_whole = number.is_i64() || number.is_u64();
    !is_whole || number::exact(&number.to_string()).is_some()
}

/// An object.
#[derive(Clone, Debug)]
struct Object<'v> {
    members: &'v Map<String, Value>,
}

impl<'v> Object<'v> {
    fn find(&self, index: &dyn Val) -> Result<&'v Value, ExecutionError> {
        let name = index.downcast_ref::<CelString<'_>>().ok_or_else(|| {
            let found = index.get_type().name().to_owned();
            ExecutionError::no_such_overload("_[_]", vec!["map".to_owned(), found])
        })?;
        let name = name.inner();
        self.members.get(name).ok_or_else(|| {
            // It is there for some reader, so that `has` cannot say that it is not.
            if self.members.keys().any(|found| are_alike(found, name)) {
                return ExecutionError::function_error("_[_]", "a member in another spelling");
            }
            ExecutionError::no_such_key(name)
        })
    }
}

impl Val for Object<'_> {
    fn get_type(&self) -> &Type {
        &types::MAP_TYPE
    }

    fn cel_type() -> &'static Type {
        &types::MAP_TYPE
    }

    fn as_indexer<'b, 'w>(&'b self) -> Option<&'b (dyn Indexer + 'w)>
    where
        Self: 'w,
    {
        Some(self)
    }

    fn into_indexer<'w>(self: Box<Self>) -> Option<Box<dyn Indexer + 'w>>
    where
        Self: 'w,
    {
        Some(self)
    }

    fn as_sizer(&self) -> Option<&dyn Sizer> {
        Some(self)
    }

    fn clone_as_boxed<'w>(&self) -> Box<dyn Val + 'w>
    where
        Self: 'w,
    {
        Box::new(self.clone())
    }
}

impl Indexer for Object<'_> {
    fn get<'b, 'w>(&'b self, index: &dyn Val) -> Result<CowVal<'b, 'w>, ExecutionError>
    where
        Self: 'w,
    {
        self.find(index).map(|value| CowVal::Owned(value_of(value)))
    }

    fn steal<'w>(self: Box<Self>, index: &dyn Val) -> Result<Box<dyn Val + 'w>, ExecutionError>
    where
        Self: 'w,
    {
        self.find(index).map(value_of)
    }
}

impl Sizer for Object<'_> {
    fn size(&self) -> CelInt {
        CelInt::from(i64::try_from(self.members.len()).unwrap_or(i64::MAX))
    }
}
