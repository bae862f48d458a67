/**
 * What a path of the config repository is for. Names are judged here, once, and nowhere joined to a host path. Dot-files and
 * Markdown are nobody's config and are never read.
 */
import { type ErrorCode, isName, NAME_PATTERN, RESERVED_NAMES } from '@headwater/schemas/protocol';
import { closest } from './suggest.ts';

/** `env: null` is the file of every environment. `folder` has no trailing slash. */
export type PathRole =
  | { readonly kind: 'settings' | 'allowed-signers' | 'sops-rules' }
  | { readonly kind: 'schema'; readonly service: string }
  | { readonly kind: 'base'; readonly service: string; readonly folder: string }
  | { readonly kind: 'overlay'; readonly service: string; readonly folder: string; readonly env: string }
  | {
      readonly kind: 'secrets' | 'recipients';
      readonly service: string;
      readonly folder: string;
      readonly env: string | null;
    }
  | { readonly kind: 'shared'; readonly folder: string; readonly env: string | null }
  | { readonly kind: 'preset'; readonly preset: string }
  /** Outside the folders that Headwater reads, or a dot-file or Markdown inside them. */
  | { readonly kind: 'other' }
  | BadPath;

/** A path that Headwater cannot place. */
export interface BadPath {
  readonly kind: 'bad';
  readonly severity: 'error' | 'warning';
  readonly code: ErrorCode;
  /** Where it lies. */
  readonly folder: string;
  /** Service that it was meant for, when that is plain from the path. */
  readonly service?: string;
  readonly message: string;
  readonly hint: string;
}

/** Folders between `services/` and a file: enough for any organisation, few enough to walk for every file. */
export const maxFolderDepth = 16;

const areas: ReadonlySet<string> = new Set(['services', 'schemas', 'presets']);
const schemaSuffix = '.schema.json';

/** Places one path of the repository (slash-separated, from the root). Never throws. */
export function classifyPath(path: string): PathRole {
  if (path === 'headwater.json') return { kind: 'settings' };
  if (path === 'allowed_signers') return { kind: 'allowed-signers' };
  if (path === '.sops.yaml') return { kind: 'sops-rules' };
  const parts = path.split('/');
  const area = parts[0] as string;
  if (!areas.has(area)) return outside(path, area);
  const odd = parts.find(isOdd);
  if (odd !== undefined) {
    return bad(
      path,
      'HW_NAME_INVALID',
      `${show(odd)} is not a name that a file may have here`,
      'Remove or rename it.',
    );
  }
  if (parts.length === 1)
    return bad(path, 'HW_FILE_UNEXPECTED', `"${area}" is a file`, 'It must be a folder.');
  const name = parts[parts.length - 1] as string;
  if (parts.some((part) => part.startsWith('.')) || /\.md$/i.test(name)) return { kind: 'other' };
  if (area === 'services') return inServices(path, parts.slice(1, -1), name);
  return parts.length > 2
    ? misplaced(path, area)
    : area === 'schemas'
      ? inSchemas(path, name)
      : inPresets(path, name);
}

/** Folder part of a path, `""` at the root. */
export function folderOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

function inServices(path: string, folders: readonly string[], name: string): PathRole {
  if (folders.length > maxFolderDepth) {
    return bad(
      path,
      'HW_FILE_UNEXPECTED',
      `nested deeper than ${maxFolderDepth} folders`,
      'Use fewer groups.',
    );
  }
  const wrong = folders.find((folder) => !isName(folder));
  if (wrong !== undefined) return badName(path, wrong, 'service or group', looksLikeConfig(name));
  const [stem, env, suffix] = splitName(name);
  const folder = ['services', ...folders].join('/');
  const known = fileKinds.get(stem);
  if (known?.suffix !== suffix || (stem !== 'shared' && folders.length === 0))
    return unexpected(path, name, folders.length);
  if (env !== null && !isName(env)) return badEnvironment(path, name, env);
  const service = folders[folders.length - 1] ?? '';
  if (known.kind === 'shared') return { kind: 'shared', folder, env };
  if (known.kind !== 'config') return { kind: known.kind, service, folder, env };
  return env === null ? { kind: 'base', service, folder } : { kind: 'overlay', service, folder, env };
}

function inSchemas(path: string, name: string): PathRole {
  if (!name.endsWith(schemaSuffix)) {
    const text = `schemas/ holds one "<service>${schemaSuffix}" per service, not ${show(name)}`;
    return bad(path, 'HW_FILE_UNEXPECTED', text, 'Rename it, or move it elsewhere.', looksLikeConfig(name));
  }
  const service = name.slice(0, -schemaSuffix.length);
  return isName(service) ? { kind: 'schema', service } : badName(path, service, 'service', true);
}

