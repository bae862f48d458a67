import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { parseRepoSource } from './repo-source.ts';

const codeOf = (text: string) => {
  try {
    return parseRepoSource(text).kind;
  } catch (error) {
    return (error as { code: string }).code;
  }
};

test('a repository is the own one, a path or an address', () => {
  expect(parseRepoSource(undefined)).toEqual({ kind: 'own' });
  for (const path of ['configs', './git@host:x', '/srv/x.git', 'ext::sh -c id', 'C:/x'])
    expect(parseRepoSource(path)).toEqual({ kind: 'path', path: resolve(path) });
  for (const [url, transport] of [
    ['https://git.example/x.git', 'https'],
    ['HTTPS://git.example:8443/~ann/x.git', 'https'],
    ['http://127.0.0.1:3000/x.git', 'http'],
    ['ssh://git@git.example:2222/x', 'ssh'],
    ['git@git.example:team/x.git', 'ssh'],
    ['file:///srv/x.git', 'file'],
  ])
    expect(parseRepoSource(url)).toEqual({ kind: 'url', url, transport });
});

test('an address with a user name, a password or a token in it is refused, and not repeated', () => {
  for (const url of [
    'https://ann:CANARY@git.example/x.git',
    'https://CANARY@git.example/x.git',
    'http://:CANARY@127.0.0.1/x.git',
    'ssh://git:CANARY@git.example/x.git',
    'https://git.example/x.git?token=CANARY',
    'https://ann:CANARY@git.example/ x.git',
    'ftp://CANARY@git.example/x',
  ]) {
    expect([url, codeOf(url)]).toEqual([url, 'HW_USAGE']);
    try {
      parseRepoSource(url);
    } catch (error) {
      const { message, hint, details } = error as Error & { hint: string; details: unknown };
      expect(JSON.stringify([message, hint, details])).not.toContain('CANARY');
    }
  }
});

test('what would run a program, name an option or hide something is no address', () => {
  for (const url of [
    'git://git.example/x.git',
    'ext://sh -c id',
    'transport+helper://x/y',
    'ssh://-oProxyCommand=id/x',
    'ssh://-l@git.example/x',
    '-u@git.example:x',
    'git@git.example:--upload-pack=id',
    'git@git.example:',
    'https://',
    'https:///x.git',
    'file://host/x.git',
    'https://git.example/a b',
    'https://git.example/a\nb',
    "https://git.example/a'b",
    'https://git.example/x#main',
  ])
    expect([url, codeOf(url)]).toEqual([url, 'HW_USAGE']);
});
