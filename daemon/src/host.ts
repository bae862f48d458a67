import { isIP } from 'node:net';
import { HeadwaterError } from '@headwater/schemas/protocol';

export interface HostPort {
  /** Name or address, IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
}

/**
 * Parses `HOST:PORT`, `[::1]:PORT` or `:PORT` (all loopback). Port 0 = any free one.
 * @param option Its name, for the message. @throws HeadwaterError `HW_USAGE`.
 */
export function parseHostPort(text: string, option: string): HostPort {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  const host = match?.[1] ?? match?.[2] ?? '';
  const isHost =
    match?.[1] === undefined ? host === '' || isIP(host) === 4 || isHostName(host) : isIP(host) === 6;
  if (match === null || port > 65_535 || !isHost) {
    throw new HeadwaterError('HW_USAGE', {
      message: `${option}: ${JSON.stringify(text)} is not HOST:PORT`,
      hint: `Write for example ${option} 127.0.0.1:7070, ${option} [::1]:7070, or port 0 for any free one.`,
    });
  }
  return { host: host === '' ? '127.0.0.1' : host.toLowerCase(), port };
}

/** True when only this machine can reach the host. */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase().replace(/^\[|\]$/g, '');
  if (name === 'localhost' || name.endsWith('.localhost')) return true;
  if (isIP(name) === 4) return name.startsWith('127.');
  return name === '::1' || /^::ffff:127\./.test(name);
}

/** A name of DNS. Four numbers with dots are an address, and a wrong one if we get here. */
function isHostName(text: string): boolean {
  if (text.length > 253 || /^[\d.]+$/.test(text)) return false;
  return text.split('.').every((label) => /^[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$/.test(label));
}
