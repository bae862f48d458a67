/** Entry of the validation worker. One request, one answer, in order; the main thread ends it when an answer takes too long. */
import { parentPort } from 'node:worker_threads';
import type { JsonObject } from '@headwater/schemas/protocol';
import type { Problem } from '../core/validate.ts';
import { createSchemaCompiler } from './schema-compiler.ts';

/** Compile a schema, or check a config. JSON text is cheaper to move between threads than objects are. */
export type ValidationRequest =
  | { readonly digest: string; readonly schema: string }
  | { readonly digest: string; readonly config: string; readonly secret?: boolean };

/** "ready" comes once, first, unasked. "unknown": the schema must be compiled (again) first. */
export type ValidationAnswer = readonly Problem[] | 'ready' | 'compiled' | 'unknown';

if (parentPort === null) throw new Error('this file is the entry of a worker thread');
const port = parentPort;
const compiler = createSchemaCompiler();

port.on('message', (request: ValidationRequest) => port.postMessage(answer(request)));
port.postMessage('ready' satisfies ValidationAnswer);

function answer(request: ValidationRequest): ValidationAnswer {
  if ('config' in request)
    return compiler.check(request.digest, () => JSON.parse(request.config), request.secret) ?? 'unknown';
  compiler.compile(request.digest, () => JSON.parse(request.schema) as JsonObject);
  return 'compiled';
}
