/** What a dropped file says: an object of texts, nested as the settings are. `null` removes a secret. */
import { FORBIDDEN_KEYS, formatPointer, HeadwaterError } from '@headwater/schemas/protocol';
import { isOrderedObject, type OrderedObject } from '../secrets/sops/ordered-json.ts';
import { parseOrderedJson } from '../secrets/sops/parse-ordered-json.ts';
import type { ValueChanges } from '../secrets/sops/set-values.ts';

/** @throws HeadwaterError `HW_JSON_*`, `HW_SECRETS_NOT_STRING`, `HW_SECRETS_KEY_NAME`, `HW_SECRETS_UNSUPPORTED`. No message shows a value. */
export function parseDrop(bytes: Uint8Array): ValueChanges {
  const document = parseOrderedJson(bytes);
  if (!isOrderedObject(document)) {
    throw new HeadwaterError('HW_JSON_NOT_OBJECT', {
      message: 'expected an object at the top level',
      hint: 'Write { "setting": "secret" }.',
    });
  }
  if (document.has('sops')) {
    throw new HeadwaterError('HW_SECRETS_UNSUPPORTED', {
      message: 'it is encrypted already',
      hint: 'Commit it to the repository as it is; dropped files are plain JSON.',
    });
  }
  const values = new Map<string, string | null>();
  collect(document, [], values);
  if (values.size > 0) return values;
  throw new HeadwaterError('HW_SECRETS_NOT_STRING', {
    message: 'there is no secret in it',
    hint: 'Write { "setting": "secret" }.',
  });
}

function collect(object: OrderedObject, path: readonly string[], values: Map<string, string | null>): void {
  for (const [key, value] of object) {
    const at = [...path, key];
    const pointer = formatPointer(at);
    // Names of settings are no secrets; whatever else stands there is not repeated.
    if (FORBIDDEN_KEYS.has(key) || key === '' || key.includes(':')) {
      throw new HeadwaterError('HW_SECRETS_KEY_NAME', {
        message: `a key below ${formatPointer(path) || 'the top level'} has a name that no secret may have`,
        hint: 'Names are not empty, have no ":", and are none of __proto__, constructor, prototype.',
        details: { pointer: formatPointer(path) },
      });
    }
    if (isOrderedObject(value)) collect(value, at, values);
    else if (value === null || (typeof value === 'string' && value !== '')) values.set(pointer, value);
    else {
      throw new HeadwaterError('HW_SECRETS_NOT_STRING', {
        message: `${pointer} is no text of at least one character`,
        hint: 'Put the value in double quotes; null removes the secret.',
        details: { pointer },
      });
    }
  }
}
