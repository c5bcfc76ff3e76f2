//! What two parsers that are not ours read from a JSON body.
//!
//! `serde_json` is the one the core is specified by. `jiter` is pydantic's own, written
//! apart from it, and what Python model servers validate requests with.

use std::fmt;

use jiter::{Jiter, Peek};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// What a body says of its model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reading {
    /// The body is JSON, but no object.
    NotAnObject,
    /// The values of its top-level `model`s, in order; `None` for one that is no string.
    Object(Vec<Option<String>>),
}

/// What `serde_json` reads when it keeps nothing but keys and models. `None`: it refuses.
pub(crate) fn serde_json(body: &[u8]) -> Option<Reading> {
    if body.trim_ascii_start().first() != Some(&b'{') {
        return serde_json::from_slice::<IgnoredAny>(body).ok().map(|_| Reading::NotAnObject);
    }
    let Models(models) = serde_json::from_slice(body).ok()?;
    let read = |raw: &RawValue| {
        let is_string = raw.get().starts_with('"');
        is_string.then(|| serde_json::from_str(raw.get())).transpose().ok()
    };
    models.into_iter().map(read).collect::<Option<_>>().map(Reading::Object)
}

/// What `jiter` reads, skipping all else. `None`: it refuses.
pub(crate) fn jiter(body: &[u8]) -> Option<Reading> {
    let mut parser = Jiter::new(body);
    let first = parser.peek().ok()?;
    if first != Peek::Object {
        parser.known_skip(first).ok()?;
        parser.finish().ok()?;
        return Some(Reading::NotAnObject);
    }
    let mut models = Vec::new();
    let mut key = parser.known_object().ok()?.map(str::to_owned);
    while let Some(name) = key {
        let value = parser.peek().ok()?;
        match (name.as_str(), value) {
            ("model", Peek::String) => models.push(Some(parser.known_str().ok()?.to_owned())),
            ("model", _) => {
                parser.known_skip(value).ok()?;
                models.push(None);
            }
            _ => parser.known_skip(value).ok()?,
        }
        key = parser.next_key().ok()?.map(str::to_owned);
    }
    parser.finish().ok()?;
    Some(Reading::Object(models))
}

/// The raw values of the top-level `model`s.
struct Models<'a>(Vec<&'a RawValue>);

impl<'de> Deserialize<'de> for Models<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Models<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Models<'de>, A::Error> {
                let mut models = Vec::new();
                while let Some(key) = map.next_key::<String>()? {
                    if key == "model" {
                        models.push(map.next_value()?);
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(Models(models))
            }
        }
        deserializer.deserialize_map(Object)
    }
}
