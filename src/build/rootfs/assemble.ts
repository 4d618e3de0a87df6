import type { Context } from "../../core/context.ts";
import { fail, type Where } from "../../core/errors.ts";
import type { KeptBytes } from "../../core/kept-bytes.ts";
import { didYouMean } from "../../core/near-names.ts";
import type { FileNode, Node, Tree } from "../../core/tree.ts";
import type { Profile } from "../../profile/schema.ts";
import { addAccounts, planAccounts } from "./accounts.ts";
import { addApplets, busyboxPath } from "./applets.ts";
import { ownContents } from "./contents.ts";
import { initrdTree } from "./initrd.ts";
import { findKernel, type Kernel, type KernelFile } from "./kernel.ts";
import { checkLibraries } from "./libraries.ts";
import { mergePackages } from "./merge-packages.ts";
import { closeModules, type KernelModule, type WantedModule } from "./module-closure.ts";
import { addModules } from "./module-files.ts";
import { moduleName } from "./module-info.ts";
import type { RootMounts } from "./mounts.ts";
import { addFrontPage } from "./nginx.ts";
import { addServices } from "./services.ts";
import { addSkeleton } from "./skeleton.ts";
import { addSystemFiles } from "./system-files.ts";
import { treeMaker } from "./tree-maker.ts";

export interface RootfsRequest {
  /** With absolute paths of this host. */
  readonly profile: Profile;
  /** The image's packages by name; paths are usr-merged. */
  readonly packages: ReadonlyMap<string, Tree>;
  /** What is in each of the profile's `archives`, stripped. */
  readonly archives?: readonly Tree[];
  /** The files of cloudimg-init. */
  readonly guest: Tree;
  readonly epochSeconds: number;
  readonly mounts: RootMounts;
  readonly context: Pick<Context, "signal" | "jobs">;
  /** Remembers what was found to be right. */
  readonly kept?: KeptBytes;
  /** Where a part of the profile was written, for messages. */
  readonly locate?: (path: readonly (string | number)[]) => Where | undefined;
}

export interface Rootfs {
  /** Everything but the initrd's archive. */
  readonly tree: Tree;
  /** Undefined for a system that is not ours. */
  readonly initrd: Tree | undefined;
  readonly kernelVersion: string;
  /** `/boot/vmlinuz-VERSION` */
  readonly kernelPath: string;
  /** What was decided, for `cloudimg plan`. */
  readonly notes: readonly string[];
}

/** Which modules the power button needs; taken if the kernel has them. */
const powerModules = ["button", "evdev"];

/**
 * Packages, the profile's files and what we generate become a root file system, and an initrd that finds it. No maintainer script runs: what these would have
 * made is made here.
 *
 * Errors: `image/…`, `profile/no-source`, `profile/unknown-owner`.
 */
export async function assembleRootfs(request: RootfsRequest): Promise<Rootfs> {
  const { profile, packages, guest, epochSeconds, mounts, context } = request;
  if (profile.image.system === "none") return await assembleBare(request);
  const locate = request.locate ?? (() => undefined);
  const kernel = await findKernel(kernelFile(profile, locate), packages, epochSeconds, context);
  const modules = await chooseModules(kernel, request);

  const accounts = planAccounts(profile.users);
  const own = ownContents({ profile, archives: request.archives ?? [], accounts, epochSeconds, context, locate });
  const tree = mergePackages(packages, profile.packages.prune, epochSeconds);
  const laid = own.addLayers(tree);
  const generated = treeMaker("cloudimg", epochSeconds, tree, { replace: true });
  const applets = addApplets(generated, tree, {
    kept: request.kept,
    asScripts: profile.disk.fileSystem === "fat",
  });
  addSkeleton(generated);
  addSystemFiles(generated, profile, mounts);
  tree.merge(guest, { replace: true });
  addServices(generated, profile);

  const kernelPath = `/boot/vmlinuz-${kernel.version}`;
  tree.set(kernelPath, kernel.image);
  if (kernel.catalog !== undefined) addModules(generated, kernel.catalog, modules.all);
  addAccounts(generated, accounts, profile.users, epochSeconds);
  const overruled = [...laid].filter(([path, node]) => isOther(node, tree.get(path)));
  const hookNotes = await own.finish(tree, () => {
    if (profile.services.http.enabled) addFrontPage(generated, profile.image.name);
  });

  checkEssentials(tree, [busyboxPath, kernelPath]);
  checkPrograms(tree, profile, locate);
  checkLibraries(tree, request.kept);
  const initrd = initrdTree({
    busybox: tree.get(busyboxPath) as FileNode,
    modules: modules.all,
    wanted: [
      ...new Set([
        ...profile.kernel.initrdModules,
        ...mounts.initrdModules.filter((name) => modules.all.has(moduleName(name))),
      ]),
    ],
    mounts,
    rescueShell: profile.kernel.rescueShell,
    epochSeconds,
  });
  return {
    tree,
    initrd,
    kernelVersion: kernel.version,
    kernelPath,
    notes: [
      `kernel ${kernel.version}`,
      `${modules.all.size} kernel modules`,
      `${applets} busybox applets`,
      ...modules.notes,
      ...overruled.map(overruledNote),
      ...hookNotes,
    ],
  };
}

