// Runs a job's program with some modules refused:  node.cjs RISK "NAME NAME …" PROGRAM [ARGUMENT …]
//
// A fence, not the wall: require, import and node: names alike throw an Error with code ERR_BRIG_BLOCKED that the program can catch. What
// climbs over it meets the kernel's walls.
'use strict';
const fs = require('fs');
const Module = require('module');

const POLICY_DESCRIPTOR = 200;
const [risk, names, path] = process.argv.slice(2, 5);
const blocked = new Set(names.split(' '));

function refuse(name) {
  try {
    fs.writeSync(POLICY_DESCRIPTOR, `blocked_module ${name.slice(0, 128)}\n`);
  } catch { /* nobody listens */ }
  const error = new Error(`module '${name}' is blocked at risk level ${risk}`);
  error.code = 'ERR_BRIG_BLOCKED';
  throw error;
}

function check(request) {
  const name = String(request).replace(/^node:/, '');
  if (blocked.has(name) || blocked.has(name.split('/')[0])) refuse(name);
}

const load = Module._load;
Module._load = function (request, ...rest) {
  check(request);
  return load.call(this, request, ...rest);
};
if (process.getBuiltinModule) {
  const builtin = process.getBuiltinModule;
  process.getBuiltinModule = (name) => (check(name), builtin(name));
}
if (blocked.has('process.binding')) process.binding = () => refuse('process.binding');
Module.register('./node-import.mjs', { parentURL: `file://${__filename}`, data: { risk, names: [...blocked], descriptor: POLICY_DESCRIPTOR } });

process.argv.splice(1, 4, path);
Module.runMain();
