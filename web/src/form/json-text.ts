import type { JsonObject } from '@headwater/schemas/protocol';

/** A document as it is shown and compared. */
export const textOfDocument = (document: JsonObject): string => JSON.stringify(document, null, 2);
