/** The syntax tree of a JSON text that the strict parser has accepted: no comments, no doubled keys, not deep. */
import { isObject, type JsonValue } from '@headwater/schemas/protocol';
import { type Node, parseTree } from 'jsonc-parser';

export function readNode(text: string): Node {
  const node = parseTree(text, [], { disallowComments: true });
  if (node === undefined) throw new Error('text that was parsed as JSON has no syntax tree');
  return node;
}

/** True when the node's value is `value`, however it is spelt and in whatever order its members stand. */
export function holds(node: Node, value: JsonValue): boolean {
  if (node.type === 'array') {
    const items = node.children ?? [];
    return (
      Array.isArray(value) &&
      value.length === items.length &&
      items.every((item, i) => holds(item, value[i] as JsonValue))
    );
  }
  if (node.type !== 'object') return node.value === value;
  if (!isObject(value)) return false;
  const members = membersOf(node);
  return (
    members.size === Object.keys(value).length &&
    [...members].every(
      ([key, member]) => Object.hasOwn(value, key) && holds(memberValue(member), value[key] as JsonValue),
    )
  );
}

/** Child under a key of an object, or at an index of a list. */
export function childOf(node: Node, at: string | number): Node | undefined {
  if (typeof at === 'number') return node.type === 'array' ? node.children?.[at] : undefined;
  const member = node.type === 'object' ? membersOf(node).get(at) : undefined;
  return member && memberValue(member);
}

const known = new WeakMap<Node, ReadonlyMap<string, Node>>();

/** Members of an object by key, in the order of the text. */
export function membersOf(node: Node): ReadonlyMap<string, Node> {
  const before = known.get(node);
  if (before) return before;
  const members = new Map((node.children ?? []).map((member) => [keyOf(member).value as string, member]));
  known.set(node, members);
  return members;
}

const keyOf = (member: Node): Node => member.children?.[0] as Node;

/** Value node of a member, which has exactly two children. */
export const memberValue = (member: Node): Node => member.children?.[1] as Node;
