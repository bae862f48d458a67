/** Parses one command line and runs it. */
import { Command, CommanderError, type Help } from 'commander';
import { version } from '../version.ts';
import { commandTable } from './command-table.ts';
import { bindSession, type CliContext, type CliSession } from './context.ts';

/** 0 ok · 1 the answer is no · 2 usage · 3 could not run. */
export type ExitCode = 0 | 1 | 2 | 3;

/** Runs the arguments after the program's name; never throws. */
export async function runCli(args: readonly string[], context: CliContext): Promise<ExitCode> {
  const session: CliSession = { context, answer: 0 };
  const json = args.slice(0, endOfOptions(args)).includes('--json');
  try {
    const program = await buildProgram(args, session);
    await program.parseAsync([...args], { from: 'user' });
    return session.answer;
  } catch (error) {
    const failure = error instanceof CommanderError ? await usageError(error, args) : error;
    if (failure === null) return 0;
    // Loaded only now: most runs need no errors, and `--help` should not wait for them.
    const { reportError } = await import('./report-error.ts');
    return reportError(failure, context, json);
  }
}

/** The program with every command named, and the one that `args` asks for loaded. */
export async function buildProgram(args: readonly string[], session: CliSession): Promise<Command> {
  const { terminal } = session.context;
  const program = new Command('headwater')
    .description('Service configuration from git: every commit is a signed config epoch.')
    .configureOutput({
      writeOut: (text) => terminal.stdout(text),
      writeErr: (text) => terminal.stderr(text),
      outputError: () => {}, // told once, by report-error.ts
    })
    .configureHelp({ subcommandTerm })
    .showSuggestionAfterError()
    .exitOverride()
    .helpCommand('help [command]', 'show the help of a command')
    .helpOption('-h, --help', 'show this help')
    .version(version, '-V, --version', 'print the version')
    .addHelpText(
      'after',
      '\nExit codes: 0 ok, 1 the answer is no, 2 wrong usage, 3 could not run. Every command takes --json.' +
        "\nA command's own page: headwater <command> --help",
    );
  bindSession(program, session);
  const asked = args.filter((arg) => !arg.startsWith('-')).slice(0, 2);
  const wanted = asked[0] === 'help' ? asked[1] : asked[0];
  for (const entry of commandTable) {
    program.commandsGroup(entry.group);
    if (entry.name === wanted) (await entry.load())(program);
    else program.command(entry.name).summary(entry.summary).description(entry.summary);
  }
  return program;
}

/** The name alone: arguments and options stand on the command's own page. */
function subcommandTerm(this: Help, command: Command): string {
  return command.name();
}

/** What commander refused, in our words; `null` when it only printed help. */
async function usageError(error: CommanderError, args: readonly string[]): Promise<Error | null> {
  if (error.exitCode === 0) return null;
  const { HeadwaterError } = await import('@headwater/schemas/protocol');
  const command = args.find((arg) => !arg.startsWith('-'));
  const page = commandTable.some((entry) => entry.name === command) ? ` ${command}` : '';
  if (error.code === 'commander.help') {
    return new HeadwaterError('HW_USAGE', {
      message: 'no command given',
      hint: `See headwater${page} --help.`,
    });
  }
  const [first, suggestion] = error.message.split('\n');
  return new HeadwaterError('HW_USAGE', {
    message: (first as string).replace(/^error: /, ''),
    hint: suggestion ? suggestion.replace(/^\((.*)\)$/, '$1') : `See headwater${page} --help.`,
  });
}

function endOfOptions(args: readonly string[]): number {
  const at = args.indexOf('--');
  return at < 0 ? args.length : at;
}
