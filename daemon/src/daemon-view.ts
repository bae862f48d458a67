/** The running daemon as its HTTP API sees it. */
import {
  eachSetting,
  type Health,
  type JsonObject,
  readSettings,
  valueAt,
} from '@headwater/schemas/protocol';
import { BoundedCache } from './core/bounded-cache.ts';
import type { ReadBlob } from './core/files.ts';
import type { ServiceInputs } from './core/inputs.ts';
import type { ResolvedService } from './core/judgement.ts';
import { parseConfig } from './core/parse-config.ts';
import { resolveConfig } from './core/resolve.ts';
import { waysOut } from './environment-reports.ts';
import type { EnvironmentTrack, HeldItem, LiveService } from './epochs/environment-track.ts';
import type { EpochEngine } from './epochs/epoch-engine.ts';
import type { EraSource } from './epochs/era.ts';
import { epochAt } from './epochs/place.ts';
import type { Receipts } from './receipts.ts';
import type { DaemonView, EnvironmentView, HeldView, ServiceSummary, ServiceView } from './view.ts';

export interface DaemonViewDeps {
  readonly deployment: string;
  readonly era: EraSource;
  readonly engine: () => EpochEngine | null;
  readonly receipts: Receipts;
  readonly readBlob: ReadBlob;
  readonly health: () => Health;
}

/** Most entries of a held list that is shown. */
const maxShownHeld = 100;

export function createDaemonView(deps: DaemonViewDeps): DaemonView {
  const track = (env: string) => deps.engine()?.environments.get(env);
  const known: FileViews = new BoundedCache(maxFileViews);
  return {
    deployment: deps.deployment,
    health: deps.health,
    environments: () => [...(deps.engine()?.environments.keys() ?? [])],
    environment(env) {
      const found = track(env);
      return found ? environmentView(found, deps) : null;
    },
    services(env) {
      const found = track(env);
      return found ? serviceSummaries(found, deps) : [];
    },
    async service(env, service) {
      const found = track(env);
      const live = found?.live.get(service);
      return found && live ? serviceView(found, live, deps, known) : null;
    },
  };
}

function environmentView(track: EnvironmentTrack, deps: DaemonViewDeps): EnvironmentView {
  const engine = deps.engine();
  const at = engine?.at ?? null;
  return {
    env: track.env,
    epoch: track.epoch && epochAt(track.epoch, deps.era.current),
    status: statusOf(track),
    tip: at && { commit: at.commit, seq: at.seq },
    held: track.held.slice(0, maxShownHeld).map(heldView),
    heldTotal: track.held.length,
    policy: {
      protected: engine?.protects(track.env) ?? false,
      review: engine?.policy.review ?? 'headwater',
      signedCommits: engine?.policy.signedCommits ?? 'off',
    },
    warnings: (engine?.warnings ?? []).map(({ place, finding: { code, message, hint } }) => ({
      ...{ commit: place.commit, code, message, hint },
    })),
  };
}

/** An environment in one word. */
export function statusOf(track: EnvironmentTrack): EnvironmentView['status'] {
  if (!track.epoch) return 'never-valid';
  return track.held.length > 0 ? 'degraded' : 'ok';
}

function heldView(item: HeldItem): HeldView {
  const { code, pointer, file, line, message } = item.finding;
  return {
    service: item.service,
    since: item.since.commit,
    code,
    pointer,
    file,
    ...(line === undefined ? {} : { line }),
    message,
    hint: waysOut(item),
  };
}

function serviceSummaries(track: EnvironmentTrack, deps: DaemonViewDeps): ServiceSummary[] {
  const counts = deps.receipts.connectedCounts(track.env);
  const held = new Set(track.held.map((item) => item.service));
  return [...track.live]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([service, live]) => {
      const { owner, tags } = rootAnnotations(live.resolved.schemaDocument);
      return {
        service,
        folder: live.inputs.folder,
        epoch: epochAt(live.epoch, deps.era.current),
        digest: live.resolved.digest,
        ...(owner === undefined ? {} : { owner }),
        tags,
        held: held.has(service) || held.has('*'),
        clients: counts.get(service) ?? 0,
        ...(live.resolved.secrets?.recipients.length === 0 ? ({ undelivered: true } as const) : {}),
      };
    });
}

