import { z } from "zod";
import { firmwares, outputFormats } from "./machine-words.ts";
import { durationSchema, sizeSchema } from "./quantities.ts";
import { hostName, hostPort, pattern, userName } from "./words.ts";

/** The sections that do not change the image: how it is written, where it runs, and how it is checked. */
export const output = z
  .strictObject({
    formats: z
      .array(z.enum(outputFormats))
      .min(1)
      .default(["raw", "qcow2"])
      .describe(
        "Image files to write. `vhd` is dynamic, `vmdk` is streamOptimized; `vhd-fixed` and `vmdk-flat` are for those who want no other.",
      ),
    compress: z.boolean().default(true).describe("Compress the data of qcow2 and vmdk."),
    compat: z
      .enum(["0.10", "1.1"])
      .default("1.1")
      .describe("qcow2: the oldest QEMU that reads it; 0.10 is version 2 of the format."),
    compression: z
      .enum(["zlib", "zstd"])
      .default("zlib")
      .describe("qcow2: what clusters are compressed with. The clouds read zlib only."),
    clusterSize: sizeSchema.prefault("64KiB").describe("qcow2 cluster size: a power of two from 512B to 2MiB."),
  })
  .describe("The files that a build writes.");

const route = z.strictObject({
  to: z.string().describe("Destination with prefix length: 10.0.0.0/8."),
  via: z.string().optional().describe("The router's address."),
  metric: z.int().min(0).max(4294967295).optional().describe("Lower wins."),
});

const networkInterface = z.strictObject({
  mac: z
    .string()
    .regex(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i, "must be a MAC address, like 52:54:00:12:34:56")
    .optional()
    .describe("MAC address. Default: derived from the run."),
  dhcp: z.boolean().optional().describe("Ask for an address by DHCP. Default: yes, unless there are static addresses."),
  addresses: z.array(z.string()).default([]).describe("Static addresses with prefix length: 192.0.2.7/24."),
  gateway: z.string().optional().describe("The default route's router."),
  routes: z.array(route).default([]).describe("Further routes."),
  nameservers: z.array(z.string()).default([]).describe("DNS servers."),
  search: z.array(z.string()).default([]).describe("DNS search domains."),
  mtu: z.int().min(68).max(65535).optional().describe("Largest packet, in bytes."),
});

export const instance = z
  .strictObject({
    hostname: hostName.optional().describe("Host name. Default: the image's name."),
    cpus: z.int().min(1).max(256).default(1).describe("Processors."),
    memory: sizeSchema.prefault("512MiB").describe("Memory."),
    diskSize: sizeSchema.optional().describe("Size of the instance's disk. Default: the image's own."),
    firmware: z
      .enum(firmwares)
      .optional()
      .describe("What starts the machine; `uefi-secure` enforces Secure Boot. Default: BIOS if the image boots by it."),
    user: userName.default("root").describe("Whom the run's ssh key may log in as."),
    userData: z
      .string()
      .optional()
      .describe("User data handed to the instance: a script, `#cloud-config`, …; see docs/user-data.md."),
    interfaces: z
      .array(networkInterface)
      .min(1)
      .prefault([{}])
      .describe("Network cards. Default: one that asks by DHCP."),
  })
  .describe("The machine that is started from the image, and what it is told.");

const sshCheck = z.strictObject({
  run: z.string().min(1).describe("Command run in the guest."),
  exitCode: z.int().min(0).max(255).default(0).describe("The exit code that it must have."),
  stdout: pattern.optional().describe("What standard output must match."),
  timeout: durationSchema.optional().describe("Default: `smoke.timeout`."),
});

const httpCheck = z.strictObject({
  path: z
    .string()
    .startsWith("/", "must be the path part of a URL: it starts with /")
    .default("/")
    .describe("Path, with query."),
  tls: z.boolean().default(false).describe("Use HTTPS."),
  status: z.int().min(100).max(599).default(200).describe("The status that the answer must have."),
  headers: z
    .record(z.string(), pattern)
    .default({})
    .describe("Header name → regular expression that its value must match."),
  body: pattern.optional().describe("What the body must match."),
  timeout: durationSchema.optional().describe("Default: `smoke.timeout`."),
});

