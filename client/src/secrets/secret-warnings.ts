import { HeadwaterError } from '@headwater/schemas/protocol';
import type { SecretSlots } from './attach-secrets.ts';
import type { OpenedSecrets } from './opened-secrets.ts';

/** Tells what an operator should know of the secrets of each document that is taken, and nothing twice in a row. */
export function createSecretsWarner(
  warn: (warning: HeadwaterError) => void,
): (opened: OpenedSecrets, slots: SecretSlots) => void {
  let last = '';
  return (opened, slots) => {
    const warnings = warningsOf(opened, slots);
    const text = JSON.stringify(warnings.map(({ message }) => message));
    if (text === last) return;
    last = text;
    for (const warning of warnings) warn(warning);
  };
}

function warningsOf(opened: OpenedSecrets, slots: SecretSlots): HeadwaterError[] {
  if (opened.state === 'unavailable') {
    const { reason, message, hint } = opened.problem;
    return [
      new HeadwaterError('HW_SECRET_UNAVAILABLE', {
        message: `the config is in use without its secrets: ${message}`,
        hint,
        details: { reason },
      }),
    ];
  }
  const missing = [...slots.values()].filter(({ problem }) => problem?.reason === 'absent');
  const [first] = missing;
  if (!first) return [];
  return [
    new HeadwaterError('HW_SECRET_MISSING', {
      message: `required secrets were never set: ${missing.map(({ pointer }) => pointer).join(', ')}`,
      ...(first.problem ? { hint: first.problem.hint } : {}),
      details: { pointers: missing.map(({ pointer }) => pointer) },
    }),
  ];
}
