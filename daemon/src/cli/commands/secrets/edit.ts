import { HeadwaterError, isHeadwaterError, parseName } from '@headwater/schemas/protocol';
import type { Command } from 'commander';
import type { Identity } from '../../../secrets/age/identity.ts';
import { editSopsFile } from '../../../secrets/sops/edit-sops-file.ts';
import { encryptSops } from '../../../secrets/sops/encrypt-sops.ts';
import { type OpenedSops, openSopsFile } from '../../../secrets/sops/open-sops-file.ts';
import { isOrderedObject, type OrderedObject } from '../../../secrets/sops/ordered-json.ts';
import { parseOrderedJson } from '../../../secrets/sops/parse-ordered-json.ts';
import { parseSopsFile } from '../../../secrets/sops/parse-sops-file.ts';
import { printOrderedJson } from '../../../secrets/sops/print-ordered-json.ts';
import { act, addCommand, type Io } from '../../command.ts';
import { checkCommittable } from '../../commit-files.ts';
import { openConfigRepository } from '../../config-repository.ts';
import { clean } from '../../output.ts';
import {
  addIdentityOption,
  cannotEdit,
  type IdentityOptions,
  identitiesOf,
} from '../../secrets/identities.ts';
import { runEditor } from '../../secrets/run-editor.ts';
import { saveSecrets } from '../../secrets/save-secrets.ts';
import { makeScratchFile } from '../../secrets/scratch-file.ts';
import {
  closing,
  findSecretsPlace,
  repositoryOf,
  type SecretsPlace,
} from '../../secrets/secrets-repository.ts';

interface EditOptions extends IdentityOptions {
  readonly env: string;
  readonly repo?: string;
  readonly message?: string;
}

export function registerEdit(group: Command): void {
  const command = addCommand(group, 'edit <service>', {
    summary: 'change secrets in your editor',
    description:
      'Opens the secrets of one layer in $EDITOR as plain JSON, encrypts what you save and commits it. The text lies in memory, for you\n' +
      'alone, and is wiped when the editor ends. What cannot be saved is told, and you can go on editing. In a clone only: the daemon\n' +
      'never shows what is set.',
    examples: [
      'headwater secrets edit llm-worker --env prod',
      'EDITOR="code --wait" headwater secrets edit llm-worker --env base --identity me.txt',
    ],
  })
    .requiredOption('--env <env>', 'environment, or "base": every environment')
    .option('-m, --message <text>', 'message of the commit (default: written for you)')
    .option('--repo <dir>', 'a clone of the config repository (default: the current folder)');
  addIdentityOption(command);
  act<EditOptions, [string]>(command, async (io, options, rawService) => {
    const service = parseName(rawService, 'service');
    const layer = options.env === 'base' ? 'base' : parseName(options.env, 'environment');
    const folder = await repositoryOf(options, io);
    if (folder === null) {
      throw new HeadwaterError('HW_USAGE', {
        message: 'secrets are edited in a clone: the daemon never shows what is set',
        hint: 'Run it in a clone, or give --repo DIR. To set one value by the daemon: headwater secrets set.',
      });
    }
    await using repository = closing(await openConfigRepository(folder));
    const place = await findSecretsPlace(repository, service, layer);
    await checkCommittable(repository, [place.path], io);
    const identities = await identitiesOf(options, io);
    using opened = await openPlace(place, identities);
    const before = printOrderedJson(opened?.tree ?? new Map());
    const message = options.message ?? `Edit secrets of ${service}${layer === 'base' ? '' : ` in ${layer}`}`;

    await using scratch = await makeScratchFile(`${service}.${layer}.json`, io);
    if (!scratch.isInMemory)
      io.out.note(
        `This system has no file system in memory: the text goes to ${scratch.folder} while you edit.`,
      );
    await scratch.write(before);
    for (;;) {
      await runEditor(scratch.path, scratch.folder, io);
      try {
        const next = treeIn(await scratch.read());
        if (printOrderedJson(next) === before) {
          io.out.result(
            { service, env: layer, file: place.path, changed: false, commit: null },
            'Nothing changed.',
          );
          return true;
        }
        const content = await encrypted(place, opened, next);
        const edit = { path: place.path, content };
        const commit = await saveSecrets(repository, [edit], message, identities, io);
        io.out.result(
          { service, env: layer, file: place.path, changed: true, commit },
          `Changed ${place.path}, commit ${commit.slice(0, 7)}`,
        );
        return true;
      } catch (error) {
        if (!(await goesOn(error, io))) throw error;
      }
    }
  });
}

async function openPlace(
  { path, before }: SecretsPlace,
  identities: readonly Identity[],
): Promise<OpenedSops | null> {
  if (before === null) return null;
  try {
    return await openSopsFile(parseSopsFile(before), { identities });
  } catch (error) {
    throw isHeadwaterError(error, 'HW_SECRETS_NO_IDENTITY') ? cannotEdit(path, error) : error;
  }
}

function treeIn(bytes: Uint8Array): OrderedObject {
  const tree = parseOrderedJson(bytes);
  if (isOrderedObject(tree)) return tree;
  throw new HeadwaterError('HW_JSON_NOT_OBJECT', { message: 'expected an object: { "name": "secret" }' });
}

/** `null`: nothing is left, so the file goes. */
async function encrypted(
  { policy }: SecretsPlace,
  opened: OpenedSops | null,
  next: OrderedObject,
): Promise<Uint8Array | null> {
  if (next.size === 0) return null;
  const now = new Date();
  if (opened !== null) return editSopsFile(opened, next, { now });
  const { recipients, rule, macOnlyEncrypted = false } = policy;
  return encryptSops(next, recipients, { now, rule, macOnlyEncrypted });
}

/** Says what is wrong, and asks whether to go on. Nobody there to answer: the error is the answer. */
async function goesOn(error: unknown, io: Io): Promise<boolean> {
  if (!isHeadwaterError(error)) return false;
  io.out.note(`Not saved: ${clean(error.message)}${error.hint ? `\n  ${clean(error.hint)}` : ''}`);
  const answer = await io.ask('Edit again? [Y/n] ');
  return answer !== null && !/^n/i.test(answer.trim());
}
