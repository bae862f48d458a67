/**
 * One environment along the first-parent line. At every commit it first observes (what do this commit's files say?) and then
 * settles (what of that goes live?). All of it is a pure function of the history; spec: docs/protocol.md §10.
 */
import { maxRecentEpochs, maxRecentServices, type RecentEpoch } from '@headwater/schemas/protocol';
import type { Finding } from '../core/finding.ts';
import type { ServiceInputs } from '../core/inputs.ts';
import type { ResolvedService, ServiceJudgement } from '../core/judgement.ts';
import type { ApprovedBase } from './approved-base.ts';
import type { EnvironmentPast } from './environment-past.ts';
import type { CommitPlace } from './place.ts';
import { removalFinding } from './removal-guard.ts';

/** A service as it runs: what goes into its snapshot. */
export interface LiveService {
  readonly inputs: ServiceInputs;
  readonly resolved: ResolvedService;
  /** Service epoch: the newest commit that changed one of its inputs. */
  readonly epoch: CommitPlace;
  /** `Headwater-Request-Id` of that commit, when this engine saw it. */
  readonly requestId: string | undefined;
}

/** A service as the newest commit has it, valid or not. */
export interface TipService {
  readonly inputs: ServiceInputs;
  readonly judgement: ServiceJudgement;
  readonly epoch: CommitPlace;
  readonly requestId: string | undefined;
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

/** What the policy says of one commit in one environment. */
export interface PolicyVerdict {
  /** Errors: the policy is not kept. */
  readonly blocking: readonly Finding[];
  /** False when the commit does not declare the environment and may not remove it either. */
  readonly isDeclared: boolean;
}

const policyKept: PolicyVerdict = { blocking: [], isDeclared: true };

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
  /** Where services left that are not live: where their tombstones belong, whatever came or comes after. */
  readonly gone: Map<string, CommitPlace>;
  /** The newest approved commit; `null` as long as nothing is protected anywhere. */
  base: ApprovedBase | null = null;
  /** Services whose tip may differ from what is live. */
  readonly #pending = new Set<string>();
  readonly #changed = new Set<string>();
  readonly #maxRecent: number;
  /** Epochs still to come before nothing is left in `recent` that was not seen. */
  #unknownRecent = 0;
  readonly #invalid = new Set<string>();
  /** Since when each reason holds: the commit to undo is the one that brought it, not the one that began the wait. */
  #blockedSince: ReadonlyMap<string, CommitPlace> = new Map();
  #countAtValid = 0;
  #allowedRemovals = 0;

  /** @param gone Where services left when the environment was declared before. */
  constructor(env: string, gone: ReadonlyMap<string, CommitPlace> = new Map(), maxRecent = maxRecentEpochs) {
    this.env = env;
    this.gone = new Map(gone);
    this.#maxRecent = maxRecent;
  }

  /** Takes in what a commit says about one service; `inputs` is `null` when the service is not in this environment. */
  observe(
    place: CommitPlace,
    service: string,
    inputs: ServiceInputs | null,
    judgement: ServiceJudgement | null,
    requestId?: string,
  ): void {
    this.#pending.add(service);
    this.#invalid.delete(service);
    this.base?.note(service, this.tip.get(service)?.inputs.key ?? null, inputs?.key ?? null);
    if (!inputs || !judgement) {
      if (this.tip.delete(service)) this.gone.set(service, place);
      return;
    }
    const before = this.tip.get(service);
    const stayed = before?.inputs.key === inputs.key ? before : { epoch: place, requestId };
    this.tip.set(service, { inputs, judgement, epoch: stayed.epoch, requestId: stayed.requestId });
    if (!judgement.resolved) this.#invalid.add(service);
  }

