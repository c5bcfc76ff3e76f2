//! A filter's module that traps when it is told to.
//!
//! Invariant: what traps is the shipped module with a few instructions in front of one
//! callback, made here and written to a temporary folder. Nothing in the filters' sources
//! knows of it, so no build can ship it.
//!
//! Rejected: a feature of the filters. A second build for Wasm takes a minute, tests
//! another binary than the one that ships, and can be switched on by mistake.

use gateway_tests::dist;
use std::fs;
use std::path::{Path, PathBuf};
use walrus::ir::{BinaryOp, UnaryOp};
use walrus::{ExportItem, FunctionBuilder, ModuleConfig, ValType};

/// When a module traps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Trap {
    /// In this callback …
    pub callback: &'static str,
    /// … if this argument, counted from 0 …
    pub argument: usize,
    /// … is at least so much.
    pub least: i32,
}

/// Headers of a request that make a filter trap.
pub(crate) const HEADERS: usize = 70;

/// A request with many headers.
pub(crate) const MANY_HEADERS: Trap =
    Trap { callback: "proxy_on_request_headers", argument: 1, least: HEADERS as i32 };

/// An answer to the VM that scrapes, of 10 MB and more.
pub(crate) const LARGE_ANSWER: Trap =
    Trap { callback: "proxy_on_http_call_response", argument: 3, least: 10_000_000 };

/// Writes the shipped module `name` into `folder`, with a trap.
pub(crate) fn arm(name: &str, trap: Trap, folder: &Path) -> PathBuf {
    let shipped = fs::read(dist().join(name)).expect("the module is built");
    let to = folder.join(name);
    fs::write(&to, with_trap(&shipped, trap)).expect("a temporary file");
    to
}

fn with_trap(module: &[u8], trap: Trap) -> Vec<u8> {
    let mut module = ModuleConfig::new().parse(module).expect("a module");
    let export = module.exports.iter().find(|export| export.name == trap.callback);
    let export = export.unwrap_or_else(|| panic!("the module does not export {}", trap.callback));
    let (export, ExportItem::Function(callback)) = (export.id(), export.item) else {
        panic!("{} is no function", trap.callback);
    };
    let kind = module.types.get(module.funcs.get(callback).ty());
    let (params, results) = (kind.params().to_vec(), kind.results().to_vec());
    assert_eq!(params.get(trap.argument), Some(&ValType::I32), "the argument is a number");
    let arguments: Vec<_> = params.iter().map(|kind| module.locals.add(*kind)).collect();
    let mut builder = FunctionBuilder::new(&mut module.types, &params, &results);
    let mut body = builder.func_body();
    body.local_get(arguments[trap.argument])
        .i32_const(trap.least)
        .binop(BinaryOp::I32LtS)
        .unop(UnaryOp::I32Eqz)
        .if_else(None, |then| _ = then.unreachable(), |_| ());
    for argument in &arguments {
        body.local_get(*argument);
    }
    body.call(callback);
    let armed = builder.finish(arguments, &mut module.funcs);
    module.exports.get_mut(export).item = ExportItem::Function(armed);
    module.emit_wasm()
}

#[cfg(test)]
mod tests {
    use super::*;
    use walrus::Module;

    #[test]
    fn only_the_callback_changes() {
        let mut module = Module::default();
        let params = [ValType::I32; 3];
        for name in ["proxy_on_request_headers", "proxy_on_tick"] {
            let arguments: Vec<_> = params.iter().map(|kind| module.locals.add(*kind)).collect();
            let mut builder = FunctionBuilder::new(&mut module.types, &params, &[ValType::I32]);
            builder.func_body().local_get(arguments[0]);
            let function = builder.finish(arguments, &mut module.funcs);
            module.exports.add(name, function);
        }
        let armed = with_trap(&module.emit_wasm(), MANY_HEADERS);
        let armed = Module::from_buffer(&armed).expect("a module");
        let size = |name: &str| {
            let export = armed.exports.iter().find(|export| export.name == name).expect("there");
            let ExportItem::Function(function) = export.item else { panic!("a function") };
            armed.funcs.get(function).kind.unwrap_local().size()
        };
        assert!(size("proxy_on_request_headers") > size("proxy_on_tick"));
        assert_eq!(armed.funcs.iter().count(), 3);
    }
}
