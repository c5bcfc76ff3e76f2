//! Cuts off a module the callbacks its filter does not answer.
//!
//! The SDK exports every callback of Proxy-Wasm, and Envoy enters the VM for each one
//! a module exports, for every request: some half a microsecond each, to run an empty
//! method. Without the export Envoy does not call. What only they used goes as well,
//! which makes the module smaller.
//!
//! Invariant: what the filter answers, and what the SDK itself needs, stays; a name
//! that the module does not export is an error, so that the list cannot rot.
//! Rejected: our own entry points in place of the SDK's; they would have to repeat how
//! it keeps its contexts.

use walrus::{Module, ModuleConfig};

/// Begins the names of all callbacks.
const CALLBACK: &str = "proxy_on_";

/// What every filter of the SDK needs: memory for what the host hands over, contexts
/// made and dropped, the configuration, the clock's tick.
const ALWAYS: [&str; 6] = [
    "proxy_on_configure",
    "proxy_on_context_create",
    "proxy_on_delete",
    "proxy_on_memory_allocate",
    "proxy_on_tick",
    "proxy_on_vm_start",
];

/// Why a module could not be cut.
#[derive(Debug, thiserror::Error)]
pub(super) enum CutError {
    /// It is no module.
    #[error("not a Wasm module: {0}")]
    Module(String),
    /// A callback is to be kept that is not there.
    #[error("the module does not export {0}")]
    Missing(&'static str),
}

/// The module with no other callbacks than these and those every filter needs.
pub(super) fn keep(module: &[u8], answers: &[&'static str]) -> Result<Vec<u8>, CutError> {
    let mut config = ModuleConfig::new();
    config.generate_producers_section(false);
    let mut module = config.parse(module).map_err(|error| CutError::Module(error.to_string()))?;
    let kept = || ALWAYS.iter().chain(answers).copied();
    if let Some(missing) = kept().find(|name| !exports(&module, name)) {
        return Err(CutError::Missing(missing));
    }
    let cut: Vec<_> = module
        .exports
        .iter()
        .filter(|export| export.name.starts_with(CALLBACK))
        .filter(|export| kept().all(|name| name != export.name))
        .map(walrus::Export::id)
        .collect();
    for export in cut {
        module.exports.delete(export);
    }
    walrus::passes::gc::run(&mut module);
    Ok(module.emit_wasm())
}

fn exports(module: &Module, name: &str) -> bool {
    module.exports.iter().any(|export| export.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use walrus::FunctionBuilder;

    fn module(names: &[&str]) -> Vec<u8> {
        let mut module = Module::default();
        for name in names {
            let builder = FunctionBuilder::new(&mut module.types, &[], &[]);
            let function = builder.finish(Vec::new(), &mut module.funcs);
            module.exports.add(name, function);
        }
        module.emit_wasm()
    }

    fn names(module: &[u8]) -> Vec<String> {
        let module = Module::from_buffer(module).unwrap();
        module.exports.iter().map(|export| export.name.clone()).collect()
    }

    #[test]
    fn only_callbacks_that_nobody_answers_are_cut() {
        let other = ["_initialize", "proxy_abi_version_0_2_1", "proxy_on_log", "proxy_on_done"];
        let whole: Vec<_> = ALWAYS.into_iter().chain(other).collect();
        let kept = keep(&module(&whole), &["proxy_on_done"]).unwrap();
        let expected: Vec<_> = whole.into_iter().filter(|name| *name != "proxy_on_log").collect();
        assert_eq!(names(&kept), expected);
        assert_eq!(Module::from_buffer(&kept).unwrap().funcs.iter().count(), expected.len());
    }

    #[test]
    fn a_callback_that_is_not_there_is_named() {
        let error = keep(&module(&ALWAYS), &["proxy_on_dnoe"]).unwrap_err();
        assert_eq!(error.to_string(), "the module does not export proxy_on_dnoe");
    }

    #[test]
    fn what_is_no_module_is_an_error() {
        assert!(matches!(keep(b"\0asmno", &[]), Err(CutError::Module(_))));
    }
}
