/** How a command file adds its command: one look, one way to run, `--json` everywhere. */
import type { Command } from 'commander';
import { type CliContext, sessionOf } from './context.ts';
import { createOutput, type Output } from './output.ts';

/** What an action gets beside its arguments. */
export interface Io extends CliContext {
  readonly out: Output;
}

export interface CommandText {
  /** Half a sentence, for the list of commands. */
  readonly summary: string;
  /** What to know before using it; begins its help page. Default: the summary. */
  readonly description?: string;
  /** Lines of shell, each explained by a comment where that helps. */
  readonly examples?: readonly string[];
}

/** @param usage Name and arguments: "get <service> [pointer]". */
export function addCommand(parent: Command, usage: string, text: CommandText): Command {
  const command = parent
    .command(usage)
    .summary(text.summary)
    .description(text.description ?? `${text.summary.charAt(0).toUpperCase()}${text.summary.slice(1)}.`)
    .option('--json', 'print the result as JSON');
  if (text.examples) {
    command.addHelpText('after', `\nExamples:\n${text.examples.map((line) => `  ${line}`).join('\n')}`);
  }
  return command;
}

/** A command that only holds others: `keys show`, `service add`. */
export function addGroup(parent: Command, name: string, summary: string): Command {
  return parent
    .command(name)
    .summary(summary)
    .description(`${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`);
}

/**
 * Sets what a command does. `false` means "the answer is no" (exit 1); everything that kept it from answering is thrown.
 * @typeParam Options What commander made of the options; `Arguments` of the positional ones.
 */
export function act<Options extends object, Arguments extends readonly (string | undefined)[] = []>(
  command: Command,
  run: (io: Io, options: Options, ...args: Arguments) => Promise<boolean | undefined>,
): void {
  command.action(async (...raw: unknown[]) => {
    const self = raw.at(-1) as Command;
    const session = sessionOf(self);
    const options = self.opts<Options & { json?: boolean }>();
    const io = { ...session.context, out: createOutput(session.context, options.json === true) };
    const answer = await run(io, options, ...(raw.slice(0, -2) as unknown as Arguments));
    session.answer = answer === false ? 1 : 0;
  });
}
