import type { TokenRecord } from '../access.ts';

/**
 * The author of a commit that somebody makes through the API: the name of the token, and an address that names the token itself, so
 * that a commit can be traced to it although nobody's mail address is known.
 */
export function actorOf({ id, name }: TokenRecord): { readonly name: string; readonly email: string } {
  // Angle brackets and line ends would end the field of a commit.
  return { name: name.replace(/[<>\p{Cc}]/gu, ' ').trim() || id, email: `${id}@headwater.invalid` };
}
