/** Secrets: opened with the identities of this daemon, sealed for the services that may read them. */
import type { ServiceSealer } from '../publishing/seal-plans.ts';

export interface Secrets {
  readonly sealer: ServiceSealer;
}

export function openSecrets(): Secrets {
  return {
    sealer: {
      async seal({ resolved: { secrets } }) {
        const { rev, recipients } = secrets as NonNullable<typeof secrets>;
        return { rev, recipients, sealed: null };
      },
    },
  };
}
