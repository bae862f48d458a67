/** One-time links that log a browser in. */
import type { TokenRecord } from './access.ts';
import type { TokenStore } from './adapters/data/token-store.ts';

/** Long enough to walk to another window, too short to lie around. */
export const loginLinkMs = 15 * 60 * 1000;

export interface LoginLink {
  readonly url: string;
  readonly record: TokenRecord;
}

/**
 * Makes a link that logs one browser in as an admin, once.
 * @param http Address of the daemon. The token stands behind "#", which browsers send to nobody: it enters no log and no history of a proxy.
 * @throws HeadwaterError as `TokenStore.create`.
 */
export async function createLoginLink(
  tokens: TokenStore,
  http: string,
  name = 'login link',
): Promise<LoginLink> {
  const { token, record } = await tokens.create({
    role: 'admin',
    name,
    use: 'login',
    expiresInMs: loginLinkMs,
  });
  return { url: `${http}/#login=${token}`, record };
}
