/** The configuration as JSON Schema, for editors and for the manual page. Made of the schema that reads it, so it cannot drift. */
import { toJsonSchema } from '@valibot/to-json-schema';
import { configSchema } from './schema.ts';

/** As much of JSON Schema (draft 7) as the configuration needs. */
export interface JsonSchema {
  readonly $schema?: string;
  readonly title?: string;
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly pattern?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: false | JsonSchema;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
}

/** What the file may hold, with defaults as they would be written. Rules between keys are `config validate`'s alone. */
export function configJsonSchema(): JsonSchema {
  const { $schema, ...schema } = toJsonSchema(
    configSchema((path) => path),
    { typeMode: 'input', errorMode: 'ignore', target: 'draft-07' },
  );
  return {
    ...($schema === undefined ? {} : { $schema }),
    title: 'rsync-ratchet configuration',
    ...schema,
  } as JsonSchema;
}
