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
    local: z
      .array(z.string().min(1))
      .default([])
      .describe(
        "`.deb` files of your own, relative to this profile, globs allowed: installed like packages of the archive, and instead of those of the same name.",
      ),
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

const archive = z.strictObject({
  source: z
    .string()
    .regex(/\.(tar(\.(gz|xz|zst))?|tgz|txz|tzst)$/, "must be a tar archive: .tar, .tar.gz, .tar.xz or .tar.zst")
    .describe("A tar archive, plain or compressed by gzip, xz or zstd, relative to this profile."),
  target: z
    .union([z.literal("/"), absolutePath], { error: "must be an absolute path" })
    .default("/")
    .describe("The directory it is unpacked in."),
  strip: z.int().min(0).max(64).default(0).describe("How many leading directories to take off its names."),
  user: owner.optional().describe("Owner of everything in it, instead of the archive's own; goes with `group`."),
  group: owner.optional().describe("Group of everything in it."),
  replace: z.boolean().default(false).describe("May replace files that packages or earlier archives put there."),
});

export const archives = z
  .array(archive)
  .default([])
  .describe("Tar archives, with their owners, modes, links, devices and extended attributes.");

const attributeRule = z.strictObject({
  path: z
    .string()
    .startsWith("/", "must be a path glob that starts with /")
    .describe("Path in the image; globs allowed."),
  mode: modeSchema.optional().describe("Permission bits in octal, quoted. For directories too, so name them apart."),
  user: owner.optional().describe("Owner, by name or number; `user` and `group` go together."),
  group: owner.optional().describe("Group, by name or number."),
});

const overlay = z.union(
  [
    z.string().min(1).meta({ title: "path on this machine" }),
    z
      .strictObject({
        source: z.string().min(1).describe("A directory, relative to this profile."),
        target: z
          .union([z.literal("/"), absolutePath], { error: "must be an absolute path" })
          .default("/")
          .describe("The directory it is laid over."),
        attributes: z
          .array(attributeRule)
          .default([])
          .describe("Modes and owners of what it brings; of several that match, the last one counts."),
      })
      .describe("A directory whose files need other owners or modes than the usual ones."),
  ],
  { error: "must be a directory, or a map with `source` and `attributes`" },
);

export const overlays = z
  .array(overlay)
  .default([])
  .describe(
    "Directories laid over the root: they may replace what packages and archives put there. Owner root; mode 0755 for directories and what is executable, else 0644.",
  );

const change = z.strictObject({
  path: z
    .string()
    .startsWith("/", "must be a path that starts with /")
    .describe("What is changed; it must be there. With `remove`: globs allowed."),
  replace: z
    .strictObject({
      source: z.string().min(1).optional().describe("A file, relative to this profile."),
      content: z.string().optional().describe("The content itself, instead of `source`."),
    })
    .optional()
    .describe("Give the file another content; it keeps its owner and mode."),
  remove: z.literal(true, "must be true, or left out").optional().describe("Remove it, with all below it."),
  edit: z
    .strictObject({
      match: z
        .string()
        .min(1)
        .meta({ title: "regular expression" })
        .describe("What to look for. It must be there, exactly once unless `all`."),
      with: z.string().describe("What to put in its place; `$1` and `$<name>` stand for groups, `$$` for a dollar."),
      all: z.boolean().default(false).describe("Every occurrence, one or more."),
    })
    .optional()
    .describe("Change the text of a file."),
  mode: modeSchema.optional().describe("Permission bits in octal, quoted."),
  user: owner.optional().describe("Owner, by name or number; `user` and `group` go together."),
  group: owner.optional().describe("Group, by name or number."),
});

export const changes = z
  .array(change)
  .default([])
  .describe("Changes to single files, wherever they came from. Made in order, after all files are in place.");

export const hooks = z
  .array(
    z
      .string()
      .regex(/\.m?[jt]s$/, "must be a module: .ts, .mts, .js or .mjs")
      .meta({ title: "path on this machine" }),
  )
  .default([])
  .describe(
    "Modules, relative to this profile, that export `transform(tree, api)` and change the root file system last. They run with your rights.",
  );

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
