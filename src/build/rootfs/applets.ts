import { type ByteSource, readAll } from "../../core/byte-source.ts";
import { contentDigest } from "../../core/content-digest.ts";
import { fail } from "../../core/errors.ts";
import type { KeptBytes } from "../../core/kept-bytes.ts";
import type { Tree } from "../../core/tree.ts";
import type { TreeMaker } from "./tree-maker.ts";

export const busyboxPath = "/usr/bin/busybox";

/** What boot and first-boot configuration cannot do without. */
const required = [
  "init",
  "ip",
  "insmod",
  "modprobe",
  "mount",
  "findfs",
  "poweroff",
  "sh",
  "switch_root",
  "udhcpc",
  "umount",
];

/** Where busybox itself would link these (the BB_DIR_SBIN and BB_DIR_USR_SBIN applets); all others go to /usr/bin. */
const administrators = new Set(
  (
    "acpid adjtimex arp arping blkdiscard blockdev brctl chroot crond depmod devmem fdisk findfs freeramdisk fsfreeze " +
    "fstrim getty halt hwclock i2cdetect i2cdump i2cget i2cset i2ctransfer ifconfig ifdown ifup init insmod ip klogd " +
    "loadkmap logread losetup lsmod mdev mkdosfs mke2fs mkswap modinfo modprobe nameif nbd-client partprobe pivot_root " +
    "poweroff rdate reboot rmmod route run-init start-stop-daemon sulogin svok swapoff swapon switch_root sysctl syslogd " +
    "telnetd tunctl ubirename udhcpc udhcpc6 udhcpd uevent vconfig watchdog"
  ).split(" "),
);

/**
 * Names of the applets in a busybox executable, which we cannot run. It holds them as one table of strings with a NUL after each, sorted by bytes, and an empty one
 * at the end (busybox, include/applet_tables.h: `applet_names`).
 *
 * Errors: `image/unsupported` when there is no such table, or it lacks what a boot needs.
 */
export function busyboxApplets(executable: Uint8Array): string[] {
  const bytes = Buffer.from(executable.buffer, executable.byteOffset, executable.length);
  let names: string[] = [];
  for (let at = bytes.indexOf("\0busybox\0"); at >= 0; at = bytes.indexOf("\0busybox\0", at + 1)) {
    const found = tableAround(bytes, at + 1);
    if (found.length > names.length) names = found;
  }
  const missing = required.filter((name) => !names.includes(name));
  if (missing.length > 0)
    fail("image/unsupported", `cannot use ${busyboxPath}: it has no applet ${missing.join(", ")}`, {
      hint: "use Debian's package busybox-static",
    });
  return names;
}

function tableAround(bytes: Buffer, middle: number): string[] {
  const names: string[] = [];
  let at = middle;
  for (;;) {
    const end = bytes.indexOf(0, at);
    const name = end < 0 ? "" : bytes.toString("latin1", at, end);
    if (!isName(name) || name <= (names.at(-1) ?? "")) break;
    names.push(name);
    at = end + 1;
  }
  at = middle;
  for (;;) {
    const end = at - 1;
    const start = bytes.lastIndexOf(0, end - 1) + 1;
    const text = bytes.toString("latin1", start, end);
    const isWhole = isName(text);
    // The first name has no NUL before it but whatever the linker put there.
    const name = isWhole ? text : (/(\[|[a-z0-9][a-z0-9_+-]*)$/.exec(text)?.[1] ?? "");
    if (name === "" || name >= (names[0] ?? "")) break;
    names.unshift(name);
    if (!isWhole) break;
    at = start;
  }
  return names;
}

function isName(text: string): boolean {
  return /^(\[\[?|[a-z0-9][a-z0-9_.+-]{0,30})$/.test(text);
}

/** Part of the name in the cache: raise it when other names are found. */
const recipe = 1;

function appletsOf(content: ByteSource, kept: KeptBytes | undefined): string[] {
  const inputs = kept && { recipe, sha256: contentDigest(content) };
  const known = kept?.get("applets", inputs);
  if (known !== undefined) return JSON.parse(Buffer.from(known).toString()) as string[];
  const names = busyboxApplets(readAll(content));
  kept?.put("applets", inputs, Buffer.from(JSON.stringify(names)));
  return names;
}

/** The first program, and what runs the scripts. */
const withoutShell = new Set(["init", "sh"]);

/**
 * Names for all applets that no package brings the real program of. Says how many.
 *
 * @param asScripts a script for each name instead of a link, for file systems where a link becomes a copy of two megabytes
 */
export function addApplets(
  maker: TreeMaker,
  packages: Tree,
  { kept, asScripts = false }: { readonly kept?: KeptBytes | undefined; readonly asScripts?: boolean } = {},
): number {
  const node = packages.get(busyboxPath);
  if (node?.type !== "file")
    fail("image/missing-program", `cannot make a system: the image has no ${busyboxPath}`, {
      hint: "add busybox-static to packages.include",
    });
  const places = ["/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"];
  let count = 0;
  for (const name of appletsOf(node.content, kept)) {
    if (name === "busybox" || name === "linuxrc" || places.some((place) => packages.has(`${place}/${name}`))) continue;
    const isAdministrators = administrators.has(name);
    const path = `/usr/${isAdministrators ? "sbin" : "bin"}/${name}`;
    if (asScripts && !withoutShell.has(name))
      maker.script(path, `#!${busyboxPath} sh\nexec ${busyboxPath} ${name} "$@"\n`);
    else maker.link(path, isAdministrators ? "../bin/busybox" : "busybox");
    count++;
  }
  return count;
}
