import { HeadwaterError, isHeadwaterError } from '@headwater/schemas/protocol';
import type { Clock } from '../ports.ts';
import type { IdentityChoice } from './secrets-opener.ts';
import { openSopsFile } from './sops/open-sops-file.ts';
import { parseSopsFile } from './sops/parse-sops-file.ts';
import { rotateDataKey } from './sops/recipients.ts';

/** Which file it is; `env: null` = one of every environment. */
export interface SecretsFileName {
  readonly path: string;
  readonly env: string | null;
}

/**
 * Encrypts a secrets file anew, for the same recipients: two files must not share a data key.
 * @throws HeadwaterError `HW_SECRET_UNREADABLE` when this daemon cannot open it; as `rotateDataKey`.
 */
export function createReEncryption(
  identities: IdentityChoice,
  clock: Pick<Clock, 'now'>,
): (bytes: Uint8Array, file: SecretsFileName) => Promise<Uint8Array> {
  return async (bytes, { path, env }) => {
    try {
      using opened = await openSopsFile(parseSopsFile(bytes), { identities: identities.identitiesFor(env) });
      return await rotateDataKey(opened, { now: new Date(clock.now()) });
    } catch (cause) {
      if (!isHeadwaterError(cause, 'HW_SECRETS_NO_IDENTITY')) throw cause;
      throw new HeadwaterError('HW_SECRET_UNREADABLE', {
        message: `this daemon cannot open ${path} to encrypt it anew`,
        hint: `Add ${identities.recipientFor(env)} to the rule of that path in .sops.yaml, then: sops updatekeys ${path}`,
        cause,
      });
    }
  };
}
