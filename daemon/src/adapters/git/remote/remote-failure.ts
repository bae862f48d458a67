/** Why a conversation with a host failed, in words that are the same each time it fails for the same reason. */
import { HeadwaterError } from '@headwater/schemas/protocol';

/** What is known of a conversation that went wrong. */
export interface FailedConversation {
  /** Address without credentials. */
  readonly url: string;
  /** What git, ssh or the HTTP client said; free of secrets. */
  readonly said: string;
  /** Status of the last HTTP answer, if one came. */
  readonly status?: number;
  /** Its header `Location`. */
  readonly location?: string;
  /** Its header `Retry-After`. */
  readonly retryAfter?: string;
  /** It was given up because nothing happened for too long. */
  readonly timedOut?: boolean;
  /** False: the host certainly did not receive a change. */
  readonly sent?: boolean;
}

export function remoteFailure(failed: FailedConversation): HeadwaterError {
  const found = byStatus(failed) ?? (failed.timedOut ? timedOut : bySaid(failed.said));
  const where = hostOf(failed.url);
  const details = { url: failed.url, said: printable(failed.said), ...sentOf(failed), ...waitOf(failed) };
  if (found.kind === 'refused') {
    return new HeadwaterError('HW_UPSTREAM_REFUSED', {
      message: `${where} ${found.what}`,
      hint: found.hint,
      details,
    });
  }
  return new HeadwaterError('HW_UPSTREAM_UNREACHABLE', {
    message: `${where} ${found.what}`,
    hint: 'Nothing to do for services: the last epoch stays live. The daemon goes on by itself when the host is back.',
    details,
  });
}

/** Host of an address, for people: "git.example", or the path of a file address. */
export function hostOf(url: string): string {
  const short = /^[\w.-]+@([\w.-]+):/.exec(url)?.[1];
  if (short !== undefined) return short;
  const match = /^([a-z]+):\/\/(?:[^/@]*@)?([^/]*)(.*)$/i.exec(url);
  return match?.[2] || match?.[3] || url;
}

/** Foreign text fit for a line of ours: no control characters, no end of the screen, not much of it. */
export function printable(text: string, maxLength = 300): string {
  const clean = text.replace(/[\p{Cc}\p{Cf}\u2028\u2029\uFFFD]+/gu, ' ').trim();
  return clean.length <= maxLength ? clean : `${clean.slice(0, maxLength)}…`;
}

type Reason =
  | { readonly kind: 'unreachable'; readonly what: string }
  | { readonly kind: 'refused'; readonly what: string; readonly hint: string };

const timedOut: Reason = { kind: 'unreachable', what: 'does not answer in time' };

const credentialHint =
  'Give the daemon a token that may read and write this repository: --repo-token-file FILE (read again before every use).';

function byStatus({ status, location }: FailedConversation): Reason | null {
  if (status === undefined || status < 300) return null;
  if (status < 400) {
    const to = location === undefined ? 'another address' : printable(location.replace(/\?.*$/s, ''), 200);
    return {
      kind: 'refused',
      what: `redirects to ${to}`,
      hint: 'Redirects are not followed, so that no credential ever reaches another host. If that place is right, give its address with --repo (often only ".git" is missing at the end).',
    };
  }
  if (status === 401)
    return { kind: 'refused', what: 'does not accept the credential (401)', hint: credentialHint };
  if (status === 403) return { kind: 'refused', what: 'forbids it (403)', hint: credentialHint };
  if (status === 404 || status === 410)
    return {
      kind: 'refused',
      what: `has no such repository (${status})`,
      hint: `Check the address. Hosts also say so when the credential may not see it. ${credentialHint}`,
    };
  if (status === 429) return { kind: 'unreachable', what: 'asks for patience (429)' };
  if (status === 408 || status >= 500)
    return { kind: 'unreachable', what: `has trouble of its own (${status})` };
  return {
    kind: 'refused',
    what: `answers ${status}`,
    hint: 'Check the address: is it the one that git clone takes?',
  };
}

