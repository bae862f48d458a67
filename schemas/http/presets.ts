import type { DryRun, EditResult } from './edits.ts';
import type { PersonName } from './history.ts';

/** When something was done last, and by whom. */
export interface DoneBy {
  readonly commit: string;
  /** RFC 3339. */
  readonly time: string;
  readonly author: PersonName;
}

/** An entry of `GET /api/v1/presets`, in the order of their names. */
export interface PresetSummary {
  readonly name: string;
  readonly title?: string;
  /** Services it has values of, of those that the caller may see. */
  readonly services: readonly string[];
  /** Who saved it last; absent when the history does not reach back so far. */
  readonly saved?: DoneBy;
}

export interface PresetList {
  readonly presets: readonly PresetSummary[];
}

/** `GET /api/v1/presets/:name`: values by service, never a secret. */
export interface PresetDocument extends Omit<PresetSummary, 'services'> {
  readonly services: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** `PUT /api/v1/presets/:name`: values as given, or all values that are live in an environment. Exactly one of `services`, `from`. */
export interface PresetWrite {
  readonly title?: string;
  readonly services?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly from?: {
    readonly env: string;
    /** Default: every service that the caller sees there. */
    readonly services?: readonly string[];
  };
  readonly message?: string;
}

/** `POST /api/v1/presets/:name/activate` and `POST /api/v1/import` write what differs into one layer, in one commit. */
export interface PresetActivation {
  /** "base" or an environment. */
  readonly layer: string;
  readonly message?: string;
}

/** `POST /api/v1/import`: values by service. A document of `GET /api/v1/export` fits as it is. */
export interface ImportRequest extends PresetActivation {
  readonly services: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** One setting that a preset, an import or a promotion would change. */
export interface ValueDifference {
  readonly service: string;
  readonly pointer: string;
  /** Absent: it is not there now. */
  readonly from?: unknown;
  /** Absent: it goes away. */
  readonly to?: unknown;
  /** Who changed it after the preset was saved; absent when nobody did. */
  readonly changed?: DoneBy;
}

/** What values mean for a layer. */
export interface ValuesOutcome {
  /** Not more than 1,000. */
  readonly differences: readonly ValueDifference[];
  readonly more: { readonly differences: number };
  /** Services that have values and are not there (any more): they are left out. */
  readonly missing: readonly string[];
}

export type ValuesResult = EditResult & ValuesOutcome;
export type ValuesDryRun = DryRun & ValuesOutcome;
