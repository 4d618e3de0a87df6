import type { StackedSteps } from "../network/stacked-steps.ts";
import type { ParsedNetwork } from "../network-state.ts";
import type { Found } from "../sources/datasource.ts";
import type { MachineSigns } from "../sources/signs.ts";
import type { Task } from "../user-data/module.ts";
import type { BootState } from "./boot-state.ts";
import type { Host, Process } from "./host.ts";
import type { HttpRequest, HttpResult } from "./http.ts";
import type { Instance } from "./instance.ts";
import type { Journal } from "./journal.ts";
import type { JsonObject } from "./json-values.ts";
import type { AskRequest, Look } from "./look.ts";
import type { Report } from "./report.ts";
import type { ConsoleMessage } from "./send-console.ts";
import type { SourceResult } from "./source-result.ts";

/**
 * Code that is in a file of its own, since reading it costs each boot milliseconds and few boots need it. Each part is a file of ../parts with these functions; bundle.ts
 * makes it a script that defines them in one global object.
 */
export interface Parts {
  readonly yaml: {
    /** YAML 1.1 as cloud-init reads it (`yes` is true, 0644 is octal), hence JSON too. Throws an Error that names the line. */
    parseYaml(text: string): unknown;
  };
  readonly documents: {
    /** network-config version 1 or 2, bare or inside `network:`. */
    parseNetworkConfig(document: unknown): ParsedNetwork;
    /** Debian's /etc/network/interfaces. */
    parseInterfaces(text: string): ParsedNetwork;
    /** What an initrd has left in /run/net-*.conf, by file name; `macs` by name of card. */
    parseKlibc(files: Readonly<Record<string, string>>, macs: Readonly<Record<string, string>>): ParsedNetwork;
  };
  readonly http: {
    /** What `host.fetch` does in the guest. Never throws. */
    fetchThroughPrograms(host: Host, request: HttpRequest): HttpResult;
  };
  readonly drives: {
    /** Looks for everything that may be on the machine, when quickLook has not found all. */
    lookAround(host: Host, problem: (text: string) => void): Look;
  };
  readonly sources: {
    /** Asks sources that are reached over the network. What was there before comes back if none of them has an answer. */
    askSources(host: Host, request: AskRequest, problem: (text: string) => void): SourceResult | undefined;
    /** Alibaba's os.conf in the first partition. Never throws. */
    findAliyunImage(host: Host, signs: MachineSigns): Found | undefined;
    /** NoCloud's drives, directories and lines. Never throws. */
    findNocloud(host: Host, signs: MachineSigns): Found | undefined;
  };
  readonly userData: {
    /**
     * Obeys user data, vendor data and the image's own /etc/cloud: all that comes before the services. Keeps for `finish` what comes after them and says whether
     * there is any. Never throws.
     */
    configure(host: Host, instance: Instance, report: Report): boolean;
    /** Sets users' passwords, given as crypt hashes. Problems; none of them quotes a hash. */
    setPasswordHashes(host: Host, hashes: Readonly<Record<string, string>>): string[];
    /** Time servers for the program that sets the clock. Words on what was done. */
    setTimeServers(host: Host, servers: readonly string[], problem: (text: string) => void): string | undefined;
    /** The final stage: deferred files, scripts, runcmd, phone_home, power_state. Never throws. */
    finish(host: Host, report: Report): void;
  };
  readonly console: {
    /** Sends the boot's log so far, in the background. Why it cannot be sent; undefined: it is on its way. */
    sendConsole(host: Host, message: ConsoleMessage): string | undefined;
  };
  /** Bonds, bridges and VLANs. */
  readonly stacked: StackedSteps;
  readonly disk: {
    /** Grows the partition and the file system that are to fill the disk. Words on what was done; undefined if there was nothing to do. Never throws. */
    growDisk(host: Host, settings: GrowSettings, report: Report): string | undefined;
    /** disk_setup and fs_setup of cloud-config. */
    setUpDisks(config: JsonObject, task: Task): string | undefined;
    /** mounts and swap of cloud-config. */
    applyMounts(config: JsonObject, task: Task): string | undefined;
  };
  readonly system: {
    /** Starts making the ssh host keys that are missing. */
    startHostKeys(host: Host): Process[];
    /** The second half of a boot, when the network is up. */
    finishBoot(host: Host, state: BootState): void;
    /** Instead of `finishBoot`, when nothing is to be done. */
    endDisabled(host: Host, journal: Journal, why: string): void;
    /** The initializer itself has failed. */
    writeFailure(host: Host, reason: string): void;
    /** The last stage, when the services run. */
    final(host: Host): void;
  };
  readonly verbs: {
    /** What people and programs call in the running instance: `status`, `query`, … */
    runVerb(host: Host, args: readonly string[]): { text: string; error: string; exitCode: number };
  };
}

/** The script of the part `userData` is `user-data`. Throws an Error if the image lacks it. */
export function loadPart<Name extends keyof Parts>(host: Host, name: Name): Parts[Name] {
  const file = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  return host.loadScript(file) as Parts[Name];
}

/** cloud-config's growpart and resize_rootfs. */
export interface GrowSettings {
  readonly growsPartition: boolean;
  /** Mount points or devices; `/` by default. */
  readonly devices: readonly string[];
  /** `noblock`: the boot does not wait for it. */
  readonly growsFileSystem: boolean | "noblock";
}
