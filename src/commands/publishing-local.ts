import type { Context } from "../core/context.ts";
import { CloudimgError } from "../core/errors.ts";
import type { LoadedProfile } from "../profile/load.ts";
import { type PublishReport, publish } from "../providers/publish.ts";
import type { CloudFacts, StepFacts } from "../report/publish-facts.ts";
import type { Built } from "./built.ts";
import { configDriveSource } from "./config-drive-source.ts";
import { openProvider } from "./providing.ts";
import { writeRunKey } from "./run-key-file.ts";

export interface LocalPublished extends PublishReport {
  readonly built: Built;
  /** The private key of an instance that runs on. */
  readonly keyPath: string | undefined;
}

/** Publishes to QEMU on this machine. Errors: those of the build and of the publish. */
export async function publishLocally(
  { profile }: LoadedProfile,
  build: () => Promise<Built>,
  keep: boolean,
  context: Context,
): Promise<LocalPublished> {
  const provider = await openProvider("local", context);
  let built: Built | undefined;
  let keyPath: string | undefined;
  const report = await publish(
    {
      ...{ profile, provider, keep },
      configDrive: configDriveSource,
      async build() {
        built = await build();
        // The smallest file is the one to send: qcow2 if there is one.
        const file = built.files.find(({ format }) => format === "qcow2") ?? built.files[0];
        if (file === undefined) throw new TypeError("a build without files");
        return { ...file, name: built.name, identity: built.identity, sizeBytes: built.diskSizeBytes };
      },
      async onKept(instance, key) {
        keyPath = await writeRunKey(instance.id, key.privateKey, context);
      },
    },
    context,
  );
  return { ...report, built: built as unknown as Built, keyPath };
}

/** The same for a report, beside those of clouds. */
export function localFacts(
  { report, error, steps }: { report: LocalPublished | undefined; error: unknown; steps: readonly StepFacts[] },
  { signal }: Context,
): CloudFacts {
  const problems = error instanceof CloudimgError ? error.problems : [];
  const failed = signal.aborted ? "interrupted" : "failed";
  return {
    title: "QEMU on this machine",
    region: "local",
    outcome: report === undefined ? failed : "done",
    errors: problems.map(({ code, message, hint }) => ({ code, message, hint })),
    steps,
    images:
      report === undefined
        ? []
        : [{ id: report.cloudImage.id, region: "local", name: report.cloudImage.name, existed: false }],
    ...(report && {
      instance: { id: report.instance.id, address: `${report.instance.ssh.host}:${report.instance.ssh.port}` },
      hostKeyFingerprint: report.hostKeyFingerprint,
      console: report.console,
    }),
    checks: (report?.smoke ?? []).map(({ name, kind, ok, durationMs, attempts, detail }) => ({
      ...{ name, kind, ok, durationMs, attempts, detail },
    })),
    deprecated: [],
    removed: [],
    ledger: [],
  };
}
