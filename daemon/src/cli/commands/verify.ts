import { resolve } from 'node:path';
import {
  HeadwaterError,
  isHeadwaterError,
  type Keyring,
  openKeys,
  parseEnvelope,
  parsePayload,
  utf8,
} from '@headwater/schemas/protocol';
import { nodeCrypto } from '@headwater/schemas/protocol/node';
import type { Command } from 'commander';
import { openDataFolder } from '../../adapters/data/data-folder.ts';
import { act, addCommand, type Io } from '../command.ts';
import { connectionKeys, readConnectionFile } from '../connection-file.ts';
import { readDataKeys } from '../data-keys.ts';
import { clean } from '../output.ts';
import { readUserFile } from '../user-file.ts';
import { judgeKeys, judgeLkg, judgeMessage, type Verdict } from '../verdict.ts';

export function registerVerify(program: Command): void {
  const command = addCommand(program, 'verify <file>', {
    summary: 'say who signed a message or file',
    description:
      'Verifies a message (as it stands on the broker), a last-known-good file (*.lkg), or the keys in a connection file,\n' +
      'and says who signed it, at which epoch, and whether the digest holds. Say whose signature counts in one of three ways.',
    examples: [
      'headwater verify stt-worker.lkg --connection stt-worker.dev.connection.json',
      'headwater verify message.bin --data .headwater/data',
      'headwater verify message.bin --trust <root key> --keys keys.bin   # keys.bin: the retained message <prefix>/keys',
    ],
  })
    .option('--connection <file>', 'trust the keys of this connection file')
    .option('--data <dir>', 'trust the keys of the daemon with this data folder')
    .option(
      '--trust <hex>',
      'trust this root key, 64 hex digits (repeatable)',
      (hex, list: string[] = []) => [...list, hex],
    )
    .option('--keys <file>', 'with --trust: the key list that names the signing keys');
  act<VerifyOptions, [string]>(command, async (io, options, path) => {
    const verdict = await judge(io, options, path);
    const { style } = io.out;
    const rows = rowsOf(verdict).map(([name, value]) => `  ${name.padEnd(10)}${clean(value)}`);
    const head = `${path}: ${verdict.ok ? style.green('ok') : style.red('not ok')}`;
    io.out.result({ file: path, ...verdict }, [head, ...rows].join('\n'));
    return verdict.ok;
  });
}

interface VerifyOptions {
  readonly connection?: string;
  readonly data?: string;
  readonly trust?: readonly string[];
  readonly keys?: string;
}

type Refused = { readonly ok: false; readonly code: string; readonly reason: string; readonly hint?: string };

async function judge(io: Io, options: VerifyOptions, path: string): Promise<Verdict | Refused> {
  const bytes = await readUserFile(io, path, 8 * 1024 * 1024);
  const magic = Buffer.from(bytes.subarray(0, 7)).toString('latin1');
  try {
    if (magic === 'HWLKG1 ') return judgeLkg(bytes, await keyringOf(io, options));
    if (!magic.startsWith('HW1 ')) return await judgeConnection(io, options, path);
    if (parseEnvelope(bytes).kind === 'keys') return judgeKeys(bytes, await rootsOf(io, options));
    return judgeMessage(bytes, await keyringOf(io, options));
  } catch (error) {
    // What was typed wrongly, or cannot be read, is no verdict on the file.
    if (!isHeadwaterError(error) || noVerdict.has(error.code)) throw error;
    return {
      ok: false,
      code: error.code,
      reason: error.message,
      ...(error.hint ? { hint: error.hint } : {}),
    };
  }
}

const noVerdict: ReadonlySet<string> = new Set([
  ...[
    'HW_USAGE',
    'HW_CONNECTION_FILE',
    'HW_NO_TRUST',
    'HW_NOT_FOUND',
    'HW_KEY_FILE',
    'HW_DAEMON_NOT_RUNNING',
  ],
  ...['HW_DATA_NOT_WRITABLE', 'HW_DATA_EXPOSED', 'HW_DATA_VERSION'],
]);

/** Without other trust the file is judged by its own roots, and says so: that proves only that it holds together. */
async function judgeConnection(io: Io, options: VerifyOptions, path: string): Promise<Verdict> {
  const { keys, trust } = await readConnectionFile(io, path);
  const isGiven = options.trust ?? options.connection ?? options.data;
  const verdict = judgeKeys(utf8(keys), isGiven === undefined ? trust : await rootsOf(io, options));
  return isGiven === undefined ? { ...verdict, note: "judged by the file's own trust" } : verdict;
}

async function keyringOf(io: Io, options: VerifyOptions): Promise<Keyring> {
  if (options.connection !== undefined)
    return connectionKeys(await readConnectionFile(io, options.connection));
  if (options.data !== undefined) return dataKeys(io, options.data);
  if (options.trust === undefined || options.keys === undefined) {
    throw noTrust(
      options.trust
        ? 'a root key alone does not judge messages: signing keys sign them'
        : 'whose signature should count?',
      'Give --connection FILE, --data DIR, or --trust HEX with --keys FILE.',
    );
  }
  const bytes = await readUserFile(io, options.keys);
  const { deployment } = parsePayload('keys', parseEnvelope(bytes).payload);
  return openKeys(bytes, { roots: options.trust, deployment, version: 0 }, nodeCrypto);
}

async function rootsOf(io: Io, options: VerifyOptions): Promise<readonly string[]> {
  if (options.trust !== undefined) return options.trust;
  if (options.connection !== undefined) return (await readConnectionFile(io, options.connection)).trust;
  if (options.data !== undefined) return (await dataKeys(io, options.data)).roots;
  throw noTrust(
    'whose signature should count?',
    'Give --trust HEX (a root key), --connection FILE, or --data DIR.',
  );
}

async function dataKeys(io: Io, data: string): Promise<Keyring> {
  return readDataKeys(await openDataFolder(resolve(io.cwd, data), { exclusive: false }));
}

function noTrust(message: string, hint: string): HeadwaterError {
  return new HeadwaterError('HW_NO_TRUST', { message, hint });
}

function rowsOf(verdict: Verdict | Refused): [string, string][] {
  return Object.entries(verdict)
    .filter(
      ([name, value]) =>
        name !== 'ok' && value !== undefined && !(Array.isArray(value) && value.length === 0),
    )
    .map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : String(value)]);
}
