import { existsSync } from "node:fs";
import { fail } from "../core/errors.ts";

/** What `IMAGE`, `IMAGE:/path` or `IMAGE:2:/path` stands for. */
export interface Address {
  readonly image: string;
  /** Undefined: the partition that holds the root. */
  readonly partition: number | undefined;
  /** Absolute, as it was written: not normal yet, may be a glob. */
  readonly path: string;
}

/**
 * Takes an address apart. Colons may be in the image's name (`C:\disk.raw:/etc`) and in the path, so of all the places where it can be divided the first whose
 * image exists is taken.
 *
 * Errors: `usage/arguments`.
 */
export function parseAddress(text: string, exists: (path: string) => boolean = existsSync): Address {
  const readings = [...readingsOf(text)];
  const [first] = readings;
  if (first === undefined)
    fail("usage/arguments", `cannot find an image in "${text}"`, { hint: "write IMAGE:/path, or IMAGE:2:/path" });
  const found = readings.find(({ image }) => exists(image));
  // Most likely a path that does not start at the root.
  const relative = found?.image === text ? undefined : /^(.+?):([^:]*[^:\d/][^:]*)$/.exec(text);
  if (found === undefined && relative !== null && relative !== undefined && exists(relative[1] as string))
    fail("usage/arguments", `cannot use the path "${relative[2]}" of "${text}": paths in an image start with /`, {
      hint: `write ${relative[1]}:/${relative[2]}`,
    });
  return found ?? first;
}

/** Whether it can only mean something in an image: for telling a copy's two ends apart. */
export function looksLikeAddress(text: string): boolean {
  return /[^:]:(\d+:)?\//.test(text) && !/^[A-Za-z]:[\\/][^:]*$/.test(text);
}

function* readingsOf(text: string): Generator<Address> {
  // A drive's letter is part of the name where another colon follows.
  const drive = /^[A-Za-z]:[\\/].*:/.test(text) ? 2 : 0;
  for (let at = text.indexOf(":/", drive); at > 0; at = text.indexOf(":/", at + 1)) {
    const before = text.slice(0, at);
    yield* withPartition(before, text.slice(at + 1));
    yield { image: before, partition: undefined, path: text.slice(at + 1) };
  }
  if (text.endsWith(":") && text.length > 1) {
    yield* withPartition(text.slice(0, -1), "/");
    yield { image: text.slice(0, -1), partition: undefined, path: "/" };
  }
  yield* withPartition(text, "/");
  if (text !== "") yield { image: text, partition: undefined, path: "/" };
}

function* withPartition(text: string, path: string): Generator<Address> {
  const match = /^(.+):(\d{1,3})$/.exec(text);
  if (match !== null) yield { image: match[1] as string, partition: Number(match[2]), path };
}
