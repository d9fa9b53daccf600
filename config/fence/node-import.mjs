// The half of node.cjs that stands at `import`: Node runs it on the thread of its module loader.
import fs from 'node:fs';

let fence;

export function initialize(data) {
  fence = { ...data, names: new Set(data.names) };
}

export function resolve(specifier, context, next) {
  const name = specifier.replace(/^node:/, '');
  if (fence.names.has(name) || fence.names.has(name.split('/')[0])) {
    try {
      fs.writeSync(fence.descriptor, `blocked_module ${name.slice(0, 128)}\n`);
    } catch { /* nobody listens */ }
    throw Object.assign(new Error(`module '${name}' is blocked at risk level ${fence.risk}`), { code: 'ERR_BRIG_BLOCKED' });
  }
  return next(specifier, context);
}
