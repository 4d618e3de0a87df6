import { decodeBase64, decodeUtf8 } from "../../../src/guest-config/initializer/bytes.ts";
import { asArray, asObject, asText, type JsonObject } from "../../../src/guest-config/initializer/json-values.ts";
import { parseYaml } from "../../../src/guest-config/parts/yaml.ts";
import { mergeDocument } from "../../../src/guest-config/user-data/assemble.ts";
import { fileContent, fileMode } from "../../../src/guest-config/user-data/file-content.ts";
import { wantedHostName } from "../../../src/guest-config/user-data/host-name.ts";
import { shellScript } from "../../../src/guest-config/user-data/runcmd.ts";
import { splitUserData } from "../../../src/guest-config/user-data/split-parts.ts";
import { unpackingHost } from "./unpacking-host.ts";

interface Result {
  readonly value: unknown;
  readonly problems: readonly string[];
}

/** The families of recorded cases that are about user data, in the words of the records. */
export const userDataFunctions: Readonly<Record<string, (input: unknown, env: JsonObject) => Result>> = {
  "user-data-parts": (input) =>
    collected((problem) => {
      const raw = decodeBase64(String(asObject(input)?.["base64"])) ?? new Uint8Array();
      const parts = splitUserData(raw, { host: unpackingHost(), directory: "/instance", problem });
      const asRecorded = parts.map(({ contentType, fileName, payload }) => {
        return { content_type: contentType, filename: fileName, payload: decodeUtf8(payload) };
      });
      return { parts: asRecorded };
    }),
  "cloud-config-merge": (input) =>
    collected((problem) =>
      asArray(input).reduce<JsonObject>(
        (config, text) => mergeDocument(config, parseYaml(String(text)), undefined, problem),
        {},
      ),
    ),
  hostname: (input) => {
    const { cloud_config, metadata_hostname } = asObject(input) ?? {};
    const { hostname, fqdn, isDefault } = wantedHostName(asObject(cloud_config) ?? {}, asText(metadata_hostname));
    return { value: { hostname, fqdn, is_default: isDefault }, problems: [] };
  },
  "write-files-encoding": (input) =>
    collected((problem) => {
      const { content, encoding } = asObject(input) ?? {};
      return decodeUtf8(fileContent(unpackingHost(), content, encoding, problem));
    }),
  "write-files-permissions": (input) => ({ value: input === null ? 0o644 : (fileMode(input) ?? 0o644), problems: [] }),
  "runcmd-shellify": (input) => {
    const { script, problems } = shellScript(input);
    return { value: script, problems };
  },
};

function collected(work: (problem: (text: string) => void) => unknown): Result {
  const problems: string[] = [];
  try {
    return { value: work((text) => problems.push(text)), problems };
  } catch (error) {
    return { value: null, problems: [...problems, (error as Error).message] };
  }
}
