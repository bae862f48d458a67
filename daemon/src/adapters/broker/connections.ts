import { serviceUser } from '@headwater/schemas/protocol';
import type { BrokerIdentity } from '../../ports.ts';

/** A signed-in client. */
export interface Connection {
  readonly identity: BrokerIdentity;
  readonly clientId: string;
  /** Cuts the connection. Safe to call twice. */
  destroy(): void;
}

/** Who is signed in right now, and whether one more may be. */
export class Connections {
  readonly #maxPerUser: number;
  readonly #byUser = new Map<string, Set<Connection>>();
  #size = 0;

  constructor(maxPerUser: number) {
    this.#maxPerUser = maxPerUser;
  }

  get size(): number {
    return this.#size;
  }

  /** False when this service has its full number of connections and `clientId` would not replace one of them. */
  hasRoom(identity: BrokerIdentity, clientId: string): boolean {
    const own = this.#byUser.get(userOf(identity));
    if (own === undefined || own.size < this.#maxPerUser) return true;
    for (const connection of own) if (connection.clientId === clientId) return true;
    return false;
  }

  add(connection: Connection): void {
    const user = userOf(connection.identity);
    const own = this.#byUser.get(user) ?? new Set();
    this.#byUser.set(user, own.add(connection));
    this.#size += 1;
  }

  remove(connection: Connection): void {
    const user = userOf(connection.identity);
    const own = this.#byUser.get(user);
    if (own?.delete(connection) !== true) return;
    this.#size -= 1;
    if (own.size === 0) this.#byUser.delete(user);
  }

  /** Connections whose identity matches. */
  countWhere(predicate: (identity: BrokerIdentity) => boolean): number {
    let count = 0;
    for (const own of this.#byUser.values())
      for (const { identity } of own) if (predicate(identity)) count += 1;
    return count;
  }

  /** Cuts every connection whose identity matches. Returns how many. */
  destroyWhere(predicate: (identity: BrokerIdentity) => boolean): number {
    const chosen = [...this.#byUser.values()].flatMap((own) => [...own]).filter((c) => predicate(c.identity));
    for (const connection of chosen) connection.destroy();
    return chosen.length;
  }
}

const userOf = (identity: BrokerIdentity): string => serviceUser(identity.env, identity.service);