function rootAnnotations(schema: JsonObject): { owner: string | undefined; tags: readonly string[] } {
  const owner = valueAt(schema, '/x-hw/owner');
  const tags = valueAt(schema, '/x-hw/tags');
  return {
    owner: typeof owner === 'string' ? owner : undefined,
    tags: Array.isArray(tags) ? tags.filter((tag) => typeof tag === 'string') : [],
  };
}

async function serviceView(
  track: EnvironmentTrack,
  live: LiveService,
  deps: DaemonViewDeps,
  known: FileViews,
): Promise<ServiceView> {
  const { service } = live.inputs;
  const tip = track.tip.get(service);
  const item =
    track.held.find((one) => one.service === service) ?? track.held.find((one) => one.service === '*');
  return {
    service,
    env: track.env,
    epoch: epochAt(live.epoch, deps.era.current),
    tipEpoch: epochAt(tip?.epoch ?? live.epoch, deps.era.current),
    schema: live.resolved.schemaDocument,
    config: live.resolved.config,
    ...(await fileViewOf(live, tip?.inputs ?? live.inputs, deps, known)),
    ...(item ? { held: heldView(item) } : {}),
    clients: deps.receipts.of(track.env, service),
  };
}

/** What of a view is a function of files alone. */
type FileView = Pick<ServiceView, 'layers' | 'origins' | 'secrets'>;

/** By environment and service: the newest one that was asked for, with the inputs that it was made of. */
type FileViews = BoundedCache<{ readonly made: string; readonly view: FileView }>;

/** Pages ask again and again for the same service, and reading its files takes ten times as long as all the rest. */
const maxFileViews = 1_000;

async function fileViewOf(
  live: LiveService,
  tip: ServiceInputs,
  { readBlob }: DaemonViewDeps,
  known: FileViews,
): Promise<FileView> {
  const place = `${live.inputs.env}/${live.inputs.service}`;
  const made = `${live.inputs.key}\n\n${tip.key}`;
  const cached = known.get(place);
  if (cached?.made === made) return cached.view;
  const schema = live.resolved.schemaDocument;
  const layers = await readLayers(tip, readBlob);
  const { origins } = resolveConfig(schema, await readLayers(live.inputs, readBlob));
  const view = {
    layers: { defaults: resolveConfig(schema, []).config, ...mergeByLayer(layers) },
    origins: Object.fromEntries(origins),
    secrets: secretPresence(live.resolved),
  };
  known.set(place, { made, view });
  return view;
}

interface LayerValue {
  readonly layer: string;
  readonly value: JsonObject;
}

async function readLayers(inputs: ServiceInputs, readBlob: ReadBlob): Promise<LayerValue[]> {
  const layers: LayerValue[] = [];
  for (const { layer, oid } of inputs.layers) {
    const parsed = parseConfig(await readBlob(oid, maxLayerBytes));
    // A layer that cannot be parsed is shown as held, with its place; here it simply has no values.
    layers.push({ layer, value: 'value' in parsed ? parsed.value : {} });
  }
  return layers;
}

/** The index refuses larger files before they get here. */
const maxLayerBytes = 512 * 1024;

/** Several shared files of one name (group and subgroup) are shown as one layer, the inner one on top. */
function mergeByLayer(layers: readonly LayerValue[]): Record<string, JsonObject> {
  const merged: Record<string, JsonObject> = {};
  for (const { layer, value } of layers) merged[layer] = { ...merged[layer], ...value };
  return merged;
}

/** Of secrets it is shown which are set, and since when at the latest: a file has one time for all of them. */
function secretPresence({ schemaDocument, secrets }: ResolvedService): ServiceView['secrets'] {
  const settings = [...eachSetting(readSettings(schemaDocument))].filter(
    ({ annotations }) => annotations.secret,
  );
  const presence = settings.map(({ pointer }) => {
    const place = secrets?.values.get(pointer);
    const changedAt = place?.changedAt ?? null;
    return [pointer, { set: place !== undefined, ...(changedAt === null ? {} : { changedAt }) }] as const;
  });
  return Object.fromEntries(presence);
}
