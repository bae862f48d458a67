import type { Section } from './section.ts';

/** How the host of a followed URL is talked to. */
export interface RemoteSettings {
  /** File with a token, or with `user:token`. It belongs to this user alone and is read again before every use. */
  readonly tokenFile?: string;
  /** User name sent with a token that brings none of its own. */
  readonly username: string;
  /** A credential helper of git, for example `store --file /etc/headwater/git-credentials`. */
  readonly credentialHelper?: string;
  /** Certificates (PEM) that count in place of the system's: the authority of a host inside the company. */
  readonly caFile?: string;
  /** Time between looks at the host, seconds. */
  readonly pollSeconds: number;
}

export const remoteDefaults: RemoteSettings = {
  /** Every large host takes any name beside a token, and this is the one that GitHub documents. */
  username: 'x-access-token',
  /** One small request; a webhook tells sooner. */
  pollSeconds: 5,
};

/** The section `remote`. @throws HeadwaterError `HW_USAGE`. */
export function parseRemoteSection(section: Section | undefined): RemoteSettings {
  if (section === undefined) return remoteDefaults;
  const tokenFile = section.path('tokenFile');
  const username = section.text('username') ?? remoteDefaults.username;
  const credentialHelper = section.text('credentialHelper');
  const caFile = section.path('caFile');
  const pollSeconds = section.number('pollSeconds', { min: 1, max: 3600 }) ?? remoteDefaults.pollSeconds;
  section.end();
  if (tokenFile !== undefined && credentialHelper !== undefined) {
    throw section.wrong(
      'credentialHelper',
      'stands beside "tokenFile"',
      'Keep one of them: which of two credentials counts should not be a guess.',
    );
  }
  if (username.includes(':'))
    throw section.wrong('username', 'holds a colon', 'User names of HTTP have none.');
  // git runs what begins with "!" in a shell; a program with a name can do the same and can be found again.
  if (credentialHelper !== undefined && !/^[\w./]/.test(credentialHelper)) {
    throw section.wrong(
      'credentialHelper',
      'is neither the name nor the path of a program',
      'Write for example "store --file /etc/headwater/git-credentials".',
    );
  }
  return {
    username,
    pollSeconds,
    ...(tokenFile === undefined ? {} : { tokenFile }),
    ...(credentialHelper === undefined ? {} : { credentialHelper }),
    ...(caFile === undefined ? {} : { caFile }),
  };
}
