/**
 * Hosts tell that something was pushed. Nothing of what they say is believed, not even read: a hook with the right signature makes the
 * daemon look at its host now instead of a few seconds later.
 */
import { createHash } from 'node:crypto';
import { HeadwaterError } from '@headwater/schemas/protocol';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { WEBHOOK_PROVIDERS, type WebhookProvider } from '../../config/webhooks-section.ts';
import type { Clock } from '../../ports.ts';
import { RateWindow } from '../rate-window.ts';
import { webhookProblem } from '../webhook-signature.ts';

export interface WebhookReceiver {
  /** Secret shared with a provider; `null` = none is set. @throws HeadwaterError `HW_SECRET_FILE`. */
  secretOf(provider: WebhookProvider): Promise<string | null>;
  /** Somebody who knows the secret says that something changed. */
  onHook(): void;
}

/** For a daemon without any: every known provider is refused. */
export const noWebhooks: WebhookReceiver = { secretOf: async () => null, onHook: () => {} };

/** A push of thousands of commits has a larger one; it is found by the next look all the same. */
const maxBodyBytes = 256 * 1024;

/** A busy repository sends a few a minute. */
const maxPerMinute = 60;

/** A hook that comes twice is a repeated delivery, or somebody who listened: it is answered and does nothing. */
const maxRemembered = 1_000;

export function webhookRoutes(app: FastifyInstance, receiver: WebhookReceiver, clock: Clock): void {
  const rate = new RateWindow(clock, maxPerMinute, 60_000);
  const seen = new Set<string>();

  const verify = async (request: FastifyRequest, reply: FastifyReply) => {
    const waitMs = rate.take(request.ip);
    if (waitMs > 0) throw tooMany(reply, waitMs);
    const provider = providerOf(request);
    const problem = await problemOf(provider, request);
    if (problem === null) return;
    request.log.warn({ provider, address: request.ip, reason: problem }, 'webhook refused');
    throw refused(provider, problem);
  };

  const problemOf = async (provider: WebhookProvider, request: FastifyRequest): Promise<string | null> => {
    let secret: string | null;
    try {
      secret = await receiver.secretOf(provider);
    } catch (error) {
      // The caller is a stranger: where our files are, and what is wrong with them, is for the log.
      request.log.error({ err: error, provider }, 'webhook secret cannot be read');
      return 'the daemon cannot read its secret';
    }
    if (secret === null) return `no secret is set for ${provider}`;
    return webhookProblem(provider, { headers: request.headers, body: bodyOf(request) }, secret, clock.now());
  };

  app.register(async (hooks) => {
    hooks.removeAllContentTypeParsers();
    // The bytes as they came, whatever they are: signatures cover them, and nothing else is done with them.
    hooks.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
    hooks.post(
      '/api/v1/webhooks/:provider',
      { config: { access: 'signature' }, bodyLimit: maxBodyBytes, preHandler: verify },
      async (request, reply) => {
        const provider = providerOf(request);
        const isNew = remember(seen, fingerprint(provider, request));
        request.log.info({ provider, repeated: !isNew }, 'webhook taken');
        if (isNew) receiver.onHook();
        return reply.code(202).send({ accepted: true, repeated: !isNew });
      },
    );
  });
}

function providerOf(request: FastifyRequest): WebhookProvider {
  const { provider } = request.params as { readonly provider: string };
  const known = WEBHOOK_PROVIDERS.find((one) => one === provider);
  if (known !== undefined) return known;
  throw new HeadwaterError('HW_NOT_FOUND', {
    message: 'no webhooks are taken at this address',
    hint: `The address ends with one of ${WEBHOOK_PROVIDERS.join(', ')}.`,
  });
}

function bodyOf(request: FastifyRequest): Uint8Array {
  return request.body instanceof Uint8Array ? request.body : new Uint8Array();
}

/** Delivery ids are not signed, so what is signed tells one hook from another; a generic one has its time in it. */
function fingerprint(provider: WebhookProvider, request: FastifyRequest): string {
  const time = provider === 'generic' ? String(request.headers['headwater-timestamp']) : '';
  return createHash('sha256').update(`${provider}\n${time}\n`).update(bodyOf(request)).digest('base64');
}

/** @returns False when it is known already. */
function remember(seen: Set<string>, fingerprint: string): boolean {
  if (seen.has(fingerprint)) return false;
  seen.add(fingerprint);
  const [oldest] = seen;
  if (seen.size > maxRemembered && oldest !== undefined) seen.delete(oldest);
  return true;
}

function refused(provider: WebhookProvider, problem: string): HeadwaterError {
  return new HeadwaterError('HW_WEBHOOK_REFUSED', {
    message: `this webhook is not taken: ${problem}`,
    hint: `Give ${provider} the secret that stands in the file named in config.json (webhooks.${provider}.secretFile).`,
  });
}

function tooMany(reply: FastifyReply, waitMs: number): HeadwaterError {
  const seconds = Math.ceil(waitMs / 1000);
  reply.header('retry-after', seconds);
  return new HeadwaterError('HW_RATE_LIMITED', {
    message: `more than ${maxPerMinute} webhooks a minute from this address`,
    hint: `Wait ${seconds} s. Changes are found without webhooks, too.`,
  });
}
