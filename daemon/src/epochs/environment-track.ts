/**
 * One environment along the first-parent line. At every commit it first observes (what do this commit's files say?) and then
 * settles (what of that goes live?). All of it is a pure function of the history; spec: docs/protocol.md §10.
 */
import type { RecentEpoch } from '@headwater/schemas/protocol';
import { maxRecentEpochs, maxRecentServices } from '@headwater/schemas/protocol';
import type { Finding } from '../core/finding.ts';
import type { ServiceInputs } from '../core/inputs.ts';
import type { ResolvedService, ServiceJudgement } from '../core/judgement.ts';
import type { CommitPlace } from './place.ts';
import { removalFinding } from './removal-guard.ts';

/** A service as it runs: what goes into its snapshot. */
export interface LiveService {
  readonly inputs: ServiceInputs;
  readonly resolved: ResolvedService;
  /** Service epoch: the newest commit that changed one of its inputs. */
  readonly epoch: CommitPlace;
}

/** A service as the newest commit has it, valid or not. */
export interface TipService {
  readonly inputs: ServiceInputs;
  readonly judgement: ServiceJudgement;
  readonly epoch: CommitPlace;
}

/** One reason why something waits. */
export interface HeldItem {
  /** Service name, or "*" for the whole environment. */
  readonly service: string;
  readonly since: CommitPlace;
  readonly finding: Finding;
}

/** What the structure of a commit's tree says, before any config is resolved. */
export interface Structure {
  /** Errors that concern no single service: they hold every environment. */
  readonly blocking: readonly Finding[];
  readonly byService: ReadonlyMap<string, readonly Finding[]>;
  /** As `headwater.json` asks; `null` when that file cannot be read. */
  readonly atomicity: 'environment' | 'service' | null;
  /** Services that the commit's trailers allow to disappear. */
  readonly allowedRemovals: number;
}

export class EnvironmentTrack {
  readonly env: string;
  /** Environment epoch, `null` as long as nothing was ever valid. */
  epoch: CommitPlace | null = null;
  /** Atomicity in force. Switching back to `environment` takes effect at the first commit valid as a whole. */
  mode: 'environment' | 'service' = 'environment';
  held: readonly HeldItem[] = [];
  /** Newest first. */
  recent: readonly RecentEpoch[] = [];
  readonly live = new Map<string, LiveService>();
  readonly tip = new Map<string, TipService>();
  /** Where services left the tree that are not there now. */
  readonly gone = new Map<string, CommitPlace>();
  /** Services whose tip may differ from what is live. */
  readonly #pending = new Set<string>();
  readonly #changed = new Set<string>();
  readonly #invalid = new Set<string>();
  readonly #invalidSince = new Map<string, CommitPlace>();
  #heldSince: CommitPlace | null = null;
  #countAtValid = 0;
  #allowedRemovals = 0;

  constructor(env: string) {
    this.env = env;
  }

  /** Takes in what a commit says about one service; `inputs` is `null` when the service is not in this environment. */
  observe(
    place: CommitPlace,
    service: string,
    inputs: ServiceInputs | null,
    judgement: ServiceJudgement | null,
  ): void {
    this.#pending.add(service);
    this.#invalid.delete(service);
    if (!inputs || !judgement) {
      if (this.tip.delete(service)) this.gone.set(service, place);
      return;
    }
    this.gone.delete(service);
    const before = this.tip.get(service);
    const epoch = before?.inputs.key === inputs.key ? before.epoch : place;
    this.tip.set(service, { inputs, judgement, epoch });
    if (!judgement.resolved) this.#invalid.add(service);
  }

