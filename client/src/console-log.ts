import type { ClientLog } from './options.ts';

/** The log of a program that set none: what needs attention, readable, on standard error. */
export const consoleLog: ClientLog = (level, message, { code, message: reason, hint, ...facts }) => {
  if (level === 'info') return;
  const text = typeof reason === 'string' ? reason : message;
  const named = typeof code === 'string' ? ` (${code})` : '';
  const rest = Object.entries(facts).map(
    ([name, value]) => ` ${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  console.warn(`headwater: ${text}${named}${rest.join('')}${typeof hint === 'string' ? `\n  ${hint}` : ''}`);
};
