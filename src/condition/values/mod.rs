//! Values that CEL's standard types lack.

mod decimal;
mod feed;
mod instant;
mod json;
mod network;
mod null;
mod unclear;

pub(super) use self::decimal::Decimal;
pub(super) use self::feed::Feed;
pub(super) use self::instant::Instant;
pub(super) use self::json::value_of;
pub(super) use self::network::{Address, Network};
pub(super) use self::null::WrittenNull;
pub(super) use self::unclear::Unclear;

/// What every value of ours does in the same way: it has a type of its own, is compared with others of
/// its type, and can be told from others by its Rust type.
macro_rules! plain_value {
    ($name:ident, $cel_type:ident, $text:literal $(, $accessor:item)*) => {
        static $cel_type: cel::common::types::Type =
            cel::common::types::Type::new_unspecified_type($text);

        impl cel::common::value::Val for $name {
            fn get_type(&self) -> &cel::common::types::Type {
                &$cel_type
            }

            fn cel_type() -> &'static cel::common::types::Type {
                &$cel_type
            }

            fn equals(&self, other: &dyn cel::common::value::Val) -> bool {
                other.downcast_ref::<Self>().is_some_and(|other| self == other)
            }

            fn clone_as_boxed<'v>(&self) -> Box<dyn cel::common::value::Val + 'v>
            where
                Self: 'v,
            {
                Box::new(self.clone())
            }

            fn as_any(&self) -> Option<&dyn std::any::Any> {
                Some(self)
            }

            $($accessor)*
        }

        impl cel::common::value::StaticVal for $name {}
    };
}
use plain_value;
