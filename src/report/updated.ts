import { fileRows, table } from "./image.ts";
import { showName } from "./names.ts";

interface UpdateFacts {
  readonly path: string;
  readonly format: string;
  readonly changes: Readonly<
    Record<"added" | "replaced" | "removed" | "kept" | "kept-changed" | "overruled", readonly string[]>
  > & { readonly unchanged: number };
  readonly isWritten: boolean;
  readonly identity: string | undefined;
  readonly files: Parameters<typeof fileRows>[0];
}

const shownPaths = 10;

/** What an update did, or would do: numbers, and the paths that somebody may care about. */
export function describeUpdate(facts: UpdateFacts, options: { readonly all: boolean }): string {
  const { changes, isWritten, identity, files } = facts;
  const { unchanged, ...paths } = changes;
  const count = (what: keyof typeof paths): string => `${paths[what].length}`;
  const lines = [
    table([
      ...(isWritten ? fileRows(files) : [[facts.format, facts.path] as const]),
      [
        "profile",
        `${count("added")} added, ${count("replaced")} replaced, ${count("removed")} removed, ${unchanged} unchanged`,
      ],
      [
        "system",
        `${count("kept")} of its own kept, ${count("kept-changed")} of its changes kept, ${count("overruled")} overruled`,
      ],
      ...(identity === undefined ? [] : [["SHA-256", `${identity} (of the raw disk)`] as const]),
    ]),
    ...listed("the profile's version is taken, although the system had changed it:", changes.overruled, options.all),
    ...listed("the system's change is kept:", changes["kept-changed"], options.all),
    ...listed("removed:", changes.removed, options.all),
  ];
  if (options.all) lines.push(...listed("added:", changes.added, true), ...listed("replaced:", changes.replaced, true));
  if (!isWritten) lines.push("  nothing was written");
  return lines.join("\n");
}

function listed(title: string, paths: readonly string[], all: boolean): string[] {
  if (paths.length === 0) return [];
  const shown = all ? paths : paths.slice(0, shownPaths);
  const more = paths.length - shown.length;
  return [
    `  ${title}`,
    ...shown.map((path) => `    ${showName(path)}`),
    ...(more > 0 ? [`    and ${more} more (--verbose)`] : []),
  ];
}
