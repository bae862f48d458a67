import { nodeCrypto } from '@headwater/schemas/protocol/node';
import { expect, test } from 'vitest';
import { MemoryTree, starterFiles } from '../testing/memory-tree.ts';
import { createInlineSchemaValidator } from '../testing/schema-validator.ts';
import { createJudge } from './judge.ts';
import { RepoIndex } from './repo-index.ts';
import { validateTree } from './validate-tree.ts';

test('the starter repository is valid in every environment', async () => {
  const tree = new MemoryTree();
  const index = await RepoIndex.create(tree.readBlob);
  await index.apply(tree.change(starterFiles()));
  expect(index.structural).toEqual([]);
  expect(index.environments()).toEqual(['dev', 'prod', 'robot-7']);
  expect([...index.services('prod')].sort()).toHaveLength(7);
  const judge = createJudge({
    readBlob: tree.readBlob,
    validator: createInlineSchemaValidator(),
    crypto: nodeCrypto,
  });
  expect((await validateTree(index, judge)).filter((finding) => finding.severity === 'error')).toEqual([]);
});
