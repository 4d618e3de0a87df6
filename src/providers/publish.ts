import { randomBytes } from "node:crypto";
import type { ByteSource } from "../core/byte-source.ts";
import { type Context, step } from "../core/context.ts";
import { instanceConfig } from "../guest-config/from-profile.ts";
import type { InstanceConfig } from "../guest-config/model.ts";
import type { Profile } from "../profile/schema.ts";
import type { SmokeResult } from "../smoke/result.ts";
import { runSmoke, smokeError } from "../smoke/run.ts";
import { makeRunKey, type RunKey } from "../smoke/run-key.ts";
import { type BootObserver, observeBoot } from "./boot-observer.ts";
import type { BootTimeline, BuiltImage, CloudImage, Endpoint, Provider, RunningInstance } from "./provider.ts";

export interface PublishRequest {
  readonly profile: Profile;
  readonly provider: Provider;
  readonly build: () => Promise<BuiltImage>;
  /** A config drive's bytes: how one is made is not the providers' business. */
  readonly configDrive: (config: InstanceConfig) => ByteSource;
  /** Leave the instance running when its checks are done. */
  readonly keep: boolean;
  /** Told the private key of the run before an instance is kept that only this key opens. */
  readonly onKept?: (instance: RunningInstance, key: RunKey) => Promise<void>;
}

export interface PublishReport {
  readonly image: BuiltImage;
  readonly cloudImage: CloudImage;
  readonly instance: {
    readonly id: string;
    readonly ssh: Endpoint;
    readonly http: Endpoint;
    readonly user: string;
    /** It runs on. */
    readonly kept: boolean;
  };
  readonly boot: BootTimeline;
  /** Milliseconds since power-on until the first check of the kind passed. */
  readonly answeredMs: { readonly ssh?: number | undefined; readonly http?: number | undefined };
  /** Of the ssh host key, which was compared with the one that the instance printed on its console. */
  readonly hostKeyFingerprint: string | undefined;
  readonly smoke: readonly SmokeResult[];
  readonly console: string;
}

/**
 * The way of every image to every cloud: build → import → launch → wait → smoke → clean up.
 *
 * Errors: those of the build; `cloud/…`; `check/…` when the instance runs but does not do what the profile says. Whatever happens, the instance is
 * gone afterwards, unless it is to be kept and all went well.
 */
export async function publish(request: PublishRequest, context: Context): Promise<PublishReport> {
  const { profile, provider, configDrive } = request;
  const image = await request.build();
  const cloudImage = await provider.importImage(image, context);

  const key = await makeRunKey();
  const config = instanceConfig(profile, `${profile.image.name}-${randomBytes(4).toString("hex")}`, [
    key.publicKeyLine,
  ]);
  let poweredOnMs = performance.now();
  const boot = observeBoot(() => performance.now() - poweredOnMs);
  const instance = await provider.launch(
    {
      image: cloudImage,
      profile,
      config,
      configDrive: configDrive(config),
      onConsole(line) {
        boot.line(line);
        context.emit({ type: "console", line });
      },
      onPowerOn() {
        poweredOnMs = performance.now();
      },
    },
    context,
  );
  let kept = false;
  try {
    await step(context, "boot", "Wait for the instance to boot", async ({ note }) => {
      await boot.ready({ timeoutMs: profile.provider.local.bootTimeout, died: instance.died, signal: context.signal });
      note(describeSource(boot.timeline()));
    });
    const smokeStartMs = performance.now() - poweredOnMs;
    const outcome = await check({ profile, instance, key, boot }, context);
    const answered = (kind: SmokeResult["kind"]) => {
      const first = outcome.results.find((result) => result.kind === kind && result.ok);
      return first === undefined ? undefined : smokeStartMs + first.finishedMs;
    };
    if (request.keep) {
      await request.onKept?.(instance, key);
      await instance.keep();
      kept = true;
    }
    return {
      image,
      cloudImage,
      instance: { id: instance.id, ssh: instance.ssh, http: instance.http, user: profile.instance.user, kept },
      boot: boot.timeline(),
      answeredMs: { ssh: answered("ssh"), http: answered("http") },
      hostKeyFingerprint: outcome.fingerprint,
      smoke: outcome.results,
      console: await instance.console(),
    };
  } finally {
    if (!kept) await step(cleaning(context), "clean-up", "Stop the instance", () => instance.terminate());
  }
}

async function check(
  { profile, instance, key, boot }: { profile: Profile; instance: RunningInstance; key: RunKey; boot: BootObserver },
  context: Context,
) {
  return await step(context, "smoke", "Check ssh and HTTP", async ({ note }) => {
    const outcome = await runSmoke({
      ssh: {
        ...instance.ssh,
        user: profile.instance.user,
        privateKey: key.privateKey,
        hostKeys: boot.hostKeys,
      },
      http: { ...instance.http, acceptSelfSigned: true },
      checks: profile.smoke,
      defaultTimeoutMs: profile.smoke.timeout,
      signal: context.signal,
      died: instance.died,
    });
    note(`${outcome.results.filter(({ ok }) => ok).length} of ${outcome.results.length} checks passed`);
    if (!outcome.ok) throw smokeError(outcome.results, boot.lastLines(12));
    return outcome;
  });
}

/** Tidying up goes on after a Ctrl-C, so its step must not be refused by the signal. */
function cleaning(context: Context): Pick<Context, "emit" | "signal"> {
  return { emit: context.emit, signal: new AbortController().signal };
}

function describeSource({ initializer }: BootTimeline): string {
  return initializer === undefined ? "no initializer" : `configured by ${initializer.source}`;
}
