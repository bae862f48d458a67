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
  /** `.sops.yaml` of the tree, when there are secrets: they are judged by it, but it is no input, and moves no service epoch. */
  readonly creationRules: FileState | null;
  /** Secrets files that share their data key with another file of the tree → that file. */
  readonly copies: ReadonlyMap<string, string>;
  /** Equal keys, equal verdicts: `key` and all that the verdict looks at beside the inputs. */
  readonly verdictKey: string;
}
