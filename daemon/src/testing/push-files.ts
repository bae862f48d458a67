/** A small config repository for pushes: services `s0`, `s1`, …, each a schema and a config file, in `dev` and `prod`. */
import { type Clone, type PushScene, startPushScene } from './push-scene.ts';

const settings = `${JSON.stringify({ headwater: 1, deployment: 'tars', environments: ['dev', 'prod'] }, null, 2)}\n`;
export const serviceSchema = JSON.stringify({
  type: 'object',
  properties: { level: { type: 'integer', maximum: 10 }, note: { type: 'string', maxLength: 20 } },
});
/** Config of a service; good up to level 10. */
export const config = (level: number): string => `{\n  "level": ${level}\n}\n`;

export function services(count: number, level: (i: number) => number = () => 1): Record<string, string> {
  const files: Record<string, string> = { 'headwater.json': settings };
  for (let i = 0; i < count; i++) {
    files[`schemas/s${i}.schema.json`] = serviceSchema;
    files[`services/s${i}/config.json`] = config(level(i));
  }
  return files;
}

export const first = 'services/s0/config.json';

/** A scene with these files, two services by default, and a clone to push from. */
export async function startPushing(
  files: Record<string, string> = services(2),
): Promise<{ scene: PushScene; clone: Clone }> {
  const scene = await startPushScene({ files });
  return { scene, clone: await scene.clone('clone') };
}
