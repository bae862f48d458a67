import type { Command } from 'commander';
import { maxFileBytes } from '../../../core/parse-config.ts';
import { openSopsFile } from '../../../secrets/sops/open-sops-file.ts';
import { parseSopsFile } from '../../../secrets/sops/parse-sops-file.ts';
import { printOrderedJson } from '../../../secrets/sops/print-ordered-json.ts';
import { act, addCommand } from '../../command.ts';
import { inFile } from '../../in-file.ts';
import { readIdentities } from '../../secrets/identities.ts';
import { readUserFile } from '../../user-file.ts';

export function registerDecrypt(group: Command): void {
  const command = addCommand(group, 'decrypt <file>', {
    summary: 'print a secrets file in plain text',
    description:
      'Opens a SOPS file with an age identity and prints its values as JSON, keys in the order of the file. Prints nothing, and ends ' +
      'with 1, when the file was changed by somebody without its key, is for others, or is not really encrypted.',
    examples: [
      'headwater secrets decrypt services/router/secrets.prod.json --identity ~/.config/age/keys.txt',
      'headwater secrets decrypt secrets.json --identity mine.txt | jq -r .db.password',
    ],
  }).requiredOption(
    '--identity <file>',
    'age identity file, as age-keygen and headwater enroll write it (repeatable)',
    (file: string, files: string[] = []) => [...files, file],
  );
  act<{ identity: readonly string[] }, [string]>(command, async (io, options, path) => {
    const identities = (await Promise.all(options.identity.map((file) => readIdentities(io, file)))).flat();
    const bytes = await readUserFile(io, path, maxFileBytes);
    using opened = await inFile(path, async () => openSopsFile(parseSopsFile(bytes), { identities }));
    // JSON in either mode, and printed here: parsing it into an object would move keys and round numbers.
    io.terminal.stdout(printOrderedJson(opened.tree));
    return true;
  });
}
