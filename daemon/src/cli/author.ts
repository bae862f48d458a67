import { hostname, userInfo } from 'node:os';
import type { Person } from '../ports.ts';
import type { CliContext } from './context.ts';
import { runGit } from './run-git.ts';

/** Who commits: as git would say, else the user of this machine. */
export async function findAuthor(context: CliContext, folder: string): Promise<Person> {
  const { env } = context;
  const name = env.GIT_AUTHOR_NAME || (await setting('user.name', context, folder)) || userInfo().username;
  const email =
    env.GIT_AUTHOR_EMAIL ||
    (await setting('user.email', context, folder)) ||
    `${userInfo().username}@${hostname()}`;
  return { name: plain(name), email: plain(email), time: Math.floor(Date.now() / 1000) };
}

async function setting(name: string, context: CliContext, folder: string): Promise<string> {
  return (await runGit(folder, ['config', '--get', name], context)).stdout.trim();
}

/** These characters would end the field in a commit. */
function plain(text: string): string {
  return text.replace(/[<>\p{Cc}]/gu, '').trim() || 'headwater';
}
