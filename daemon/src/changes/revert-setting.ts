import type { RevertSetting } from '@headwater/schemas/http';
import { equalValues, HeadwaterError, type JsonValue, valueAt } from '@headwater/schemas/protocol';
import { editTarget } from '../editing/edit-target.ts';
import { readVersion } from '../editing/read-version.ts';
import type { FileState } from '../ports.ts';
import type { Sight } from '../timeline/history.ts';
import type { ChangePlan, PlanDeps } from './change-plan.ts';
import { LayerDocuments } from './layer-documents.ts';
import { newest } from './newest.ts';

/**
 * Takes one setting of one layer back to its value at a commit or time, or to the value before its last change.
 * @throws HeadwaterError `HW_NOT_FOUND`: no such service, layer or commit, or the setting never had another value there.
 */
export async function revertSetting(
  { service, pointer, layer, to }: RevertSetting,
  sight: Sight,
  deps: PlanDeps,
): Promise<ChangePlan> {
  const at = newest(deps);
  const { path } = editTarget(at.index, service, layer);
  const commit = to === undefined ? null : await deps.history.commitOf(to, sight);
  const value =
    commit === null
      ? await valueBefore(path, pointer, deps)
      : await valueIn((await deps.reader.findFiles(commit, [path])).get(path), pointer, deps);
  const documents = new LayerDocuments(at, deps);
  await documents.load([{ service, layer }]);
  documents.set({ service, layer }, pointer, value);
  const place = layer === 'base' ? service : `${service} (${layer})`;
  const when = commit === null ? '' : ` as it was at ${commit.slice(0, 7)}`;
  return {
    base: at.commit,
    files: documents.changes(),
    message: `Take back ${pointer.slice(1)} of ${place}${when}`,
  };
}

/** The value that the last change of a setting replaced. */
async function valueBefore(path: string, pointer: string, deps: PlanDeps): Promise<JsonValue | undefined> {
  const line = await deps.history.line();
  for (const { changes } of line?.newestFirst() ?? []) {
    const own = changes.find((change) => change.path === path);
    if (!own) continue;
    const [before, after] = [await valueIn(own.from, pointer, deps), await valueIn(own.to, pointer, deps)];
    if (!isSame(before, after)) return before;
  }
  throw new HeadwaterError('HW_NOT_FOUND', {
    message: `${pointer} was never changed in ${path}`,
    hint: 'The history of a setting says where its value comes from: headwater why.',
  });
}

async function valueIn(
  file: FileState | undefined | null,
  pointer: string,
  { readBlob }: PlanDeps,
): Promise<JsonValue | undefined> {
  const version = await readVersion(file ?? undefined, readBlob);
  // A file that could not be read had no value for anybody.
  return version.kind === 'document' ? (valueAt(version.value, pointer) as JsonValue | undefined) : undefined;
}

const isSame = (a: JsonValue | undefined, b: JsonValue | undefined): boolean =>
  a === undefined || b === undefined ? a === b : equalValues(a, b);
