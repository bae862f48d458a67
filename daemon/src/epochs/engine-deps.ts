import type { ServiceInputs } from '../core/inputs.ts';
import type { ServiceJudgement } from '../core/judgement.ts';
import type { RepoIndex } from '../core/repo-index.ts';
import type { ObjectReader } from '../ports.ts';
import type { RepositoryRules } from './structure.ts';

/** What the epoch engine needs: a reader of history, an index of trees, and a judge of inputs. */
export interface EngineDeps {
  readonly reader: ObjectReader;
  readonly createIndex: () => Promise<RepoIndex>;
  readonly judge: (inputs: ServiceInputs) => Promise<ServiceJudgement>;
  readonly rules: RepositoryRules;
}
