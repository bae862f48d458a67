import { createHmac } from 'node:crypto';
import { expect, test } from 'vitest';
import { maxClockSkewMs, webhookProblem } from './webhook-signature.ts';

const body = Buffer.from('{"ref":"refs/heads/main"}\n');
const secret = 'shared';
const now = 1_800_000_000_000;
const mac = (text: string | Buffer, key = secret) => createHmac('sha256', key).update(text).digest('hex');
const judge = (
  provider: 'github' | 'gitlab' | 'gitea' | 'generic',
  headers: Record<string, string>,
  bytes = body,
) => webhookProblem(provider, { headers, body: bytes }, secret, now);

test('GitHub: the vector of its documentation, and nothing else', () => {
  const documented = webhookProblem(
    'github',
    {
      headers: {
        'x-hub-signature-256': 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17',
      },
      body: Buffer.from('Hello, World!'),
    },
    "It's a Secret to Everybody",
    now,
  );
  expect(documented).toBeNull();
  const good = `sha256=${mac(body)}`;
  expect(judge('github', { 'x-hub-signature-256': good })).toBeNull();
  expect(judge('github', { 'x-hub-signature-256': good }, Buffer.from('{}'))).toMatch(/not valid/);
  for (const wrong of [
    good.toUpperCase(),
    good.slice(7),
    `sha1=${mac(body)}`,
    `sha256=${mac(body, 'other')}`,
    'x',
    `${good} `,
  ])
    expect([wrong, judge('github', { 'x-hub-signature-256': wrong })]).toEqual([
      wrong,
      'its signature is not valid',
    ]);
  expect(judge('github', {})).toMatch(/x-hub-signature-256 is missing/);
  expect(judge('github', { 'x-hub-signature': `sha1=${mac(body)}` })).toMatch(/is missing/);
});

test('Gitea: the bare digest', () => {
  expect(judge('gitea', { 'x-gitea-signature': mac(body) })).toBeNull();
  expect(judge('gitea', { 'x-gitea-signature': mac(body, 'other') })).toMatch(/not valid/);
  expect(judge('gitea', { 'x-gitea-signature': '' })).toMatch(/is missing/);
});

test('GitLab: the token itself', () => {
  expect(judge('gitlab', { 'x-gitlab-token': secret })).toBeNull();
  for (const wrong of ['share', 'sharedd', 'SHARED', 'x'])
    expect(judge('gitlab', { 'x-gitlab-token': wrong })).toMatch(/not the one/);
  expect(judge('gitlab', {})).toMatch(/x-gitlab-token is missing/);
});

test('generic: the time is signed, and counts for five minutes either way', () => {
  const at = (ms: number, bytes: Buffer = body) => {
    const time = String(Math.floor(ms / 1000));
    return {
      'headwater-timestamp': time,
      'headwater-signature': `sha256=${mac(Buffer.concat([Buffer.from(`${time}.`), bytes]))}`,
    };
  };
  expect(judge('generic', at(now))).toBeNull();
  expect(judge('generic', at(now - maxClockSkewMs))).toBeNull();
  expect(judge('generic', at(now + maxClockSkewMs))).toBeNull();
  expect(judge('generic', at(now - maxClockSkewMs - 1000))).toMatch(/too far/);
  expect(judge('generic', at(now + maxClockSkewMs + 1000))).toMatch(/too far/);
  // An old signature under a new time.
  expect(judge('generic', { ...at(now - 600_000), 'headwater-timestamp': String(now / 1000) })).toMatch(
    /not valid/,
  );
  expect(judge('generic', { ...at(now), 'headwater-timestamp': 'now' })).toMatch(/timestamp is missing/);
  expect(judge('generic', { 'headwater-signature': `sha256=${mac(body)}` })).toMatch(/timestamp is missing/);
});
