// Runs a WASI program in Node: node run-wasi.mjs <module.wasm> [arguments…]
// It sees its arguments, a clock and the standard streams; no files, no network.
import fs from 'node:fs';
import { WASI } from 'node:wasi';

const [file, ...rest] = process.argv.slice(2);
const wasi = new WASI({ version: 'preview1', args: [file, ...rest], env: {}, preopens: {} });
const module = await WebAssembly.compile(fs.readFileSync(file));
const instance = await WebAssembly.instantiate(module, wasi.getImportObject());
process.exitCode = wasi.start(instance);
