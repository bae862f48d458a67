/** The web editor: built files, served under a policy that lets them load and call nothing but this daemon. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import staticFiles from '@fastify/static';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { routeNotFound } from '../not-found.ts';

/** No inline scripts or styles, no eval, nothing from elsewhere; text becomes HTML through Lit's policy alone. */
const pagePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "worker-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  'trusted-types lit-html',
].join('; ');

/** Vite puts the hash of the content into the names of these. */
const forEver = 'public, max-age=31536000, immutable';
/** Anything else is asked for anew, and answered "not modified" by its validator. */
const asked = 'no-cache';

/** Paths that are not pages: a wrong one is an error in JSON, not the editor. */
const notPages = /^\/(api|git|health|metrics|docs)(\/|$)/;

/**
 * @param folder Built files, with index.html. Missing: the routes say so.
 */
export function webEditorRoutes(app: FastifyInstance, folder: string): void {
  const isBuilt = existsSync(join(folder, 'index.html'));
  if (isBuilt)
    app.register(staticFiles, { root: folder, serve: false, preCompressed: true, cacheControl: false });

  app.get<{ Params: { '*': string } }>('/*', { config: { access: 'open' } }, (request, reply) => {
    const path = request.params['*'];
    if (notPages.test(`/${path}`)) throw routeNotFound();
    if (!isBuilt) return sayNotBuilt(reply);
    reply.header('content-security-policy', pagePolicy);
    if (/^assets\/[\w.-]+$/.test(path)) return reply.header('cache-control', forEver).sendFile(path);
    reply.header('cache-control', asked);
    // A name with a dot is a file; everything else is a page, and all pages are one document.
    return /^[\w-]+\.[\w.]+$/.test(path) ? reply.sendFile(path) : reply.sendFile('index.html');
  });
}

function sayNotBuilt(reply: FastifyReply): FastifyReply {
  return reply
    .code(503)
    .type('text/plain; charset=utf-8')
    .send('The web editor is not built. Run `make build` in the checkout, then load this page again.\n');
}
