// Preloaded into `headwater serve` (node --import) to note when a commit passes the places that matter. The daemon itself knows
// nothing of it; a run with it is not one of the runs that are compared.
import { createRequire, syncBuiltinESMExports } from 'node:module';
import { mark } from '../support/marks.mjs';

const dist = new URL('../../daemon/dist/', import.meta.url);
const require = createRequire(import.meta.url);
const fs = require('node:fs');
const { watch } = fs;
fs.watch = (path, options, listener) =>
  watch(path, options, (...event) => {
    if (event[1] === 'main') mark('hint');
    listener(...event);
  });
syncBuiltinESMExports();

const crypto = (await import('@headwater/schemas/protocol/node')).nodeCrypto;
wrap(crypto, 'sign', 'sign', 'signed');
wrap((await import(new URL('pipeline.js', dist))).Pipeline.prototype, 'onTip', 'tip read', null);
wrap(
  (await import(new URL('epochs/epoch-engine.js', dist))).EpochEngine.prototype,
  'moveTo',
  'engine',
  'judged',
);
wrap(
  (await import(new URL('core/repo-index.js', dist))).RepoIndex.prototype,
  'apply',
  'commit read',
  'indexed',
);
const publishing = await import(new URL('publishing/environment-publisher.js', dist));
wrap(publishing.EnvironmentPublisher.prototype, 'publish', 'publish', 'acknowledged');
const stream = await import(new URL('adapters/broker/guarded-stream.js', dist));
wrap(stream.GuardedStream.prototype, '_writev', 'socket write', null);

function wrap(owner, name, before, after) {
  const original = owner[name];
  owner[name] = function (...given) {
    mark(before);
    const result = original.apply(this, given);
    if (after === null) return result;
    if (result instanceof Promise) result.then(() => mark(after));
    else mark(after);
    return result;
  };
}