  /** Services whose live state changed since the last call. */
  takeChanged(): ReadonlySet<string> {
    const changed = new Set(this.#changed);
    this.#changed.clear();
    return changed;
  }

  /** True when nothing observed at this commit is an error. The removal guard is not part of it. */
  isWhole(structure: Structure): boolean {
    return structure.blocking.length === 0 && this.#invalidNow(structure).size === 0;
  }

  /** Decides what of the observed commit goes live. */
  settle(place: CommitPlace, structure: Structure): void {
    this.#allowedRemovals = Math.max(this.#allowedRemovals, structure.allowedRemovals);
    const invalid = this.#invalidNow(structure);
    const removal =
      this.epoch && removalFinding(this.env, this.#countAtValid, this.tip.size, this.#allowedRemovals);
    const blocking = removal ? [...structure.blocking, removal] : structure.blocking;
    const isWhole = blocking.length === 0 && invalid.size === 0;
    if (structure.atomicity === 'service') this.mode = 'service';
    else if (structure.atomicity === 'environment' && isWhole) this.mode = 'environment';
    this.#trackInvalid(place, invalid);
    const moves = blocking.length === 0 && (isWhole || this.mode === 'service');
    this.#heldSince = moves ? null : (this.#heldSince ?? place);
    if (moves) this.#goLive(place, invalid);
    this.held = this.#listHeld(blocking, invalid, structure, place);
  }

  /** Starts from a commit that is known to be valid as a whole, with the service epochs found in its history. */
  adopt(place: CommitPlace, structure: Structure, epochs: ReadonlyMap<string, CommitPlace>): void {
    for (const [service, tip] of this.tip)
      this.tip.set(service, { ...tip, epoch: epochs.get(service) ?? tip.epoch });
    this.mode = structure.atomicity ?? 'environment';
    this.#goLive(place, new Set());
    this.recent = [];
  }

  #invalidNow(structure: Structure): Set<string> {
    const invalid = new Set(this.#invalid);
    for (const service of structure.byService.keys()) if (this.tip.has(service)) invalid.add(service);
    return invalid;
  }

  #trackInvalid(place: CommitPlace, invalid: ReadonlySet<string>): void {
    for (const service of this.#invalidSince.keys())
      if (!invalid.has(service)) this.#invalidSince.delete(service);
    for (const service of invalid)
      if (!this.#invalidSince.has(service)) this.#invalidSince.set(service, place);
  }

  #goLive(place: CommitPlace, invalid: ReadonlySet<string>): void {
    const moved = new Map<string, number>();
    for (const service of this.#pending) {
      if (invalid.has(service)) continue; // stays pending: it waits for itself alone
      this.#pending.delete(service);
      const tip = this.tip.get(service);
      const live = this.live.get(service);
      if (!tip?.judgement.resolved) {
        if (this.live.delete(service)) moved.set(service, this.gone.get(service)?.seq ?? place.seq);
      } else if (live?.inputs.key !== tip.inputs.key || live.epoch.commit !== tip.epoch.commit) {
        this.live.set(service, { inputs: tip.inputs, resolved: tip.judgement.resolved, epoch: tip.epoch });
        moved.set(service, tip.epoch.seq);
      }
    }
    for (const service of moved.keys()) this.#changed.add(service);
    this.epoch = place;
    this.#countAtValid = this.tip.size;
    this.#allowedRemovals = 0;
    const services: RecentEpoch['services'] =
      moved.size > maxRecentServices ? '*' : Object.fromEntries(moved);
    this.recent = [{ ...place, services }, ...this.recent].slice(0, maxRecentEpochs);
  }

  #listHeld(
    blocking: readonly Finding[],
    invalid: ReadonlySet<string>,
    structure: Structure,
    place: CommitPlace,
  ): HeldItem[] {
    const since = this.#heldSince ?? place;
    const whole = blocking.map((finding) => ({ service: '*', since, finding }));
    const single = [...invalid].sort().flatMap((service) => {
      const findings = [
        ...(structure.byService.get(service) ?? []),
        ...(this.tip.get(service)?.judgement.findings ?? []),
      ];
      const finding = findings.find((one) => one.severity === 'error');
      const from = this.#heldSince ?? this.#invalidSince.get(service) ?? place;
      return finding ? [{ service, since: from, finding }] : [];
    });
    return [...whole, ...single];
  }
}
