import type { Command } from 'commander';
import { addGroup } from '../../command.ts';
import { registerCheck } from './check.ts';
import { registerDecrypt } from './decrypt.ts';
import { registerEdit } from './edit.ts';
import { registerRecipients } from './recipients.ts';
import { registerRotate } from './rotate.ts';
import { registerRemove, registerSet } from './set.ts';

/** One file per subcommand. */
export function registerSecrets(program: Command): void {
  const group = addGroup(program, 'secrets', 'read and change encrypted secrets');
  registerSet(group);
  registerRemove(group);
  registerEdit(group);
  registerCheck(group);
  registerRecipients(group);
  registerRotate(group);
  registerDecrypt(group);
}
