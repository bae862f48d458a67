/** Another text that some of the values come from: it lends their spelling. */
import type { JsonValue } from '@headwater/schemas/protocol';
import type { Node } from 'jsonc-parser';
import { childOf, holds, readNode } from './json-node.ts';

export interface Donor {
  readonly text: string;
  readonly node: Node;
}

export function donorOf(text: string | undefined): Donor | null {
  return text === undefined ? null : { text, node: readNode(text) };
}

/** How the donor spells a value; `null` when it holds another one. */
export function donorText(donor: Donor | null, value: JsonValue): string | null {
  if (donor === null || !holds(donor.node, value)) return null;
  return donor.text.slice(donor.node.offset, donor.node.offset + donor.node.length);
}

/** Where the donor may hold a child: under the same key, or at the same place of a list. */
export function donorChild(donor: Donor | null, at: string | number): Donor | null {
  const node = donor === null ? undefined : childOf(donor.node, at);
  return donor === null || node === undefined ? null : { text: donor.text, node };
}
