import { decodeUtf8 } from "../initializer/bytes.ts";
import { startBudget } from "../initializer/http-retry.ts";
import { listNics } from "../network/nics.ts";
import type { Datasource } from "./datasource.ts";
import type { FileReader } from "./file-reader.ts";
import { largestUserDataBytes, openService, type Service, serviceLimitMs } from "./http-service.ts";
import { notOpened } from "./not-opened.ts";
import { readOpenstackTree } from "./openstack-tree.ts";

/** The metadata service of OpenStack, Huawei Cloud and others: the files of the config drive over HTTP. https://docs.openstack.org/nova/latest/user/metadata.html */
export const openstackService: Datasource = {
  name: "openstack",
  cloudInitName: "OpenStack",
  find(host, _signs, tell) {
    // The address for IPv6 is the same on every card's wire: one has to say which.
    const cards = listNics(host).filter(({ isUp }) => isUp);
    const local = cards.slice(0, mostCards).map(({ name }) => `http://[fe80::a9fe:a9fe%25${name}]`);
    const budget = startBudget(host, serviceLimitMs, tell);
    const bases = ["http://169.254.169.254", ...local];
    const service = openService(host, { bases, probe: "/openstack" }, budget);
    if ("refusal" in service) return notOpened(service, tell);
    const found = readOpenstackTree(serviceReader(service), service.base);
    return typeof found === "string"
      ? { place: service.base, authorizedKeys: {}, problems: [...service.problems, found], isBroken: true }
      : { ...found, problems: [...service.problems, ...found.problems] };
  },
};

const mostCards = 4;

/** What is asked for. Listings are not relied on: not every cloud's tells all that there is. */
const names = ["meta_data.json", "network_data.json", "user_data", "vendor_data.json", "vendor_data2.json"];

/** The service as a directory. Each file is asked for once. */
function serviceReader(service: Service): FileReader {
  const known = new Map<string, Uint8Array | undefined>();
  const read = (path: string): Uint8Array | undefined => {
    if (!known.has(path))
      known.set(path, service.bytes(path, path.endsWith("/user_data") ? largestUserDataBytes : undefined));
    return known.get(path);
  };
  return {
    list(path) {
      if (path === "/openstack") return (service.text(path) ?? "").split(/\s+/).map((name) => name.replace(/\/$/, ""));
      return path.startsWith("/openstack/") ? names.filter((name) => read(`${path}/${name}`) !== undefined) : [];
    },
    readBytes: (path, offsetBytes, lengthBytes) => read(path)?.subarray(offsetBytes, offsetBytes + lengthBytes),
    readText: (path) => {
      const bytes = read(path);
      return bytes && decodeUtf8(bytes);
    },
  };
}