export const smoke = z
  .strictObject({
    timeout: durationSchema.prefault("120s").describe("How long each check is tried again until it passes."),
    ssh: z.array(sshCheck).default([]).describe("Commands that must work over ssh."),
    http: z.array(httpCheck).default([]).describe("Requests that must be answered."),
  })
  .describe("How a running instance is checked.");

const publishTo = ["local", "tencent", "alibaba", "huawei"] as const;

const accountIds = z.array(z.string().regex(/^[\w-]{1,64}$/, "must be an account's id")).default([]);

const region = z
  .string()
  .regex(/^[a-z]{2}[a-z0-9-]{1,30}$/, "must be a region's id, as the cloud's console shows it")
  .optional();

/** What each cloud needs to know. */
const cloudPlace = {
  region: region.describe("The region. Default: that of the environment, or of the credentials' file."),
  bucket: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/, "must be a bucket's name")
    .optional()
    .describe("The bucket that image files are uploaded to, in the same region."),
  copyTo: z.array(region.unwrap()).default([]).describe("Further regions that the image is copied to."),
  shareWith: accountIds.describe("Accounts that may use the image."),
  instanceTypes: z
    .array(z.string().min(1))
    .default([])
    .describe(
      "Kinds of machine to test on, the best first. Default: the cheapest that has `instance.cpus` and `.memory`.",
    ),
};

const providerName = z.enum(publishTo);

export const provider = z
  .strictObject({
    name: z
      .union([providerName, z.array(providerName).min(1)], {
        error: `must be one of ${publishTo.join(", ")}, or a list of them`,
      })
      .default("local")
      .describe("Where `publish` goes unless `--provider` says otherwise: one of the providers, or several."),
    local: z
      .strictObject({
        accel: z
          .enum(["auto", "kvm", "tcg", "hvf"])
          .default("auto")
          .describe("What QEMU runs on. `auto`: the fastest that proves to work."),
        sshPort: hostPort
          .default(2222)
          .describe("Preferred port on loopback for ssh; another is taken when it is in use."),
        httpPort: hostPort
          .default(9080)
          .describe("Preferred port on loopback for HTTP; another is taken when it is in use."),
        bootTimeout: durationSchema.prefault("180s").describe("How long a boot may take."),
      })
      .prefault({})
      .describe("QEMU on this machine."),
    tencent: z.strictObject(cloudPlace).prefault({}).describe("Tencent Cloud: CVM and COS."),
    alibaba: z
      .strictObject({
        ...cloudPlace,
        role: z
          .string()
          .min(1)
          .optional()
          .describe("The RAM role that lets ECS read the bucket. Default: AliyunECSImageImportDefaultRole."),
      })
      .prefault({})
      .describe("Alibaba Cloud: ECS and OSS."),
    huawei: z
      .strictObject({
        ...cloudPlace,
        agency: z.string().min(1).optional().describe("The IAM agency that lets IMS copy images to other regions."),
      })
      .prefault({})
      .describe("Huawei Cloud: IMS, ECS and OBS."),
  })
  .describe("Where the image is published.");

export const publish = z
  .strictObject({
    family: z
      .string()
      .regex(/^[a-z][a-z0-9-]{1,59}$/, "must be 2 to 60 lower-case letters, digits and hyphens, a letter first")
      .optional()
      .describe("The image family, by which others find the newest image."),
    deprecateOld: z.boolean().default(false).describe("Mark older images of this profile as deprecated."),
    keepNewest: z
      .int()
      .min(1)
      .max(1000)
      .optional()
      .describe("Keep so many images of this profile, the new one included, and remove older ones. Default: all."),
    keepObject: z.boolean().default(false).describe("Leave the uploaded file in the bucket."),
    keepFailed: z
      .boolean()
      .default(false)
      .describe("Leave an image that did not pass its checks: the next publish checks it again."),
    spot: z.boolean().default(false).describe("Test on a spot instance: cheaper, and may be taken back."),
    lifetime: durationSchema
      .prefault("1h")
      .describe("The cloud itself ends the test instance after this long, whatever becomes of this machine."),
    description: z.string().max(256).default("").describe("What the cloud shows beside the image's name."),
  })
  .describe("How the image is published to a cloud, whichever it is.");
