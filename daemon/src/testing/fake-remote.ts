import { HeadwaterError } from '@headwater/schemas/protocol';
import { matchesRef } from '../adapters/git/remote/ref-patterns.ts';
import type { CommitId, Remote } from '../ports.ts';
import type { FakeGit } from './fake-git.ts';

/** What a fake host does instead of answering. */
export type FakeHostFault = 'down' | 'refused' | 'lose-push' | 'lose-answer';

export interface FakeRemote extends Remote {
  /** Refs at the host. */
  readonly hostRefs: Map<string, CommitId>;
  /** What went over the wire: "tips", "fetch", "push". */
  readonly calls: string[];
  /** Asked at every call. `lose-*` concern pushes: the connection goes before, or after the host took it. */
  fault: (call: string) => FakeHostFault | null;
  /** Runs when a call arrives at the host, before it is judged: another pusher is faster. */
  before: (call: string) => void;
}

/** A host whose objects are those of `git`; only its refs are its own. */
export function createFakeRemote(git: FakeGit): FakeRemote {
  const hostRefs = new Map<string, CommitId>();
  const url = 'https://git.example/team/config.git';

  const arrive = (call: string): FakeHostFault | null => {
    remote.calls.push(call);
    remote.before(call);
    const fault = remote.fault(call);
    if (fault === 'down') throw unreachable(false);
    if (fault === 'refused') {
      throw new HeadwaterError('HW_UPSTREAM_REFUSED', {
        message: 'git.example does not accept the credential (401)',
      });
    }
    return fault;
  };
  const unreachable = (sent: boolean) =>
    new HeadwaterError('HW_UPSTREAM_UNREACHABLE', {
      message: 'git.example refuses connections',
      details: { sent },
    });

  const remote: FakeRemote = {
    url,
    hostRefs,
    calls: [],
    fault: () => null,
    before: () => {},

    async tips(refs) {
      arrive('tips');
      return new Map([...hostRefs].filter(([ref]) => matchesRef(ref, refs)));
    },

    async fetch(tips) {
      arrive('fetch');
      for (const [ref, id] of tips) {
        if (!matchesRef(ref, [ref])) throw new HeadwaterError('HW_NAME_INVALID', { message: ref });
        if (!hostRefs.has(ref)) throw new HeadwaterError('HW_OBJECT_MISSING', { message: `${id} is gone` });
        await git.reader.readCommit(id);
      }
    },

    async push(ref, expected, next) {
      const fault = arrive('push');
      if (fault === 'lose-push') throw unreachable(true);
      if ((hostRefs.get(ref) ?? null) !== expected)
        throw new HeadwaterError('HW_REF_MOVED', { message: `${ref} moved`, details: { ref, expected } });
      hostRefs.set(ref, next);
      if (fault === 'lose-answer') throw unreachable(true);
    },

    async takesPushes() {
      return remote.fault('push') !== 'refused';
    },

    async close() {},
  };
  return remote;
}
