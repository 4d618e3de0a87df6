import { isIP } from "node:net";
import type { Problem } from "../core/errors.ts";
import { didYouMean } from "../core/near-names.ts";
import { checkDisk } from "./disk-rules.ts";
import { invalid } from "./explain.ts";
import { formatPath, type Positioned, type ProfilePath } from "./positioned.ts";
import type { Profile } from "./schema.ts";

type Report = (path: ProfilePath, reason: string, hint?: string) => void;

/** What a schema cannot say: how the parts of a profile fit together. Cheap: reads nothing but the profile. */
export function checkRules(profile: Profile, root: Positioned): Problem[] {
  const problems: Problem[] = [];
  const report: Report = (path, reason, hint) => problems.push(invalid(root, path, reason, hint));
  for (const rule of rules) rule(profile, report);
  return problems;
}

const rules: readonly ((profile: Profile, report: Report) => void)[] = [
  checkPackages,
  checkFiles,
  checkArchives,
  checkOverlays,
  checkChanges,
  checkUsers,
  checkServices,
  checkDisk,
  checkInstance,
  checkInterfaces,
  checkSmoke,
];

function checkPackages({ packages, kernel }: Profile, report: Report): void {
  packages.include.forEach((entry, index) => {
    const name = typeof entry === "string" ? entry : entry.name;
    if (packages.exclude.includes(name))
      report(["packages", "include", index], `packages.exclude leaves ${name} out`, "remove it from one of the two");
  });
  if (kernel.package !== undefined && kernel.file !== undefined)
    report(["kernel", "file"], "kernel has both package and file", "keep one of the two");
  kernel.cmdline.forEach((word, index) => {
    if (word.startsWith("root="))
      report(
        ["kernel", "cmdline", index],
        `kernel.cmdline[${index}] sets root=, which cloudimg adds itself`,
        "remove it",
      );
  });
}

function checkFiles({ files }: Profile, report: Report): void {
  const firstAt = new Map<string, number>();
  files.forEach((file, index) => {
    const path = ["files", index];
    if (file.source !== undefined && file.content !== undefined)
      report([...path, "content"], `${formatPath(path)} has both source and content`, "keep one of the two");
    if (file.source === undefined && file.content === undefined)
      report(path, `${formatPath(path)} has neither source nor content`, "say where the file comes from");
    checkOwner(file, path, report);
    const first = firstAt.get(file.target);
    if (first === undefined) firstAt.set(file.target, index);
    // Several sources may go into one directory; what has content is a file for certain.
    else if (!file.replace && (file.content !== undefined || files[first]?.content !== undefined))
      report(
        [...path, "target"],
        `${formatPath(["files", first])} already goes to ${file.target}`,
        'remove one of the two, or say "replace: true" here',
      );
  });
}

/** By one name alone the other would be root's, which is rarely meant. */
function checkOwner({ user, group }: { user?: unknown; group?: unknown }, path: ProfilePath, report: Report): void {
  if ((user === undefined) === (group === undefined)) return;
  const [given, absent] = user === undefined ? ["group", "user"] : ["user", "group"];
  report([...path, given], `${formatPath(path)} has a ${given} but no ${absent}`, `add "${absent}" beside it`);
}

function checkArchives({ archives }: Profile, report: Report): void {
  for (const [index, archive] of archives.entries()) checkOwner(archive, ["archives", index], report);
}

function checkOverlays({ overlays }: Profile, report: Report): void {
  overlays.forEach((overlay, index) => {
    if (typeof overlay === "string") return;
    overlay.attributes.forEach((rule, at) => {
      const path = ["overlays", index, "attributes", at];
      checkOwner(rule, path, report);
      if (rule.mode === undefined && rule.user === undefined && rule.group === undefined)
        report(path, `${formatPath(path)} changes nothing`, 'add "mode", or "user" and "group"');
    });
  });
}

function checkChanges({ changes }: Profile, report: Report): void {
  changes.forEach((change, index) => {
    const path = ["changes", index];
    const { replace, remove, edit, mode, user, group } = change;
    const ways = ["replace", "remove", "edit"].filter((key) => change[key as "replace"] !== undefined);
    if (ways.length > 1)
      report(
        [...path, ways[1] as string],
        `${formatPath(path)} has both ${ways.join(" and ")}`,
        "make two entries of it",
      );
    const attributes = { mode, user, group };
    const given = Object.keys(attributes).find((key) => attributes[key as "mode"] !== undefined);
    if (ways.length === 0 && given === undefined)
      report(
        path,
        `${formatPath(path)} changes nothing`,
        'add "replace", "edit", "remove", "mode", or "user" and "group"',
      );
    if (remove === true && given !== undefined)
      report([...path, given], `${formatPath(path)} removes what it gives a ${given}`, "keep one of the two");
    checkOwner(change, path, report);
    if (replace !== undefined && (replace.source === undefined) === (replace.content === undefined)) {
      const at = [...path, "replace"];
      const reason = replace.source === undefined ? "has neither source nor content" : "has both source and content";
      report(at, `${formatPath(at)} ${reason}`, "say where the content comes from, once");
    }
    if (edit !== undefined) checkExpression([...path, "edit", "match"], edit.match, report);
    if (remove !== true && /(^|\/)\.{1,2}(\/|$)|\/\/|.\/$/.test(change.path))
      report(
        [...path, "path"],
        `${formatPath([...path, "path"])} must be without ".", "..", "//" and a slash at its end`,
      );
  });
}

