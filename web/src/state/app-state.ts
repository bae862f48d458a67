/** What every page needs to know, shared through Lit contexts: who is logged in, which environment is looked at, how to move. */
import type { Me } from '@headwater/schemas/http';
import { createContext } from '@lit/context';
import type { Router } from '../router.ts';

export interface AppState {
  readonly me: Me;
  /** Environment that is looked at; one of `me.environments`. */
  readonly env: string;
  readonly router: Router;
  /** Grows whenever an epoch of the environment arrives: pages that show live data load again. */
  readonly liveVersion: number;
}

export const appContext = createContext<AppState>(Symbol('headwater-app'));
