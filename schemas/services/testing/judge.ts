import { readdirSync, readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';

/** The part of a service schema that these tests look at. */
export interface ServiceSchema {
  readonly $id: string;
  readonly title: string;
  readonly description: string;
  readonly additionalProperties: boolean;
  readonly properties: Readonly<Record<string, Setting>>;
  readonly 'x-hw': {
    readonly owner: string;
    readonly tags: readonly string[];
    readonly dependsOn: readonly string[];
    readonly rules?: readonly Rule[];
  };
}

export interface Setting {
  readonly type: string | readonly string[];
  readonly default?: unknown;
  readonly title?: string;
  readonly description?: string;
  readonly pattern?: string;
  readonly 'x-hw': {
    readonly level?: string;
    readonly apply?: string;
    readonly env?: string;
    readonly group?: string;
    readonly order?: number;
    readonly help?: string;
    readonly unit?: string;
    readonly secret?: boolean;
    readonly shared?: boolean;
    readonly relates?: readonly string[];
  };
}

export interface Rule {
  readonly le: readonly [string, string];
  readonly message: string;
}

export type Config = Readonly<Record<string, unknown>>;

/** Every service schema beside this folder, by service name. */
export const schemas: ReadonlyMap<string, ServiceSchema> = readSchemas(new URL('../', import.meta.url));

/** Ajv as strict as it gets, so that a misspelt keyword is an error and not silence. */
export const ajv = new Ajv2020({ strict: true, allErrors: true, keywords: ['x-hw'] });

/** What is wrong with a resolved config, one line per problem; empty when it may go live. */
export function judge(service: string, config: Config): string[] {
  const schema = schemas.get(service);
  if (schema === undefined) throw new Error(`no schema of ${service}`);
  const validate = ajv.getSchema(schema.$id) ?? ajv.compile(schema);
  validate(config);
  const problems = (validate.errors ?? []).map(
    (error) => `${error.instancePath} ${error.keyword} ${JSON.stringify(error.params)}`,
  );
  return [...problems, ...brokenRules(schema, config)];
}

/** The document that a service gets when nobody has set anything. */
export function defaultsOf(service: string): Record<string, unknown> {
  const settings = Object.entries(schemas.get(service)?.properties ?? {});
  return Object.fromEntries(
    settings.filter(([, setting]) => 'default' in setting).map(([name, setting]) => [name, setting.default]),
  );
}

function brokenRules(schema: ServiceSchema, config: Config): string[] {
  return (schema['x-hw'].rules ?? [])
    .filter(({ le: [low, high] }) => {
      const [a, b] = [config[low.slice(1)], config[high.slice(1)]];
      return typeof a === 'number' && typeof b === 'number' && a > b;
    })
    .map((rule) => rule.message);
}

function readSchemas(folder: URL): Map<string, ServiceSchema> {
  const suffix = '.schema.json';
  const names = readdirSync(folder).filter((name) => name.endsWith(suffix));
  return new Map(
    names.map((name) => [
      name.slice(0, -suffix.length),
      JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as ServiceSchema,
    ]),
  );
}
