import { beforeAll, describe, expect, test } from "vitest";
import { answeringMachines } from "./answering-machine.ts";
import { importableImage } from "./importable-image.ts";
import { cloudNames, imported, launched, play, tidied } from "./rehearsal-fixture.ts";

/** Its thousands of files take a second to load, and half a minute on a machine that is busy. */
beforeAll(() => import("@alicloud/ecs20140526"), 180_000);

describe.each(cloudNames)("%s", (name) => {
  test("from the upload to the instance that answers, and nothing is left", async () => {
    const played = await play(name, { machines: answeringMachines() });
    const { rehearsal, cloud, context } = played;
    expect(rehearsal.left()).toEqual([]);
    expect((await cloud.check(context)).filter(({ severity }) => severity === "error")).toEqual([]);
    const image = await imported(played, await importableImage(played.directory));
    expect(image).toMatchObject({ name: "appliance", state: "available" });
    const { instance, made } = await launched(played, image.id);
    expect(instance.state).toBe("running");
    const [host = ""] = instance.publicAddresses;
    const greeting = await rehearsal.connection.dial({ host, port: 22 }, context.signal);
    expect(String(await new Promise((resolve) => greeting.once("data", resolve)))).toMatch(/^SSH-2\.0-/);
    greeting.destroy();
    const web = await rehearsal.connection.dial({ host, port: 80 }, context.signal);
    web.write("GET / HTTP/1.0\r\n\r\n");
    expect(String(await new Promise((resolve) => web.once("data", resolve)))).toMatch(/^HTTP\/1\.1 200/);
    web.destroy();
    const evidence = await cloud.instances.evidence(instance.id, context);
    if (cloud.capabilities.console === "text") expect(evidence.console).toContain("cloudimg-init: finished");
    expect(rehearsal.left().map(({ kind }) => kind)).toEqual(expect.arrayContaining(["object", "image", "instance"]));
    await tidied(played, image, made);
    expect(rehearsal.left()).toEqual([]);
    expect(rehearsal.made().map(({ kind }) => kind)).toEqual(expect.arrayContaining(made.map(({ kind }) => kind)));
  });
});
