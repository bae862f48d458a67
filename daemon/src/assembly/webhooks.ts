/** What makes the daemon look at its host at once. */
import { readSecretFile } from '../adapters/data/secret-file.ts';
import { WEBHOOK_PROVIDERS } from '../config/webhooks-section.ts';
import type { WebhookReceiver } from '../http/routes/webhooks.ts';
import type { Upstream } from '../upstream/upstream.ts';
import type { Context } from './context.ts';

export async function openWebhooks(
  { config, log }: Pick<Context, 'config' | 'log'>,
  upstream: Upstream | null,
): Promise<WebhookReceiver> {
  const receiver: WebhookReceiver = {
    async secretOf(provider) {
      const settings = config.webhooks[provider];
      return settings === undefined ? null : readSecretFile(settings.secretFile);
    },
    onHook() {
      void upstream?.request();
    },
  };
  const set = WEBHOOK_PROVIDERS.filter((provider) => config.webhooks[provider] !== undefined);
  if (set.length > 0 && upstream === null)
    log.warn({}, 'webhooks are set, but there is no host to look at: the repository is followed in place');
  for (const provider of set) {
    // It may be mended while the daemon runs; changes are found without webhooks, too.
    await receiver
      .secretOf(provider)
      .catch((error) => log.error({ err: error, provider }, 'webhook secret cannot be read'));
  }
  return receiver;
}
