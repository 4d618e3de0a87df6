import type { Context } from "../../core/context.ts";
import { fail } from "../../core/errors.ts";
import type { Resource } from "../cloud.ts";
import { removeImage } from "./image-removal.ts";
import { listInstances } from "./instance-search.ts";
import type { Settings } from "./settings.ts";
import { vendorCodeOf } from "./vendor-error.ts";

/** New things are not found everywhere for about so long. */
const unknownForMs = 3000;

const goneCodes = [
  "InvalidInstanceId.NotFound",
  "InvalidKeyPairId.NotFound",
  "InvalidSecurityGroupID.NotFound",
  "ResourceNotFound",
  "InvalidAddressId.NotFound",
  "InvalidParameterValue.AddressNotFound",
];

/** One thing that `launch` or an import has made. It returns when the thing is gone, for till then it may be billed. Errors: `cloud/busy`: ask again later. */
export async function removeResource(settings: Settings, resource: Resource, context: Context): Promise<void> {
  const { kind, id } = resource;
  try {
    await removers[kind](settings, resource, { what: `remove the ${kind} ${id}`, context, region: resource.region });
  } catch (error) {
    if (!goneCodes.includes(vendorCodeOf(error) ?? "")) throw error;
  }
}

interface Options {
  readonly what: string;
  readonly context: Context;
  readonly region: string;
}
type Remover = (settings: Settings, resource: Resource, options: Options) => Promise<unknown>;

const removers: Readonly<Record<Resource["kind"], Remover>> = {
  instance: removeInstance,
  image: (settings, { id, region }, { context }) => removeImage(settings, id, region, context),
  "security-group": ({ api }, { id }, options) => api("vpc", "DeleteSecurityGroup", { SecurityGroupId: id }, options),
  "key-pair": ({ api }, { id }, options) => api("cvm", "DeleteKeyPairs", { KeyIds: [id] }, options),
  address: ({ api }, { id }, options) => api("vpc", "ReleaseAddresses", { AddressIds: [id] }, options),
  object: notOurs,
  upload: notOurs,
  // They go with their image, and the default network stays.
  snapshot: notOurs,
  subnet: notOurs,
  network: notOurs,
  volume: notOurs,
};

/**
 * Right after its launch an instance must not be ended yet (`OperationDenied.InstanceOperationInProgress`, `MutexOperation.TaskRunning`), and an accepted end takes
 * a while: both are `cloud/busy`. For a moment a new instance is not known by its id either: what is not found is asked for twice.
 */
async function removeInstance(settings: Settings, { id, region }: Resource, options: Options): Promise<void> {
  const { context, what } = options;
  const state = async () => (await listInstances(settings, { id, region }, context))[0]?.InstanceState;
  const terminate = () =>
    settings.api("cvm", "TerminateInstances", { InstanceIds: [id], ReleaseAddress: true }, options);
  if ((await state()) !== "TERMINATING") {
    try {
      await terminate();
    } catch (error) {
      if (!goneCodes.includes(vendorCodeOf(error) ?? "")) throw error;
      await settings.connection.sleep(unknownForMs, context.signal);
      await terminate();
    }
  }
  if ((await state()) !== undefined) fail("cloud/busy", `cannot ${what}: Tencent Cloud is still ending it`);
}

async function notOurs(_: Settings, { kind, id }: Resource): Promise<never> {
  throw new TypeError(`the ${kind} ${id} is not this provider's to remove`);
}
