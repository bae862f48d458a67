import { HeadwaterError } from '@headwater/schemas/protocol';
import type { RemoteTransport } from '../../../config/repo-source.ts';
import type { RemoteConfig } from '../../../config.ts';
import type { Remote } from '../../../ports.ts';
import type { GitRepository } from '../open-repository.ts';
import type { CredentialSource } from './credential.ts';
import { createIsomorphicRemote } from './isomorphic-remote.ts';
import { createNativeRemote } from './native-remote.ts';

export interface RemoteAddress {
  readonly url: string;
  readonly transport: RemoteTransport;
}

/** From this version on git takes settings from its environment and can leave those of the machine out. */
const minimumGit = [2, 32] as const;

/**
 * The host of a mirror, through native git, or through isomorphic-git where none is installed (HTTP only, no pushes).
 * @throws HeadwaterError `HW_REPO_UNSUPPORTED` for what needs a git that is not there.
 */
export function openRemote(repo: GitRepository, address: RemoteAddress, config: RemoteConfig): Remote {
  const credential = credentialSource(config);
  const caFile = config.caFile === undefined ? {} : { caFile: config.caFile };
  if (isRecent(repo.capabilities.nativeGit))
    return createNativeRemote(repo, { ...address, credential, ...caFile });
  const { url, transport } = address;
  if (transport === 'https' || transport === 'http')
    return createIsomorphicRemote(repo, { url, credential, ...caFile });
  throw new HeadwaterError('HW_REPO_UNSUPPORTED', {
    message: `following ${url} needs git ${minimumGit.join('.')} or newer, and here is ${repo.capabilities.nativeGit ?? 'none'}`,
    hint:
      transport === 'file'
        ? 'Install it, or follow the repository in place: --repo PATH.'
        : 'Install it, or follow the repository over https.',
  });
}

function isRecent(version: string | null): boolean {
  const [major = 0, minor = 0] = (version ?? '').split('.').map(Number);
  return major > minimumGit[0] || (major === minimumGit[0] && minor >= minimumGit[1]);
}

function credentialSource(config: RemoteConfig): CredentialSource {
  const { tokenFile, token, credentialHelper, username } = config;
  if (tokenFile !== undefined) return { kind: 'file', path: tokenFile, username };
  if (token !== undefined) return { kind: 'given', secret: token, username };
  return credentialHelper === undefined ? { kind: 'none' } : { kind: 'helper', helper: credentialHelper };
}