function checkUsers({ users, instance }: Profile, report: Report): void {
  reportRepeated(
    users,
    ({ name }) => name,
    (index, name) => report(["users", index, "name"], `there are two users named ${name}`, "merge the two"),
  );
  reportRepeated(
    users,
    ({ uid }) => uid,
    (index, uid) =>
      report(["users", index, "uid"], `two users have the number ${uid}`, "leave uid out, and each gets a free one"),
  );
  users.forEach(({ name, uid }, index) => {
    if (uid !== undefined && (uid === 0) !== (name === "root"))
      report(["users", index, "uid"], `the number 0 is root's, and root's only`, "choose a number from 1000");
  });
  const names = ["root", ...users.map(({ name }) => name)];
  if (!names.includes(instance.user))
    report(
      ["instance", "user"],
      `instance.user "${instance.user}" is not in users`,
      didYouMean(instance.user, names) ?? `add it to users, or use one of: ${names.join(", ")}`,
    );
}

function checkServices({ services }: Profile, report: Report): void {
  const { ssh, http, commands } = services;
  if (ssh.enabled && http.enabled && ssh.port === http.port)
    report(["services", "http", "port"], `ssh and http both listen on port ${http.port}`, "change one of the two");
  reportRepeated(
    commands,
    ({ name }) => name,
    (index, name) =>
      report(["services", "commands", index, "name"], `there are two services named ${name}`, "rename one of the two"),
  );
  commands.forEach(({ name }, index) => {
    if (["ssh", "http"].includes(name))
      report(
        ["services", "commands", index, "name"],
        `the service name ${name} is taken by services.${name}`,
        "choose another name",
      );
  });
}

function checkInstance({ instance, provider, smoke, services }: Profile, report: Report): void {
  const { sshPort, httpPort } = provider.local;
  if (sshPort !== 0 && sshPort === httpPort)
    report(["provider", "local", "httpPort"], `sshPort and httpPort are both ${sshPort}`, "change one of the two");
  if (instance.memory < 64 * 1024 ** 2)
    report(["instance", "memory"], "instance.memory must be 64MiB or more", "Debian's kernel does not boot in less");
  for (const service of ["ssh", "http"] as const)
    if (smoke[service].length > 0 && !services[service].enabled)
      report(
        ["smoke", service],
        `smoke.${service} checks a service that services.${service}.enabled turns off`,
        "enable the service, or remove the checks",
      );
}

function checkInterfaces({ instance: { interfaces } }: Profile, report: Report): void {
  reportRepeated(
    interfaces,
    ({ mac }) => mac?.toLowerCase(),
    (index, mac) =>
      report(
        ["instance", "interfaces", index, "mac"],
        `two interfaces have the MAC address ${mac}`,
        "leave mac out, and each gets its own",
      ),
  );
  interfaces.forEach((nic, index) => {
    const path = ["instance", "interfaces", index];
    const check = (key: string, value: string | undefined, good: boolean, wanted: string, more: ProfilePath = []) => {
      if (value !== undefined && !good)
        report([...path, key, ...more], `${formatPath([...path, key, ...more])} must be ${wanted}, not "${value}"`);
    };
    // IEEE 802: the lowest bit of the first octet marks a group address, which no card has.
    const isGroup = nic.mac !== undefined && (Number.parseInt(nic.mac.slice(0, 2), 16) & 1) === 1;
    check("mac", nic.mac, !isGroup, "a card's own address: its first octet is even");
    const prefixed = "an address with prefix length, like 192.0.2.7/24";
    for (const [at, address] of nic.addresses.entries())
      check("addresses", address, isPrefixed(address), prefixed, [at]);
    check("gateway", nic.gateway, isIP(nic.gateway ?? "") !== 0, "an IP address");
    for (const [at, server] of nic.nameservers.entries())
      check("nameservers", server, isIP(server) !== 0, "an IP address", [at]);
    nic.routes.forEach(({ to, via }, at) => {
      check("routes", to, isPrefixed(to), "a network with prefix length, like 10.0.0.0/8", [at, "to"]);
      check("routes", via, isIP(via ?? "") !== 0, "an IP address", [at, "via"]);
    });
  });
}

function checkExpression(path: ProfilePath, source: string | undefined, report: Report): void {
  try {
    new RegExp(source ?? "", "m");
  } catch (error) {
    const reason = (error as Error).message.replace(/^.*\/m: /s, "");
    report(
      path,
      `${formatPath(path)} is not a regular expression: ${reason}`,
      "put a backslash before ( ) [ ] { } . * + ? to mean the character itself",
    );
  }
}

function checkSmoke({ smoke }: Profile, report: Report): void {
  const check = (path: ProfilePath, source: string | undefined) => checkExpression(path, source, report);
  for (const [index, { stdout }] of smoke.ssh.entries()) check(["smoke", "ssh", index, "stdout"], stdout);
  smoke.http.forEach(({ body, headers }, index) => {
    check(["smoke", "http", index, "body"], body);
    for (const [name, value] of Object.entries(headers)) check(["smoke", "http", index, "headers", name], value);
  });
}

function isPrefixed(text: string): boolean {
  const [address = "", prefix = "", ...rest] = text.split("/");
  const bits = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1;
  return rest.length === 0 && /^\d{1,3}$/.test(prefix) && Number(prefix) <= bits;
}

function reportRepeated<T, K>(
  items: readonly T[],
  keyOf: (item: T) => K | undefined,
  found: (index: number, key: K) => void,
): void {
  const seen = new Set<K>();
  items.forEach((item, index) => {
    const key = keyOf(item);
    if (key === undefined) return;
    if (seen.has(key)) found(index, key);
    seen.add(key);
  });
}
