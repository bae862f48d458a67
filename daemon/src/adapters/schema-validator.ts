/** The validator of the daemon: a worker thread with limits on time and memory, replaced when a schema exceeds them. */
import { Worker } from 'node:worker_threads';
import type { JsonObject } from '@headwater/schemas/protocol';
import { BoundedCache } from '../core/bounded-cache.ts';
import type { Problem, SchemaValidator } from '../core/validate.ts';
import type { ValidationAnswer, ValidationRequest } from './schema-validator-worker.ts';

export interface SchemaValidatorOptions {
  /** Longest time for compiling a schema, and for checking a config. Default 2000 ms. */
  readonly timeoutMs?: number;
  /** Heap of the worker. Default 256 MiB. */
  readonly heapMb?: number;
  /** Built worker entry. Default: beside this file. */
  readonly workerUrl?: URL;
}

/** Creates the validator; the worker starts with the first check. An idle worker keeps no process alive. */
export function createSchemaValidator(options: SchemaValidatorOptions = {}): SchemaValidator {
  return new WorkerValidator({
    timeoutMs: options.timeoutMs ?? 2000,
    heapMb: options.heapMb ?? 256,
    workerUrl: options.workerUrl ?? new URL('./schema-validator-worker.js', import.meta.url),
  });
}

interface Job {
  readonly digest: string;
  readonly document: JsonObject;
  readonly config: string;
  readonly secret: boolean;
  readonly resolve: (problems: readonly Problem[]) => void;
  readonly reject: (error: unknown) => void;
  step: 'check' | 'compile';
}

/** What made a worker fail is not tried again for this long: each try costs the whole time limit. */
const failureMemoryMs = 10_000;
/** Requests handed to the worker at once: enough to keep it busy, few enough to hand over again when it is replaced. */
const maxInFlight = 32;

class WorkerValidator implements SchemaValidator {
  readonly #options: Required<SchemaValidatorOptions>;
  readonly #waiting: Job[] = [];
  /** In the order of the answers: the first one is being worked on. */
  #inFlight: Job[] = [];
  readonly #failures = new BoundedCache<{ readonly until: number; readonly problem: Problem }>(50);
  #worker: Worker | null = null;
  /** Loading its code is no schema's fault: time counts from here on. */
  #ready = false;
  #timer: NodeJS.Timeout | null = null;
  #closed = false;

  constructor(options: Required<SchemaValidatorOptions>) {
    this.#options = options;
  }

