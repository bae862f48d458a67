/** What the client needs from a broker connection: the MQTT link and the in-memory link of the fake both give it. */
import type { HeadwaterError } from '@headwater/schemas/protocol';

export interface LinkHandlers {
  /** A clean session stands: nothing is subscribed yet. */
  onConnect(): void;
  onDisconnect(): void;
  onMessage(topic: string, bytes: Uint8Array): void;
  /** The link goes on by itself; this only tells. */
  onTrouble(error: HeadwaterError): void;
}

export interface Link {
  /** Begins to connect, for ever, until `close`. */
  open(handlers: LinkHandlers): void;
  subscribe(topics: readonly string[]): void;
  unsubscribe(topics: readonly string[]): void;
  /** Publishes a retained message when connected; drops it otherwise. */
  publish(topic: string, payload: string): void;
  /** Publishes a last retained message if connected, then leaves without a will. */
  close(topic: string, payload: string): Promise<void>;
}
