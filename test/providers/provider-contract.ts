import { expect, test } from "vitest";
import { bytesSource } from "../../src/core/byte-source.ts";
import type { Context } from "../../src/core/context.ts";
import { instanceConfig } from "../../src/guest-config/from-profile.ts";
import { type Profile, profileSchema } from "../../src/profile/schema.ts";
import type { BuiltImage, Provider } from "../../src/providers/provider.ts";

export interface ProviderUnderTest {
  readonly provider: Provider;
  readonly context: Context;
  /** An image whose guest prints `up` on its console, and then stays. Another `identity` is another image. */
  image(identity: string): BuiltImage;
}

export function testProfile(more: object = {}): Profile {
  return profileSchema.parse({ image: { name: "contract" }, ...more });
}

/** What every provider must do. Each implementation's test calls this once. */
export function providerContract(setUp: () => Promise<ProviderUnderTest>): void {
  const identity = "1".repeat(64);

  test("an image is imported once: the second time is a no-op with the same id", async () => {
    const { provider, context, image } = await setUp();
    const first = await provider.importImage(image(identity), context);
    expect(first).toMatchObject({ existed: false, identity, name: "contract" });
    const second = await provider.importImage(image(identity), context);
    expect(second).toEqual({ ...first, existed: true });
    expect((await provider.listImages(context)).map(({ id }) => id)).toEqual([first.id]);
  });

  test("other contents are another image; each is removed by its id", async () => {
    const { provider, context, image } = await setUp();
    const first = await provider.importImage(image(identity), context);
    const second = await provider.importImage(image("2".repeat(64)), context);
    expect(second.id).not.toBe(first.id);
    await provider.removeImage(first.id, context);
    expect((await provider.listImages(context)).map(({ id }) => id)).toEqual([second.id]);
  });

  test("an image that is not there is an error of the cloud", async () => {
    const { provider, context } = await setUp();
    await expect(provider.removeImage("none", context)).rejects.toMatchObject({ code: "cloud/no-image", exitCode: 7 });
  });

  test("an instance runs, shows its console, and is gone after it was terminated", async () => {
    const { provider, context, image } = await setUp();
    const profile = testProfile();
    let seen: () => void = () => {};
    const printed = new Promise<void>((resolve) => {
      seen = resolve;
    });
    const instance = await provider.launch(
      {
        image: await provider.importImage(image(identity), context),
        profile,
        config: instanceConfig(profile, "i-contract", []),
        configDrive: bytesSource(new Uint8Array(2048)),
        onConsole: (line) => {
          if (line.endsWith("up")) seen();
        },
      },
      context,
    );
    let died: string | undefined;
    void instance.died.then((why) => {
      died = why;
    });
    await printed;
    expect((await instance.console()).split("\n").some((line) => line.endsWith("up"))).toBe(true);
    expect(instance.ssh.port).not.toBe(instance.http.port);
    await Promise.all([instance.terminate(), instance.terminate()]);
    expect(await instance.console()).toContain("up");
    expect(died).toBeUndefined();
  });
}
