import type { MachineSigns } from "./signs.ts";

/** NoCloud's configuration in a line of text: `ds=nocloud;i=web-1;h=web;s=http://192.0.2.1/`. */
export interface NocloudLine {
  /** What follows `ds=`, up to `;`. Empty if there is no such word. */
  readonly name: string;
  readonly isMatched: boolean;
  /** By its long names: `instance-id`, `local-hostname`, `seedfrom`, `dsmode`, and any other. A word without `=` is null. */
  readonly values: Readonly<Record<string, string | null>>;
}

const longNames: Readonly<Record<string, string>> = { h: "local-hostname", i: "instance-id", s: "seedfrom" };

/** What `ds=`, `ci.ds=` or `ci.datasource=` names on the kernel's command line, up to `;`; the last one. */
export function namedSource(commandLine: string): string | undefined {
  const words = commandLine.split(/\s+/).map((word) => /^(?:ci\.)?(?:ds|datasource)=([^;]*)/.exec(word));
  return words.findLast((match) => match !== null && !match[0].startsWith("datasource="))?.[1] || undefined;
}

/** Reads one line: the kernel's command line or the machine's serial number. */
export function parseNocloudLine(line: string): NocloudLine {
  const words = line.split(/\s+/);
  const word = words.findLast((text) => /^ds=nocloud(?:-net)?(?:;|$)/.test(text));
  const values: Record<string, string | null> = {};
  if (word === undefined) return { name: namedSource(line) ?? "", isMatched: false, values };
  const [head = "", ...items] = word.split(";");
  for (const item of items.filter((text) => text !== "")) {
    const at = item.indexOf("=");
    const key = at < 0 ? item : item.slice(0, at);
    const name = Object.hasOwn(longNames, key) ? (longNames[key] as string) : key;
    if (name !== "__proto__") values[name] = at < 0 ? null : item.slice(at + 1);
  }
  const seedFrom = values["seedfrom"];
  if (values["dsmode"] === undefined) {
    const mode =
      seedFrom === undefined || seedFrom === null || seedFrom === ""
        ? head.endsWith("-net")
          ? "net"
          : "local"
        : isRemoteSeed(seedFrom)
          ? "net"
          : isLocalSeed(seedFrom)
            ? "local"
            : undefined;
    if (mode !== undefined) values["dsmode"] = mode;
  }
  return { name: head.slice("ds=".length), isMatched: true, values };
}

export function isRemoteSeed(seedFrom: string): boolean {
  return /^(?:http|ftp)s?:\/\//.test(seedFrom);
}

export function isLocalSeed(seedFrom: string): boolean {
  return /^(?:file:\/\/|\/)/.test(seedFrom);
}

/** What the lines of this machine say together: the serial number before the command line. Undefined if neither speaks of NoCloud. */
export function nocloudLine({ commandLine, dmi }: Pick<MachineSigns, "commandLine" | "dmi">): NocloudLine | undefined {
  const lines = [dmi["product_serial"] ?? "", commandLine].map(parseNocloudLine).filter((line) => line.isMatched);
  const [first, second] = lines;
  return first && { ...first, values: { ...second?.values, ...first.values } };
}
