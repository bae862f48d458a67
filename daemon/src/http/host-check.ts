import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { HeadwaterError } from '@headwater/schemas/protocol';
import { isLoopback } from '../host.ts';

/** Names under which a server that listens on `host` may be called, besides loopback names and addresses. */
export function namesOf(host: string): readonly string[] {
  const machine = hostname().toLowerCase();
  return isLoopback(host) ? [] : [host.toLowerCase(), machine, `${machine}.local`];
}

/**
 * Refuses requests that a browser sends to us under a stranger's name: that is how a web page reaches services on loopback (DNS
 * rebinding). An address as host cannot be rebound.
 * @throws HeadwaterError `HW_HOST_UNKNOWN`.
 */
export function checkHost(header: string | undefined, names: ReadonlySet<string>): void {
  const match = /^(\[[0-9a-f:.]+\]|[^:[\]\s/@]+)(?::\d{1,5})?$/.exec((header ?? '').toLowerCase());
  const host = match?.[1]?.replace(/^\[|\]$/g, '').replace(/\.$/, '');
  if (host !== undefined && (isIP(host) > 0 || isLoopback(host) || names.has(host))) return;
  throw new HeadwaterError('HW_HOST_UNKNOWN', {
    message: 'this daemon is not called by the host name of this request',
    hint: 'Use localhost, an address of the machine, or the name that --http gives.',
  });
}
