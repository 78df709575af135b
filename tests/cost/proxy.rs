//! A proxy that answers the module's host calls from its fields, always in the same way.
//!
//! Only the calls that the filter makes are here. Any other ends the test with its name.

use std::collections::{BTreeMap, HashMap};

use envoy_stepup::host::value::write_pairs;
use wasmi::{Caller, Error, Extern, Memory, Val};

use crate::meter::Meter;
use crate::signature;

/// When all of it takes place, in seconds since 1970.
pub const NOW: u64 = 1_800_000_000;

/// What a call answers (`proxy_status_t`).
const OK: i32 = 0;
const NOT_FOUND: i32 = 1;
const CAS_MISMATCH: i32 = 8;

/// The log level `info`, which Envoy has by default.
const INFO: u32 = 2;
/// `proxy_buffer_type_t` of the filter's configuration.
const PLUGIN_CONFIGURATION: u32 = 7;
/// `proxy_map_type_t` of the request's headers.
const REQUEST_HEADERS: u32 = 0;

/// What the proxy knows and has been told.
#[derive(Default)]
pub struct Proxy {
    configuration: Vec<u8>,
    pub headers: Vec<(String, String)>,
    properties: BTreeMap<String, Vec<u8>>,
    /// The status of the answer, if the filter gave one.
    pub answered: Option<u32>,
    /// What the filter logged.
    pub log: Vec<String>,
    pub meter: Meter,
    shared: HashMap<Vec<u8>, (Vec<u8>, u32)>,
    metrics: u32,
}

impl Proxy {
    /// A proxy with a configuration for the filter, and properties by their path, joined with dots.
    pub fn new(configuration: Vec<u8>, properties: BTreeMap<String, Vec<u8>>) -> Self {
        Self { configuration, properties, ..Self::default() }
    }

    pub const fn configuration_size(&self) -> usize {
        self.configuration.len()
    }
}

/// A host call that the module makes.
pub struct Call<'a, 'p> {
    pub caller: &'a mut Caller<'p, Proxy>,
    pub name: &'a str,
    pub arguments: &'a [Val],
}

impl Call<'_, '_> {
    /// Does what is asked for.
    pub fn answer(mut self) -> Result<i32, Error> {
        match self.name {
            "proxy_log" => {
                let line = String::from_utf8_lossy(&self.bytes(1)?).into_owned();
                self.proxy().log.push(line);
            }
            "proxy_get_log_level" => self.put(0, &INFO.to_le_bytes())?,
            "proxy_get_current_time_nanoseconds" => self.put(0, &nanoseconds())?,
            "proxy_set_tick_period_milliseconds"
            | "proxy_increment_metric"
            | "proxy_record_metric"
            | "proxy_set_effective_context"
            | "environ_get" => {}
            "proxy_define_metric" => {
                let id = self.proxy().metrics;
                self.proxy().metrics = id + 1;
                self.put(3, &id.to_le_bytes())?;
            }
            "proxy_get_buffer_bytes" => {
                assert_eq!(self.number(0), PLUGIN_CONFIGURATION, "no other buffer is read");
                let configuration = self.proxy().configuration.clone();
                self.hand_out(3, &configuration)?;
            }
            "proxy_get_header_map_pairs" => {
                assert_eq!(self.number(0), REQUEST_HEADERS, "no other map is read");
                let pairs =
                    write_pairs(self.proxy().headers.iter().map(|(name, value)| (name, value)));
                self.hand_out(1, &pairs)?;
            }
            "proxy_get_property" => return self.get_property(),
            "proxy_get_shared_data" => return self.get_shared_data(),
            "proxy_set_shared_data" => return self.set_shared_data(),
            "proxy_call_foreign_function" => {
                if self.bytes(0)? != b"verify_signature" {
                    return Ok(NOT_FOUND);
                }
                let answer = signature::answer(&self.bytes(2)?);
                self.hand_out(4, &answer)?;
            }
            "proxy_send_local_response" => {
                let status = self.number(0);
                self.proxy().answered = Some(status);
            }
            // The seeds of hash maps come from here.
            "random_get" => {
                let random: Vec<u8> = (0_u8..=255).cycle().take(self.size(1)).collect();
                self.put(0, &random)?;
            }
            "environ_sizes_get" => {
                self.put(0, &0_u32.to_le_bytes())?;
                self.put(1, &0_u32.to_le_bytes())?;
            }
            "clock_time_get" => self.put(2, &nanoseconds())?,
            other => return Err(Error::new(format!("this proxy does not offer {other}"))),
        }
        Ok(OK)
    }

