/** The files at the root of the repository that say how it is to be treated: `headwater.json` and `allowed_signers`. */
import type { FileState } from '../ports.ts';
import { type ReadBlob, readWithin } from './files.ts';
import type { Finding } from './finding.ts';
import { tooLarge } from './parse-config.ts';
import { parseRepoSettings, type RepoSettings, settingsPath } from './repo-settings.ts';
import {
  type AllowedSigners,
  allowedSignersPath,
  nobody,
  parseAllowedSigners,
} from './signatures/allowed-signers.ts';

export interface SettingsState {
  readonly settings: RepoSettings | null;
  readonly findings: readonly Finding[];
}

export const missingSettings: SettingsState = {
  settings: null,
  findings: [
    {
      severity: 'error',
      code: 'HW_REPO_SETTINGS_MISSING',
      file: settingsPath,
      pointer: '',
      message: 'the repository has no headwater.json',
      hint: 'Create it: { "headwater": 1, "deployment": "…", "environments": ["dev", "prod"] }.',
    },
  ],
};

export async function readSettings(readBlob: ReadBlob, file: FileState | null): Promise<SettingsState> {
  if (file === null) return missingSettings;
  const bytes = await readWithin(readBlob, file.oid);
  if (bytes === null)
    return { settings: null, findings: [{ severity: 'error', file: settingsPath, ...tooLarge() }] };
  const parsed = parseRepoSettings(bytes);
  return 'settings' in parsed
    ? { settings: parsed.settings, findings: [] }
    : { settings: null, findings: parsed.findings };
}

export async function readSigners(readBlob: ReadBlob, { oid }: FileState): Promise<AllowedSigners> {
  const bytes = await readWithin(readBlob, oid);
  if (bytes !== null) return parseAllowedSigners(bytes);
  return { ...nobody, findings: [{ severity: 'error', file: allowedSignersPath, ...tooLarge() }] };
}

/** What is wrong with a policy that nobody could keep. */
export const nobodySigns: Finding = {
  severity: 'error',
  code: 'HW_SIGNERS_NONE',
  file: allowedSignersPath,
  pointer: '',
  message: 'signed commits are required, and nobody listed here could sign one',
  hint: 'List somebody: ann@example.org namespaces="git" ssh-ed25519 AAAA… (headwater keys show prints the line of the daemon).',
};
