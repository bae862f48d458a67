/** Commits signed by the real git, judged in process. */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { hashObject, parseCommit } from '../../adapters/git/git-objects.ts';
import { commitSigned, makeSshKey, type SshKeyFile, signBytes } from '../../testing/ssh-keys.ts';
import { makeTestRepository, type TestRepository } from '../../testing/test-repository.ts';
import { type AllowedSigners, parseAllowedSigners } from './allowed-signers.ts';
import { verifyCommit } from './verify-commit.ts';

// Many processes of git and ssh-keygen: slow on a busy machine, and nothing here is about time.
vi.setConfig({ testTimeout: 60_000 });

const kinds = ['ed25519', 'ecdsa:256', 'ecdsa:384', 'ecdsa:521', 'rsa:2048', 'rsa:3072'] as const;
const committer = 'tess@example.org';

let made: TestRepository;
const keys = new Map<string, SshKeyFile>();
const key = (kind: string) => keys.get(kind) as SshKeyFile;

beforeAll(() => {
  made = makeTestRepository();
  for (const kind of [...kinds, 'rsa:1024', 'other'])
    keys.set(kind, makeSshKey(made.folder, kind.replace(':', '-'), kind === 'other' ? 'ed25519' : kind));
}, 60_000);
afterAll(() => made[Symbol.dispose]());

const signers = (...lines: readonly string[]): AllowedSigners => {
  const parsed = parseAllowedSigners(Buffer.from(lines.join('\n')));
  return parsed;
};
const line = (one: SshKeyFile, options = '') =>
  `${committer} ${options}${options ? ' ' : ''}${one.publicKey}`;
const raw = (id: string) => Buffer.from(`${made.git('cat-file', 'commit', id)}\n`);

function judge(bytes: Buffer, list: AllowedSigners) {
  const commit = parseCommit(hashObject('commit', bytes, 'sha1'), bytes);
  const verdict = verifyCommit(bytes, commit, list);
  return verdict.verified ? 'verified' : (verdict.problem.details.reason ?? verdict.problem.code);
}

test.each(kinds)('a commit that git signed with %s counts', (kind) => {
  const bytes = raw(commitSigned(made, key(kind), { message: 'Ünïcode\n\nA paragraph.\n' }));
  expect(judge(bytes, signers('# people', '', line(key('other')), line(key(kind))))).toBe('verified');
});

test.each(kinds)('no byte of a commit signed with %s can be changed, taken away or added', (kind) => {
  const bytes = raw(commitSigned(made, key(kind)));
  const list = signers(line(key(kind)));
  const verified = (changed: Buffer): boolean => {
    try {
      return judge(changed, list) === 'verified';
    } catch {
      return false; // no commit any more
    }
  };
  expect(verified(bytes)).toBe(true);
  // Every byte for the quick ones; the slow ones are the same code around another check.
  const stride = kind === 'ed25519' ? 1 : 7;
  for (let at = 0; at < bytes.length; at += stride) {
    const flipped = Buffer.from(bytes);
    flipped[at] = (flipped[at] as number) ^ (1 << (at % 7));
    expect(verified(flipped), `byte ${at} flipped`).toBe(false);
    const shorter = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)]);
    expect(verified(shorter), `byte ${at} removed`).toBe(false);
    const longer = Buffer.concat([bytes.subarray(0, at), Buffer.from(' '), bytes.subarray(at)]);
    expect(verified(longer), `a space before byte ${at}`).toBe(false);
  }
});

test('without a signature a commit is unsigned, whoever made it', () => {
  const tree = made.gitWithInput('', 'hash-object', '-t', 'tree', '-w', '--stdin');
  const bytes = raw(made.gitWithInput('Plain\n', 'commit-tree', tree));
  expect(judge(bytes, signers(line(key('ed25519'))))).toBe('HW_COMMIT_UNSIGNED');
});

