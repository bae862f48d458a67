import { vi } from 'vitest';
import { remoteContract } from '../../../testing/remote.contract.ts';
import { openRemoteScene } from '../../../testing/remote-scene.ts';

vi.setConfig({ testTimeout: 60_000 });

remoteContract('isomorphic-git over HTTP', () => openRemoteScene('isomorphic'), { canPush: false });
