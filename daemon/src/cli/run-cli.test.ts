import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { commandTable } from './command-table.ts';
import { buildProgram } from './run-cli.ts';
import { makePlayground, type Playground } from './testing/run-command.ts';

let play: Playground;
beforeEach(() => {
  play = makePlayground();
});
afterEach(() => play[Symbol.dispose]());

describe('the command line', () => {
  test('lists every command in its help, and says nothing on stderr', async () => {
    const { exit, stdout, stderr } = await play.run('--help');
    expect([exit, stderr]).toEqual([0, '']);
    for (const { name, summary } of commandTable)
      expect(stdout).toMatch(new RegExp(`^ +${name} +${summary}$`, 'm'));
  });

  test.each(commandTable.map((entry) => entry.name))(
    'loads "%s", whose own summary is the one in the list, with a help page',
    async (name) => {
      const program = await buildProgram([name], { context: play.context(), answer: 0 });
      const command = program.commands.find((one) => one.name() === name);
      expect(command?.summary()).toBe(commandTable.find((entry) => entry.name === name)?.summary);
      const leaves = command?.commands.length
        ? command.commands.filter((one) => one.name() !== 'help')
        : [command];
      for (const leaf of leaves) expect(leaf?.options.map((option) => option.long)).toContain('--json');
      const { exit, stdout } = await play.run(name, '--help');
      expect([exit, stdout.split('\n')[0]]).toEqual([0, expect.stringContaining(`Usage: headwater ${name}`)]);
    },
  );

  test.each([
    [['staus'], "unknown command 'staus'", 'Did you mean status?'],
    [['validate', '--repro', 'x'], "unknown option '--repro'", 'Did you mean --repo?'],
    [['verify'], "missing required argument 'file'", 'See headwater verify --help.'],
    [['get', 'stt'], "required option '--env <env>' not specified", 'See headwater get --help.'],
    [['get', 'Stt', '--env', 'dev'], '"Stt" is not a service name', 'lower-case'],
    [['validate', '--format', 'xml'], "argument 'xml' is invalid", ''],
  ])(
    'answers wrong usage (%j) with exit 2, what is wrong, and what was probably meant',
    async (args, message, hint) => {
      const { exit, stdout, stderr } = await play.run(...args);
      expect([exit, stdout]).toEqual([2, '']);
      expect(stderr).toMatch(/^headwater: .*\n {2}\S/);
      expect(stderr).toContain(message);
      expect(stderr).toContain(hint);
    },
  );

  test('reports errors as one line of JSON with --json, wherever it stands', async () => {
    for (const args of [
      ['get', '--json', 'stt', '--env', 'dev'],
      ['validate', '--repo', 'nowhere', '--json'],
    ]) {
      const { stdout, stderr } = await play.run(...args);
      expect(stdout).toBe('');
      expect(stderr.trimEnd().split('\n')).toHaveLength(1);
      expect(JSON.parse(stderr).error).toMatchObject({
        code: expect.stringMatching(/^HW_/),
        message: expect.any(String),
        hint: expect.any(String),
      });
    }
  });

  test('cannot be made to write control characters to a terminal by what it was given', async () => {
    for (const args of [
      ['\u001b[2Jstatus'],
      ['get', '\u001b[2Jstt', '--env', 'dev'],
      ['validate', '--\u001b[2J'],
    ]) {
      const { stderr } = await play.run(...args);
      expect(stderr).toContain('headwater: ');
      expect(stderr).not.toContain('\u001b');
    }
  });

  test('exits with 3 when it could not run, and with 1 when the answer is no', async () => {
    expect((await play.run('validate', '--repo', 'nowhere')).exit).toBe(3);
    await play.run('init', 'tour');
    expect(
      (await play.run('import', 'json', 'tour/headwater.json', '--service', 'stt', '--repo', 'tour')).exit,
    ).toBe(1);
  });
});
