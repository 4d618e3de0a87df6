import { z } from "zod";
import { durationSchema, modeSchema, sizeSchema } from "./quantities.ts";

/**
 * The profile's schema: the one source of its TypeScript types, its validation, docs/profile.schema.json and docs/profile.md. Objects are strict:
 * an unknown key is an error. Every field has a description; it is what an editor shows.
 */
const absolutePath = z
  .string()
  .regex(
    /^\/(?!.*(^|\/)\.{1,2}(\/|$))(?!.*\/\/)(.*[^/])?$/,
    "must be an absolute path without `.`, `..` or a trailing slash",
  );

const userName = z
  .string()
  .regex(/^[a-z_][a-z0-9_-]{0,31}$/, "must be a user name: lower-case letters, digits, - and _");

const image = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9.-]{0,59}$/)
    .describe("The image's name: lower-case letters, digits, dots and dashes."),
  arch: z.enum(["amd64", "arm64", "riscv64"]).default("amd64").describe("The processor it runs on, in Debian's terms."),
  version: z.string().default("1").describe("Your version of the image; ends up in /etc/os-release as IMAGE_VERSION."),
});

const includeEntry = z.union([
  z.string(),
  z.strictObject({
    name: z.string().describe("The package's name."),
    version: z.string().optional().describe("An exact version, or a relation such as `>= 1.2`."),
    files: z
      .array(absolutePath)
      .min(1)
      .optional()
      .describe(
        "Take only these paths (globs allowed) of the package, and not its dependencies; the libraries they need must then be there.",
      ),
  }),
]);

const packages = z.strictObject({
  suite: z.string().default("trixie").describe("The Debian suite."),
  components: z.array(z.string()).default(["main"]).describe("Archive components."),
  mirror: z
    .url()
    .optional()
    .describe(
      "Base URL of a Debian mirror; `--mirror` and CLOUDIMG_MIRROR come before it, the host's apt sources after.",
    ),
  securityMirror: z.url().optional().describe("Base URL of the security archive, if it is not beside the mirror."),
  updates: z.boolean().default(true).describe("Also use SUITE-updates."),
  security: z.boolean().default(true).describe("Also use SUITE-security."),
  include: z.array(includeEntry).default([]).describe("Packages to install, with what they depend on."),
  exclude: z
    .array(z.string())
    .default([])
    .describe("Packages that must not be installed though something depends on them."),
  prune: z.array(z.string()).default([]).describe("Path globs to leave out of every package."),
});

const kernel = z.strictObject({
  package: z
    .string()
    .optional()
    .describe("The Debian package with the kernel (a meta package is followed). Default: linux-image-cloud-ARCH."),
  file: z.string().optional().describe("A kernel image on this host, instead of a package."),
  cmdline: z.array(z.string()).default([]).describe("Words of the kernel command line, after root=."),
  modules: z.array(z.string()).default([]).describe("Kernel modules to install, with what they depend on."),
  initrdModules: z
    .array(z.string())
    .default([])
    .describe("Modules that the initrd loads to find the root file system, with what they depend on."),
  rescueShell: z
    .boolean()
    .default(false)
    .describe("If the root file system never appears: a shell on the console (true) or power off (false)."),
});

const file = z.strictObject({
  source: z.string().optional().describe("A file, directory or glob, relative to this profile."),
  content: z.string().optional().describe("The content itself, instead of `source`."),
  target: absolutePath.describe("Where it goes. With a glob or several sources: the directory they go into."),
  mode: modeSchema
    .optional()
    .describe('Permission bits in octal, quoted: "0644". Default: 0644, or 0755 if the source is executable.'),
  user: z
    .union([userName, z.int().min(0)])
    .optional()
    .describe("Owner, by name or number; `user` and `group` go together."),
  group: z
    .union([userName, z.int().min(0)])
    .optional()
    .describe("Group, by name or number."),
  replace: z.boolean().default(false).describe("May replace a file that a package put there."),
});

const user = z.strictObject({
  name: userName,
  uid: z.int().min(0).max(65533).optional(),
  groups: z.array(userName).default([]).describe("Further groups."),
  shell: absolutePath.default("/bin/sh"),
  home: absolutePath.optional().describe("Default: /root for root, else /home/NAME."),
  authorizedKeys: z.array(z.string()).default([]).describe("Lines for ~/.ssh/authorized_keys."),
  passwordHash: z.string().optional().describe("A crypt(3) hash. Default: the password is locked."),
});

const service = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9-]*$/),
  command: z.string().describe("Run by /bin/sh in the foreground; started again when it ends."),
  user: userName.default("root"),
  respawn: z.boolean().default(true).describe("Start it again when it ends; false: run once at boot."),
});