/** A root for somebody else's system: what the profile names, the kernel, and nothing that we would generate. */
async function assembleBare(request: RootfsRequest): Promise<Rootfs> {
  const { profile, packages, epochSeconds, context } = request;
  const locate = request.locate ?? (() => undefined);
  const kernel = await findKernel(kernelFile(profile, locate), packages, epochSeconds, context);
  const accounts = planAccounts(profile.users);
  const own = ownContents({ profile, archives: request.archives ?? [], accounts, epochSeconds, context, locate });
  const tree = mergePackages(packages, profile.packages.prune, epochSeconds);
  own.addLayers(tree);
  const kernelPath = `/boot/vmlinuz-${kernel.version}`;
  tree.set(kernelPath, kernel.image);
  const notes = await own.finish(tree);
  checkEssentials(tree, [kernelPath]);
  return { tree, initrd: undefined, kernelVersion: kernel.version, kernelPath, notes };
}

function kernelFile({ kernel }: Profile, locate: NonNullable<RootfsRequest["locate"]>): KernelFile | undefined {
  if (kernel.file === undefined) return undefined;
  return { path: kernel.file, protocol: kernel.protocol, where: locate(["kernel", "file"]) };
}

function isOther(node: Node, now: Node | undefined): boolean {
  if (node === now) return false;
  return !(node.type === "symlink" && now?.type === "symlink" && node.target === now.target);
}

/** What we generate wins over archives and overlays, since nothing boots without it; whoever means it otherwise must say so. */
function overruledNote([path, { origin }]: readonly [string, Node]): string {
  return `${path} of ${origin} gives way to the generated one: put it into files with replace: true`;
}

async function chooseModules(
  { catalog, version }: Kernel,
  { profile: { kernel }, mounts, locate, context, kept }: RootfsRequest,
): Promise<{ all: ReadonlyMap<string, KernelModule>; notes: readonly string[] }> {
  if (catalog === undefined)
    return { all: new Map(), notes: [`no modules: no package has any for the kernel ${version}`] };
  const wanted: WantedModule[] = (["initrdModules", "modules"] as const).flatMap((key) =>
    kernel[key].map((name, index) => ({ name, where: locate?.(["kernel", key, index]) })),
  );
  const taken = [...powerModules, ...mounts.initrdModules, ...mounts.modules].filter((name) =>
    catalog.paths.has(moduleName(name)),
  );
  const all = await closeModules(catalog, [...wanted, ...taken.map((name) => ({ name }))], context, kept);
  const builtIn = wanted.filter(({ name }) => !all.has(moduleName(name))).map(({ name }) => name);
  return { all, notes: builtIn.length > 0 ? [`built into the kernel: ${[...new Set(builtIn)].join(", ")}`] : [] };
}

/** That neither a change nor a hook took away what the boot needs. */
function checkEssentials(tree: Tree, paths: readonly string[]): void {
  for (const path of paths)
    if (tree.get(path)?.type !== "file")
      fail("image/missing-program", `cannot make a bootable image: ${path} is gone, or no file any more`, {
        hint: "something in overlays, files, changes or hooks took its place",
      });
}

/** That every account has its shell, and every service its user. */
function checkPrograms(
  tree: Tree,
  { users, services }: Profile,
  locate: (path: readonly (string | number)[]) => Where | undefined,
): void {
  users.forEach(({ name, shell }, index) => {
    if (tree.resolve(shell) !== undefined) return;
    const where = locate(["users", index, "shell"]);
    fail("image/missing-program", `cannot log in as ${name}: the image has no ${shell}`, {
      hint: "add the package that has it to packages.include, or use /bin/sh",
      ...(where && { where }),
    });
  });
  const names = ["root", "daemon", "www-data", "nobody", ...users.map(({ name }) => name)];
  services.commands.forEach(({ name, user }, index) => {
    if (names.includes(user)) return;
    const where = locate(["services", "commands", index, "user"]);
    fail("profile/unknown-owner", `cannot run the service ${name} as ${user}: the image has no such user`, {
      hint: didYouMean(user, names) ?? "add it to users",
      ...(where && { where }),
    });
  });
}
