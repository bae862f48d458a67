/** What a command sees of the outside: handed in by `main.ts`, or by a test. */
import type { Command } from 'commander';

export interface Terminal {
  stdout(text: string): void;
  stderr(text: string): void;
  readonly stdoutIsTerminal: boolean;
  readonly stderrIsTerminal: boolean;
}

export interface CliContext {
  readonly terminal: Terminal;
  /** Asks the person at the terminal and returns what was typed; `null` when nobody sits there. */
  ask(question: string): Promise<string | null>;
  /** As `ask`, for what nobody looking on shall read. */
  askHidden(question: string): Promise<string | null>;
  /**
   * What is piped into the command, to its end; `null` when nothing is.
   * @throws HeadwaterError `HW_USAGE` above `maxBytes`.
   */
  readInput(maxBytes: number): Promise<Uint8Array | null>;
  readonly cwd: string;
  readonly home: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborted by Ctrl-C or a request to end; long commands then stop cleanly. */
  readonly signal: AbortSignal;
}

/** A context, and what the command that ran in it answered. */
export interface CliSession {
  readonly context: CliContext;
  /** 0 ok · 1 the answer is no. */
  answer: 0 | 1;
}

const sessions = new WeakMap<Command, CliSession>();

export function bindSession(program: Command, session: CliSession): void {
  sessions.set(program, session);
}

/** Session of the program that `command` belongs to. */
export function sessionOf(command: Command): CliSession {
  let root = command;
  while (root.parent) root = root.parent;
  const session = sessions.get(root);
  if (session === undefined) throw new Error('the program was built without a session');
  return session;
}