  check(
    schema: { readonly digest: string; readonly document: JsonObject },
    config: JsonObject,
    { secret = false }: { readonly secret?: boolean } = {},
  ): Promise<readonly Problem[]> {
    const text = JSON.stringify(config);
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(closed());
      const known = this.#knownFailure(schema.digest, text);
      if (known) return resolve([known]);
      this.#waiting.push({ ...schema, config: text, secret, resolve, reject, step: 'check' });
      this.#feed();
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#stopTimer();
    const worker = this.#worker;
    this.#worker = null;
    for (const job of [...this.#inFlight.splice(0), ...this.#waiting.splice(0)]) job.reject(closed());
    await worker?.terminate();
  }

  #feed(): void {
    while (this.#inFlight.length < maxInFlight) {
      const job = this.#waiting.shift();
      if (job === undefined) return;
      this.#post(job, 'check');
    }
  }

  #post(job: Job, step: Job['step']): void {
    const { digest, document, config, secret } = job;
    const request: ValidationRequest =
      step === 'check' ? { digest, config, secret } : { digest, schema: JSON.stringify(document) };
    job.step = step;
    this.#worker ??= this.#start();
    this.#worker.postMessage(request);
    this.#inFlight.push(job);
    if (this.#inFlight.length === 1) this.#startTimer();
  }

  #take(answer: ValidationAnswer): void {
    if (answer === 'ready') {
      this.#ready = true;
      if (this.#inFlight.length > 0) this.#startTimer();
      return;
    }
    const job = this.#inFlight.shift();
    if (job === undefined) return;
    if (this.#inFlight.length > 0) this.#startTimer();
    else this.#stopTimer();
    if (answer === 'unknown') this.#post(job, 'compile');
    else if (answer === 'compiled') this.#post(job, 'check');
    else job.resolve(answer);
    this.#feed();
  }

  /** Ends the worker. The job it was at gets the problem; the others did nothing wrong and start over on a new worker. */
  #fail(problem: Problem): void {
    const worker = this.#worker;
    this.#worker = null;
    this.#stopTimer();
    // Nothing waits for it: a worker that is stuck in a loop is stopped by the engine at once.
    worker?.terminate().catch(ignoreEnd);
    const [job, ...others] = this.#inFlight.splice(0);
    if (job) {
      const until = performance.now() + failureMemoryMs;
      if (job.step === 'compile') this.#failures.set(failureKey(job.digest, null), { until, problem });
      else if (!job.secret) this.#failures.set(failureKey(job.digest, job.config), { until, problem });
      job.resolve([problem]);
    }
    this.#waiting.unshift(...others);
    this.#feed();
  }

  #knownFailure(digest: string, config: string): Problem | null {
    if (this.#failures.size === 0) return null;
    const known =
      this.#failures.get(failureKey(digest, null)) ?? this.#failures.get(failureKey(digest, config));
    return known && performance.now() < known.until ? known.problem : null;
  }

  #start(): Worker {
    this.#ready = false;
    const { workerUrl, heapMb } = this.#options;
    const worker = new Worker(workerUrl, {
      resourceLimits: { maxOldGenerationSizeMb: heapMb, maxYoungGenerationSizeMb: 32, stackSizeMb: 8 },
      // The worker needs nothing of this process: no variables, no arguments, no flags.
      env: {},
      argv: [],
      execArgv: [],
    });
    worker.on('message', (answer: ValidationAnswer) => {
      if (worker === this.#worker) this.#take(answer);
    });
    worker.on('error', (error) => {
      if (worker === this.#worker) this.#end(error);
    });
    return worker;
  }

  #end(error: Error & { readonly code?: string }): void {
    if (error.code === 'ERR_WORKER_OUT_OF_MEMORY') {
      this.#fail(outOfMemory(this.#options.heapMb));
      return;
    }
    // Anything else is our own fault, or a broken installation: nobody's schema may be blamed for it.
    this.#worker = null;
    this.#stopTimer();
    for (const job of this.#inFlight.splice(0)) job.reject(error);
    this.#feed();
  }

  #startTimer(): void {
    const { timeoutMs } = this.#options;
    // While something is asked the process stays alive for the answer, afterwards it may end.
    this.#worker?.ref();
    if (!this.#ready) return;
    if (this.#timer) this.#timer.refresh();
    else this.#timer = setTimeout(() => this.#fail(timedOut(timeoutMs)), timeoutMs);
  }

  #stopTimer(): void {
    this.#worker?.unref();
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
  }
}

function failureKey(digest: string, config: string | null): string {
  return config === null ? digest : `${digest} ${config}`;
}

function timedOut(timeoutMs: number): Problem {
  return {
    code: 'HW_VALIDATION_TIMEOUT',
    about: 'schema',
    pointer: '',
    message: `judging the config by this schema took longer than ${timeoutMs} ms`,
    hint: 'Simplify the schema: fewer nested anyOf and oneOf, no uniqueItems on long lists.',
  };
}

function outOfMemory(heapMb: number): Problem {
  return {
    ...timedOut(0),
    code: 'HW_SCHEMA_LIMIT',
    message: `judging the config by this schema took more than ${heapMb} MB`,
  };
}

function closed(): Error {
  return new Error('the schema validator is closed');
}

function ignoreEnd(): void {
  // The worker is being thrown away; how it ends does not matter.
}