    fn get_property(&mut self) -> Result<i32, Error> {
        let path = String::from_utf8_lossy(&self.bytes(0)?).replace('\0', ".");
        let Some(value) = self.proxy().properties.get(&path).cloned() else {
            return Ok(NOT_FOUND);
        };
        self.hand_out(2, &value)?;
        Ok(OK)
    }

    fn get_shared_data(&mut self) -> Result<i32, Error> {
        let key = self.bytes(0)?;
        let Some((value, version)) = self.proxy().shared.get(&key).cloned() else {
            return Ok(NOT_FOUND);
        };
        self.hand_out(2, &value)?;
        self.put(4, &version.to_le_bytes())?;
        Ok(OK)
    }

    fn set_shared_data(&mut self) -> Result<i32, Error> {
        let (key, value, expected) = (self.bytes(0)?, self.bytes(2)?, self.number(4));
        let shared = &mut self.proxy().shared;
        let found = shared.get(&key).map_or(0, |(_, version)| *version);
        if expected != 0 && found != 0 && expected != found {
            return Ok(CAS_MISMATCH);
        }
        shared.insert(key, (value, found + 1));
        Ok(OK)
    }

    fn proxy(&mut self) -> &mut Proxy {
        self.caller.data_mut()
    }

    fn number(&self, index: usize) -> u32 {
        number(&self.arguments[index])
    }

    fn size(&self, index: usize) -> usize {
        usize::try_from(self.number(index)).expect("32 bits fit")
    }

    fn memory(&self) -> Memory {
        self.caller.get_export("memory").and_then(Extern::into_memory).expect("the memory")
    }

    /// The bytes whose place and length are the arguments at `index` and after it.
    fn bytes(&self, index: usize) -> Result<Vec<u8>, Error> {
        let mut bytes = vec![0; self.size(index + 1)];
        self.memory().read(&*self.caller, self.size(index), &mut bytes)?;
        Ok(bytes)
    }

    /// Writes bytes to the place that an argument names.
    fn put(&mut self, index: usize, bytes: &[u8]) -> Result<(), Error> {
        let place = self.size(index);
        Ok(self.memory().write(&mut *self.caller, place, bytes)?)
    }

    /// Hands bytes out in memory that the module allocates. Their place and length go to the places
    /// that the arguments at `index` and after it name.
    fn hand_out(&mut self, index: usize, bytes: &[u8]) -> Result<(), Error> {
        let size = u32::try_from(bytes.len()).expect("less than 4 GB");
        let allocate = self.caller.get_export("proxy_on_memory_allocate");
        let allocate = allocate.and_then(Extern::into_func).expect("the allocator");
        let mut place = [Val::I32(0)];
        allocate.call(&mut *self.caller, &[Val::I32(size.cast_signed())], &mut place)?;
        let place = number(&place[0]);
        let at = usize::try_from(place).expect("32 bits fit");
        self.memory().write(&mut *self.caller, at, bytes)?;
        self.put(index, &place.to_le_bytes())?;
        self.put(index + 1, &size.to_le_bytes())
    }
}

fn number(value: &Val) -> u32 {
    match value {
        Val::I32(value) => value.cast_unsigned(),
        other => panic!("a number of 32 bits is expected, and {other:?} came"),
    }
}

fn nanoseconds() -> [u8; 8] {
    (NOW * 1_000_000_000).to_le_bytes()
}
