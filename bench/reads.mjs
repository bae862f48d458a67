// Question: what does using the client cost a service: reading a setting, and taking in a change?
import { join } from 'node:path';
import { captureDiff } from './support/capture.mjs';
import { sleep } from './support/clock.mjs';
import {
  configPath,
  configText,
  makeRepository,
  openWriter,
  serviceName,
  startDaemon,
} from './support/headwater.mjs';
import { startChild } from './support/processes.mjs';
import { summarize } from './support/stats.mjs';

export const title = 'reading a setting, opening a message';

/** @param {import('./run.mjs').Context} context */
export async function measure({ folder, progress }) {
  const repository = await makeRepository(folder, 2);
  const daemon = await startDaemon(folder, repository);
  const { file, connection } = await daemon.enroll(serviceName(0));
  const captured = await captureDiff(connection);
  const writer = await openWriter(repository);
  writer.commit({ [configPath(serviceName(0))]: configText(2) });
  const message = (await captured.message).toString('base64');
  await sleep(100);
  progress('reading');
  const reader = startChild('reads', { connection: file, cacheDir: join(folder, 'cache'), message });
  const { nsPerRead, bytesPerRead, handling } = await reader.next('measured');
  await reader.stop();
  await daemon.stop();
  return {
    read: summarize(nsPerRead),
    bytesPerRead,
    native: summarize(handling.native),
    noble: summarize(handling.noble),
  };
}
