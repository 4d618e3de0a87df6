import { basename } from "node:path";
import { Argument } from "commander";
import { fail } from "../core/errors.ts";
import type { Invocation, Verb } from "./command.ts";

export const init: Verb = {
  name: "init",
  summary: "write a starter profile",
  examples: ["cloudimg init greeter", "cloudimg init profiles/greeter.yaml"],
  args: [new Argument("[NAME]", "the image's name, or the path of the profile to write").default("my-image")],
  options: [],
  async run({ args, context, result }: Invocation) {
    const { writeStarterProfile } = await import("../profile/starter.ts");
    const given = args[0] ?? "my-image";
    const isPath = /[/\\]|\.ya?ml$/.test(given);
    const name = basename(given).replace(/\.ya?ml$/, "");
    if (!/^[a-z0-9][a-z0-9.-]{0,59}$/.test(name))
      fail(
        "usage/arguments",
        `cannot name an image "${name}": a name has lower-case letters, digits, dots and dashes`,
        {
          hint: "for example: cloudimg init greeter",
        },
      );
    const path = isPath ? given : `cloud-profiles/${name}.yaml`;
    await writeStarterProfile(path, name, context);
    const use = isPath ? path : name;
    result(`${path}\n\nNext: cloudimg validate ${use}, then cloudimg publish ${use} --provider local`, { path });
    return 0;
  },
};
