/** An MQTT client without manners, for tests: says exactly what it is told, and may stop reading. */
import { connect, type Socket } from 'node:net';
import mqttPacket, { type IConnectPacket, type Packet } from 'mqtt-packet';

export interface RawConnect {
  readonly clientId: string;
  readonly username?: string;
  readonly password?: string;
  readonly will?: { topic: string; payload: string; qos?: 0 | 1 | 2; retain?: boolean };
  readonly clean?: boolean;
  readonly keepalive?: number;
  readonly protocolVersion?: 3 | 4 | 5;
}

export class RawMqtt {
  readonly socket: Socket;
  /** Resolves when the connection is gone, whoever ended it. */
  readonly closed: Promise<void>;
  /** Everything that came and was not asked for with `next` yet. */
  readonly received: Packet[] = [];
  #over = false;
  #changed: () => void = () => undefined;

  constructor(address: { readonly host: string; readonly port: number }) {
    this.socket = connect(address);
    this.socket.setNoDelay(true);
    const parser = mqttPacket.parser();
    parser.on('packet', (packet) => {
      this.received.push(packet);
      this.#changed();
    });
    this.socket.on('data', (chunk) => parser.parse(chunk));
    this.socket.on('error', () => undefined); // `closed` tells; how it ended does not matter here
    this.closed = new Promise((resolve) => {
      this.socket.on('close', () => {
        this.#over = true;
        this.#changed();
        resolve();
      });
    });
  }

  send(packet: Packet): void {
    this.socket.write(mqttPacket.generate(packet));
  }

  /** Sends CONNECT. Returns the broker's return code, or "closed" when it hung up without an answer. */
  async connect(options: RawConnect): Promise<number | 'closed'> {
    this.send(connectPacket(options));
    const answer = await this.next('connack');
    return answer === 'closed' ? 'closed' : ((answer as { returnCode?: number }).returnCode ?? 'closed');
  }

  /** Subscribes with QoS 0 (or `qos`). Returns what was granted per filter; 128 = denied. */
  async subscribe(filters: readonly string[], qos: 0 | 1 = 0): Promise<readonly unknown[] | 'closed'> {
    const subscriptions = filters.map((topic) => ({ topic, qos }));
    this.send({ cmd: 'subscribe', messageId: 1, subscriptions });
    const answer = await this.next('suback');
    return answer === 'closed' ? 'closed' : (answer as { granted: readonly unknown[] }).granted;
  }

  /** Publishes with QoS 1. Returns "acknowledged" or "closed". */
  async publish(topic: string, payload: string | Buffer, retain = true): Promise<'acknowledged' | 'closed'> {
    this.send({ cmd: 'publish', topic, payload, retain, qos: 1, dup: false, messageId: 7 });
    return (await this.next('puback')) === 'closed' ? 'closed' : 'acknowledged';
  }

  /** Resolves once the broker has answered everything that was sent before: no timer needed to know that nothing came. */
  async settled(): Promise<'answered' | 'closed'> {
    this.send({ cmd: 'pingreq' });
    return (await this.next('pingresp')) === 'closed' ? 'closed' : 'answered';
  }

  /** The next packet of a kind, taken out of `received`, or "closed". */
  async next(cmd: Packet['cmd']): Promise<Packet | 'closed'> {
    for (;;) {
      const index = this.received.findIndex((packet) => packet.cmd === cmd);
      if (index >= 0) return this.received.splice(index, 1)[0] as Packet;
      if (this.#over) return 'closed';
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
    }
  }

  /** Hangs up without DISCONNECT, as a crash does. */
  async crash(): Promise<void> {
    this.socket.destroy();
    await this.closed;
  }
}

export function connectPacket(options: RawConnect): IConnectPacket {
  const { will, password, username, clean = true, keepalive = 30, protocolVersion = 4 } = options;
  return {
    cmd: 'connect',
    protocolId: protocolVersion === 3 ? 'MQIsdp' : 'MQTT',
    protocolVersion,
    clean,
    keepalive,
    clientId: options.clientId,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password: Buffer.from(password) }),
    ...(will === undefined ? {} : { will: { qos: 1, retain: true, ...will } }),
  };
}
