import * as std from "qjs:std";
import { quickjsHost } from "../../../src/guest-config/initializer/host-qjs.ts";
import { fallbackNetwork } from "../../../src/guest-config/network/fallback.ts";
import { configureNetwork } from "../../../src/guest-config/network/network.ts";
import { parseNetworkConfig } from "../../../src/guest-config/network/network-config.ts";
import { parseNetworkData } from "../../../src/guest-config/network/openstack-network.ts";
import * as stacked from "../../../src/guest-config/parts/stacked.ts";

/** Bundled by boot tests and run in guests: obeys the network document in the file that is named, or does what is done without one (`null`), and says as JSON what came of it. */
const host = { ...quickjsHost, loadScript: () => stacked };
const document: unknown = JSON.parse(quickjsHost.readText(scriptArgs[1] ?? "") ?? "null");
const isOpenstack = typeof document === "object" && document !== null && "links" in document;
const parsed =
  document === null
    ? { network: fallbackNetwork(host), problems: [] }
    : isOpenstack
      ? parseNetworkData(document)
      : parseNetworkConfig(document);
quickjsHost.makeDirectory("/run/cloudimg", 0o755);
const startMs = quickjsHost.nowMs();
const said: string[] = [];
const result =
  parsed.network === undefined
    ? { nics: [], problems: [] }
    : configureNetwork(host, parsed.network, scriptArgs[2], (text) => said.push(text));
const elapsedMs = Math.round(quickjsHost.nowMs() - startMs);
std.out.puts(`${JSON.stringify({ ...result, parsing: parsed.problems, said, elapsedMs })}\n`);
std.out.flush();
