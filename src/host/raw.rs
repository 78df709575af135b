//! The one host call that is made without the SDK: its own copies each header into two allocations
//! of its own, and panics on a status that it does not expect.
#![allow(unsafe_code)]

use std::ptr;

use proxy_wasm::types::MapType;

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    /// Both results are written by the proxy (proxy-wasm ABI 0.2.1).
    fn proxy_get_header_map_pairs(map: MapType, data: *mut *mut u8, size: *mut usize) -> u32;
}

const OK: u32 = 0;

/// A map in the form in which the proxy hands it out; `None` when it does not.
pub(super) fn map_pairs(map: MapType) -> Option<Vec<u8>> {
    let (mut data, mut size) = (ptr::null_mut(), 0);
    // SAFETY: both pointers are to values that live longer than the call, of the types that the ABI
    // names.
    let status = unsafe { proxy_get_header_map_pairs(map, &raw mut data, &raw mut size) };
    if status != OK || data.is_null() {
        return None;
    }
    // SAFETY: the proxy got this memory from the SDK's `proxy_on_memory_allocate`, which gives away a
    // boxed slice of this very size, and has filled it. Nothing else owns it.
    let bytes = unsafe { Box::from_raw(ptr::slice_from_raw_parts_mut(data, size)) };
    Some(bytes.into_vec())
}
