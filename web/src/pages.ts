/** Which page an address shows, and what to load for it. Each page is a chunk of its own. */
import { html, type TemplateResult } from 'lit';
import type { Route, RouteTable } from './router.ts';

export const routeTable: RouteTable = {
  '/': 'services',
  '/services/:service': 'service',
  '/history': 'history',
  '/history/:commit': 'epoch',
  '/compare/:from/:to': 'compare',
  '/environments': 'environments',
  '/fleet': 'fleet',
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
    render: ({ params, query }) =>
      html`<hw-service-view .service=${params.service ?? ''} .query=${query}></hw-service-view>`,
  },
  history: {
    load: () => import('./views/hw-history-view.ts'),
    render: () => html`<hw-history-view></hw-history-view>`,
  },
  epoch: {
    load: () => import('./views/hw-epoch-view.ts'),
    render: ({ params, query }) =>
      html`<hw-epoch-view .commit=${params.commit ?? ''} .undoes=${query.has('undo')}></hw-epoch-view>`,
  },
  environments: {
    load: () => import('./views/hw-environments-view.ts'),
    render: () => html`<hw-environments-view></hw-environments-view>`,
  },
  fleet: {
    load: () => import('./views/hw-fleet-view.ts'),
    render: () => html`<hw-fleet-view></hw-fleet-view>`,
  },
  compare: {
    load: () => import('./views/hw-compare-view.ts'),
    render: ({ params }) =>
      html`<hw-compare-view .from=${params.from ?? ''} .to=${params.to ?? ''}></hw-compare-view>`,
  },
};
