//! A Wasm module that Envoy can load as a filter.
//!
//! Invariant: a [`Module`] is valid as the Wasm specification says, and exports a
//! Proxy-Wasm ABI version; a truncated file or another program is never published. Rejected: the check of Istio's agent, four bytes; a broken module would be
//! found by Envoy, after the roll-out.

use crate::blob::Blob;
use bytes::Bytes;
use wasmparser::{Encoding, Parser, Payload, Validator};

/// Begins the name of the export that tells the ABI: `proxy_abi_version_0_2_1`.
const ABI: &str = "proxy_abi_version_";

/// Why bytes are not a filter's module.
#[derive(Debug, thiserror::Error)]
pub enum ModuleError {
    /// Not Wasm, not whole, or not valid.
    #[error("not a valid Wasm module: {0}")]
    Wasm(#[from] wasmparser::BinaryReaderError),
    /// A component of the component model.
    #[error("a Wasm component; Envoy loads core modules only")]
    Component,
    /// Another Wasm program.
    #[error("the module exports no {ABI}*; it is no Proxy-Wasm filter")]
    NoAbi,
}

/// A filter's module.
#[derive(Clone, Debug)]
pub struct Module {
    blob: Blob,
    abi: String,
}

impl Module {
    /// Checks that these bytes are a filter's module.
    ///
    /// # Errors
    /// They are not Wasm, not whole, or not a Proxy-Wasm filter.
    pub fn new(bytes: impl Into<Bytes>) -> Result<Self, ModuleError> {
        let bytes = bytes.into();
        let mut abi = None;
        for payload in Parser::new(0).parse_all(&bytes) {
            match payload? {
                Payload::Version { encoding: Encoding::Component, .. } => {
                    return Err(ModuleError::Component);
                }
                Payload::ExportSection(exports) => {
                    for export in exports {
                        if let Some(version) = export?.name.strip_prefix(ABI) {
                            abi = Some(version.replace('_', "."));
                        }
                    }
                }
                _ => {}
            }
        }
        // Finds what the parser cannot: functions without bodies, where a file was cut
        // off between two sections.
        Validator::new().validate_all(&bytes)?;
        let abi = abi.ok_or(ModuleError::NoAbi)?;
        Ok(Self { blob: Blob::new(bytes), abi })
    }

    /// The version of Proxy-Wasm it speaks: `0.2.1`.
    #[must_use]
    pub fn abi(&self) -> &str {
        &self.abi
    }

    /// Its bytes and their digest.
    #[must_use]
    pub fn blob(&self) -> &Blob {
        &self.blob
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The smallest filter: one function `proxy_abi_version_0_2_1`, and `padding`.
    pub(crate) fn filter(padding: &[u8]) -> Vec<u8> {
        let mut module = b"\0asm\x01\0\0\0".to_vec();
        module.extend([1, 4, 1, 0x60, 0, 0]); // one type: () -> ()
        module.extend([3, 2, 1, 0]); // one function of it
        let name = b"proxy_abi_version_0_2_1";
        module.extend([7, name.len() as u8 + 4, 1, name.len() as u8]);
        module.extend(name);
        module.extend([0, 0]); // a function, the first
        module.extend([10, 4, 1, 2, 0, 0x0b]); // its body: end
        let mut length = padding.len() + 2;
        module.push(0); // a custom section named "p"
        while length >= 0x80 {
            module.push((length & 0x7f) as u8 | 0x80);
            length >>= 7;
        }
        module.extend([length as u8, 1, b'p']);
        module.extend(padding);
        module
    }

    #[test]
    fn a_filter_tells_its_abi() {
        let module = Module::new(filter(&[7; 300])).unwrap();
        assert_eq!(module.abi(), "0.2.1");
        assert_eq!(module.blob().bytes(), &filter(&[7; 300]));
    }

    #[test]
    fn half_a_module_is_refused_wherever_it_ends() {
        let whole = filter(&[7; 300]);
        // Without its last, custom section it is a whole one.
        let code = whole.len() - 305;
        assert!(Module::new(whole[..code].to_vec()).is_ok());
        for length in (0..whole.len()).filter(|length| *length != code) {
            assert!(Module::new(whole[..length].to_vec()).is_err(), "{length}");
        }
    }

    #[test]
    fn other_programs_are_refused() {
        assert!(matches!(Module::new("#!/bin/sh"), Err(ModuleError::Wasm(_))));
        let empty = b"\0asm\x01\0\0\0".as_slice();
        assert!(matches!(Module::new(empty), Err(ModuleError::NoAbi)));
        let component = b"\0asm\x0d\0\x01\0".as_slice();
        assert!(matches!(Module::new(component), Err(ModuleError::Component)));
    }
}
