import { decodeBase64, encodeUtf8 } from "../initializer/bytes.ts";
import type { Host } from "../initializer/host.ts";
import { asArray, asObject, asText } from "../initializer/json-values.ts";
import { gunzip } from "./gunzip.ts";
import type { Module } from "./module.ts";
import { runLogged } from "./run-logged.ts";
import { isTrue } from "./settings.ts";

const commandLimitMs = 10_000;

/** random_seed: `data` goes to the kernel's pool or a file; `command` is run to get more. What the source gives has been fed before. */
export const randomSeed: Module = {
  name: "seed_random",
  keys: ["random_seed"],
  stage: "early",
  frequency: "instance",
  run(config, { host, problem }) {
    const seed = asObject(config["random_seed"]);
    if (seed === undefined) throw new Error("random_seed is no mapping");
    const file = asText(seed["file"]) ?? "/dev/urandom";
    const { data } = seed;
    if ((data ?? null) !== null) {
      const bytes = decode(host, data, String(seed["encoding"] ?? "raw").toLowerCase());
      if (!host.append(file, bytes)) host.writeFile(file, bytes, 0o600);
    }
    const command = asArray(seed["command"]).map(String);
    if (command.length > 0) {
      const failure = runLogged(host, { argv: command, environment: { RANDOM_SEED_FILE: file } }, commandLimitMs);
      // The program's absence is status 127; images may well lack it.
      const isMissing = failure === "ended with 127" && !isTrue(seed["command_required"]);
      if (failure !== undefined && !isMissing) problem(`command ${failure}`);
    }
    return "fed";
  },
};

function decode(host: Host, data: unknown, encoding: string): Uint8Array {
  const raw = data instanceof Uint8Array ? data : encodeUtf8(String(data));
  if (["raw", ""].includes(encoding)) return raw;
  if (["gzip", "gz"].includes(encoding)) return gunzip(host, raw);
  const decoded = ["base64", "b64"].includes(encoding) ? decodeBase64(String(data)) : undefined;
  if (decoded === undefined) throw new Error("data is not in its encoding");
  return decoded;
}
