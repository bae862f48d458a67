/** A real browser on the built editor. Every page is watched: a console error, a page error or a request to anybody else fails the test. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { type BrowserContext, chromium, type Page } from 'playwright-core';
import type { ReadyLine } from './stack.ts';

const require = createRequire(import.meta.url);

export interface Visit extends AsyncDisposable {
  readonly page: Page;
  /** What must not happen: console errors, page errors, requests to another origin. Tests expect it empty. */
  readonly complaints: readonly string[];
  /** Ignores complaints that a test provokes on purpose, for example the 401 of a session that ended. */
  forgive(pattern: RegExp): void;
  /** Rules of WCAG 2 (A, AA) and best practice that the page as it is now breaks, each with where. */
  accessibility(): Promise<readonly string[]>;
  /** Elements people touch often that are smaller than 44 px, on a touch screen. */
  smallTargets(): Promise<readonly string[]>;
}

export interface VisitOptions {
  readonly viewport?: { readonly width: number; readonly height: number };
  readonly colorScheme?: 'light' | 'dark';
  /** A finger in place of a mouse. */
  readonly touch?: boolean;
}

export const desktop = { width: 1440, height: 900 };
export const phone = { width: 390, height: 844 };

/** Opens a browser that is logged in as an admin. */
export async function visit(ready: ReadyLine, options: VisitOptions = {}): Promise<Visit> {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
  const context = await browser.newContext({
    viewport: options.viewport ?? desktop,
    colorScheme: options.colorScheme ?? 'light',
    hasTouch: options.touch === true,
    reducedMotion: 'reduce',
    locale: 'en-US',
  });
  const complaints: string[] = [];
  const forgiven: RegExp[] = [];
  watch(context, ready.http, (text) => {
    if (!forgiven.some((pattern) => pattern.test(text))) complaints.push(text);
  });
  await logIn(context, ready);
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  return {
    page,
    complaints,
    forgive: (pattern) => void forgiven.push(pattern),
    accessibility: () => accessibilityOf(page),
    smallTargets: () => smallTargetsOf(page),
    async [Symbol.asyncDispose]() {
      await browser.close();
    },
  };
}

/** As the login page does it, but without showing it: a story about something else starts behind it. */
async function logIn(context: BrowserContext, ready: ReadyLine): Promise<void> {
  const token = (await readFile(ready.adminTokenFile, 'utf8')).trim();
  const answer = await context.request.post(`${ready.http}/api/v1/session`, {
    data: { token },
    headers: { origin: ready.http },
  });
  if (!answer.ok()) throw new Error(`login answered ${answer.status()}: ${await answer.text()}`);
}

function watch(context: BrowserContext, origin: string, complain: (text: string) => void): void {
  context.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning')
      complain(`console ${message.type()}: ${message.text()} ${message.location().url}`);
  });
  context.on('weberror', (error) => complain(`page error: ${error.error().message}`));
  context.on('request', (request) => {
    if (!request.url().startsWith(`${origin}/`) && !request.url().startsWith('data:'))
      complain(`foreign request: ${request.url()}`);
  });
}

async function accessibilityOf(page: Page): Promise<string[]> {
  // Evaluated over the debugging protocol: the page's policy allows no script from elsewhere.
  await page.evaluate(await readFile(require.resolve('axe-core/axe.min.js'), 'utf8'));
  return page.evaluate(async () => {
    const { axe } = globalThis as unknown as {
      axe: { run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> };
    };
    const { violations } = await axe.run();
    return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 200)}`));
  });
}

async function smallTargetsOf(page: Page): Promise<string[]> {
  return page.evaluate(() =>
    [...document.querySelectorAll<HTMLElement>('button, select, input:not([type=checkbox]), .side-link')]
      .filter((element) => element.offsetParent !== null && !element.closest('.visually-hidden'))
      .filter((element) => {
        // A label around a control is touched in its place.
        const { width, height } = (element.closest('label') ?? element).getBoundingClientRect();
        return width > 0 && (height < 43.5 || width < 43.5);
      })
      .map((element) => element.outerHTML.slice(0, 120)),
  );
}
