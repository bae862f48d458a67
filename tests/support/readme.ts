import { readFile } from 'node:fs/promises';
import { root } from './stack.ts';

/** The shell transcript in the README that follows the comment `<!-- test: name -->`. */
export function readmeTranscript(name: string): Promise<string> {
  return transcript('README.md', name);
}

/** The code block in a document of the project that follows the comment `<!-- test: name -->`: commands, or what they print. */
export async function transcript(path: string, name: string): Promise<string> {
  const text = await readFile(`${root}${path}`, 'utf8');
  const match = new RegExp(`<!-- test: ${name} -->\\n\`\`\`(?:sh)?\\n([\\s\\S]*?)\\n\`\`\`\\n`).exec(text);
  if (!match?.[1]) throw new Error(`${path} has no transcript "${name}"`);
  return match[1];
}