/** First match wins, so what is certain stands above what is usual. */
const sayings: readonly (readonly [RegExp, Reason])[] = [
  [
    /host key verification failed/i,
    {
      kind: 'refused',
      what: 'has a host key that ssh does not know',
      hint: 'Connect once by hand as the user of the daemon (ssh -T git@HOST), compare the fingerprint with the one that the host publishes, and accept it.',
    },
  ],
  [
    /permission denied|no supported authentication|too many authentication failures/i,
    {
      kind: 'refused',
      what: 'does not accept the ssh key',
      hint: 'Give the daemon a key without passphrase, or an agent (SSH_AUTH_SOCK), and add its public part at the host with the right to write.',
    },
  ],
  [
    /could not read (username|password)|authentication failed|terminal prompts disabled/i,
    { kind: 'refused', what: 'asks for a credential', hint: credentialHint },
  ],
  [
    /certificate|cert_|self.signed|unable_to_verify|ssl routines|ssl_error|err_tls|wrong version number/i,
    {
      kind: 'refused',
      what: 'cannot prove who it is (TLS)',
      hint: 'Check the address and the clock. For an authority of your own name its certificates: config.json, remote.caFile.',
    },
  ],
  [
    /dubious ownership|safe\.directory/i,
    {
      kind: 'refused',
      what: 'belongs to another user of this machine',
      hint: 'Follow it in place: --repo PATH without file://.',
    },
  ],
  [
    /repository .*not found|does not appear to be a git repository|not a git repository|repository does not exist/i,
    {
      kind: 'refused',
      what: 'has no such repository',
      hint: 'Check the address, and whether this user may see it.',
    },
  ],
  [
    /mismatched algorithms/,
    {
      kind: 'refused',
      what: 'has another kind of commit ids than the mirror: it is another repository now',
      hint: 'Check the address; for a repository that was made anew start with a new data folder.',
    },
  ],
  [
    /something else than git/,
    {
      kind: 'refused',
      what: 'is no git host at this address',
      hint: 'Give the address that git clone takes.',
    },
  ],
  [
    /could not resolve|name or service not known|temporary failure in name|enotfound|eai_again/i,
    { kind: 'unreachable', what: 'cannot be found: its name does not resolve' },
  ],
  [/timed? ?out|too slow|etimedout/i, timedOut],
  [/connection refused|couldn't connect|econnrefused/i, { kind: 'unreachable', what: 'refuses connections' }],
  [
    /no route to host|network is unreachable|ehostunreach|enetunreach/i,
    { kind: 'unreachable', what: 'cannot be reached over the network' },
  ],
  [
    /hung up|early eof|unexpected disconnect|connection (was )?reset|connection closed|empty reply|econnreset|transfer closed|rpc failed|broken pipe|premature|recv failure|invalid response|bad pack|truncated|expected flush/i,
    { kind: 'unreachable', what: 'cut the connection' },
  ],
];

function bySaid(said: string): Reason {
  const known = sayings.find(([pattern]) => pattern.test(said));
  return known?.[1] ?? { kind: 'unreachable', what: `cannot be worked with: ${lastLine(said)}` };
}

function lastLine(said: string): string {
  const lines = said.split(/[\r\n]+/).filter((line) => line.trim() !== '');
  const fatal = lines.findLast((line) => /^(fatal|error):/.test(line));
  return printable(fatal ?? lines.at(-1) ?? 'no reason given', 200);
}

function sentOf({ sent }: FailedConversation): { sent?: boolean } {
  return sent === undefined ? {} : { sent };
}

/** No host may silence us for longer than this. */
const longestWaitMs = 15 * 60_000;

function waitOf({ retryAfter }: FailedConversation): { retryAfterMs?: number } {
  if (retryAfter === undefined) return {};
  const seconds = /^\d{1,9}$/.test(retryAfter.trim())
    ? Number(retryAfter)
    : (Date.parse(retryAfter) - Date.now()) / 1000;
  return Number.isFinite(seconds)
    ? { retryAfterMs: Math.min(Math.max(0, seconds * 1000), longestWaitMs) }
    : {};
}
