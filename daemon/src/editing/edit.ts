/** What is asked of the editor, and what it answers. */
import type { Conflict, EditResult, ServiceChange, SettingProblem } from '@headwater/schemas/http';
import type { JsonObject } from '@headwater/schemas/protocol';
import type { CandidateVerdict } from '../gate/candidate-judge.ts';
import type { CommitId, ObjectId, TreeChange } from '../ports.ts';

/** One change, of any number of files: it becomes one commit, or nothing. */
export interface EditRequest {
  /** Whose change it is: the author of the commit. */
  readonly actor: { readonly name: string; readonly email: string };
  readonly message: string;
  /** Commit that the author looked at; `null` = nothing was there. */
  readonly base: CommitId | null;
  readonly files: readonly FileChange[];
  /** Trailer `Headwater-Request-Id`. */
  readonly requestId: string;
  /** More trailers of the commit, in order. */
  readonly trailers?: readonly Trailer[];
  /**
   * Approves the very commit that is about to be made, for changes of protected environments. Asked again when the branch moved: an
   * approval that was given for another parent or tree may be refused by throwing.
   */
  readonly approve?: (change: { readonly parent: CommitId; readonly tree: ObjectId }) => Trailer;
  /** Told of all that the change reaches before anything is written or answered, and again when the branch moved: refuses by throwing. */
  readonly mayReach?: (reach: EditReach) => void;
}

/** What a change comes to on the newest commit. */
export interface EditReach {
  readonly changes: readonly TreeChange[];
  readonly affected: CandidateVerdict['affected'];
}

export type Trailer = readonly [key: string, value: string];

/** What the author wants of one file; a path occurs once in a request. */
export type FileChange =
  /** The whole document, notes included, made from the file at `base`; `null` removes it. Merged setting by setting. */
  | { readonly kind: 'json'; readonly path: string; readonly desired: JsonObject | null }
  /** A file of a branch, as `git merge` takes it: JSON is merged by settings and keeps its author's spelling. `null` removes it. */
  | { readonly kind: 'file'; readonly path: string; readonly content: Uint8Array | null }
  /** Bytes that nobody can merge: they are taken only while the file is what it was at `base`. `null` removes it. */
  | { readonly kind: 'bytes'; readonly path: string; readonly content: Uint8Array | null };

/** A place that the author and the branch changed, each in their own way. `ours` is the author's, `theirs` the branch's. */
export type FileConflict = Conflict;

export interface EditOutcome extends EditResult {
  /** Everything that the change reaches, also where it waits. */
  readonly changes: readonly ServiceChange[];
}

/** What an edit would do, whatever it is. */
export interface EditPreview {
  readonly changes: readonly ServiceChange[];
  /** Reasons to refuse it. */
  readonly problems: readonly SettingProblem[];
  readonly warnings: readonly SettingProblem[];
  readonly conflicts: readonly FileConflict[];
  readonly merged: boolean;
  /** False: everything is like that already. */
  readonly changed: boolean;
  /** Protected environments that it reaches. */
  readonly protected: readonly string[];
}

/** The one way in which the daemon itself changes config. */
export interface Editor {
  /**
   * Merges the change onto the newest commit, judges it, commits it, and waits until the daemon has followed it. When it resolves with
   * `changed`, the commit is reachable from the branch and survives a crash at any later moment.
   * @throws HeadwaterError
   *   `HW_EDIT_CONFLICT` (details: conflicts, head), `HW_EDIT_INVALID` (details: problems), `HW_PROTECTED` (details: environments), `HW_UNAPPROVED`,
   *   `HW_EDIT_BASE`, `HW_HISTORY_REWRITTEN`, `HW_BRANCH_MISSING`, `HW_WORK_TREE`, `HW_REQUEST_INVALID`, `HW_NAME_INVALID`, `HW_JSON_*`,
   *   `HW_REF_MOVED` after losing races for five seconds, `HW_REF_LOCKED`, `HW_STORAGE_FAILED`.
   */
  commit(request: EditRequest): Promise<EditOutcome>;
  /** What `commit` would do now; nothing is written. @throws as `commit`, except for conflicts, problems and protection. */
  preview(request: EditRequest): Promise<EditPreview>;
  /** Resolves when every commit under way is done. */
  idle(): Promise<void>;
}
