// `make stop`: ends a running demo and waits until it is gone.
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { data, forgetDemo, runningDemo } from './demo.mjs';

const pids = [runningDemo(), daemonPid()].filter((pid) => pid !== null);
if (pids.length === 0) console.log('the demo does not run');
for (const pid of pids) await end(pid);
forgetDemo();

/** The daemon of a demo whose other parts were killed. */
function daemonPid() {
  const file = `${data}/daemon.json`;
  if (!existsSync(file)) return null;
  const { pid } = JSON.parse(readFileSync(file, 'utf8'));
  return isAlive(pid) ? pid : null;
}

async function end(pid) {
  if (!isAlive(pid)) return;
  process.kill(pid, 'SIGTERM');
  for (let waited = 0; isAlive(pid); waited += 50) {
    if (waited > 10_000) process.kill(pid, 'SIGKILL');
    await delay(50);
  }
  console.log(`process ${pid} stopped`);
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
