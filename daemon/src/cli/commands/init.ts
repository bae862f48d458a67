import { basename, relative, resolve } from 'node:path';
import { HeadwaterError, isName, parseJsonBytes, parseName, utf8 } from '@headwater/schemas/protocol';
import type { Command } from 'commander';
import { readCommitPublicKey } from '../../adapters/data/commit-key.ts';
import { openDataFolder } from '../../adapters/data/data-folder.ts';
import { readRecipient } from '../../adapters/data/identity-store.ts';
import { createRepository } from '../../adapters/git/create-repository.ts';
import { settingsPath } from '../../core/repo-settings.ts';
import { allowedSignersPath } from '../../core/signatures/allowed-signers.ts';
import { daemonSignerLine, newAllowedSigners } from '../../core/signatures/commit-signer.ts';
import { creationRules, creationRulesPath } from '../../creation-rules.ts';
import { parseRecipient } from '../../secrets/age/recipient.ts';
import { starterFiles } from '../../starter.ts';
import { findAuthor } from '../author.ts';
import { act, addCommand, type Io } from '../command.ts';
import { attributesPath, attributesText, driverConfig } from '../merge/install-driver.ts';
import { count } from '../output.ts';

export function registerInit(program: Command): void {
  const command = addCommand(program, 'init <dir>', {
    summary: 'make a new config repository',
    description:
      'Makes a git repository for configuration with one commit: empty, or with the example services of this project.\n' +
      'The folder must not exist yet or be empty.',
    examples: [
      'headwater init my-config                   # deployment "my-config", environments dev and prod',
      'headwater init robots --deployment tars',
      'headwater init tour --example              # seven services to play with',
      'headwater init robots --data /var/lib/headwater    # with rules that let this daemon open secrets and commit',
    ],
  })
    .option('--deployment <name>', "name of the deployment, for ever (default: the folder's name)")
    .option('--example', 'begin with the example services')
    .option(
      '--data <dir>',
      'data folder of the daemon that will follow it, so that it can open secrets and sign commits',
    )
    .option('--recipient <age1...>', 'public key of somebody else who opens secrets (repeat it)', collect);
  act<InitOptions, [string]>(command, async (io, options, dir) => {
    const target = resolve(io.cwd, dir);
    const deployment = options.deployment === undefined ? null : parseName(options.deployment, 'deployment');
    const files = new Map(
      options.example ? await exampleFiles(deployment) : emptyFiles(deployment ?? nameFor(target)),
    )
      .set(creationRulesPath, utf8(creationRules(await recipientsOf(options, io))))
      .set(allowedSignersPath, utf8(newAllowedSigners(await signersOf(options, io))));
    const author = await findAuthor(io, io.cwd);
    const message = options.example ? 'Begin with the example services' : 'Begin a config repository';
    const commit = await createRepository(target, {
      ...{ bare: false, branch: 'main', files, message, author },
      config: driverConfig(io),
    });
    const settings = parseJsonBytes(files.get(settingsPath) as Uint8Array) as { deployment: string };
    const near = relative(io.cwd, target) || '.';
    const shown = near.startsWith('..') ? target : near;
    io.out.result(
      { path: target, deployment: settings.deployment, commit, files: [...files.keys()] },
      [
        `Made a config repository in ${shown}: deployment "${settings.deployment}", ${count(files.size, 'file')}, one commit on main.`,
        '',
        'Next:',
        // The folder was replaced by the new repository; a shell in the old one would be nowhere.
        shown === '.' ? '  cd "$PWD"' : `  cd ${quote(shown)}`,
        options.example
          ? '  headwater validate'
          : '  headwater service add <name> --from <config.json or .env>',
        '  headwater serve --repo . --data <folder for the daemon, outside this repository>',
      ].join('\n'),
    );
    return true;
  });
}

interface InitOptions {
  readonly deployment?: string;
  readonly example?: true;
  readonly data?: string;
  readonly recipient?: readonly string[];
}

const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];

/** The daemon first: without it no service would ever get a secret. */
async function recipientsOf({ data, recipient = [] }: InitOptions, io: Io): Promise<readonly string[]> {
  for (const key of recipient) parseRecipient(key);
  if (data === undefined) return recipient;
  const folder = await openDataFolder(resolve(io.cwd, data), { exclusive: false });
  const own = await readRecipient(folder);
  if (own !== null) return [own, ...recipient.filter((key) => key !== own)];
  throw new HeadwaterError('HW_DAEMON_NOT_RUNNING', {
    message: `${folder.path} has no identity yet: its daemon never finished a first start`,
    hint: `Start it: headwater serve --data ${folder.path}`,
  });
}

/** The daemon: without it no edit through it counts once signed commits are asked for. */
async function signersOf({ data }: InitOptions, io: Io): Promise<readonly string[]> {
  if (data === undefined) return [];
  const key = await readCommitPublicKey(await openDataFolder(resolve(io.cwd, data), { exclusive: false }));
  return key === null ? [] : [daemonSignerLine(key)];
}

function nameFor(folder: string): string {
  const name = basename(folder)
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^[^a-z]+|-+$/g, '')
    .slice(0, 63);
  if (isName(name)) return name;
  throw new HeadwaterError('HW_USAGE', {
    message: `no deployment name can be made from the folder's name ${JSON.stringify(basename(folder))}`,
    hint: 'Give one: --deployment NAME.',
  });
}

/** @param deployment Replaces the starter's own name. */
async function exampleFiles(deployment: string | null): Promise<ReadonlyMap<string, Uint8Array>> {
  const files = new Map(await starterFiles());
  const settings = files.get(settingsPath);
  if (deployment === null || settings === undefined) return files;
  const changed = { ...(parseJsonBytes(settings) as object), deployment };
  return files.set(settingsPath, utf8(`${JSON.stringify(changed, null, 2)}\n`));
}

function emptyFiles(deployment: string): ReadonlyMap<string, Uint8Array> {
  const settings = { headwater: 1, deployment, environments: ['dev', 'prod'], protected: [] };
  const files = {
    [settingsPath]: `${JSON.stringify(settings, null, 2)}\n`,
    'README.md': readme(deployment),
    [attributesPath]: attributesText,
    // git keeps no empty folders, and the layout should be seen.
    'schemas/.gitkeep': '',
    'services/.gitkeep': '',
  };
  return new Map(Object.entries(files).map(([path, text]) => [path, utf8(text)]));
}

const readme = (deployment: string) => `# Configuration of "${deployment}"

Every setting of every service, as plain files. A commit is the change: once it is on the followed branch and valid, the running
services get it within moments, signed.

| file | holds |
|---|---|
| \`schemas/<service>.schema.json\` | which settings exist, their defaults and limits |
| \`services/<service>/config.json\` | values for every environment |
| \`services/<service>/config.<env>.json\` | what is different in one environment |
| \`services/shared.json\` | values of all services |
| \`headwater.json\` | the environments, and how changes are reviewed |

\`headwater service add <name> --from <file>\` adds a service, \`headwater validate\` finds mistakes before you commit.
`;

function quote(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
