import { fail } from "../../core/errors.ts";
import type { Tree } from "../../core/tree.ts";
import { commandLine } from "../../profile/choices.ts";
import type { Profile } from "../../profile/schema.ts";
import { busyboxPath } from "./applets.ts";
import { guestScript } from "./guest-script.ts";
import { addNginx } from "./nginx.ts";
import type { TreeMaker } from "./tree-maker.ts";

interface Service {
  readonly name: string;
  readonly user: string;
  readonly respawn: boolean;
  /** The script that becomes the service. */
  readonly script: string;
}

const helpers = "/usr/lib/cloudimg";
const cloudimgInit = "/usr/sbin/cloudimg-init";
/** A source over the network, two rounds of DHCP and the commands of user data that come first can take a minute and a half. */
const bootLimitSeconds = 120;

/**
 * What runs: busybox's init with its table, the scripts of boot and shutdown, and the services. Each service is a script in /etc/cloudimg/services that run-service keeps
 * running.
 *
 * Errors: `image/missing-program` when a service's program is not in the image.
 */
export function addServices(maker: TreeMaker, profile: Profile): void {
  const services = [...builtIn(profile, maker), ...profile.services.commands.map(ownService)];
  maker.script("/etc/init.d/rcS", guestScript("rcS"));
  maker.script("/etc/init.d/rcK", guestScript("rcK"));
  for (const name of ["run-service", "trim-logs", "hotplug"]) maker.script(`${helpers}/${name}`, guestScript(name));
  maker.script("/etc/acpi/PWRF/00000080", guestScript("power-button"));
  for (const { name, script } of services) maker.script(`/etc/cloudimg/services/${name}`, script);
  maker.file("/etc/inittab", inittab(profile, services, maker.tree));
}

function builtIn({ services }: Profile, maker: TreeMaker): Service[] {
  const { ssh, http } = services;
  const list: Service[] = [{ name: "acpid", user: "root", respawn: true, script: guestScript("acpid") }];
  if (ssh.enabled) {
    needProgram(maker.tree, "/usr/sbin/dropbear", "services.ssh", "dropbear-bin");
    maker.script(`${helpers}/ssh`, guestScript("ssh"));
    const options = ssh.passwordLogin ? "" : "-s";
    list.push(service("ssh", `exec ${helpers}/ssh '${options}' ${ssh.port}`));
  }
  if (http.enabled) {
    needProgram(maker.tree, "/usr/sbin/nginx", "services.http", "nginx");
    addNginx(maker, http);
    list.push(service("http", "exec nginx -e stderr"));
  }
  return list;
}

function service(name: string, command: string): Service {
  return { name, user: "root", respawn: true, script: `#!/bin/sh\n${command}\n` };
}

function ownService({ name, command, user, respawn }: Profile["services"]["commands"][number]): Service {
  return { name, user, respawn, script: `#!/bin/sh\n${command.trimEnd()}\n` };
}

function needProgram(tree: Tree, path: string, what: string, packageName: string): void {
  if (!tree.has(path))
    fail("image/missing-program", `cannot run ${what}: the image has no ${path}`, {
      hint: `add ${packageName} to packages.include, or say "${what}.enabled: false"`,
    });
}

/** busybox, init/init.c: `TTY::ACTION:COMMAND`; without a terminal it is the console. */
function inittab(profile: Profile, services: readonly Service[], tree: Tree): string {
  const run = ({ name, user, respawn }: Service) =>
    respawn ? `::respawn:${helpers}/run-service ${name} ${user}` : `::once:${helpers}/run-service ${name} ${user} once`;
  return [
    "::sysinit:/etc/init.d/rcS",
    // All that it waits for has a bound of its own; this one holds whatever is wrong with it.
    ...(tree.has(cloudimgInit) ? [`::wait:${busyboxPath} timeout -k 2 ${bootLimitSeconds} ${cloudimgInit} boot`] : []),
    // Only where user data has something for it: starting the interpreter for nothing would cost each boot. init puts `exec` before what only a shell understands, so
    // that the line begins with a redirection.
    ...(tree.has(cloudimgInit) ? [`::once:</dev/null; [ -e /run/cloudimg/final ] && exec ${cloudimgInit} final`] : []),
    ...services.map(run),
    `::respawn:${helpers}/trim-logs`,
    `::respawn:/usr/sbin/uevent ${helpers}/hotplug`,
    ...logins(profile),
    "::ctrlaltdel:/usr/sbin/reboot",
    "::shutdown:/etc/init.d/rcK",
    "",
  ].join("\n");
}

/** A log-in on each console, if any account has a password: without one it could only say no. */
function logins(profile: Profile): string[] {
  if (!profile.users.some(({ passwordHash }) => passwordHash !== undefined && !/^[*!]/.test(passwordHash))) return [];
  return commandLine(profile).flatMap((word) => {
    const [, name = "", speed = ""] = /^console=([A-Za-z]+\d+)(?:,(\d+))?/.exec(word) ?? [];
    if (name === "") return [];
    return [
      `${name === "tty0" ? "tty1" : name}::respawn:/usr/sbin/getty ${speed || "0"} ${name === "tty0" ? "tty1" : name} vt100`,
    ];
  });
}
