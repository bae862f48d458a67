import { HeadwaterError } from '@headwater/schemas/protocol';
import type { Command } from 'commander';
import { isRole, PEOPLE_ROLES, type TokenRecord } from '../../access.ts';
import { openTokenStore } from '../../adapters/data/token-store.ts';
import { systemClock } from '../../adapters/system-clock.ts';
import type { AuditEntry } from '../../ports.ts';
import { act, addCommand, addGroup, type Io } from '../command.ts';
import { addDataOption, openDataOf } from '../data-folder.ts';
import { parseDuration } from '../duration.ts';
import { localActor, openLocalAudit } from '../local-audit.ts';
import { clean, columns } from '../output.ts';

export function registerToken(program: Command): void {
  const group = addGroup(program, 'token', 'make, list and revoke tokens');
  registerCreate(group);
  registerList(group);
  registerRevoke(group);
}

interface CreateOptions {
  readonly name: string;
  readonly role: string;
  readonly env?: string;
  readonly service?: string;
  readonly expires?: string;
  readonly data?: string;
}

function registerCreate(group: Command): void {
  const create = addDataOption(
    addCommand(group, 'create', {
      summary: 'make a token for a person or a program',
      description:
        'Makes a token and prints it once; the daemon keeps only a hash. Roles, each allowed what the one before it is: viewer, editor, approver, operator, admin.',
      examples: [
        'headwater token create --name "Ada, laptop" --role editor --data .headwater',
        'headwater token create --name ci --role viewer --env prod --service "stt-*" --expires 30d --data .headwater',
      ],
    }),
  )
    .requiredOption('--name <text>', 'who or what will hold it')
    .option('--role <role>', 'what it may do', 'viewer')
    .option('--env <glob>', 'environment it is for; "*" stands for any characters (default: all)')
    .option('--service <glob>', 'service it is for, likewise (default: all)')
    .option('--expires <duration>', '15m, 12h, 90d', '90d');
  act<CreateOptions>(create, async (io, options) => {
    const { name, role, env, service } = options;
    if (!isRole(role) || role === 'service') {
      throw new HeadwaterError('HW_USAGE', {
        message: `--role: there is no role ${JSON.stringify(role)} for people`,
        hint: `Roles: ${PEOPLE_ROLES.join(', ')}. A service gets its token from \`headwater enroll\`.`,
      });
    }
    const expiresInMs = parseDuration(options.expires ?? '90d', '--expires');
    const { store, audit } = await openTokens(io, options);
    const scope = { ...(env === undefined ? {} : { env }), ...(service === undefined ? {} : { service }) };
    const { token, record } = await store.create({ name, role, ...scope, expiresInMs });
    try {
      await audit.record(entryOf('token-create', record));
    } catch (error) {
      // What nobody recorded shall not count.
      await store.revoke(record.id);
      throw error;
    }
    io.out.note(`${line(record)}\nThis is the only time the token is shown:`);
    io.out.result({ token, ...record }, token);
    return true;
  });
}

function registerList(group: Command): void {
  const list = addDataOption(
    addCommand(group, 'list', { summary: 'list tokens, without their secrets' }),
  ).option('--all', 'expired and revoked ones too');
  act<{ data?: string; all?: boolean }>(list, async (io, options) => {
    const now = systemClock.now();
    const { store } = await openTokens(io, options);
    const tokens = store.list().filter((token) => options.all === true || stateOf(token, now) === 'counts');
    const rows = tokens.map((token) => [
      token.id,
      token.role,
      `${token.env}/${token.service}`,
      clean(token.name),
      stateOf(token, now) === 'counts' ? endOf(token) : stateOf(token, now),
    ]);
    io.out.result(
      { tokens },
      rows.length === 0 ? 'no tokens' : columns([['id', 'role', 'for', 'name', ''], ...rows]).join('\n'),
    );
    return true;
  });
}

function registerRevoke(group: Command): void {
  const revoke = addDataOption(
    addCommand(group, 'revoke <id>', {
      summary: 'make a token count no more',
      description:
        'Revokes a token for good. The daemon closes what is open with it within five seconds, browser sessions too.',
    }),
  );
  act<{ data?: string }, [string]>(revoke, async (io, options, id) => {
    const { store, audit } = await openTokens(io, options);
    const record = await store.revoke(id);
    // A revocation counts in any case: that it is not recorded is told, and must not keep anybody from it.
    await audit.record(entryOf('token-revoke', record));
    io.out.result(record, `revoked ${line(record)}`);
    return true;
  });
}

async function openTokens(io: Io, options: { readonly data?: string }) {
  const folder = await openDataOf(io, options);
  return { store: await openTokenStore(folder, systemClock), audit: openLocalAudit(folder) };
}

function entryOf(
  action: 'token-create' | 'token-revoke',
  { id, name, role, env, service }: TokenRecord,
): AuditEntry {
  return { action, actor: localActor(), env, service, details: { token: id, name, role } };
}

function stateOf({ revokedAt, expiresAt }: TokenRecord, now: number): 'counts' | 'revoked' | 'expired' {
  if (revokedAt !== undefined) return 'revoked';
  return expiresAt !== undefined && Date.parse(expiresAt) <= now ? 'expired' : 'counts';
}

const line = (token: TokenRecord): string =>
  `${token.id}  ${token.role} for ${token.env}/${token.service}  ${clean(token.name)}  ${endOf(token)}`;

const endOf = ({ expiresAt }: TokenRecord): string =>
  expiresAt === undefined ? 'does not expire' : `until ${expiresAt.slice(0, 16).replace('T', ' ')} UTC`;
