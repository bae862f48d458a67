import { HeadwaterError } from '@headwater/schemas/protocol';

export interface Turnstile {
  /** Resolves when there is room, with what makes room again. @throws HeadwaterError `HW_GIT_BUSY`, at once. */
  enter(signal: AbortSignal): Promise<() => void>;
}

/** Lets `atOnce` in and has `maxWaiting` more wait, first come first served. */
export function createTurnstile(atOnce: number, maxWaiting: number): Turnstile {
  let inside = 0;
  const waiting = new Set<() => void>();
  const leave = () => {
    inside -= 1;
    const [next] = waiting;
    next?.();
  };
  const goIn = () => {
    inside += 1;
    let isOut = false;
    return () => {
      if (isOut) return;
      isOut = true;
      leave();
    };
  };
  return {
    async enter(signal) {
      if (inside < atOnce && waiting.size === 0) return goIn();
      if (waiting.size >= maxWaiting) throw busy();
      return new Promise((resolve, reject) => {
        const settle = () => {
          waiting.delete(turn);
          signal.removeEventListener('abort', giveUp);
        };
        const turn = () => {
          settle();
          resolve(goIn());
        };
        const giveUp = () => {
          settle();
          reject(busy());
        };
        waiting.add(turn);
        signal.addEventListener('abort', giveUp, { once: true });
      });
    },
  };
}

function busy(): HeadwaterError {
  return new HeadwaterError('HW_GIT_BUSY', {
    message: 'too many clones and pushes at once',
    hint: 'Try again in a moment.',
  });
}
