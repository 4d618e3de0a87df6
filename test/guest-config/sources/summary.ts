import { encodeBase64 } from "../../../src/guest-config/initializer/bytes.ts";
import type { Host } from "../../../src/guest-config/initializer/host.ts";
import { detect } from "../../../src/guest-config/sources/detect.ts";
import { localSources } from "../../../src/guest-config/sources/local-sources.ts";
import { readSigns } from "../../../src/guest-config/sources/signs.ts";

/** What the local sources find on a machine, as plain JSON. */
export function summary(host: Host): unknown {
  const signs = readSigns(host);
  const found = localSources.map((source) => {
    const { userData, finish, ...rest } = source.find(host, signs) ?? { finish: undefined };
    return { ...rest, hasFinish: finish !== undefined, userData: userData && encodeBase64(userData) };
  });
  return { detection: detect(signs), found };
}
