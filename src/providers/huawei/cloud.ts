import type { Cloud, CloudCapabilities } from "../cloud.ts";
import type { Connection } from "../connection.ts";
import type { Credentials } from "../credentials.ts";
import type { ObjectStore } from "../object-store.ts";
import { changeImage, checkUnshared, copyImage } from "./change-image.ts";
import { checkCloud } from "./check.ts";
import { type HuaweiClient, makeClient } from "./client.ts";
import { readConsole } from "./evidence.ts";
import { findOffers } from "./flavors.ts";
import { findByHandle, findImages, fits } from "./image-list.ts";
import { importImage } from "./import-image.ts";
import { launch, leastEndMs } from "./launch.ts";
import { removeResource } from "./remove.ts";
import { findResources } from "./resources.ts";
import { instanceState, listServers, showServer } from "./servers.ts";

const huaweiCapabilities: CloudCapabilities = {
  formats: ["qcow2", "raw", "vmdk", "vhd", "vdi"],
  // Its references call the API obsolete, and its successor is new.
  console: "uncertain",
  screenshot: false,
  importReasons: true,
  families: false,
  // OBS: not known to take it.
  unsignedPayload: false,
  userDataBytes: 32 * 1024,
  leastEndMs,
};

export interface HuaweiOptions {
  readonly credentials: Credentials;
  readonly connection: Connection;
  /** `cn-north-4` */
  readonly region: string;
  readonly bucket: string;
  /** Of IAM, to copy images to other regions. */
  readonly agency?: string | undefined;
  /** Where `bucket` is, so that `check` looks at it too. */
  readonly store?: Pick<ObjectStore, "checkBucket"> | undefined;
}

/** Huawei Cloud: IMS API v2, ECS v1 (and v2.1), VPC v1, EIP v1, IAM v3, by a client of our own, for the vendor's SDK has no IMS. */
export function huaweiCloud({ credentials, connection, region: home, bucket, agency, store }: HuaweiOptions): Cloud {
  const clients = new Map<string, HuaweiClient>();
  const clientOf = (region: string): HuaweiClient => {
    const known = clients.get(region) ?? makeClient({ credentials, connection, region });
    clients.set(region, known);
    return known;
  };
  const own = clientOf(home);
  return {
    name: "huawei",
    capabilities: huaweiCapabilities,
    check: (context) => checkCloud(own, { bucket, store }, context),
    images: {
      import: (request, context) => importImage(own, request, context),
      copy: (image, region, request, context) =>
        copyImage({ source: clientOf(image.region), target: clientOf(region), agency }, image, request, context),
      async find({ region, handle, name, tags }, context) {
        if (handle === undefined) return await findImages(clientOf(region ?? home), { name, tags }, context);
        const found = await findByHandle(clientOf, handle, context);
        return found.filter((image) => fits(image, { name, tags }));
      },
      change: (image, change, context) => changeImage(clientOf(image.region), image, change, context),
      async remove({ id, region, name }, context, how) {
        if (id === "") return;
        if (how?.isUnused === true) await checkUnshared(clientOf(region), id, context);
        await removeResource(clientOf(region), { kind: "image", id, region, name }, context);
      },
    },
    instances: {
      offers: (request, context) => findOffers(own, request, context),
      launch: (request, offer, made, context) => launch(own, request, offer, made, context),
      async find({ id, tags = {} }, context) {
        const shown = id === undefined ? undefined : await showServer(own, id, context);
        const servers = id === undefined ? await listServers(own, tags, context) : shown === undefined ? [] : [shown];
        return servers.map((server) => instanceState(server, tags));
      },
      evidence: async (id, context) => ({ console: await readConsole(own, id, context) }),
      resources: (wanted, context) => findResources(own, wanted, context),
      remove: (resource, context) => removeResource(clientOf(resource.region), resource, context),
    },
  };
}
