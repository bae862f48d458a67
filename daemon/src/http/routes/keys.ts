/** Tells the daemon that a command beside it changed the keys in its data folder. No key travels over HTTP. */
import { HeadwaterError } from '@headwater/schemas/protocol';
import type { FastifyInstance } from 'fastify';
import { coversEverything } from '../../access.ts';
import type { KeyDesk, KeysInForce } from '../../keys/key-desk.ts';
import { callerOf } from '../auth.ts';

export function keyRoutes(app: FastifyInstance, keys: Pick<KeyDesk, 'reload'>): void {
  app.post('/api/v1/keys/reload', { config: { access: 'admin' } }, async (request): Promise<KeysInForce> => {
    const caller = callerOf(request);
    if (!coversEverything(caller)) {
      throw new HeadwaterError('HW_FORBIDDEN', {
        message: 'this token does not reach all environments and services, and keys concern all of them',
        hint: 'Ask an admin of the whole deployment.',
      });
    }
    request.log.info({ tokenId: caller.id }, 'asked to take over changed keys');
    return keys.reload();
  });
}