describe('who may sign', () => {
  let bytes: Buffer;
  let time: number;
  beforeAll(() => {
    bytes = raw(commitSigned(made, key('ed25519')));
    time = parseCommit('0'.repeat(40), bytes).committer.time;
  });

  test('only keys that are listed, for the address of the committer', () => {
    const { publicKey } = key('ed25519');
    expect(judge(bytes, signers())).toBe('unknown-key');
    expect(judge(bytes, signers(line(key('other'))))).toBe('unknown-key');
    expect(judge(bytes, signers(`bob@example.org ${publicKey}`))).toBe('principal');
    expect(judge(bytes, signers(`bob@example.org ${publicKey}`, line(key('ed25519'))))).toBe('verified');
    expect(judge(bytes, signers(`bob@example.org,*@example.org ${publicKey}`))).toBe('verified');
    expect(judge(bytes, signers(`"*@example.org,!tess@*" ${publicKey}`))).toBe('principal');
    expect(judge(bytes, signers(`TESS@example.org ${publicKey}`))).toBe('principal');
  });

  test('only for git', () => {
    expect(judge(bytes, signers(line(key('ed25519'), 'namespaces="file,git"')))).toBe('verified');
    expect(judge(bytes, signers(line(key('ed25519'), 'namespaces="file"')))).toBe('unknown-key');
    expect(judge(bytes, signers(line(key('ed25519'), 'namespaces="*,!git"')))).toBe('unknown-key');
  });

  test('only at the time the list says, both ends included', () => {
    const at = (seconds: number) => new Date(seconds * 1000).toISOString().replaceAll(/[-:T]|\.\d+/g, '');
    const within = (after: number, before: number) =>
      judge(bytes, signers(line(key('ed25519'), `valid-after="${at(after)}",valid-before="${at(before)}"`)));
    expect(within(time, time)).toBe('verified');
    expect(within(time + 1, time + 2)).toBe('time');
    expect(within(time - 2, time - 1)).toBe('time');
  });
});

