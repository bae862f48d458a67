/**
 * The hook that stands in front of a repository, whichever way a push comes: over HTTP, over ssh, or through the file system. It is
 * plain POSIX sh, because nothing else is certain to be there, and because a Node process would cost ten times as much as the
 * question itself. It asks the running daemon through a named pipe and waits for the answer in another one; without an answer
 * nothing comes in.
 *
 * What may be long (the list of refs) travels in a file of its own. What goes through the pipe that all pushes share is its name, far
 * below the size up to which such writes are never mixed up, so any number of pushes may ask at once.
 */
import { chmod, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileDurably } from '../git/durable-fs.ts';
import { readGitConfig } from '../git/git-config.ts';
import type { GitRepository } from '../git/open-repository.ts';

/** Raised whenever the script changes in a way that an older daemon would not understand. */
const hookVersion = 1;

/** Seconds that a push waits for the daemon. The daemon gives up on its own earlier and says why. */
const hookWaitSeconds = 30;

/** How a hook of ours is recognised, whatever its version. */
const marker = /^# headwater gate \d+$/m;

/** Names inside the folder of the gate. */
export const gateFiles = { door: 'ask', pid: 'pid', hook: 'pre-receive' } as const;

/**
 * The hook that asks the daemon behind `gateDir`.
 * @param gateDir Absolute.
 * @param start What to type to start that daemon, for the reader of a refusal.
 * @param waitSeconds How long a push waits for an answer. Default 30.
 */
export function hookScript(gateDir: string, start: string, waitSeconds = hookWaitSeconds): string {
  return `#!/bin/sh
# headwater gate ${hookVersion}
# Written by the Headwater daemon, which judges every push before it comes in. Written anew whenever the daemon starts.
gate=${quote(gateDir)}
start=${quote(start)}
say() { printf 'headwater: %s\\n' "$@" >&2; }
not_running() {
  say 'this push was refused: the Headwater daemon of this repository is not running,' \\
    'and nothing else can judge it. Nothing has changed.' \\
    "Start it, then push again: $start"
  exit 1
}
no_answer() {
  say 'this push was refused: the Headwater daemon did not answer. Nothing has changed.' "$1"
  exit 1
}

[ -p "$gate/${gateFiles.door}" ] && [ -r "$gate/${gateFiles.pid}" ] && read -r pid <"$gate/${gateFiles.pid}" || not_running

# The name of the quarantine is unique among the pushes under way.
name=\${GIT_QUARANTINE_PATH##*/}
name=\${name##*-}-$$
umask 077
{
  printf '%s\\n' 'headwater-push ${hookVersion}' "repository $PWD" "quarantine $GIT_QUARANTINE_PATH" "ticket $HEADWATER_PUSH"
  while read -r line; do printf 'update %s\\n' "$line"; done
  printf 'end\\n'
} >"$gate/$name.push" || no_answer 'Its data folder cannot be written: is the disk full?'
mkfifo "$gate/$name.answer" || no_answer 'Its data folder cannot be written: is the disk full?'
exec 3<>"$gate/$name.answer"

# Should the daemon be dead, die or hang, this answers in its place.
(
  seconds=0
  while [ "$seconds" -lt ${waitSeconds} ] && kill -0 "$pid"; do
    sleep 1
    seconds=$((seconds + 1))
  done
  [ -p "$gate/$name.answer" ] && printf 'silent\\n' 1<>"$gate/$name.answer"
) >/dev/null 2>&1 </dev/null 3<&- &
watch=$!

printf '%s\\n' "$name" 1<>"$gate/${gateFiles.door}"
verdict=
while IFS= read -r line <&3; do
  case $line in
    'text '*) printf '%s\\n' "\${line#text }" >&2 ;;
    text) printf '\\n' >&2 ;;
    *)
      verdict=$line
      break
      ;;
  esac
done
kill "$watch" 2>/dev/null
[ "$verdict" = yes ] && exit 0
[ "$verdict" = no ] && exit 1
rm -f "$gate/$name.push" "$gate/$name.answer"
kill -0 "$pid" 2>/dev/null || not_running
no_answer 'Try again in a moment. If it stays like this, look into the log of the daemon.'
`;
}

/** What stands where the hook of a repository belongs. */
export type HookState = 'ours' | 'none' | 'foreign';

/** Looks without changing anything. `ours`: exactly this script, executable, and git runs it. */
export async function hookStateOf(repo: GitRepository, script: string): Promise<HookState> {
  const configured = (await readGitConfig(join(repo.commonDir, 'config'))).get('core.hookspath');
  if (configured !== undefined && configured !== hooksDirOf(repo)) return 'foreign';
  const text = await readFile(hookPathOf(repo), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (text === null) return 'none';
  if (text === script) return 'ours';
  return marker.test(text.slice(0, 200)) ? 'none' : 'foreign';
}

/**
 * Puts the hook in its place; an older one of ours is replaced, somebody else's is left alone.
 * @returns False when somebody else's hook stands there. @throws HeadwaterError `HW_STORAGE_FAILED`.
 */
export async function installHook(repo: GitRepository, script: string): Promise<boolean> {
  const state = await hookStateOf(repo, script);
  if (state === 'none') {
    await mkdir(hooksDirOf(repo), { recursive: true });
    await writeFileDurably(hookPathOf(repo), Buffer.from(script), { mode: 0o755 });
  }
  // git passes over a hook that is not executable, and says so to nobody but the pusher.
  if (state === 'ours') await chmod(hookPathOf(repo), 0o755);
  return state !== 'foreign';
}

export function hooksDirOf(repo: GitRepository): string {
  return join(repo.commonDir, 'hooks');
}

export function hookPathOf(repo: GitRepository): string {
  return join(hooksDirOf(repo), gateFiles.hook);
}

/** As one word of sh, whatever is in it. */
function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
