import { z } from "zod";
import { archives, changes, files, hooks, overlays, packages, services, users } from "./contents-sections.ts";
import { boot, disk, image, kernel } from "./image-sections.ts";
import { instance, output, provider, publish, smoke } from "./instance-sections.ts";

/**
 * The profile's schema: the one source of its TypeScript types, its validation, docs/profile.schema.json and docs/profile.md. Objects are strict:
 * an unknown key is an error. Every field has a description; it is what an editor shows.
 */
export const profileSchema = z.strictObject({
  extends: z
    .union([z.string(), z.array(z.string())], { error: "must be the path of a profile, or a list of them" })
    .optional()
    .describe("Profiles to start from, relative to this one; `cloudimg:base` is the one that comes with cloudimg."),
  image,
  packages: packages.prefault({}),
  kernel: kernel.prefault({}),
  archives,
  overlays,
  files,
  changes,
  hooks,
  users,
  services: services.prefault({}),
  boot: boot.prefault({}),
  disk: disk.prefault({}),
  output: output.prefault({}),
  provider: provider.prefault({}),
  publish: publish.prefault({}),
  instance: instance.prefault({}),
  smoke: smoke.prefault({}),
});

/** A validated profile with every default filled in. Sizes are bytes, durations milliseconds, modes numbers. */
export type Profile = z.output<typeof profileSchema>;
