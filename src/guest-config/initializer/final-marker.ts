import type { Host } from "./host.ts";
import { asObject, parseJson } from "./json-values.ts";

/** Is there when something is left to do once the services run; init looks for it. So it is, too, when the boot stage has not come to its end. */
const path = "/run/cloudimg/final";

/** What somebody has to do for a boot stage that init has ended. */
export interface Unfinished {
  /** Lines for authorized_keys, by user. */
  readonly keys: Readonly<Record<string, readonly string[]>>;
}

/** Until `endUnfinished` is called the boot stage is not done. */
export function beginUnfinished(host: Host, left: Unfinished): void {
  host.writeFile(path, JSON.stringify(left), 0o644);
}

export function endUnfinished(host: Host, hasFinalStage: boolean): void {
  if (hasFinalStage) host.writeFile(path, "", 0o644);
  else host.remove(path);
}

/** Undefined: there is nothing to do. `final`: what is usual. */
export function takeFinalMarker(host: Host): "final" | Unfinished | undefined {
  const text = host.readText(path);
  host.remove(path);
  if (text === undefined || text === "") return text === "" ? "final" : undefined;
  try {
    const keys = asObject(asObject(parseJson(text))?.["keys"]) ?? {};
    return { keys: keys as Unfinished["keys"] };
  } catch {
    return { keys: {} };
  }
}
