/**
 * Secrets changed by the daemon for people who cannot open them: they say what a value shall be and never see what it is. Every change
 * is one commit through the editor.
 */
import type { EditResult } from '@headwater/schemas/http';
import { HeadwaterError, isHeadwaterError } from '@headwater/schemas/protocol';
import { createPolicyReader } from '../core/creation-policy.ts';
import { type ReadBlob, readWithin } from '../core/files.ts';
import { tooLarge } from '../core/parse-config.ts';
import type { RepoIndex } from '../core/repo-index.ts';
import type { CommitPlace } from '../epochs/place.ts';
import type { CommitId, FileState, ObjectReader } from '../ports.ts';
import { changeSecretsFile } from '../secrets/change-secrets-file.ts';
import { type IdentityChoice, secretsUnreadable } from '../secrets/secrets-opener.ts';
import type { DataKeyCache } from '../secrets/sops/data-key-cache.ts';
import { openSopsFile } from '../secrets/sops/open-sops-file.ts';
import { parseSopsFile } from '../secrets/sops/parse-sops-file.ts';
import { sealedValues } from '../secrets/sops/sealed-values.ts';
import type { ValueChanges } from '../secrets/sops/set-values.ts';
import type { Editor, EditRequest } from './edit.ts';
import { editTarget } from './edit-target.ts';

export interface SecretsChangeRequest extends Pick<EditRequest, 'actor' | 'requestId' | 'trailers'> {
  readonly service: string;
  /** "base" or an environment. */
  readonly layer: string;
  /** By pointer; `null` removes. */
  readonly values: ValueChanges;
  readonly message: string;
  /** Whether the author may not learn if a value is the one that is set, see `changeSecretsFile`. Default true. */
  readonly blind?: boolean;
  /** Commit that the author looked at: a value that changed since then is a conflict. Default: whatever it is now. */
  readonly base?: CommitId;
}

export interface SecretsChangeResult extends EditResult {
  /** File that the secrets stand in, or stood in. */
  readonly file: string;
}

export interface SecretsDesk {
  /**
   * @throws HeadwaterError `HW_NOT_FOUND`, `HW_SECRET_UNREADABLE`, `HW_SOPS_RULES`, and as `changeSecretsFile` and `Editor.commit`. No
   *   message shows a value.
   */
  change(request: SecretsChangeRequest): Promise<SecretsChangeResult>;
  /**
   * The value in force in an environment, as the newest commit has it. Whoever calls this has written down who asks and why.
   * @throws HeadwaterError `HW_NOT_FOUND` when it is not set.
   */
  reveal(
    service: string,
    env: string,
    pointer: string,
  ): Promise<{ readonly value: string; readonly layer: string }>;
}

export interface SecretsDeskDeps {
  readonly editor: Editor;
  /** Index of the newest commit that was read, and its place; `null` before the first. */
  readonly index: () => RepoIndex | null;
  readonly at: () => CommitPlace | null;
  /** Era in force. */
  readonly era: () => number;
  readonly reader: Pick<ObjectReader, 'findFiles'>;
  readonly readBlob: ReadBlob;
  readonly identities: IdentityChoice;
  readonly cache?: DataKeyCache;
  readonly now: () => Date;
}

/** Tries on top of a branch that others move, too. The editor itself waits its turn, so few are lost. */
const maxAttempts = 5;

