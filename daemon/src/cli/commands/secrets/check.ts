import { resolve } from 'node:path';
import { HeadwaterError, isHeadwaterError } from '@headwater/schemas/protocol';
import type { Command } from 'commander';
import { openRepository } from '../../../adapters/git/open-repository.ts';
import type { ReadBlob } from '../../../core/files.ts';
import type { Finding } from '../../../core/finding.ts';
import type { OpenSecrets } from '../../../core/judge-opened.ts';
import { classifyPath } from '../../../core/layout.ts';
import type { TreeEntry } from '../../../ports.ts';
import { openSopsFile } from '../../../secrets/sops/open-sops-file.ts';
import { parseSopsFile } from '../../../secrets/sops/parse-sops-file.ts';
import { act, addCommand, type Io } from '../../command.ts';
import { openConfigRepository } from '../../config-repository.ts';
import { formatFindings } from '../../findings.ts';
import { judgeTree } from '../../judge-tree.ts';
import { count } from '../../output.ts';
import { addIdentityOption, type IdentityOptions, identitiesOf } from '../../secrets/identities.ts';
import { closing } from '../../secrets/secrets-repository.ts';
import { readWorkTree } from '../../work-tree-files.ts';

export function registerCheck(group: Command): void {
  const command = addCommand(group, 'check', {
    summary: 'find what is wrong with the secrets of a repository',
    description:
      'Judges every secrets file as the gate does, without any key: that everything in it is encrypted, for exactly those whom\n' +
      '.sops.yaml names for its path, and that no other file holds a secret. With an age identity it also opens the files: that nobody\n' +
      'changed or moved a value, and that every value satisfies its schema. Exits with 1 when there is an error.',
    examples: ['headwater secrets check', 'headwater secrets check --identity ~/.config/sops/age/keys.txt'],
  }).option('--repo <dir>', 'the config repository', '.');
  addIdentityOption(command);
  act<IdentityOptions & { repo: string }>(command, async (io, options) => {
    const opened = new Set<string>();
    const identities = await identitiesOf(options, io);
    const open: OpenSecrets = async ({ path }, bytes) => {
      const values = await openOrSkip(bytes, identities);
      opened.add(path);
      return values;
    };
    const [files, readBlob, close] = await filesOf(io, resolve(io.cwd, options.repo));
    try {
      const judging = judgeTree(files, readBlob, identities.length === 0 ? undefined : open);
      const { findings: all } = await io.out.progress('Judging', judging);
      const findings = all.filter(isAboutSecrets);
      const errors = findings.filter(({ severity }) => severity === 'error').length;
      const total = files.filter(({ path }) => classifyPath(path).kind === 'secrets').length;
      const warnings = findings.length - errors;
      io.out.result(
        { ok: errors === 0, errors, warnings, files: total, opened: opened.size, findings },
        [
          ...formatFindings(findings, io.out.style),
          `${count(total, 'secrets file')}, ${opened.size} opened: ${count(errors, 'error')}, ${count(warnings, 'warning')}.`,
        ].join('\n'),
      );
      return errors === 0;
    } finally {
      await close();
    }
  });
}

/** The work tree as it lies on disk, else the tip. */
async function filesOf(
  io: Io,
  repo: string,
): Promise<readonly [readonly TreeEntry[], ReadBlob, () => Promise<void>]> {
  const { workTree, capabilities } = await openRepository(repo);
  if (workTree !== null) {
    const { files, readBlob } = await readWorkTree(workTree, capabilities.nativeGit !== null, io);
    return [files, readBlob, async () => {}];
  }
  const repository = closing(await openConfigRepository(repo, { anyHead: true }));
  const readBlob: ReadBlob = (oid, maxBytes) => repository.reader.readBlob(oid, maxBytes);
  return [await repository.files(), readBlob, () => repository.close()];
}

/** A file of others is no fault: it is left out, and counted. */
async function openOrSkip(
  bytes: Uint8Array,
  identities: Awaited<ReturnType<typeof identitiesOf>>,
): Promise<ReadonlyMap<string, string>> {
  try {
    using file = await openSopsFile(parseSopsFile(bytes), { identities });
    return file.values;
  } catch (cause) {
    if (!isHeadwaterError(cause, 'HW_SECRETS_NO_IDENTITY')) throw cause;
    throw new HeadwaterError('HW_SECRET_UNREADABLE', { message: cause.message, cause });
  }
}

function isAboutSecrets({ code, file }: Finding): boolean {
  if (code === 'HW_SECRET_UNREADABLE') return false;
  return (
    /^HW_(SECRET|SOPS|AGE)/.test(code) ||
    ['secrets', 'recipients', 'sops-rules'].includes(classifyPath(file).kind)
  );
}
