import { resolve } from 'node:path';
import { HeadwaterError } from '@headwater/schemas/protocol';

export type RemoteTransport = 'https' | 'http' | 'ssh' | 'file';

/** Which repository is followed. `own`: `<data>/repo.git`. `path`: a repository on this machine, in place. `url`: mirrored. */
export type RepoSource =
  | { readonly kind: 'own' }
  | { readonly kind: 'path'; readonly path: string }
  | {
      readonly kind: 'url';
      /** As git takes it. Never holds a password or a token, so it can be shown. */
      readonly url: string;
      readonly transport: RemoteTransport;
    };

/** git's other transports run programs (`ext`), or carry everything in the open without any proof of who answers (`git`). */
const transports: readonly string[] = ['https', 'http', 'ssh', 'file'] satisfies RemoteTransport[];

/**
 * Reads `--repo`.
 * @throws HeadwaterError `HW_USAGE`; a text that may hold a credential is not quoted.
 */
export function parseRepoSource(text: string | undefined): RepoSource {
  if (text === undefined) return { kind: 'own' };
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase();
  if (scheme !== undefined) return { kind: 'url', ...parseUrl(text, scheme) };
  // git's short form of an ssh address, unless it is a file that exists by that name: a path may be written with "./" in front.
  const short = /^([\w.-]+)@([\w.-]+):(.*)$/.exec(text);
  if (short === null) return { kind: 'path', path: resolve(text) };
  const [, user = '', host = '', path = ''] = short;
  const isPlain =
    !user.startsWith('-') && !host.startsWith('-') && isPlainPath(path) && !path.startsWith('-');
  if (!isPlain) throw notAnAddress();
  return { kind: 'url', url: text, transport: 'ssh' };
}

function parseUrl(text: string, scheme: string): { url: string; transport: RemoteTransport } {
  if (!transports.includes(scheme)) {
    throw usage(
      `--repo: addresses that begin with ${scheme}:// are not followed`,
      'Use https://, ssh:// or file://, or the path of a repository on this machine.',
    );
  }
  const transport = scheme as RemoteTransport;
  const [, authority = '', path = ''] = /^[^:]+:\/\/([^/]*)(\/.*)$/s.exec(text) ?? [];
  // Credentials first, whatever else is wrong: that is what the person should hear.
  const user = authority.includes('@') ? authority.slice(0, authority.lastIndexOf('@')) : '';
  if (user.includes(':') || (user !== '' && transport !== 'ssh')) throw holdsCredential();
  if (!isPlainPath(path) || /[?#]/.test(path)) throw notAnAddress();
  // Written out, so that no two programs on the way can read different hosts out of one text.
  const isHost =
    transport === 'file'
      ? authority === ''
      : /^(?:\w[\w.-]*@)?(?:[a-z0-9][a-z0-9.-]*|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i.test(authority);
  if (!isHost) throw notAnAddress();
  return { url: text, transport };
}

/** No blanks, no control characters, no quotes: nothing that a program on the way could take for something else. */
function isPlainPath(text: string): boolean {
  return text !== '' && !/[\p{Cc}\s'"\\<>`]/u.test(text);
}

/** An address is written into logs, `status` and process lists, and stays there. */
function holdsCredential(): HeadwaterError {
  return usage(
    '--repo: the address holds a user name or a password',
    'Write it without, and put the token into a file of mode 0600: --repo-token-file FILE. If it was a real one, replace it: it may stand in your shell history now.',
  );
}

function notAnAddress(): HeadwaterError {
  // The text may hold a password.
  return usage(
    '--repo is neither a path nor an address that can be followed',
    'Write for example https://git.example/team/config.git, ssh://git@git.example/team/config.git or git@git.example:team/config.git.',
  );
}

const usage = (message: string, hint: string): HeadwaterError =>
  new HeadwaterError('HW_USAGE', { message, hint });
