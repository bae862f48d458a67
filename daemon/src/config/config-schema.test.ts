/** The published schema and the parser say the same. */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readConfigFile } from './config-file.ts';
import { remoteDefaults } from './remote-section.ts';
import { WEBHOOK_PROVIDERS } from './webhooks-section.ts';

const schema = JSON.parse(
  readFileSync(new URL('../../../schemas/files/config.schema.json', import.meta.url), 'utf8'),
);
const isValid = new Ajv2020({ strictTypes: false, strictRequired: false }).compile(schema);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hw-config-schema-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const isParsed = async (document: unknown) => {
  await writeFile(join(folder, 'config.json'), JSON.stringify(document));
  return readConfigFile(undefined, folder).then(
    () => true,
    () => false,
  );
};

const secret = { secretFile: 'x' };
const documents: readonly unknown[] = [
  {},
  { $schema: './x' },
  { $schema: 7 },
  { other: 1 },
  [],
  { remote: {} },
  { remote: null },
  { remote: { tokenFile: 'a', username: 'b', caFile: 'c', pollSeconds: 1.5 } },
  { remote: { tokenFile: '' } },
  { remote: { tokenFile: 'a\u0007b' } },
  { remote: { tokenFile: ['a'] } },
  { remote: { username: 'a:b' } },
  { remote: { pollSeconds: 0.9 } },
  { remote: { pollSeconds: 3601 } },
  { remote: { pollSeconds: '5' } },
  { remote: { credentialHelper: 'store' } },
  { remote: { credentialHelper: '/usr/bin/x --y' } },
  { remote: { credentialHelper: '!x' } },
  { remote: { credentialHelper: '-x' } },
  { remote: { credentialHelper: 'store', tokenFile: 'x' } },
  { remote: { token: 'x' } },
  { webhooks: {} },
  { webhooks: { github: secret, gitlab: secret, gitea: secret, generic: secret } },
  { webhooks: { bitbucket: secret } },
  { webhooks: { github: {} } },
  { webhooks: { github: { secretFile: 'x', other: 1 } } },
  { webhooks: [] },
];

test.each(documents.map((document) => [JSON.stringify(document), document]))('%s', async (_, document) => {
  expect(isValid(document)).toBe(await isParsed(document));
});

test('its examples, defaults and names are those of the program', async () => {
  for (const example of schema.examples)
    expect([isValid(example), await isParsed(example)]).toEqual([true, true]);
  const { properties } = schema.properties.remote;
  expect({ username: properties.username.default, pollSeconds: properties.pollSeconds.default }).toEqual(
    remoteDefaults,
  );
  expect(Object.keys(schema.properties.webhooks.properties)).toEqual([...WEBHOOK_PROVIDERS]);
});
