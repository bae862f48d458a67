import { readFile } from 'node:fs/promises';
import { root } from './stack.ts';

/** The shell transcript in the README that follows the comment `<!-- test: name -->`. */
export async function readmeTranscript(name: string): Promise<string> {
  const text = await readFile(`${root}README.md`, 'utf8');
  const match = new RegExp(`<!-- test: ${name} -->\\n\`\`\`sh\\n([\\s\\S]*?)\\n\`\`\`\\n`).exec(text);
  if (!match?.[1]) throw new Error(`README.md has no transcript "${name}"`);
  return match[1];
}
