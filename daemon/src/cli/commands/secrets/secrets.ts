import type { Command } from 'commander';
import { addGroup } from '../../command.ts';
import { registerDecrypt } from './decrypt.ts';
import { registerRemove, registerSet } from './set.ts';

/** One file per subcommand. */
export function registerSecrets(program: Command): void {
  const group = addGroup(program, 'secrets', 'read and change encrypted secrets');
  registerSet(group);
  registerRemove(group);
  registerDecrypt(group);
}
