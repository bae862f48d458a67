import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { fakeDaemon } from '../../testing/fake-http-daemon.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hw-web-'));
  mkdirSync(join(folder, 'assets'));
  writeFileSync(join(folder, 'index.html'), '<!doctype html><title>Headwater</title>');
  writeFileSync(join(folder, 'boot.js'), '1');
  writeFileSync(join(folder, 'assets/main-a1b2.js'), 'console.log(1)');
  writeFileSync(join(folder, 'assets/main-a1b2.js.br'), brotliCompressSync('console.log(1)'));
  writeFileSync(join(folder, '.secret'), 'no');
});
afterEach(() => rmSync(folder, { recursive: true }));

const editor = () => fakeDaemon([], folder).app;

test('every page is the one document, under a policy without inline code, eval, or anybody else', async () => {
  const app = editor();
  for (const url of ['/', '/services', '/services/stt-worker?env=dev', '/changes/42']) {
    const answer = await app.inject({ url });
    expect([url, answer.statusCode, answer.body]).toEqual([url, 200, expect.stringContaining('Headwater')]);
    expect(answer.headers['content-type']).toContain('text/html');
    const policy = String(answer.headers['content-security-policy']);
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("require-trusted-types-for 'script'");
    expect(policy).not.toMatch(/unsafe|https?:|\*/);
    expect(answer.headers['cache-control']).toBe('no-cache');
  }
});

test('assets are kept for ever, and come compressed to those who ask', async () => {
  const app = editor();
  const plain = await app.inject({ url: '/assets/main-a1b2.js' });
  expect([plain.body, plain.headers['cache-control']]).toEqual([
    'console.log(1)',
    'public, max-age=31536000, immutable',
  ]);
  const small = await app.inject({ url: '/assets/main-a1b2.js', headers: { 'accept-encoding': 'br, gzip' } });
  expect(small.headers['content-encoding']).toBe('br');
  expect(small.headers['x-content-type-options']).toBe('nosniff');
});

test('what is missing, hidden or outside is not served, and wrong API paths stay errors', async () => {
  const app = editor();
  for (const url of [
    '/assets/none.js',
    '/none.txt',
    '/.secret',
    '/assets/../.secret',
    '/..%2f..%2fetc%2fpasswd',
    '/assets/%2e%2e%2f.secret',
    '/api/v1/none',
    '/git/none',
  ]) {
    const answer = await app.inject({ url });
    expect([url, answer.statusCode === 200 && !answer.body.includes('<!doctype html>')]).toEqual([
      url,
      false,
    ]);
    expect(answer.body).not.toContain('root:');
    expect(answer.body).not.toBe('no');
  }
  expect((await app.inject({ url: '/api/v1/none' })).json().code).toBe('HW_NOT_FOUND');
  expect((await app.inject({ method: 'POST', url: '/services' })).statusCode).toBe(404);
});

test('an editor that was not built says how to build it', async () => {
  rmSync(join(folder, 'index.html'));
  const answer = await editor().inject({ url: '/' });
  expect([answer.statusCode, answer.body]).toEqual([503, expect.stringContaining('make build')]);
});
