import * as std from "qjs:std";
import { parseNetworkData } from "../../src/guest-config/network/openstack-network.ts";
import { planNetwork } from "./network/plan-network.ts";

/** Bundled by bundle.test.ts and run by QuickJS: documents from a file, plans as JSON. */
const file = std.open(scriptArgs[1] ?? "", "r");
for (const line of file?.readAsString().split("\n") ?? []) {
  if (line === "") continue;
  const { document, nics } = JSON.parse(line);
  const { network, problems } = parseNetworkData(document);
  std.out.puts(`${JSON.stringify({ problems, plan: network && planNetwork(network, nics, false) })}\n`);
}
std.out.flush();
