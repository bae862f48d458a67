import type { BrokerAuthenticator } from '../../ports.ts';
import type { TokenStore } from './token-store.ts';

/** Longest password looked at, in bytes; a token has 59. */
const maxPasswordBytes = 128;

/** Lets a service in with user name `<env>/<service>` and a service token made for exactly that. */
export function createBrokerAuthenticator(tokens: Pick<TokenStore, 'verify'>): BrokerAuthenticator {
  return {
    async authenticate(username, password) {
      if (username === undefined || password === undefined || password.length > maxPasswordBytes) return null;
      const record = tokens.verify(Buffer.from(password).toString('latin1'));
      if (record?.role !== 'service' || username !== `${record.env}/${record.service}`) return null;
      return { kind: 'service', env: record.env, service: record.service, tokenId: record.id };
    },
  };
}
