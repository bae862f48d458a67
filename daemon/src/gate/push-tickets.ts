/**
 * Who pushes over HTTP. The daemon knows that when the request comes in, and git asks the hook later, in a process of its own: the
 * ticket is what ties both together. It cannot be guessed and counts for one push only, so a push through the file system
 * cannot claim to be somebody.
 */
import { randomBytes } from 'node:crypto';
import type { TokenRecord } from '../access.ts';

export interface Pusher {
  readonly token: TokenRecord;
  readonly requestId: string;
}

export interface PushTickets {
  /** @returns The ticket, and what ends it. */
  issue(pusher: Pusher): { readonly ticket: string; release(): void };
  /** `null` when no push with that ticket is under way. */
  pusherOf(ticket: string): Pusher | null;
}

export function createPushTickets(): PushTickets {
  const tickets = new Map<string, Pusher>();
  return {
    issue(pusher) {
      const ticket = randomBytes(18).toString('hex');
      tickets.set(ticket, pusher);
      return { ticket, release: () => void tickets.delete(ticket) };
    },
    pusherOf: (ticket) => tickets.get(ticket) ?? null,
  };
}
