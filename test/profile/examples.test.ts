import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { firmwaresOf } from "../../src/profile/choices.ts";
import { loadProfile } from "../../src/profile/load.ts";

const directory = fileURLToPath(new URL("../../cloud-profiles/", import.meta.url));
const examples = readdirSync(directory).filter((name) => name.endsWith(".yaml") && !name.endsWith(".lock.yaml"));

test("there are examples beside the base", () => {
  expect(examples).toEqual(expect.arrayContaining(["appliance.yaml", "live.yaml", "local.yaml", "multiboot.yaml"]));
});

test.each(examples.filter((name) => name !== "base.yaml"))(
  "cloud-profiles/%s is good in every environment, is named after its file and boots",
  async (name) => {
    const { profile } = await loadProfile(`${directory}${name}`, { environment: {} });
    expect(`${profile.image.name}.yaml`).toBe(name);
    expect(firmwaresOf(profile)).toContain("bios");
  },
);
