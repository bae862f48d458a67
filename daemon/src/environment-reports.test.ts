import { expect, test } from 'vitest';
import { EnvironmentReports } from './environment-reports.ts';
import type { CommitWarning } from './epochs/line-state.ts';
import { LiveEvents } from './live-events.ts';
import { createLog } from './log.ts';
import { Problems } from './problems.ts';

const warning = (seq: number): CommitWarning => ({
  place: { seq, commit: `${seq}`.repeat(40) },
  finding: {
    severity: 'warning',
    code: 'HW_COMMIT_UNSIGNED',
    file: 'allowed_signers',
    pointer: '',
    message: 'the commit has no signature',
    hint: 'Sign commits.',
  },
});

test('a commit that is not verified is told once, and holds nothing', () => {
  const lines: Record<string, unknown>[] = [];
  const problems = new Problems();
  const log = createLog({
    stream: { write: (line) => lines.push(JSON.parse(line)) },
    format: 'json',
    level: 'debug',
  });
  const reports = new EnvironmentReports({ log, problems, events: new LiveEvents(), era: () => 1 });
  reports.warned([warning(2)]);
  reports.warned([warning(2), warning(3)]);
  expect(lines).toMatchObject([
    {
      commit: '2222222',
      code: 'HW_COMMIT_UNSIGNED',
      problem: 'the commit has no signature',
      hint: 'Sign commits.',
    },
    { commit: '3333333' },
  ]);
  expect(lines[0]?.msg).toBe('commit is not verified');
  expect(problems.list()).toEqual([]);
});
