/**
 * The ledger in git: `refs/headwater/epochs`, a chain of commits with one file. It travels with the repository, and because every
 * entry has the published commits among its parents, git keeps them however the branch is moved.
 */
import { describeEpoch, isHeadwaterError } from '@headwater/schemas/protocol';
import { trailersOf } from '../../epochs/trailers.ts';
import { encodeLedger, ledgerInvalid, maxLedgerBytes } from '../../ledger/ledger-record.ts';
import { ledgerRef } from '../../ledger/ledger-refs.ts';
import type { LedgerSeal } from '../../ledger/ledger-seal.ts';
import { openLedger, type SealedLedger } from '../../ledger/open-ledger.ts';
import type {
  Clock,
  CommitId,
  CommitWriter,
  FileEdit,
  Ledger,
  LedgerRecord,
  ObjectReader,
  RefStore,
} from '../../ports.ts';

const fileName = 'epochs.json';
const sealTrailer = 'Headwater-Seal';

export interface GitLedgerDeps {
  readonly reader: Pick<ObjectReader, 'readCommit' | 'listFiles' | 'readBlob'>;
  readonly refs: Pick<RefStore, 'read'>;
  readonly writer: CommitWriter;
  readonly seal: LedgerSeal;
  readonly deployment: string;
  readonly clock: Clock;
  /** Full name of its ref. Default `refs/headwater/epochs`; another one is this daemon's own. */
  readonly ref?: string;
}

export function createGitLedger(deps: GitLedgerDeps): Ledger {
  const { refs, reader, writer, seal, deployment, clock, ref = ledgerRef } = deps;
  return {
    isLocal: ref !== ledgerRef,

    async read() {
      const id = await refs.read(ref);
      return id === null ? null : openLedger(id, deployment, seal, () => readEntry(id, reader));
    },

    async append(record, expected) {
      const bytes = encodeLedger(record);
      const person = {
        name: 'Headwater',
        email: 'headwater@localhost',
        time: Math.floor(clock.now() / 1000),
      };
      const id = await writer.commit({
        ref,
        expected,
        extraParents: await presentCommits(record, reader),
        edits: [...(await strayFiles(expected, reader)), { path: fileName, content: bytes }],
        message: `Era ${record.era} since ${describeEpoch(record.start)}\n\n${sealTrailer}: ${seal.seal(bytes)}\n`,
        author: person,
        committer: person,
      });
      return { id, record, isFresh: true };
    },
  };
}

async function readEntry(id: CommitId, reader: GitLedgerDeps['reader']): Promise<SealedLedger> {
  const { message } = await reader.readCommit(id);
  const files = await reader.listFiles(id);
  const [file] = files;
  if (files.length !== 1 || file?.path !== fileName || file.mode !== '100644')
    throw ledgerInvalid(`its newest commit must hold ${fileName} and nothing else`);
  return {
    bytes: await reader.readBlob(file.oid, maxLedgerBytes),
    seal: trailersOf(message, sealTrailer).at(-1) ?? '',
  };
}

/** What somebody else put beside the record goes when it is replaced. */
async function strayFiles(entry: CommitId | null, reader: GitLedgerDeps['reader']): Promise<FileEdit[]> {
  const files = entry === null ? [] : await reader.listFiles(entry);
  return files.filter(({ path }) => path !== fileName).map(({ path }) => ({ path, content: null }));
}

/** A parent that is not in the repository would make it a broken one: of those, the record alone speaks. */
async function presentCommits(record: LedgerRecord, reader: GitLedgerDeps['reader']): Promise<CommitId[]> {
  const commits = new Set([record.start, ...record.published.values()].map(({ commit }) => commit));
  const present: CommitId[] = [];
  for (const commit of commits) {
    try {
      await reader.readCommit(commit);
      present.push(commit);
    } catch (error) {
      if (!isHeadwaterError(error)) throw error;
    }
  }
  return present;
}
