/** What is wrong with an age file, in one word; nothing of its content. */
export type AgeFault = 'armor' | 'header' | 'scrypt' | 'stanzas' | 'no-match' | 'mac' | 'payload';

/** An age file that does not open. Internal: it becomes a `HeadwaterError` where somebody reads it. */
export class AgeError extends Error {
  readonly fault: AgeFault;

  constructor(fault: AgeFault) {
    super(`the age file does not open: ${fault}`);
    this.fault = fault;
  }
}
