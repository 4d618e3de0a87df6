import { formatDuration } from "../core/format.ts";
import { table } from "./image.ts";

interface PublishFacts {
  readonly cloudImage: { readonly id: string };
  readonly instance: {
    readonly id: string;
    readonly ssh: { readonly host: string; readonly port: number };
    readonly http: { readonly host: string; readonly port: number };
    readonly user: string;
    readonly kept: boolean;
  };
  readonly boot: {
    readonly kernelMs?: number | undefined;
    readonly rootMs?: number | undefined;
    readonly readyMs?: number | undefined;
    readonly initializer?:
      | { readonly source: string; readonly totalMs?: number | undefined; readonly cpuMs?: number | undefined }
      | undefined;
  };
  readonly answeredMs: { readonly ssh?: number | undefined; readonly http?: number | undefined };
  readonly hostKeyFingerprint: string | undefined;
  readonly smoke: readonly {
    readonly name: string;
    readonly ok: boolean;
    readonly durationMs: number;
    readonly detail: string;
  }[];
}

/** What a publish came to: where the image is, how the instance booted, and what the checks saw. */
export function describePublish(report: PublishFacts, identityFile: string | undefined): string {
  const { boot, answeredMs, instance } = report;
  const { initializer } = boot;
  const own =
    initializer?.totalMs === undefined
      ? ""
      : `; its own work ${formatDuration(initializer.totalMs)}${initializer.cpuMs === undefined ? "" : `, ${formatDuration(initializer.cpuMs)} of processor time`}`;
  const timeline: (readonly [string, number | undefined, string])[] = [
    ["kernel", boot.kernelMs, "firmware and boot loader have handed over"],
    ["root", boot.rootMs, "the initrd found the root file system"],
    ["initializer", boot.readyMs, `configured from ${initializer?.source ?? "nothing"}${own}`],
    ["ssh", answeredMs.ssh, "the first command answered"],
    ["HTTP", answeredMs.http, "the first page answered"],
  ];
  const sections = [
    `Image in the store\n${table([["id", report.cloudImage.id]])}`,
    `Boot, since power-on\n${table(timeline.filter(([, ms]) => ms !== undefined).map(([name, ms, what]) => [name, `${formatDuration(ms as number).padEnd(8)} ${what}`]))}`,
    `Checks\n${table(report.smoke.map(({ name, ok, durationMs, detail }) => [ok ? "passed" : "FAILED", `${name}  (${formatDuration(durationMs)})${ok ? "" : `: ${detail}`}`]))}`,
  ];
  if (instance.kept) {
    const { ssh, http, user } = instance;
    const identity = identityFile === undefined ? "" : ` -i ${identityFile}`;
    sections.push(
      `The instance ${instance.id} runs on\n${table([
        ["ssh", `ssh${identity} -p ${ssh.port} ${user}@${ssh.host}`],
        ["host key", report.hostKeyFingerprint ?? "unknown"],
        ["HTTP", `http://${http.host}:${http.port}/`],
        ["stop it", `cloudimg clean ${instance.id}`],
      ])}`,
    );
  } else sections.push(`The instance ${instance.id} was stopped and removed.`);
  return sections.join("\n\n");
}