export function createSecretsDesk(deps: SecretsDeskDeps): SecretsDesk {
  const policyFor = createPolicyReader(deps.readBlob);

  function newest(): { index: RepoIndex; at: CommitPlace } {
    const [index, at] = [deps.index(), deps.at()];
    if (index !== null && at !== null) return { index, at };
    throw new HeadwaterError('HW_BRANCH_MISSING', {
      message: 'the daemon has not read the followed branch yet',
      hint: 'Try again in a moment; `headwater status` says what it waits for.',
    });
  }

  const keysFor = (layer: string) => ({
    identities: deps.identities.identitiesFor(layer === 'base' ? null : layer),
    ...(deps.cache ? { cache: deps.cache } : {}),
  });

  async function changeOnce(request: SecretsChangeRequest): Promise<SecretsChangeResult> {
    const { service, layer, values, base, blind = true, ...edit } = request;
    const { index, at } = newest();
    const path = secretsPath(index, service, layer);
    const files = await deps.reader.findFiles(at.commit, [path, '.sops.yaml']);
    const before = await read(files.get(path), path);
    if (base !== undefined && base !== at.commit) await refuseMoved(base, path, before, values);
    const { content, changed } = await changeSecretsFile(before, values, {
      policy: await policy(files.get('.sops.yaml'), path),
      keys: keysFor(layer),
      now: deps.now(),
      blind,
    }).catch((error: unknown) => {
      if (!isHeadwaterError(error, 'HW_SECRETS_NO_IDENTITY')) throw error;
      throw secretsUnreadable(path, deps.identities.recipientFor(layer === 'base' ? null : layer), error);
    });
    if (changed.length === 0) return { ...nothing(at), file: path };
    const change = { kind: 'bytes', path, content } as const;
    const { changes: _, ...result } = await deps.editor.commit({ ...edit, base: at.commit, files: [change] });
    return { ...result, file: path };
  }

  async function read(file: FileState | undefined, path: string): Promise<Uint8Array | null> {
    if (file === undefined) return null;
    const bytes = await readWithin(deps.readBlob, file.oid);
    if (bytes !== null) return bytes;
    const { code, message, hint } = tooLarge();
    throw new HeadwaterError(code, { message: `${path}: ${message}`, hint });
  }

  async function policy(rules: FileState | undefined, path: string) {
    const asked = await policyFor(rules ?? null, path);
    if ('policy' in asked) return asked.policy;
    const { code, message, hint } = asked.problem;
    throw new HeadwaterError(code, { message: `${path}: ${message}`, hint });
  }

  /** Another author was faster with the same secret: which of the two counts is theirs to say. */
  async function refuseMoved(
    base: CommitId,
    path: string,
    now: Uint8Array | null,
    values: ValueChanges,
  ): Promise<void> {
    const then = await read((await deps.reader.findFiles(base, [path])).get(path), path);
    const [before, after] = [sealedIn(then), sealedIn(now)];
    const moved = [...values.keys()].filter((pointer) => before.get(pointer) !== after.get(pointer));
    if (moved.length === 0) return;
    throw new HeadwaterError('HW_EDIT_CONFLICT', {
      message: `${moved.join(', ')} in ${path} changed after the commit that you started from`,
      hint: 'Look at who changed it, then save again without If-Match, or with the new ETag.',
      details: { conflicts: moved.map((pointer) => ({ file: path, pointer })), head: deps.at() },
    });
  }

  function nothing(at: CommitPlace): EditResult {
    return {
      epoch: { era: deps.era(), ...at },
      commit: at.commit,
      changed: false,
      applied: {},
      merged: false,
    };
  }

  return {
    async change(request) {
      for (let attempt = 1; ; attempt++) {
        try {
          return await changeOnce(request);
        } catch (error) {
          // The file moved under us; nobody merges bytes, so it is changed again as it is now.
          const isRace = isHeadwaterError(error, 'HW_EDIT_CONFLICT') && request.base === undefined;
          if (!isRace || attempt >= maxAttempts) throw error;
        }
      }
    },

    async reveal(service, env, pointer) {
      const { index } = newest();
      const inputs = index.inputs(service, env);
      for (const file of [...(inputs?.secrets ?? [])].reverse()) {
        const bytes = await read(file, file.path);
        if (bytes === null || !sealedIn(bytes).has(pointer)) continue;
        using opened = await openSopsFile(parseSopsFile(bytes), keysFor(file.layer));
        const value = opened.values.get(pointer);
        if (value !== undefined) return { value, layer: file.layer };
      }
      throw new HeadwaterError('HW_NOT_FOUND', {
        message: `the secret ${pointer} of ${service} is not set in ${env}`,
        hint: `Set it: headwater secrets set ${service} ${pointer} --env ${env}`,
      });
    },
  };
}

/** Where the secrets of a layer stand. @throws HeadwaterError `HW_NOT_FOUND`. */
function secretsPath(index: RepoIndex, service: string, layer: string): string {
  // The same check of both names as for config.
  const { path } = editTarget(index, service, layer);
  return path.replace(/config(\.[^/]+)?\.json$/, (_, env: string | undefined) => `secrets${env ?? ''}.json`);
}

const sealedIn = (bytes: Uint8Array | null): ReadonlyMap<string, string> =>
  bytes === null ? new Map() : sealedValues(parseSopsFile(bytes));
