import { defineMappingTag, defineScalarTag, defineSequenceTag, NOT_RESOLVED } from "js-yaml";
import { decodeBase64 } from "../initializer/bytes.ts";

const core = (name: string) => `tag:yaml.org,2002:${name}`;

function scalar(name: string, firsts: string | null, read: (text: string, isExplicit: boolean) => unknown) {
  const implicit = firsts === null ? {} : { implicit: true, implicitFirstChars: ["", ...firsts] };
  return defineScalarTag(core(name), {
    ...implicit,
    resolve: (text, isExplicit) => {
      const value = read(text, isExplicit);
      return value === undefined ? NOT_RESOLVED : value;
    },
    identify: () => false,
  });
}

function sequence(name: string) {
  return defineSequenceTag<unknown[]>(core(name), {
    create: () => [],
    addItem: (list, item) => void list.push(item),
    identify: () => false,
  });
}

type Mapping = Record<string, unknown>;

function mapping(name: string) {
  return defineMappingTag<Mapping>(core(name), {
    create: () => ({}),
    addPair(object, key, value) {
      if (typeof key === "object" && key !== null) return "a key is a list or a mapping";
      // Defined, not set: `__proto__` is a key like others.
      const how = { value, enumerable: true, configurable: true, writable: true };
      Object.defineProperty(object, String(key), how);
      return "";
    },
    has: (object, key) => Object.hasOwn(object, String(key)),
    keys: (object) => Object.keys(object),
    get: (object, key) => object[String(key)],
    identify: () => false,
  });
}

const digits = "0123456789";
const words: Readonly<Record<string, boolean>> = {
  yes: true,
  on: true,
  true: true,
  no: false,
  off: false,
  false: false,
};

/**
 * The types of YAML 1.1 as PyYAML reads them: `y` and `n` are texts, `0644` is octal, `1e3` is a text. Better than there: dates stay texts, and so do numbers to base 60,
 * since who writes 52:54:00:12:34:56 means a MAC address, and whole numbers that no number here can hold.
 */
export const yamlTags = [
  scalar("str", null, (text) => text),
  scalar("null", "~nN", (text) => (/^(~|null|Null|NULL)?$/.test(text) ? null : undefined)),
  scalar("bool", "yYnNtTfFoO", (text) =>
    /^([a-z]+|[A-Z][a-z]+|[A-Z]+)$/.test(text) && Object.hasOwn(words, text.toLowerCase())
      ? words[text.toLowerCase()]
      : undefined,
  ),
  scalar("int", `-+${digits}`, readInteger),
  scalar("float", `-+.${digits}`, readFloat),
  scalar("merge", "<", (text) => (text === "<<" ? text : undefined)),
  scalar("binary", null, decodeBase64),
  scalar("timestamp", null, (text) => text),
  sequence("seq"),
  sequence("omap"),
  sequence("pairs"),
  mapping("map"),
  mapping("set"),
];

function readInteger(text: string): number | undefined {
  if (!/^[-+]?(0b[01_]+|0x[\da-fA-F_]+|0[0-7_]*|[1-9][\d_]*)$/.test(text)) return undefined;
  const plain = text.replace(/[-+_]/g, "");
  const number = Number(/^0[0-7]/.test(plain) ? `0o${plain}` : plain);
  return Number.isSafeInteger(number) ? (text.startsWith("-") ? 0 - number : number) : undefined;
}

function readFloat(text: string): number | undefined {
  const special = /^([-+]?)\.(inf|Inf|INF)$|^\.(nan|NaN|NAN)$/.exec(text);
  if (special !== null) return special[2] === undefined ? Number.NaN : special[1] === "-" ? -Infinity : Infinity;
  if (!/^([-+]?\d[\d_]*\.[\d_]*|\.\d[\d_]*)(e[-+]\d+)?$/i.test(text)) return undefined;
  return Number(text.replaceAll("_", ""));
}
