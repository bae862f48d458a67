import type { ReadBlob } from '../core/files.ts';
import type { ObjectId, ObjectReader } from '../ports.ts';

/** What merging files needs of the repository. */
export interface MergeDeps {
  readonly reader: Pick<ObjectReader, 'findFiles'>;
  readonly readBlob: ReadBlob;
  readonly hashBlob: (content: Uint8Array) => ObjectId;
}
