import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { ledgerContract } from '../../testing/ledger.contract.ts';
import { testSeal } from '../../testing/ledger-seal.ts';
import { createLedgerFile } from './ledger-file.ts';

const commit = 'c1'.repeat(20);
const record = { deployment: 'tars', era: 2, start: { seq: 4, commit }, published: new Map() };

ledgerContract('file', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'headwater-ledger-'));
  const open = () => createLedgerFile(join(folder, 'ledger'), 'tars', testSeal());
  return { ledger: open(), other: open(), commit, close: () => rm(folder, { recursive: true }) };
});

test('a file that was changed, cut, or is of another deployment is not believed, and can be replaced', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'headwater-ledger-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, 'ledger');
  const ledger = createLedgerFile(path, 'tars', testSeal());
  await ledger.append(record, null);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  const text = await readFile(path, 'utf8');
  for (const [content, code] of [
    [text.replace('"era": 2', '"era": 3'), 'HW_LEDGER_FOREIGN'],
    [text.slice(0, 40), 'HW_LEDGER_INVALID'],
    ['', 'HW_LEDGER_INVALID'],
  ] as const) {
    await writeFile(path, content);
    const refused = await ledger.read().catch((error: unknown) => error);
    expect(refused).toMatchObject({ code, details: { id: expect.any(String) } });
    const { id } = (refused as { details: { id: string } }).details;
    expect(await ledger.append(record, id)).toMatchObject({ record });
  }
  await expect(createLedgerFile(path, 'other', testSeal()).read()).rejects.toMatchObject({
    code: 'HW_LEDGER_FOREIGN',
  });
});
