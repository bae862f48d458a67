import type { FileState } from '../ports.ts';

/** One file of a resolved config, in the order they are merged. */
export interface LayerFile extends FileState {
  readonly path: string;
  /** "shared", "shared.<env>", "base" or the environment's name: what people see as the origin of a value. */
  readonly layer: string;
}

/** Everything that (service, environment) is made of: its config is a pure function of this. */
export interface ServiceInputs {
  readonly service: string;
  readonly env: string;
  /** Environments from the root of `extends` down to `env`. */
  readonly chain: readonly string[];
  /** Folder of the service, for example "services/speech/stt-worker". */
  readonly folder: string;
  /** `null`: the schema is missing. */
  readonly schema: (FileState & { readonly path: string }) | null;
  /** Shared files first (only when the schema marks some property `x-hw.shared`), then base, then overlays. */
  readonly layers: readonly LayerFile[];
  /** Secrets files in layer order. */
  readonly secrets: readonly LayerFile[];
  /** The recipients file in force for this environment. */
  readonly recipients: LayerFile | null;
  /** Equal keys, equal inputs: paths, ids, modes, environment chain and the number in `"headwater": 1`. */
  readonly key: string;
}
