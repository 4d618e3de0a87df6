import { z } from "zod";
import { modeSchema } from "./quantities.ts";
import { absolutePath, archiveWord, mirrorUrl, owner, packageName, port, userName } from "./words.ts";

/** The sections that say what is in the image: packages, files, accounts, services. */
const includeEntry = z.union(
  [
    packageName,
    z
      .strictObject({
        name: packageName.describe("The package's name."),
        version: z.string().optional().describe("An exact version, or a relation such as `>= 1.2`."),
        files: z
          .array(absolutePath)
          .min(1)
          .optional()
          .describe(
            "Take only these paths (globs allowed) of the package and none of its dependencies; the libraries that they need must then be in the image.",
          ),
      })
      .describe("A package with a wish about its version, or some files of it."),
  ],
  { error: "must be a package name, or a map with `name` and `version` or `files`" },
);

export const packages = z
  .strictObject({
    suite: archiveWord.default("trixie").describe("The Debian suite."),
    components: z.array(archiveWord).min(1).default(["main"]).describe("Archive components."),
    mirror: mirrorUrl
      .optional()
      .describe(
        "Base URL of a Debian mirror. `--mirror` and CLOUDIMG_MIRROR come before it, the host's apt sources after it.",
      ),
    securityMirror: mirrorUrl.optional().describe("Base URL of the security archive, if it is not beside the mirror."),
    updates: z.boolean().default(true).describe("Also use SUITE-updates."),
    security: z.boolean().default(true).describe("Also use SUITE-security."),
    include: z.array(includeEntry).default([]).describe("Packages to install, with what they depend on."),
    exclude: z.array(packageName).default([]).describe("Packages that are left out though something depends on them."),
    prune: z
      .array(z.string().startsWith("/", "must be a path glob that starts with /"))
      .default([])
      .describe("Path globs to leave out of every package: `/usr/share/doc/**`."),
  })
  .describe("Debian packages and where they come from.");

const file = z.strictObject({
  source: z.string().min(1).optional().describe("A file, directory or glob, relative to this profile."),
  content: z.string().optional().describe("The content itself, instead of `source`."),
  target: absolutePath.describe("Where it goes. With a glob or several sources: the directory they go into."),
  mode: modeSchema
    .optional()
    .describe('Permission bits in octal, quoted: "0644". Default: 0644, or 0755 if the source is executable.'),
  user: owner.optional().describe("Owner, by name or number; `user` and `group` go together. Default: root."),
  group: owner.optional().describe("Group, by name or number. Default: root."),
  replace: z.boolean().default(false).describe("May replace a file that a package or an earlier entry put there."),
});

export const files = z.array(file).default([]).describe("Your own files.");

const user = z.strictObject({
  name: userName.describe("Log-in name."),
  uid: z.int().min(0).max(65533).optional().describe("Number. Default: 0 for root, else the next free one from 1000."),
  groups: z.array(userName).default([]).describe("Further groups."),
  shell: absolutePath.default("/bin/sh").describe("Log-in shell."),
  home: absolutePath.optional().describe("Home directory. Default: /root for root, else /home/NAME."),
  authorizedKeys: z
    .array(z.string().regex(/^[^\r\n]+$/, "must be one line"))
    .default([])
    .describe("Lines for ~/.ssh/authorized_keys."),
  passwordHash: z
    .string()
    .regex(/^[^:\s]*$/, "must be a crypt(3) hash, without colons and spaces")
    .optional()
    .describe("A crypt(3) hash. Default: the password is locked."),
});

export const users = z.array(user).default([]).describe("Accounts. `root` is always there.");

const service = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z][a-z0-9-]*$/, "must be lower-case letters, digits and dashes, and start with a letter")
    .describe("The service's name, for logs and messages."),
  command: z.string().min(1).describe("Run by /bin/sh in the foreground."),
  user: userName.default("root").describe("Whom it runs as."),
  respawn: z.boolean().default(true).describe("Start it again when it ends; false: run once at boot."),
});

export const services = z
  .strictObject({
    ssh: z
      .strictObject({
        enabled: z.boolean().default(true).describe("Run it."),
        port: port.default(22).describe("The port it listens on."),
        passwordLogin: z.boolean().default(false).describe("Accept passwords besides keys."),
      })
      .prefault({})
      .describe("dropbear; needs the package dropbear-bin. Host keys are made on first boot."),
    http: z
      .strictObject({
        enabled: z.boolean().default(true).describe("Run it."),
        port: port.default(80).describe("The port it listens on."),
        page: z.string().optional().describe("HTML of the front page."),
        config: z.string().optional().describe("Further nginx configuration inside `server { }`."),
      })
      .prefault({})
      .describe("nginx; needs the package nginx."),
    commands: z.array(service).default([]).describe("Your own services."),
  })
  .describe("What runs in the guest.");
