/** An outside broker that does what a test says: acknowledges or not, sends what it likes, hangs up. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import mqttPacket, { type IConnectPacket, type Packet } from 'mqtt-packet';

export interface ScriptedBroker extends AsyncDisposable {
  readonly port: number;
  /** One per connection, in order. */
  readonly connects: IConnectPacket[];
  /** Every packet of every connection but CONNECT, in order. */
  readonly packets: Packet[];
  /** Called for each packet, CONNECT included, before the usual answer; `false` = do not answer. */
  onPacket: (packet: Packet, socket: Socket) => boolean | undefined;
  /** Resolves when `condition` holds; looked at after every packet. */
  until(condition: () => boolean): Promise<void>;
}

export async function startScriptedBroker(): Promise<ScriptedBroker> {
  const sockets = new Set<Socket>();
  let changed: () => void = () => undefined;
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined); // the other side may hang up as it likes
    socket.on('close', () => sockets.delete(socket));
    const parser = mqttPacket.parser();
    socket.on('data', (chunk) => parser.parse(chunk));
    parser.on('packet', (packet) => {
      if (packet.cmd === 'connect') broker.connects.push(packet);
      else broker.packets.push(packet);
      if (broker.onPacket(packet, socket) !== false) answer(packet, socket);
      changed();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const broker: ScriptedBroker = {
    port: (server.address() as AddressInfo).port,
    connects: [],
    packets: [],
    onPacket: () => undefined,
    async until(condition) {
      while (!condition()) {
        await new Promise<void>((resolve) => {
          changed = resolve;
        });
      }
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return broker;
}

function answer(packet: Packet, socket: Socket): void {
  const reply = replyTo(packet);
  if (reply !== undefined) socket.write(mqttPacket.generate(reply));
}

function replyTo(packet: Packet): Packet | undefined {
  const messageId = packet.messageId ?? 0;
  if (packet.cmd === 'connect') return { cmd: 'connack', returnCode: 0, sessionPresent: false };
  if (packet.cmd === 'subscribe') {
    return { cmd: 'suback', messageId, granted: packet.subscriptions.map(() => 0) };
  }
  if (packet.cmd === 'unsubscribe') return { cmd: 'unsuback', messageId, granted: [] };
  if (packet.cmd === 'publish' && packet.qos === 1) return { cmd: 'puback', messageId };
  if (packet.cmd === 'pingreq') return { cmd: 'pingresp' };
  return undefined;
}
