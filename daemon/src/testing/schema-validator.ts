/** Schema validators for tests: one in this thread, fast and without limits, and the real one on a worker built from the sources. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { createSchemaCompiler } from '../adapters/schema-compiler.ts';
import type { SchemaValidator } from '../core/validate.ts';

/** Same judgement as the worker, in this thread: for trusted schemas only. */
export function createInlineSchemaValidator(): SchemaValidator {
  const compiler = createSchemaCompiler();
  return {
    async check({ digest, document }, config, options) {
      compiler.compile(digest, () => document);
      return compiler.check(digest, () => config, options?.secret) ?? [];
    },
    async close() {},
  };
}

export interface BuiltWorker extends Disposable {
  /** For the `workerUrl` option: a file that Node can start although the sources are TypeScript. */
  readonly url: URL;
}

/** Bundles the worker entry into a temporary folder, which `[Symbol.dispose]` removes. */
export async function buildSchemaWorker(): Promise<BuiltWorker> {
  const { build } = await import('esbuild');
  const folder = mkdtempSync(join(tmpdir(), 'headwater-worker-'));
  const outfile = join(folder, 'schema-validator-worker.cjs');
  await build({
    entryPoints: [fileURLToPath(new URL('../adapters/schema-validator-worker.ts', import.meta.url))],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    conditions: ['headwater-source'],
    logLevel: 'silent',
  });
  return {
    url: pathToFileURL(outfile),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}
