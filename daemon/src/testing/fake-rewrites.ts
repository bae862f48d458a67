/** A rewritten branch for tests of the HTTP API and of commands: it is refused until its tip is accepted. */
import type { RewritePreview } from '@headwater/schemas/http';
import { HeadwaterError } from '@headwater/schemas/protocol';
import type { RewriteReview } from '../rewrite-review.ts';

export const rewrittenTip = 'd4'.repeat(20);

export interface FakeRewrites extends RewriteReview {
  /** `null`: nothing is refused. */
  refused: RewritePreview | null;
}

export function refusedRewrite(): RewritePreview {
  const live = { commit: 'e5'.repeat(20), seq: 9 };
  const nobody = { total: 0, names: [] };
  return {
    branch: 'main',
    era: 1,
    nextEra: 2,
    tip: { commit: rewrittenTip, seq: 8 },
    live,
    refused: {
      code: 'HW_HISTORY_REWRITTEN',
      message: 'the branch "main" is at d4d4d4d',
      hint: 'Put the branch back: git -C /srv/repo.git update-ref …',
    },
    lost: {
      total: 12,
      commits: [
        {
          commit: live.commit,
          subject: 'Raise the threshold',
          author: 'Ann',
          time: '2026-01-01T00:00:00.000Z',
        },
      ],
    },
    environments: [
      {
        env: 'prod',
        neverValid: false,
        added: nobody,
        changed: { total: 2, names: ['stt', 'tts'] },
        removed: { total: 1, names: ['wake'] },
      },
    ],
  };
}

export function createFakeRewrites(preview: RewritePreview | null = null): FakeRewrites {
  const requireRefused = () => {
    if (fake.refused) return fake.refused;
    throw new HeadwaterError('HW_NO_REWRITE', { message: 'there is nothing to accept' });
  };
  const fake: FakeRewrites = {
    refused: preview,
    state: () => ({ era: fake.refused?.era ?? 1, ledger: 'shared', refused: fake.refused?.refused ?? null }),
    preview: async () => requireRefused(),
    async accept(tip) {
      const { nextEra, tip: start } = requireRefused();
      if (tip !== start.commit) throw new HeadwaterError('HW_REF_MOVED', { message: 'the branch moved on' });
      fake.refused = null;
      return { era: nextEra, start, published: ['prod'] };
    },
  };
  return fake;
}
