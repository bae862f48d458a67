/** Which page an address shows, and what to load for it. Each page is a chunk of its own. */
import { html, type TemplateResult } from 'lit';
import type { Route, RouteTable } from './router.ts';

export const routeTable: RouteTable = {
  '/': 'services',
  '/services/:service': 'service',
};

interface Page {
  load(): Promise<unknown>;
  render(route: Route): TemplateResult;
}

export const pages: Readonly<Record<string, Page>> = {
  services: {
    load: () => import('./views/hw-services-view.ts'),
    render: () => html`<hw-services-view></hw-services-view>`,
  },
  service: {
    load: () => import('./views/hw-service-view.ts'),
    render: ({ params }) => html`<hw-service-view .service=${params.service ?? ''}></hw-service-view>`,
  },
};
