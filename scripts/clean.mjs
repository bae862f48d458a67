import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
for (const place of ['schemas', 'client', 'daemon', 'web', 'tests']) {
  rmSync(`${root}${place}/dist`, { recursive: true, force: true });
  rmSync(`${root}${place}/tsconfig.tsbuildinfo`, { force: true });
}
rmSync(`${root}coverage`, { recursive: true, force: true });
rmSync(`${root}bench/results`, { recursive: true, force: true });
