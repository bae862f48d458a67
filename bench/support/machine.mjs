import { cpus, release, totalmem } from 'node:os';

/** What the numbers were measured on. */
export function machine() {
  const [cpu] = cpus();
  const memory = `${Math.round(totalmem() / 2 ** 30)} GB`;
  return {
    date: new Date().toISOString().slice(0, 10),
    text: `${cpus().length} × ${cpu?.model.trim()}, ${memory}, Linux ${release()} ${process.arch}, Node ${process.versions.node}, loopback`,
  };
}
