//! The forms in which a proxy hands over a configuration: JSON text, or the protobuf bytes of a
//! `google.protobuf.Struct`.

use prost::Message;
use prost_types::{Struct, value::Kind};
use serde_json::{Map, Number, Value};

use crate::json;

/// The tag byte of a Struct's only field. In text the same byte is a line feed.
const STRUCT_TAG: u8 = 0x0a;

/// Reads either form.
///
/// # Errors
/// A sentence for the operator.
pub(super) fn read(bytes: &[u8]) -> Result<Value, String> {
    if bytes.trim_ascii().is_empty() {
        return Err("no configuration was given; expected at least levels, issuers, policies \
                    and default, as YAML in a google.protobuf.Struct or as JSON in a StringValue"
            .to_owned());
    }
    // JSON first: text can look like a Struct, but a Struct never looks like JSON, because its
    // entries hold control characters.
    let error = match json::parse(bytes) {
        Ok(document) => return Ok(document),
        Err(error) => error,
    };
    if bytes.first() == Some(&STRUCT_TAG)
        && let Ok(message) = Struct::decode(bytes)
    {
        return Ok(from_struct(message));
    }
    Err(format!("the configuration is neither a google.protobuf.Struct nor valid JSON: {error}"))
}

fn from_struct(message: Struct) -> Value {
    Value::Object(
        message
            .fields
            .into_iter()
            .map(|(key, value)| (key, from_value(value)))
            .collect::<Map<_, _>>(),
    )
}

/// Depth needs no bound of its own: prost refuses messages nested deeper than 100.
fn from_value(value: prost_types::Value) -> Value {
    match value.kind {
        None | Some(Kind::NullValue(_)) => Value::Null,
        Some(Kind::BoolValue(value)) => Value::Bool(value),
        Some(Kind::NumberValue(value)) => from_number(value),
        Some(Kind::StringValue(value)) => Value::String(value),
        Some(Kind::ListValue(list)) => {
            Value::Array(list.values.into_iter().map(from_value).collect())
        }
        Some(Kind::StructValue(message)) => from_struct(message),
    }
}

/// A Struct knows doubles only; a whole number becomes an integer again, as it was written.
fn from_number(value: f64) -> Value {
    if value.fract() == 0.0
        && let Ok(integer) = format!("{value:.0}").parse::<i64>()
    {
        return Value::from(integer);
    }
    Number::from_f64(value).map_or(Value::Null, Value::Number)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use serde_json::json;

    fn to_struct(value: &Value) -> prost_types::Value {
        let kind = match value {
            Value::Null => Kind::NullValue(0),
            Value::Bool(value) => Kind::BoolValue(*value),
            Value::Number(value) => Kind::NumberValue(value.as_f64().unwrap()),
            Value::String(value) => Kind::StringValue(value.clone()),
            Value::Array(items) => Kind::ListValue(prost_types::ListValue {
                values: items.iter().map(to_struct).collect(),
            }),
            Value::Object(map) => Kind::StructValue(Struct {
                fields: map.iter().map(|(k, v)| (k.clone(), to_struct(v))).collect(),
            }),
        };
        prost_types::Value { kind: Some(kind) }
    }

    /// The document as the bytes of a `google.protobuf.Struct`.
    pub(in crate::config) fn struct_bytes(document: &Value) -> Vec<u8> {
        let Some(Kind::StructValue(message)) = to_struct(document).kind else { panic!() };
        message.encode_to_vec()
    }

    #[test]
    fn a_struct_and_its_json_read_the_same() {
        let document = json!({
            "default": "open",
            "tokens": {"max_length": 4096},
            "levels": [{"name": "x", "proven_by": [{"acr": ["1"]}]}],
            "nothing": null, "yes": true, "fraction": 1.5, "negative": -3,
        });
        assert_eq!(read(&struct_bytes(&document)), Ok(document.clone()));
        assert_eq!(read(document.to_string().as_bytes()), Ok(document.clone()));
        assert_eq!(read(format!("\n\n {document:#} \n").as_bytes()), Ok(document));
    }

    #[test]
    fn json_text_that_decodes_as_a_struct_too_is_read_as_json() {
        // The line feed reads as a tag, '{' as a length of 123 bytes, and within them '"' and 'd'
        // as a field of 100 bytes, pairs of spaces as numbers, and '}' as a field of 4 bytes.
        let members = r#""default":"open","policies":{"open":{"public":true}}"#;
        let text = format!("\n{{{members:<118}}}    ");
        assert!(Struct::decode(text.as_bytes()).is_ok());
        let document = json!({"default": "open", "policies": {"open": {"public": true}}});
        assert_eq!(read(text.as_bytes()), Ok(document));
    }

    #[test]
    fn nothing_is_no_configuration() {
        for bytes in [b"".as_slice(), b" \n\t"] {
            assert!(read(bytes).unwrap_err().starts_with("no configuration was given"));
        }
    }

    #[test]
    fn what_is_neither_form_is_refused() {
        for bytes in
            [b"levels:\n  - name".as_slice(), b"\x0a\xff\xff", b"{", b"\n{\"a\":1,\"a\":2}"]
        {
            let error = read(bytes).unwrap_err();
            assert!(error.contains("neither"), "{error}");
        }
    }
}
