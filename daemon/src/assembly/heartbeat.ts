/** What the daemon says of itself while it runs: statements signed anew, its health, and a last word at the stop. */
import { healthTopic, statementIntervalMs, utf8 } from '@headwater/schemas/protocol';
import { type HealthDeps, healthIntervalMs, healthOf, lastWord } from '../health-reporter.ts';
import type { LiveEvents } from '../live-events.ts';
import type { Pipeline } from '../pipeline.ts';
import type { Publisher } from '../ports.ts';
import type { Receipts } from '../receipts.ts';
import type { Context } from './context.ts';

export interface Heartbeat {
  /** Publishes the health as it is now. */
  say(): Promise<void>;
  /** Starts the timers. */
  start(): void;
  /** Tells whoever listens that this daemon stops. */
  sayGoodbye(): Promise<void>;
}

export interface HeartbeatDeps {
  readonly health: HealthDeps;
  /** Asked late: the pipeline itself reports through the heartbeat. */
  readonly pipeline: () => Pipeline;
  readonly publisher: Publisher;
  readonly receipts: Receipts;
  readonly events: LiveEvents;
  readonly prefix: string;
}

export function createHeartbeat({ log, scope, fatal }: Context, deps: HeartbeatDeps): Heartbeat {
  const { health, pipeline, publisher, receipts, events, prefix } = deps;
  let wasOk: boolean | null = null;

  async function say(): Promise<void> {
    const now = healthOf(health, pipeline());
    if (now.ok !== wasOk) events.publish({ type: 'health', ok: now.ok });
    wasOk = now.ok;
    const payload = utf8(JSON.stringify(now));
    await publishQuietly(healthTopic(prefix, health.daemonId), payload);
    for (const topic of receipts.forgetOffline()) await publishQuietly(topic, new Uint8Array());
  }

  /** Health is not worth an error: without a broker nobody could read it, and the broker's absence is a problem of its own. */
  async function publishQuietly(topic: string, payload: Uint8Array): Promise<void> {
    await publisher
      .publish({ topic, payload, retain: true, qos: 1 })
      .catch((error) => log.debug({ err: error }, 'health not published'));
  }

  return {
    say,
    start() {
      const statements = setInterval(
        () => void pipeline().refreshStatements().catch(fatal),
        statementIntervalMs,
      );
      const beat = setInterval(() => void say(), healthIntervalMs);
      scope.defer(() => {
        clearInterval(statements);
        clearInterval(beat);
      });
      void say();
    },
    async sayGoodbye() {
      const { topic, payload } = lastWord(health, pipeline(), prefix);
      await publishQuietly(topic, payload);
    },
  };
}
