/** The part of the daemon's logger that the broker uses: constant phrases, facts in fields, never a payload or a password. */
export interface BrokerLog {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
