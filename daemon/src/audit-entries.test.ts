import { expect, test } from 'vitest';
import { auditedEditor, auditedSealer, pushEntries, refusedPushEntry } from './audit-entries.ts';
import type { EditOutcome, Editor, EditRequest } from './editing/edit.ts';
import type { LiveService } from './epochs/environment-track.ts';
import { createFakeAudit } from './testing/fake-audit.ts';

const [from, to] = ['a1'.repeat(20), 'b2'.repeat(20)];
const ref = 'refs/heads/main';

test('a push is recorded with who pushed, and without a name where there is none', () => {
  const token = {
    id: 'abcdefghijkl',
    name: 'Ada',
    role: 'editor',
    env: '*',
    service: '*',
    createdAt: '',
  } as const;
  const updates = [{ ref, from, to }];
  expect(pushEntries({ pusher: { token, requestId: 'r-1' }, updates })).toEqual([
    {
      action: 'push',
      actor: { kind: 'token', id: 'abcdefghijkl', name: 'Ada' },
      requestId: 'r-1',
      commit: to,
      details: { ref, from, to },
    },
  ]);
  expect(pushEntries({ pusher: null, updates })[0]?.actor).toMatchObject({ kind: 'user' });
  expect(refusedPushEntry({ pusher: null, updates, codes: ['HW_SECRET_PLAINTEXT'] })).toMatchObject({
    action: 'refuse',
    details: { what: 'push', refs: [ref], codes: ['HW_SECRET_PLAINTEXT'] },
  });
});

const outcome = (changed: boolean): EditOutcome => ({
  epoch: { era: 1, seq: 4, commit: to },
  commit: to,
  changed,
  applied: {},
  merged: false,
  changes: [],
});
const request = (email: string): EditRequest => ({
  actor: { name: 'Ada', email },
  message: 'Change it',
  base: from,
  files: [{ kind: 'bytes', path: 'services/router/secrets.json', content: new Uint8Array(3) }],
  requestId: 'r-2',
});

test('a commit is recorded with the token behind it and its files; what changed nothing is not', async () => {
  const audit = createFakeAudit();
  let changed = true;
  const editor = auditedEditor({ commit: async () => outcome(changed) } as unknown as Editor, audit);
  await editor.commit(request('abcdefghijkl@headwater.invalid'));
  changed = false;
  await editor.commit(request('abcdefghijkl@headwater.invalid'));
  expect(audit.entries).toEqual([
    {
      action: 'commit',
      actor: { kind: 'token', id: 'abcdefghijkl', name: 'Ada' },
      requestId: 'r-2',
      epoch: outcome(true).epoch,
      commit: to,
      details: { files: ['services/router/secrets.json'] },
    },
  ]);
});

test('a commit that cannot be recorded is in the history all the same, and a person hears of it', async () => {
  const audit = createFakeAudit();
  audit.isBroken = true;
  const editor = auditedEditor({ commit: async () => outcome(true) } as unknown as Editor, audit);
  expect(await editor.commit(request('ada@example.org'))).toEqual(outcome(true));
  await new Promise(setImmediate);
  expect(audit.problems).toMatchObject([{ code: 'HW_AUDIT_FAILED' }]);
});

test('for whom secrets are sealed is recorded, and not what', async () => {
  const audit = createFakeAudit();
  const sealed = { rev: 'c3'.repeat(32), recipients: ['age1x'], sealed: 'ARMOR' };
  const live = {
    epoch: { seq: 7, commit: to },
    inputs: { env: 'dev', service: 'router' },
  } as unknown as LiveService;
  expect(await auditedSealer({ seal: async () => sealed }, audit, () => 2).seal(live)).toBe(sealed);
  await auditedSealer({ seal: async () => ({ ...sealed, sealed: null }) }, audit, () => 2).seal(live);
  expect(audit.entries).toEqual([
    {
      action: 'secret-deliver',
      actor: { kind: 'daemon' },
      env: 'dev',
      service: 'router',
      epoch: { era: 2, seq: 7, commit: to },
      details: { rev: sealed.rev, recipients: ['age1x'] },
    },
  ]);
});
