import { resolve } from 'node:path';
import { HeadwaterError, isHeadwaterError } from '@headwater/schemas/protocol';
import { type Command, Option } from 'commander';
import { openRepository } from '../../adapters/git/open-repository.ts';
import type { Finding } from '../../core/finding.ts';
import type { RepoIndex } from '../../core/repo-index.ts';
import type { CommitId } from '../../ports.ts';
import { act, addCommand, type Io } from '../command.ts';
import { type ConfigRepository, openConfigRepository } from '../config-repository.ts';
import { formatFindings, formatForGithub } from '../findings.ts';
import { policyOfChanges, policyOfCommit } from '../judge-policy.ts';
import { type JudgedTree, judgeTree } from '../judge-tree.ts';
import { count } from '../output.ts';
import { readWorkTree } from '../work-tree-files.ts';

export function registerValidate(program: Command): void {
  const command = addCommand(program, 'validate', {
    summary: 'find every mistake in a config repository',
    description:
      'Judges a config repository exactly as the daemon will: files, schemas, and every service in every environment.\n' +
      'In a work tree the files as they lie on disk are judged, committed or not; with --rev, or in a bare repository, a commit.\n' +
      'Signatures and protection are judged as far as that is possible without the keys of the deployment: approvals are taken at\n' +
      'their word, and in a work tree what would need one is a warning.\n' +
      'Exits with 1 when there is an error; warnings hold nothing.',
    examples: [
      'headwater validate',
      'headwater validate --rev HEAD~1 --format json',
      'headwater validate --format github    # annotations in a pull request',
    ],
  })
    .option('--repo <dir>', 'the config repository', '.')
    .option('--rev <rev>', 'a commit: full id, branch, or anything git understands')
    .addOption(
      new Option('--format <format>', 'how to print').choices(['text', 'json', 'github']).default('text'),
    );
  act<ValidateOptions>(command, async (io, options) => {
    const repo = resolve(io.cwd, options.repo);
    const { findings, index } = await io.out.progress('Judging', judgeAsked(io, repo, options.rev));
    const errors = findings.filter((finding) => finding.severity === 'error').length;
    const document = { ok: errors === 0, errors, warnings: findings.length - errors, findings };
    if (options.format === 'json' && !io.out.json)
      io.terminal.stdout(`${JSON.stringify(document, null, 2)}\n`);
    else if (options.format === 'github') io.out.result(document, formatForGithub(findings));
    else
      io.out.result(
        document,
        [...formatFindings(findings, io.out.style), summary(findings, errors, index)].join('\n'),
      );
    return errors === 0;
  });
}

interface ValidateOptions {
  readonly repo: string;
  readonly rev?: string;
  readonly format: 'text' | 'json' | 'github';
}

async function judgeAsked(io: Io, repo: string, rev: string | undefined): Promise<JudgedTree> {
  const { workTree, capabilities } = await openRepository(repo);
  if (rev === undefined && workTree !== null) {
    const { files, readBlob } = await readWorkTree(workTree, capabilities.nativeGit !== null, io);
    const judged = await judgeTree(files, readBlob);
    const repository = await openConfigRepository(repo, { anyHead: true });
    try {
      const tip = repository.tip;
      return tip === null
        ? judged
        : withFindings(judged, await policyOfChanges(repository, tip, judged.index));
    } finally {
      await repository.close();
    }
  }
  const repository = await openForRev(repo, rev);
  try {
    const commit = await resolveRev(repository, rev ?? 'HEAD', io);
    const files = await repository.reader.listFiles(commit);
    const judged = await judgeTree(files, (oid, maxBytes) => repository.reader.readBlob(oid, maxBytes));
    return withFindings(judged, await policyOfCommit(repository, commit));
  } finally {
    await repository.close();
  }
}

const withFindings = (judged: JudgedTree, more: readonly Finding[]): JudgedTree => ({
  ...judged,
  findings: [...more, ...judged.findings],
});

/** A detached HEAD has no branch, but what is asked for is a commit. */
function openForRev(repo: string, rev: string | undefined): Promise<ConfigRepository> {
  return openConfigRepository(repo, { anyHead: rev !== undefined });
}

async function resolveRev(repository: ConfigRepository, rev: string, io: Io): Promise<CommitId> {
  if (rev === 'HEAD' && repository.tip !== null) return repository.tip;
  if (repository.git.capabilities.nativeGit !== null && !rev.startsWith('-')) {
    const { runGit } = await import('../run-git.ts');
    const found = await runGit(
      repository.git.gitDir,
      ['rev-parse', '--verify', '--quiet', '--end-of-options', `${rev}^{commit}`],
      io,
    );
    if (found.ok) return found.stdout.trim();
  } else {
    const commit = /^[0-9a-f]{40}$/.test(rev) ? rev : await readRef(repository, rev);
    if (commit !== null) return commit;
  }
  throw new HeadwaterError('HW_NOT_FOUND', {
    message: `${repository.path} has no commit ${JSON.stringify(rev)}`,
    hint: rev === 'HEAD' ? 'Commit something first.' : 'Give a commit id, a branch, or a tag.',
  });
}

async function readRef(repository: ConfigRepository, name: string): Promise<CommitId | null> {
  try {
    return await repository.refs.read(`refs/heads/${name}`);
  } catch (error) {
    if (isHeadwaterError(error, 'HW_NAME_INVALID')) return null;
    throw error;
  }
}

function summary(findings: readonly Finding[], errors: number, index: RepoIndex): string {
  const services = new Set(index.environments().flatMap((env) => [...index.services(env)]));
  const judged = `${count(services.size, 'service')} in ${count(index.environments().length, 'environment')}`;
  if (findings.length === 0) return `Valid: ${judged}.`;
  const warnings = findings.length - errors;
  return `${count(errors, 'error')}, ${count(warnings, 'warning')}: ${judged}.`;
}