  /** False when it began in the middle of history, and `recent` goes back that far. */
  get knowsRecent(): boolean {
    return this.#unknownRecent <= 0;
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
  settle(place: CommitPlace, structure: Structure, policy: PolicyVerdict = policyKept): void {
    this.#allowedRemovals = Math.max(this.#allowedRemovals, structure.allowedRemovals);
    const invalid = this.#invalidNow(structure);
    // Without readable settings, or a place in them, nobody can say which services an environment has: nothing was removed.
    const removal =
      this.epoch && structure.atomicity !== null && policy.isDeclared
        ? removalFinding(this.env, this.#countAtValid, this.tip.size, this.#allowedRemovals)
        : null;
    const blocking = [...structure.blocking, ...policy.blocking, ...(removal ? [removal] : [])];
    const isWhole = blocking.length === 0 && invalid.size === 0;
    if (policy.blocking.length > 0) {
      // Whoever may not change the environment does not change how it is judged either.
    } else if (structure.atomicity === 'service') this.mode = 'service';
    else if (structure.atomicity === 'environment' && isWhole) this.mode = 'environment';
    if (blocking.length === 0 && (isWhole || this.mode === 'service')) this.#goLive(place, invalid);
    this.held = this.#listHeld(blocking, invalid, structure, place);
  }

  /** The environment is no longer declared at `place`: where each of its services left, for the next time it is. */
  close(place: CommitPlace): ReadonlyMap<string, CommitPlace> {
    for (const service of new Set([...this.live.keys(), ...this.tip.keys()])) {
      if (this.tip.has(service) || !this.gone.has(service)) this.gone.set(service, place);
    }
    return this.gone;
  }

  /** Starts from a commit that is known to be valid as a whole, with the service epochs found in its history. */
  adopt(place: CommitPlace, structure: Structure, past: EnvironmentPast): void {
    for (const [service, tip] of this.tip)
      this.tip.set(service, { ...tip, epoch: past.epochs.get(service) ?? tip.epoch });
    this.mode = structure.atomicity ?? 'environment';
    this.gone.clear();
    for (const [service, left] of past.gone) this.gone.set(service, left);
    this.#goLive(place, new Set());
    // What moved here depends on a commit before, which was not looked at: whoever reads this looks for himself.
    this.recent = [{ ...place, services: '*' }];
    this.#unknownRecent = this.#maxRecent;
  }

  #invalidNow(structure: Structure): Set<string> {
    const invalid = new Set(this.#invalid);
    for (const service of structure.byService.keys()) if (this.tip.has(service)) invalid.add(service);
    return invalid;
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
        continue;
      }
      this.gone.delete(service);
      if (live?.inputs.key === tip.inputs.key && live.epoch.commit === tip.epoch.commit) continue;
      const { inputs, epoch, requestId } = tip;
      this.live.set(service, { inputs, resolved: tip.judgement.resolved, epoch, requestId });
      moved.set(service, epoch.seq);
    }
    for (const service of moved.keys()) this.#changed.add(service);
    this.epoch = place;
    this.#countAtValid = this.tip.size;
    this.#allowedRemovals = 0;
    this.recent = [recentEntry(place, moved), ...this.recent].slice(0, this.#maxRecent);
    this.#unknownRecent--;
  }

  #listHeld(
    blocking: readonly Finding[],
    invalid: ReadonlySet<string>,
    structure: Structure,
    place: CommitPlace,
  ): HeldItem[] {
    const since = new Map<string, CommitPlace>();
    const sinceOf = (reason: string): CommitPlace => {
      const at = this.#blockedSince.get(reason) ?? place;
      since.set(reason, at);
      return at;
    };
    const whole = blocking.map((finding) => {
      const { code, file, pointer } = finding;
      return { service: '*', since: sinceOf(['*', code, file, pointer].join('\n')), finding };
    });
    const single = [...invalid].sort().flatMap((service) => {
      const findings = [
        ...(structure.byService.get(service) ?? []),
        ...(this.tip.get(service)?.judgement.findings ?? []),
      ];
      const finding = findings.find((one) => one.severity === 'error');
      return finding ? [{ service, since: sinceOf(service), finding }] : [];
    });
    this.#blockedSince = since;
    return [...whole, ...single];
  }
}

/** One entry of a statement's `recent`: the services that moved at a commit, with their seq. */
function recentEntry(place: CommitPlace, moved: ReadonlyMap<string, number>): RecentEpoch {
  return { ...place, services: moved.size > maxRecentServices ? '*' : Object.fromEntries(moved) };
}
