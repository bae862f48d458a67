/** The file with the private age keys of a service, in the form of `age-keygen`. It is read at each opening, so a rotation needs no restart. */
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { HeadwaterError } from '@headwater/schemas/protocol';
import { type Identity, parseIdentity } from '../age/identity.ts';

const maxBytes = 64 * 1024;
/** Each one is tried on every key that a bundle is sealed for. */
const maxIdentities = 16;
const isWindows = process.platform === 'win32';

/**
 * Every X25519 identity of the file, in its order. Blank lines, `#` comments and identities of other kinds are passed over.
 * @throws HeadwaterError `HW_KEY_FILE`, naming the file and at most a line number.
 */
export function readIdentities(path: string): readonly Identity[] {
  const identities: Identity[] = [];
  for (const [index, raw] of readText(path).split('\n').entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#') || isOtherKind(line)) continue;
    const identity = parseIdentity(line);
    if (identity === null) throw fault(path, `line ${index + 1} is no age identity`, enrollHint);
    identities.push(identity);
  }
  if (identities.length === 0) throw fault(path, 'it holds no age identity (AGE-SECRET-KEY-1…)', enrollHint);
  if (identities.length > maxIdentities)
    throw fault(
      path,
      `it holds ${identities.length} identities, expected ${maxIdentities} at most`,
      'Remove the old ones.',
    );
  return identities;
}

/** A post-quantum identity or one of a plugin: good for `age`, not for this client. */
const isOtherKind = (line: string): boolean => /^AGE-(SECRET-KEY-PQ|PLUGIN)-/.test(line);

const enrollHint =
  'Make a new one with `headwater enroll --rotate`, or put the file back from where it was kept.';

function readText(path: string): string {
  let descriptor: number;
  try {
    // Without O_NONBLOCK a named pipe in its place would block the service.
    descriptor = openSync(path, constants.O_RDONLY | (isWindows ? 0 : constants.O_NONBLOCK));
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const reason = code === 'ENOENT' ? 'there is no such file' : `it cannot be read (${code})`;
    throw fault(
      path,
      reason,
      'Check identityFile; `headwater enroll` wrote the file beside the connection file.',
      cause,
    );
  }
  try {
    const stats = fstatSync(descriptor);
    if (!stats.isFile() || stats.size > maxBytes)
      throw fault(path, 'it is no regular file of a sensible size', enrollHint);
    if (!isWindows && (stats.mode & 0o077) !== 0) {
      const mode = (stats.mode & 0o777).toString(8);
      throw fault(
        path,
        `it has mode 0${mode}, so others may read the private keys in it`,
        `Run: chmod 600 ${path}`,
      );
    }
    return readFileSync(descriptor, 'utf8');
  } finally {
    closeSync(descriptor);
  }
}

function fault(path: string, reason: string, hint: string, cause?: unknown): HeadwaterError {
  return new HeadwaterError('HW_KEY_FILE', {
    message: `the identity file ${path} cannot be used: ${reason}`,
    hint,
    details: { path },
    ...(cause === undefined ? {} : { cause }),
  });
}
