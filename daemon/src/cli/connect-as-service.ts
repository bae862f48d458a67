import { resolve } from 'node:path';
import type { HeadwaterClient } from '@headwater/client';
import { HeadwaterError, type JsonObject } from '@headwater/schemas/protocol';
import type { Io } from './command.ts';
import { readConnectionFile } from './connection-file.ts';
import { requireConnection } from './find-connection.ts';

/**
 * Connects as a service does, with its own credentials, and sees what it sees; its secrets stay masked.
 * @param given Path of the connection file; without it the one that `enroll` wrote on this machine.
 * @throws HeadwaterError `HW_USAGE` when there is no such file or it is of another service, and as `connect`.
 */
export async function connectAsService(
  io: Io,
  service: string,
  env: string,
  given: string | undefined,
): Promise<HeadwaterClient<JsonObject>> {
  const file = await requireConnection(io, service, env, given);
  const found = await readConnectionFile(io, file);
  if (found.service !== service || found.env !== env) {
    throw new HeadwaterError('HW_USAGE', {
      message: `${file} is of ${found.service} in ${found.env}, not of ${service} in ${env}`,
      hint: 'Give the connection file of that service and environment.',
    });
  }
  // Loaded only here: no other command needs the client and its MQTT library.
  const { connect } = await import('@headwater/client');
  // Only where copies lie is taken from the environment: an override in this shell is none of the service's.
  const environment = Object.fromEntries(Object.entries(io.env).filter(([name]) => name.startsWith('XDG_')));
  const connection = resolve(io.cwd, file);
  return io.out.progress('Waiting for the config', connect({ connection, log: null, environment }));
}
