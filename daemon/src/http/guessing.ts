import { HeadwaterError } from '@headwater/schemas/protocol';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { FailedAttempts } from './failed-attempts.ts';

/**
 * Refuses an address from which too many wrong tokens came, before the next one is judged.
 * @throws HeadwaterError `HW_RATE_LIMITED`; `Retry-After` is set.
 */
export function refuseGuessing(
  attempts: FailedAttempts,
  request: FastifyRequest,
  reply: FastifyReply,
  token: string,
): void {
  const waitMs = attempts.waitMs(request.ip, token);
  if (waitMs <= 0) return;
  const seconds = Math.ceil(waitMs / 1000);
  reply.header('retry-after', seconds);
  throw new HeadwaterError('HW_RATE_LIMITED', {
    message: 'too many refused tokens from this address',
    hint: `Wait ${seconds} s, then send a token that counts.`,
  });
}
