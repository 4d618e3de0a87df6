import { decodeUtf8 } from "../../../src/guest-config/initializer/bytes.ts";
import { asObject, asText, type JsonObject } from "../../../src/guest-config/initializer/json-values.ts";
import { parseInterfaces } from "../../../src/guest-config/network/interfaces-file.ts";
import { namedSource, parseNocloudLine } from "../../../src/guest-config/sources/nocloud-line.ts";
import { noCloud } from "../../../src/guest-config/sources/nocloud-source.ts";
import { publicKeys } from "../../../src/guest-config/sources/openstack-metadata.ts";
import { readOpenstackTree } from "../../../src/guest-config/sources/openstack-tree.ts";
import { noSigns } from "../../../src/guest-config/sources/signs.ts";
import { parseVendorData } from "../../../src/guest-config/sources/vendor-data.ts";
import { detected } from "./ds-identify.ts";
import { memoryHost } from "./memory-host.ts";
import { textFiles } from "./text-files.ts";

interface Result {
  readonly value: unknown;
  readonly problems: readonly string[];
}

/** The families of recorded cases that are about sources, in the words of the records. */
export const sourceFunctions: Readonly<Record<string, (input: unknown, env: JsonObject) => Result>> = {
  "ds-identify": (input) => ({ value: detected(input), problems: [] }),
  "nocloud-line-config": (input) => {
    const { isMatched, values } = parseNocloudLine(String(input));
    return {
      value: { matched: isMatched, meta_data: values, ds_name: namedSource(String(input)) ?? "" },
      problems: [],
    };
  },
  "ssh-public-keys": (input) => ({ value: publicKeys(input), problems: [] }),
  "vendor-data": (input) => {
    const problems: string[] = [];
    return { value: parseVendorData(input, "vendor_data.json", problems).map(decodeUtf8), problems };
  },
  "config-drive-tree": (input) => configDriveTree(input as Record<string, string>),
  "nocloud-seed-tree": (input, env) => nocloudTree(input as Record<string, string>, env),
};

function configDriveTree(files: Record<string, string>): Result {
  const found = readOpenstackTree(textFiles(files), "drive", parseInterfaces);
  if (typeof found === "string") return { value: null, problems: [found] };
  const { instanceId, hostname, userData, vendorData, network, files: injected, mode, metadata, problems } = found;
  const value = {
    instance_id: instanceId ?? null,
    local_hostname: hostname ?? null,
    userdata: text(userData) ?? "",
    vendordata: (vendorData ?? []).map(decodeUtf8),
    network: network ?? null,
    files: Object.fromEntries((injected ?? []).map(({ path, content }) => [path, decodeUtf8(content)])),
    dsmode: mode ?? null,
    ec2_metadata: metadata?.["ec2"] ?? {},
    public_keys: found.publicKeys,
    availability_zone: metadata?.["availability_zone"] ?? null,
  };
  return { value, problems };
}

/** The files lie in a directory; settings, if there are any, in /etc/cloud. */
function nocloudTree(files: Record<string, string>, env: JsonObject): Result {
  const place = "/var/lib/cloud/seed/nocloud";
  const settings = asObject(env["ds_cfg"]) ?? {};
  const host = memoryHost({
    ...Object.fromEntries(Object.entries(files).map(([name, content]) => [`${place}/${name}`, content])),
    "/etc/cloud/cloud.cfg": JSON.stringify({ datasource: { NoCloud: settings } }),
  });
  const found = noCloud.find(host, {
    ...noSigns,
    commandLine: asText(env["cmdline"]) ?? "",
    dmi: { product_serial: asText(env["smbios_serial"]) },
    seeds: { ...noSigns.seeds, noCloud: Object.keys(files).length === 0 ? [] : [place] },
    settings: { isDisabled: false, noCloud: Object.keys(settings).length === 0 ? undefined : { isRemote: false } },
  });
  // One that asks on leaves it to the source that it names.
  if (found === undefined || found.isBroken === true || found.asksOn === true)
    return { value: { claimed: false }, problems: found?.problems ?? [] };
  const value = {
    claimed: true,
    instance_id: found.instanceId,
    metadata: found.metadata,
    user_data: text(found.userData) ?? "",
    vendor_data: found.vendorData?.map(decodeUtf8).join("") ?? "",
    network: found.network ?? null,
    dsmode: found.metadata?.["dsmode"],
    public_keys: found.publicKeys,
  };
  return { value, problems: found.problems };
}

function text(bytes: Uint8Array | undefined): string | undefined {
  return bytes && decodeUtf8(bytes);
}
