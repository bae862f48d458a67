import type { Section } from './section.ts';

/** Who may tell the daemon that a repository changed. */
export const WEBHOOK_PROVIDERS = ['github', 'gitlab', 'gitea', 'generic'] as const;
export type WebhookProvider = (typeof WEBHOOK_PROVIDERS)[number];

/** File with the secret shared with each provider. It belongs to this user alone and is read again before every use. */
export type WebhookSettings = Readonly<Partial<Record<WebhookProvider, { readonly secretFile: string }>>>;

/** The section `webhooks`. @throws HeadwaterError `HW_USAGE`. */
export function parseWebhooksSection(section: Section | undefined): WebhookSettings {
  if (section === undefined) return {};
  const settings: Partial<Record<WebhookProvider, { readonly secretFile: string }>> = {};
  for (const provider of WEBHOOK_PROVIDERS) {
    const one = section.section(provider);
    if (one === undefined) continue;
    const secretFile = one.path('secretFile');
    if (secretFile === undefined) {
      throw one.wrong(
        'secretFile',
        'is missing',
        'Name the file that holds the secret shared with the provider; no hook is taken without one.',
      );
    }
    one.end();
    settings[provider] = { secretFile };
  }
  section.end();
  return settings;
}
