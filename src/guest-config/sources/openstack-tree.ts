import { decodeUtf8 } from "../initializer/bytes.ts";
import { asObject, type JsonObject, parseJson } from "../initializer/json-values.ts";
import { parseNetworkData } from "../network/openstack-network.ts";
import type { ParsedNetwork } from "../network-state.ts";
import type { Found, InjectedFile } from "./datasource.ts";
import { type FileReader, largestFileBytes } from "./file-reader.ts";
import { firstLine } from "./first-line.ts";
import { type ParsedMetadata, parseMetadata } from "./openstack-metadata.ts";
import { publicMetadata } from "./public-metadata.ts";
import { parseVendorData } from "./vendor-data.ts";

/**
 * Newest first. A version that is not known here may look different: `latest` is read instead, which every generator writes.
 * https://docs.openstack.org/nova/latest/user/metadata.html#openstack-format-metadata
 */
const knownVersions = [
  "2018-08-27",
  "2017-02-22",
  "2016-10-06",
  "2016-06-30",
  "2015-10-15",
  "2013-10-17",
  "2013-04-04",
  "2012-08-10",
  "latest",
];

/** Of those in the directory `openstack`, the one to read. */
function chooseVersion(present: readonly string[]): string | undefined {
  return knownVersions.find((name) => present.includes(name));
}

/** OpenStack's way to say what is to be done with a drive. */
export interface OpenstackFound extends Found {
  readonly mode?: string | undefined;
}

/**
 * Reads the files that OpenStack gives an instance, on a drive or at its metadata service. Old ones tell the network as Debian's /etc/network/interfaces, which takes a reader of
 * its own. A text says why they are none.
 */
export function readOpenstackTree(
  files: FileReader,
  place: string,
  parseInterfaces?: (text: string) => ParsedNetwork,
): OpenstackFound | string {
  const version = chooseVersion(files.list("/openstack"));
  if (version === undefined) {
    if (files.list("").includes("meta.js")) return "it has the format of 2012, which is not supported";
    return "it has no openstack directory of a known version";
  }
  const problems: string[] = [];
  let isBroken = false;
  const directory = `/openstack/${version}`;
  const present = files.list(directory);
  const readBytes = (name: string) => {
    if (!present.includes(name)) return undefined;
    const bytes = files.readBytes(`${directory}/${name}`, 0, largestFileBytes);
    if (bytes === undefined) problems.push(`${name} cannot be read`);
    return bytes;
  };
  const readJson = (path: string, name: string): { readonly value: unknown } | undefined => {
    const text = files.readText(path);
    try {
      if (text !== undefined) return { value: parseJson(text) };
      problems.push(`${name} cannot be read`);
    } catch {
      // Not what the parser says: it quotes the text, which may hold a password.
      problems.push(`${name} is not JSON`);
    }
    isBroken = true;
    return undefined;
  };
  const document = (name: string) => (present.includes(name) ? readJson(`${directory}/${name}`, name) : undefined);

  if (!present.includes("meta_data.json")) problems.push("meta_data.json is missing");
  const metaJson = document("meta_data.json");
  const { fileReferences, interfacesPath, ...meta } =
    metaJson === undefined ? noMetadata : parseMetadata(metaJson.value);
  const networkJson = document("network_data.json");
  const content = (path: string) => files.readBytes(`/openstack/${path.replace(/^\/+/, "")}`, 0, largestFileBytes);
  let network = networkJson && parseNetworkData(networkJson.value);
  if (network === undefined && interfacesPath !== undefined) {
    const text = content(interfacesPath);
    if (text === undefined) problems.push(`network_config is missing: openstack${interfacesPath}`);
    else network = attempt(() => parseInterfaces?.(decodeUtf8(text)), problems);
  }
  const vendorData = ["vendor_data.json", "vendor_data2.json"].flatMap((name) => {
    const json = document(name);
    return json === undefined ? [] : parseVendorData(json.value, name, problems);
  });
  const injected = fileReferences.flatMap(({ contentPath, path }): InjectedFile[] => {
    const bytes = content(contentPath);
    if (bytes === undefined) problems.push(`the content of ${path} is missing: openstack${contentPath}`);
    return bytes === undefined ? [] : [{ path, content: bytes }];
  });
  const userData = readBytes("user_data");
  const ec2 = ec2Metadata(files, readJson);
  return {
    ...meta,
    place,
    network: network?.network,
    isNetworkDisabled: network?.isDisabled,
    userData,
    vendorData: vendorData.length === 0 ? undefined : vendorData,
    files: injected.length === 0 ? undefined : injected,
    metadata: ec2 === undefined ? meta.metadata : { ...meta.metadata, ec2 },
    isBroken: isBroken || meta.instanceId === undefined,
    problems: [...problems, ...meta.problems, ...(network?.problems ?? [])],
  };
}

function attempt(work: () => ParsedNetwork | undefined, problems: string[]): ParsedNetwork | undefined {
  try {
    return work();
  } catch (error) {
    problems.push(`network_config: ${firstLine((error as Error).message)}`);
    return undefined;
  }
}

const noMetadata: ParsedMetadata = { authorizedKeys: {}, fileReferences: [], problems: [] };

/** The same told in Amazon's words: shown, not used. */
function ec2Metadata(
  files: FileReader,
  readJson: (path: string, name: string) => { readonly value: unknown } | undefined,
): JsonObject | undefined {
  if (!files.list("/ec2/latest").includes("meta-data.json")) return undefined;
  const value = asObject(readJson("/ec2/latest/meta-data.json", "ec2/latest/meta-data.json")?.value);
  return value && publicMetadata(value);
}