const services = z.strictObject({
  ssh: z
    .strictObject({
      enabled: z.boolean().default(true),
      port: z.int().min(1).max(65535).default(22),
      passwordLogin: z.boolean().default(false),
    })
    .prefault({}),
  http: z
    .strictObject({
      enabled: z.boolean().default(true),
      port: z.int().min(1).max(65535).default(80),
      page: z.string().optional().describe("HTML of the front page."),
      config: z.string().optional().describe("Further nginx configuration inside `server { }`."),
    })
    .prefault({}),
  commands: z.array(service).default([]),
});

const disk = z.strictObject({
  partitionTable: z.enum(["legacy"]).default("legacy").describe("`legacy`: MBR, boots by BIOS."),
  fileSystem: z.enum(["ext4"]).default("ext4").describe("The root file system."),
  size: z
    .union([z.literal("auto"), sizeSchema])
    .default("auto")
    .describe("Size of the whole disk, or `auto`: as small as the contents allow."),
  additionalSpace: sizeSchema
    .prefault("32MiB")
    .describe("Free space in the root file system when the size is `auto`."),
  label: z.string().max(16).default("root").describe("Label of the root file system."),
});

const output = z.strictObject({
  formats: z
    .array(z.enum(["raw", "qcow2"]))
    .min(1)
    .default(["raw", "qcow2"]),
  compress: z.boolean().default(true).describe("Compress qcow2 clusters (zlib)."),
  clusterSize: sizeSchema.prefault("64KiB").describe("qcow2 cluster size."),
});

const route = z.strictObject({ to: z.string(), via: z.string().optional(), metric: z.int().optional() });

const networkInterface = z.strictObject({
  mac: z
    .string()
    .regex(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i)
    .optional()
    .describe("Default: derived from the run."),
  dhcp: z.boolean().default(true).describe("Ask for an address by DHCP."),
  addresses: z.array(z.string()).default([]).describe("Static addresses with prefix length: 192.0.2.7/24."),
  gateway: z.string().optional(),
  routes: z.array(route).default([]),
  nameservers: z.array(z.string()).default([]),
  search: z.array(z.string()).default([]),
  mtu: z.int().min(68).max(65535).optional(),
});

const instance = z.strictObject({
  hostname: z
    .string()
    .regex(/^[a-zA-Z0-9]([a-zA-Z0-9.-]{0,251}[a-zA-Z0-9])?$/)
    .optional()
    .describe("Default: the image's name."),
  cpus: z.int().min(1).max(256).default(1),
  memory: sizeSchema.prefault("512MiB"),
  diskSize: sizeSchema.optional().describe("Size of the instance's disk. Default: the image's own."),
  user: userName.default("root").describe("Whom the run's ssh key may log in as."),
  userData: z.string().optional().describe("User data handed to the instance."),
  interfaces: z
    .array(networkInterface)
    .min(1)
    .default([networkInterface.parse({})]),
});

const sshCheck = z.strictObject({
  run: z.string().describe("Command run in the guest."),
  exitCode: z.int().default(0),
  stdout: z.string().optional().describe("Regular expression that standard output must match."),
  timeout: durationSchema.optional(),
});

const httpCheck = z.strictObject({
  path: z.string().startsWith("/").default("/"),
  tls: z.boolean().default(false),
  status: z.int().default(200),
  headers: z.record(z.string(), z.string()).default({}).describe("Header name → regular expression."),
  body: z.string().optional().describe("Regular expression that the body must match."),
  timeout: durationSchema.optional(),
});

const smoke = z.strictObject({
  timeout: durationSchema.prefault("120s").describe("How long each check is tried again until it passes."),
  ssh: z.array(sshCheck).default([]),
  http: z.array(httpCheck).default([]),
});

const provider = z.strictObject({
  name: z.enum(["local"]).default("local").describe("Where `publish` goes unless --provider says otherwise."),
  local: z
    .strictObject({
      accel: z.enum(["auto", "kvm", "tcg", "hvf"]).default("auto"),
      sshPort: z
        .int()
        .min(0)
        .max(65535)
        .default(2222)
        .describe("Preferred port on loopback; another is taken when it is in use."),
      httpPort: z.int().min(0).max(65535).default(9080),
      bootTimeout: durationSchema.prefault("180s"),
    })
    .prefault({}),
});

export const profileSchema = z.strictObject({
  extends: z
    .union([z.string(), z.array(z.string())])
    .optional()
    .describe("Other profile files to start from, relative to this one."),
  image,
  packages: packages.prefault({}),
  kernel: kernel.prefault({}),
  files: z.array(file).default([]),
  users: z.array(user).default([]),
  services: services.prefault({}),
  disk: disk.prefault({}),
  output: output.prefault({}),
  provider: provider.prefault({}),
  instance: instance.prefault({}),
  smoke: smoke.prefault({}),
});

/** A validated profile with every default filled in. Sizes are bytes, durations milliseconds, modes numbers. */
export type Profile = z.output<typeof profileSchema>;
