// How destinations are named by those who make them: `/pub/echo`, or with parameters, `/topic/lobby/{name}`.

export type Parameters = Readonly<Record<string, string>>;

/** The parameters of a template that the compiler can read: of `/topic/lobby/{name}` there is `name`, and nothing else. */
export type ParametersOf<Template extends string> = string extends Template
  ? Parameters
  : { readonly [Name in NamesOf<Template>]: string };

type NamesOf<Template extends string> = Template extends `${string}{${infer Name}}${infer Rest}`
  ? Name | NamesOf<Rest>
  : never;

/**
 * What a parameter may stand for: one segment, of the characters that need no decoding anywhere. Not `.` or `..`, which
 * would be another place wherever a team makes an address or a path of it.
 */
const SEGMENT = '((?!\\.{1,2}(?:/|$))[A-Za-z0-9._~-]{1,128})';
const FORM = /^(\/(?!\.{1,2}(?:\/|$))([A-Za-z0-9._~-]+|\{[A-Za-z][A-Za-z0-9]*\}))+$/;
const PARAMETER = /\{(\w+)\}/g;

/** Exact otherwise: no decoding, no trimming, no case folding, so no two spellings are one destination. */
export class DestinationTemplate {
  readonly text: string;
  readonly #names: readonly string[];
  readonly #pattern: RegExp;

  /** @throws TypeError if the text is no template. */
  constructor(text: string) {
    if (!FORM.test(text)) {
      throw new TypeError(`"${text}" is no destination such as /pub/echo or /topic/lobby/{name}`);
    }
    this.text = text;
    this.#names = [...text.matchAll(PARAMETER)].map(([, name = '']) => name);
    if (new Set(this.#names).size < this.#names.length) {
      throw new TypeError(`"${text}" has a parameter twice`);
    }
    const escaped = text.replaceAll('.', '\\.').replaceAll(PARAMETER, SEGMENT);
    this.#pattern = new RegExp(`^${escaped}$`);
  }

  /** The same for two templates of the same destinations, whatever they call their parameters. */
  get shape(): string {
    return this.text.replaceAll(PARAMETER, '{}');
  }

  /** Whether any destination of this template begins with the prefix, which ends with a slash. */
  reaches(prefix: string): boolean {
    const segments = this.text.split('/');
    const wanted = prefix.split('/').slice(0, -1);
    return (
      segments.length > wanted.length &&
      wanted.every((segment, index) => segments[index] === segment || segments[index]?.startsWith('{'))
    );
  }

  /** `undefined`: the destination is not one of this template. */
  match(destination: string): Parameters | undefined {
    const found = this.#pattern.exec(destination);
    if (found === null) return undefined;
    return Object.fromEntries(this.#names.map((name, index) => [name, found[index + 1] ?? '']));
  }
}

export type Matched<Item> = { readonly item: Item; readonly parameters: Parameters };

const NO_PARAMETERS: Parameters = {};

/** Items by destination: those without parameters first, then templates in the order they were given. */
export class DestinationTable<Item extends { readonly destination: string }> {
  readonly #exact = new Map<string, Matched<Item>>();
  readonly #templates: { readonly template: DestinationTemplate; readonly item: Item }[] = [];

  /** @throws TypeError for what is no template, and for a destination given twice. */
  constructor(items: readonly Item[]) {
    for (const item of items) {
      const template = new DestinationTemplate(item.destination);
      const isTwice =
        this.#exact.has(item.destination) ||
        this.#templates.some((known) => known.template.shape === template.shape);
      if (isTwice) throw new TypeError(`${item.destination} is defined twice`);
      if (item.destination.includes('{')) this.#templates.push({ template, item });
      else this.#exact.set(item.destination, { item, parameters: NO_PARAMETERS });
    }
  }

  find(destination: string): Matched<Item> | undefined {
    const exact = this.#exact.get(destination);
    if (exact !== undefined) return exact;
    for (const { template, item } of this.#templates) {
      const parameters = template.match(destination);
      if (parameters !== undefined) return { item, parameters };
    }
    return undefined;
  }
}
