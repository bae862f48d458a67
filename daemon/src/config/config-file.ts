import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { HeadwaterError, type JsonValue, parseJsonBytes } from '@headwater/schemas/protocol';
import { parseRemoteSection, type RemoteSettings } from './remote-section.ts';
import { Section } from './section.ts';
import { parseWebhooksSection, type WebhookSettings } from './webhooks-section.ts';

/** Settings of `config.json`: what is no flag. One part per section, each with a parser of its own beside this file. */
export interface FileSettings {
  readonly remote: RemoteSettings;
  readonly webhooks: WebhookSettings;
}

/**
 * Reads `config.json`: the file given, else the one in the data folder, which need not exist. Its JSON Schema is
 * `schemas/files/config.schema.json`.
 * @throws HeadwaterError `HW_USAGE` for a file that cannot be read or holds anything unknown.
 */
export async function readConfigFile(given: string | undefined, dataDir: string): Promise<FileSettings> {
  const file = given ?? join(dataDir, 'config.json');
  const top = new Section(file, '', await readJson(file, given !== undefined));
  top.text('$schema');
  const settings = {
    remote: parseRemoteSection(top.section('remote')),
    webhooks: parseWebhooksSection(top.section('webhooks')),
  };
  top.end();
  return settings;
}

async function readJson(file: string, mustExist: boolean): Promise<JsonValue> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (!mustExist && (code === 'ENOENT' || code === 'ENOTDIR')) return {};
    throw usage(`the config file ${file} cannot be read: ${code ?? 'unknown error'}`, 'Check --config.');
  }
  try {
    return parseJsonBytes(bytes);
  } catch (cause) {
    const reason = cause instanceof HeadwaterError ? cause.message : 'unknown error';
    throw usage(`the config file ${file} is not usable: ${reason}`, 'It is a JSON object.');
  }
}

const usage = (message: string, hint: string): HeadwaterError =>
  new HeadwaterError('HW_USAGE', { message, hint });
