import { HeadwaterError } from '@headwater/schemas/protocol';

/** Where an outside broker is and how to sign in. */
export interface BrokerAddress {
  readonly host: string;
  readonly port: number;
  /** True for `mqtts:`. */
  readonly secure: boolean;
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** The URL without user name and password: safe to show. */
  readonly display: string;
}

/**
 * Parses `mqtt://[user:password@]host[:1883]` or `mqtts://…[:8883]`.
 * @throws HeadwaterError `HW_OPTIONS_INVALID`, without the text: it may hold a password.
 */
export function parseBrokerUrl(text: string): BrokerAddress {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const secure = url?.protocol === 'mqtts:';
  if (url === undefined || url.hostname === '' || !(secure || url.protocol === 'mqtt:')) {
    throw new HeadwaterError('HW_OPTIONS_INVALID', {
      message: 'the broker address is not an MQTT URL',
      hint: 'Write mqtt://host:1883 or mqtts://host:8883.',
    });
  }
  const port = url.port === '' ? (secure ? 8883 : 1883) : Number(url.port);
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port,
    secure,
    username: url.username === '' ? undefined : decodeURIComponent(url.username),
    password: url.password === '' ? undefined : decodeURIComponent(url.password),
    display: `${url.protocol}//${url.hostname}:${port}`,
  };
}
