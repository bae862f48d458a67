import { resolve } from 'node:path';
import { HeadwaterError } from '@headwater/schemas/protocol';
import type { Command } from 'commander';
import { act, addCommand, type Io } from '../command.ts';
import { installDriver } from '../merge/install-driver.ts';
import { mergeFile } from '../merge/merge-file.ts';
import type { MergeReport } from '../merge/merge-report.ts';
import { clean, count } from '../output.ts';

export function registerMergeDriver(program: Command): void {
  const command = addCommand(program, 'merge-driver [base] [ours] [theirs] [path]', {
    summary: 'merge settings by key, for git',
    description:
      'Merges one file of a `git merge`, `git rebase` or `git stash pop` by its settings: git runs it, people do not.\n' +
      'Adjacent lines do not conflict; the same setting changed in two ways does, and the file then holds conflict markers\n' +
      'around it alone. Needs no daemon and no network. Exits with 1 when there is a conflict.',
    examples: [
      'headwater merge-driver --install    # once per clone',
      'git merge topic                     # from then on by settings',
    ],
  })
    .option('--install', 'set a clone up, so that git runs it')
    .option('--repo <dir>', 'the clone to set up', '.');
  act<MergeDriverOptions, (string | undefined)[]>(command, async (io, options, ...files) => {
    if (options.install) return install(io, resolve(io.cwd, options.repo));
    const [base, ours, theirs, path] = files;
    if (base === undefined || ours === undefined || theirs === undefined || path === undefined) {
      throw new HeadwaterError('HW_USAGE', {
        message: 'expected four files: base, ours, theirs, path',
        hint: 'git fills them in: %O %A %B %P. To set a clone up: headwater merge-driver --install',
      });
    }
    const report = await mergeFile({ base, ours, theirs, path }, io);
    if (io.out.json) io.out.result({ path, ...report }, '');
    else for (const line of remarks(path, report)) io.terminal.stderr(`${line}\n`);
    return report.merged;
  });
}

interface MergeDriverOptions {
  readonly install?: true;
  readonly repo: string;
}

async function install(io: Io, folder: string): Promise<true> {
  const { isNamed } = await installDriver(folder, io);
  const rest = isNamed
    ? ''
    : '\nThe repository does not ask for it yet. Commit this line in .gitattributes: *.json merge=headwater';
  io.out.result({ installed: true, attributes: isNamed }, `git merges settings by key in this clone.${rest}`);
  return true;
}

/** For whoever merges: what is left to decide. Nothing when there is nothing. */
function remarks(path: string, { merged, how, conflicts, reason }: MergeReport): string[] {
  const file = clean(path);
  const because = reason === undefined ? '' : ` (${clean(reason)})`;
  if (merged) return how === 'lines' ? [`headwater: ${file}: merged line by line${because}`] : [];
  if (how === 'lines') return [`headwater: ${file}: lines are in conflict${because}`];
  const places = conflicts.map((pointer) => `  ${clean(pointer) || '(the whole document)'}`);
  if (how === 'settings')
    return [`headwater: ${file}: ${count(conflicts.length, 'setting')} changed on both sides`, ...places];
  return [
    `headwater: ${file}: ${conflicts.length === 0 ? 'the versions cannot be merged' : `${count(conflicts.length, 'secret')} changed on both sides`}${because}`,
    ...places,
    '  Keep one version whole, then set the other change again: headwater secrets set',
  ];
}