describe('what is no signature of a commit', () => {
  const list = () => signers(...[...keys.values()].map((one) => line(one)));
  /** The commit with another signature in its header. */
  let original: string;
  beforeAll(() => {
    original = raw(commitSigned(made, key('ed25519'))).toString('latin1');
  });
  const withSignature = (signature: string) => {
    const header = `gpgsig ${signature.trimEnd().replaceAll('\n', '\n ')}\n`;
    return Buffer.from(original.replace(/gpgsig [\s\S]*?-----END SSH SIGNATURE-----\n/, header), 'latin1');
  };
  const payload = () => withSignature('').toString('latin1').replace('gpgsig \n', '');
  const blobOf = (armored: string) => Buffer.from(armored.split('\n').slice(1, -2).join(''), 'base64');
  const armor = (blob: Buffer) =>
    `-----BEGIN SSH SIGNATURE-----\n${blob.toString('base64')}\n-----END SSH SIGNATURE-----`;
  const signature = () => signBytes(key('ed25519'), 'git', Buffer.from(payload(), 'latin1'));

  test('one made by hand over the same bytes counts', () => {
    expect(judge(withSignature(signature()), list())).toBe('verified');
    expect(judge(withSignature(armor(blobOf(signature()))), list())).toBe('verified');
  });

  test('one for another purpose', () => {
    const forFiles = signBytes(key('ed25519'), 'file', Buffer.from(payload(), 'latin1'));
    expect(judge(withSignature(forFiles), list())).toBe('namespace');
  });

  test('one of another commit', () => {
    const other = signBytes(key('ed25519'), 'git', `${payload()}!`);
    expect(judge(withSignature(other), list())).toBe('mismatch');
  });

  test('one that claims another key', () => {
    const bytes = blobOf(signature());
    const own = Buffer.from(key('ed25519').publicKey.split(' ')[1] as string, 'base64');
    const other = Buffer.from(key('other').publicKey.split(' ')[1] as string, 'base64');
    const at = bytes.indexOf(own);
    other.copy(bytes, at);
    expect(judge(withSignature(armor(bytes)), list())).toBe('mismatch');
  });

  test('one cut short anywhere, or with more behind it', () => {
    const bytes = blobOf(signature());
    for (let length = 0; length < bytes.length; length++)
      expect(judge(withSignature(armor(bytes.subarray(0, length))), list()), `${length}`).toBe('malformed');
    expect(judge(withSignature(armor(Buffer.concat([bytes, Buffer.alloc(1)]))), list())).toBe('malformed');
    expect(judge(withSignature(`${signature()}junk`), list())).toBe('malformed');
    expect(judge(withSignature(`junk${signature()}`), list())).toBe('unsupported');
    expect(judge(withSignature(signature().replace('-----END SSH SIGNATURE-----', '')), list())).toBe(
      'malformed',
    );
  });

  test('a huge one, without reading it all', () => {
    expect(judge(withSignature(armor(Buffer.alloc(700_000))), list())).toBe('malformed');
    const claim = blobOf(signature());
    claim.writeUInt32BE(0xffff_ffff, 10);
    expect(judge(withSignature(armor(claim)), list())).toBe('malformed');
  });

  test('two of them, or one under a name that nobody knows', () => {
    const header = `gpgsig ${signature().trimEnd().replaceAll('\n', '\n ')}\n`;
    const text = payload();
    const place = text.indexOf('\n\n') + 1;
    const insert = (more: string) => Buffer.from(text.slice(0, place) + more + text.slice(place), 'latin1');
    expect(judge(insert(header), list())).toBe('verified');
    expect(judge(insert(header + header), list())).toBe('malformed');
    expect(judge(insert(header + header.replace('gpgsig', 'gpgsig-sha256')), list())).toBe('malformed');
    expect(judge(insert(header.replace('gpgsig', 'gpgsig-other')), list())).toBe('malformed');
  });

  test('one over headers that stand twice or in another order', () => {
    const resign = (text: string) => {
      const place = text.indexOf('\n\n') + 1;
      const made = signBytes(key('ed25519'), 'git', Buffer.from(text, 'latin1'));
      const header = `gpgsig ${made.trimEnd().replaceAll('\n', '\n ')}\n`;
      return Buffer.from(text.slice(0, place) + header + text.slice(place), 'latin1');
    };
    const text = payload();
    const lineOf = (name: string) => new RegExp(`^${name} .*\n`, 'm').exec(text)?.[0] as string;
    expect(judge(resign(text), list())).toBe('verified');
    for (const name of ['tree', 'author', 'committer'])
      expect(judge(resign(text.replace(lineOf(name), lineOf(name).repeat(2))), list()), name).toBe(
        'malformed',
      );
    const parent = `parent ${'1'.repeat(40)}\n`;
    expect(judge(resign(text.replace(lineOf('author'), parent + lineOf('author'))), list())).toBe('verified');
    expect(judge(resign(text.replace(lineOf('committer'), lineOf('committer') + parent)), list())).toBe(
      'malformed',
    );
  });

  test('one of an rsa key that is too short, and of a certificate or a token', () => {
    expect(judge(raw(commitSigned(made, key('rsa:1024'))), list())).toBe('unsupported');
    for (const type of ['sk-ssh-ed25519@openssh.com', 'ssh-ed25519-cert-v01@openssh.com', 'ssh-dss']) {
      const blob = blobOf(signature());
      const keyLength = blob.readUInt32BE(10);
      const name = Buffer.concat([Buffer.alloc(4), Buffer.from(type)]);
      name.writeUInt32BE(type.length);
      const field = Buffer.concat([name, blob.subarray(14, 14 + keyLength)]);
      const length = Buffer.alloc(4);
      length.writeUInt32BE(field.length);
      const changed = Buffer.concat([blob.subarray(0, 10), length, field, blob.subarray(14 + keyLength)]);
      expect(judge(withSignature(armor(changed)), list()), type).toBe('unsupported');
    }
  });

  test('rsa with SHA-1', () => {
    const bytes = raw(commitSigned(made, key('rsa:2048'))).toString('latin1');
    const armored = /-----BEGIN[\s\S]*-----END SSH SIGNATURE-----/
      .exec(bytes)?.[0]
      .replaceAll('\n ', '\n') as string;
    const blob = Buffer.from(armored.split('\n').slice(1, -1).join(''), 'base64');
    const at = blob.lastIndexOf('rsa-sha2-512');
    expect(at).toBeGreaterThan(0);
    const weak = Buffer.concat([
      blob.subarray(0, at - 8),
      Buffer.from([0, 0, 0, 0, 0, 0, 0, 7]),
      Buffer.from('ssh-rsa'),
      blob.subarray(at + 12),
    ]);
    weak.writeUInt32BE(blob.readUInt32BE(at - 8) - 5, at - 8);
    const changed = bytes.replace(armored.replaceAll('\n', '\n '), armor(weak).replaceAll('\n', '\n '));
    expect(judge(Buffer.from(changed, 'latin1'), list())).toBe('mismatch');
  });

  test('PGP and X.509', () => {
    expect(
      judge(withSignature('-----BEGIN PGP SIGNATURE-----\n\nabc\n-----END PGP SIGNATURE-----'), list()),
    ).toBe('unsupported');
    expect(
      judge(withSignature('-----BEGIN SIGNED MESSAGE-----\nabc\n-----END SIGNED MESSAGE-----'), list()),
    ).toBe('unsupported');
  });
});

test('a commit of a SHA-256 repository counts too', () => {
  using other = makeTestRepository({ objectFormat: 'sha256' });
  const id = commitSigned(other, key('ed25519'));
  const bytes = Buffer.from(`${other.git('cat-file', 'commit', id)}\n`);
  expect(bytes.toString()).toContain('gpgsig-sha256 ');
  const commit = parseCommit(id, bytes);
  expect(verifyCommit(bytes, commit, signers(line(key('ed25519'))))).toMatchObject({ verified: true });
});