function inPresets(path: string, name: string): PathRole {
  if (!name.endsWith('.json')) {
    const text = `presets/ holds "<preset>.json" files, not ${show(name)}`;
    return bad(path, 'HW_FILE_UNEXPECTED', text, 'Rename it, or move it elsewhere.', looksLikeConfig(name));
  }
  const preset = name.slice(0, -'.json'.length);
  return isName(preset) ? { kind: 'preset', preset } : badName(path, preset, 'preset', true);
}

type FileKind = 'config' | 'secrets' | 'recipients' | 'shared';
const fileKinds: ReadonlyMap<string, { readonly kind: FileKind; readonly suffix: string }> = new Map([
  ['config', { kind: 'config', suffix: 'json' }],
  ['secrets', { kind: 'secrets', suffix: 'json' }],
  ['shared', { kind: 'shared', suffix: 'json' }],
  ['recipients', { kind: 'recipients', suffix: 'txt' }],
]);
const plainNames: readonly string[] = [...fileKinds].map(([stem, { suffix }]) => `${stem}.${suffix}`);

/** "config.prod.json" → ["config", "prod", "json"]; without a middle part the environment is `null`. */
function splitName(name: string): [string, string | null, string] {
  const first = name.indexOf('.');
  const last = name.lastIndexOf('.');
  if (first < 0) return [name, null, ''];
  return [name.slice(0, first), first === last ? null : name.slice(first + 1, last), name.slice(last + 1)];
}

function badEnvironment(path: string, name: string, env: string): BadPath {
  const lower = env.toLowerCase();
  const hint = isName(lower) ? `Rename it to "${name.replace(env, lower)}".` : nameHint;
  if (RESERVED_NAMES.has(env))
    return bad(path, 'HW_NAME_RESERVED', `"${env}" is reserved and cannot name an environment`, nameHint);
  return bad(path, 'HW_NAME_INVALID', `${show(env)} is not an environment name`, hint);
}

function badName(path: string, name: string, what: string, error: boolean): BadPath {
  if (RESERVED_NAMES.has(name)) {
    return bad(
      path,
      'HW_NAME_RESERVED',
      `"${name}" is reserved and cannot name a ${what}`,
      'Choose another name.',
      error,
    );
  }
  const lower = name.toLowerCase();
  const hint = NAME_PATTERN.test(lower) ? `Rename it to "${lower}".` : nameHint;
  return bad(path, 'HW_NAME_INVALID', `${show(name)} is not a ${what} name`, hint, error);
}

const nameHint = 'Use a lower-case letter, then lower-case letters, digits and "-", 63 characters at most.';

function unexpected(path: string, name: string, depth: number): BadPath {
  const near = closest(name, plainNames);
  const place = depth === 0 ? 'directly below services/' : 'in the folder of a service or group';
  const message = `${show(name)} has no meaning ${place}`;
  const hint =
    near === null || near === name ? 'Rename it, or move it elsewhere.' : `Did you mean "${near}"?`;
  return bad(path, 'HW_FILE_UNEXPECTED', message, hint, looksLikeConfig(name));
}

function misplaced(path: string, area: string): BadPath {
  return bad(
    path,
    'HW_FILE_UNEXPECTED',
    `${area}/ has no folders inside`,
    `Move the file up into ${area}/.`,
    looksLikeConfig(path),
  );
}

function outside(path: string, area: string): PathRole {
  const lower = area.toLowerCase();
  // On a file system that ignores case a clone would merge the two.
  if (areas.has(lower) || path.toLowerCase() === 'headwater.json') {
    return bad(
      path,
      'HW_NAME_INVALID',
      `"${area}" differs from "${lower}" by case alone`,
      `Rename it to "${lower}".`,
    );
  }
  return { kind: 'other' };
}

/** A stray text file is a warning; what somebody may have meant as config must not be passed over. */
function looksLikeConfig(name: string): boolean {
  return /\.json|^(config|secrets?|recipients?|shared)\b/i.test(name);
}

/** Parts that no honest tool writes: control and format characters, bytes that are not UTF-8, ways up or into .git. */
function isOdd(part: string): boolean {
  return (
    part === '' ||
    part === '.' ||
    part === '..' ||
    part.length > 255 ||
    /^(\.git|git~\d+)$/i.test(part.replaceAll(/\p{Cf}/gu, '')) ||
    /[\p{Cc}\p{Cf}\uFFFD\\:]/u.test(part)
  );
}

function bad(path: string, code: ErrorCode, message: string, hint: string, error = true): BadPath {
  const severity = error ? 'error' : 'warning';
  const service = serviceMeant(path);
  return {
    kind: 'bad',
    severity,
    code,
    folder: folderOf(path),
    ...(service ? { service } : {}),
    message,
    hint,
  };
}

function serviceMeant(path: string): string | null {
  const [, folder, name] = /^services\/(?:.*\/)?([^/]+)\/([^/]+)$/s.exec(path) ?? [];
  const own = /^(config|secrets|recipients)\b/i.test(name ?? '');
  return folder !== undefined && own && isName(folder) ? folder : null;
}

function show(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}
