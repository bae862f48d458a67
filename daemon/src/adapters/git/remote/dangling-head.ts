import type { HttpClient } from 'isomorphic-git';

/**
 * isomorphic-git does not fetch from a host whose HEAD points to a branch that does not exist, whatever branch is asked for: it wants
 * to know where HEAD is, for a clone. Here the list of refs says so: a line that has no HEAD gets one that nobody follows.
 */
export function namingHead(http: HttpClient): HttpClient {
  return {
    async request(request) {
      const response = await http.request(request);
      if (request.method !== 'GET' || response.body === undefined) return response;
      const chunks: Uint8Array[] = [];
      for await (const chunk of response.body) chunks.push(chunk);
      const list = Buffer.concat(chunks);
      return { ...response, body: [nameHead(list)] as unknown as AsyncIterableIterator<Uint8Array> };
    },
  };
}

/** Adds a capability to the first line with a ref: "<4 digits of length><id> <name>\0<capabilities>\n". */
function nameHead(list: Buffer): Buffer {
  const zero = list.indexOf(0);
  const end = list.indexOf('\n', zero);
  const start = /[0-9a-f]{4}[0-9a-f]{40} [^\0\n]*$/.exec(
    list.toString('latin1', 0, Math.max(zero, 0)),
  )?.index;
  if (start === undefined || end < 0 || list.includes('symref=HEAD:')) return list;
  const added = Buffer.from(' symref=HEAD:refs/heads/nowhere');
  const length = Number.parseInt(list.toString('latin1', start, start + 4), 16) + added.length;
  const digits = Buffer.from(length.toString(16).padStart(4, '0'));
  return Buffer.concat([
    list.subarray(0, start),
    digits,
    list.subarray(start + 4, end),
    added,
    list.subarray(end),
  ]);
}
