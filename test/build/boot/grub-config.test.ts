import { spawnSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { grubConfig } from "../../../src/build/boot/grub-config.ts";
import { CloudimgError } from "../../../src/core/errors.ts";
import { bootEntry, bootRequest } from "./bootloader-contract.ts";
import { grubPackage } from "./grub-package.ts";

/** What GRUB's own parser says about a configuration. */
async function checkScript(text: string): Promise<{ status: number | null; said: string }> {
  const [program, ...args] = (await grubPackage()).command("grub-script-check");
  const { status, stdout, stderr } = spawnSync(program as string, args, { input: text, encoding: "utf8" });
  return { status, said: stdout + stderr };
}

const linuxLine = (cmdline: string, changes = {}) =>
  grubConfig({ ...bootEntry, cmdline, ...changes })
    .split("\n")
    .find((line) => line.startsWith("  linux"));

describe("grub.cfg", () => {
  const root = `root=UUID=${bootRequest.rootUuid}`;

  test.for<[name: string, cmdline: string, words: string]>([
    ["nothing", "", ""],
    ["white space of any kind", "  quiet \n\t splash ", " quiet splash"],
    ["words as they mostly are", "console=ttyS0,115200n8 net.ifnames=0", " console=ttyS0,115200n8 net.ifnames=0"],
    ["a dollar sign", "a=$x", " 'a=$x'"],
    ["what separates commands", "a;b&c|d", " 'a;b&c|d'"],
    ["braces and comments", "{ } #x", " '{' '}' '#x'"],
    ["a value in quotes", 'dyndbg="file a.c +p"', " 'dyndbg=file a.c +p'"],
    ["a parameter in quotes", '"a b=c d" e', " 'a b=c d' e"],
    ["quotes that were not needed", 'a="b"', " a=b"],
    ["letters beyond ASCII", "motd=héllo", " 'motd=héllo'"],
  ])("%s", async ([, cmdline, words]) => {
    expect(linuxLine(cmdline)).toBe(`  linux /boot/vmlinuz-6.12 ${root}${words}`);
    expect(await checkScript(grubConfig({ ...bootEntry, cmdline }))).toEqual({ status: 0, said: "" });
  });

  test("a path with a space and a quote", async () => {
    const config = grubConfig({ ...bootEntry, kernelPath: "/boot/it's $one", initrdPath: undefined });
    expect(config).toContain("linux '/boot/it'\\''s $one' root=");
    expect(config).not.toContain("initrd");
    expect(await checkScript(config)).toEqual({ status: 0, said: "" });
  });

  test.for(["a=\\x5c", "it's", 'a"b', 'a="b c', 'a="b"c', "a=\u0000b"])("%j cannot be passed on", (cmdline) => {
    const thrown = (() => {
      try {
        return grubConfig({ ...bootEntry, cmdline });
      } catch (error) {
        return error;
      }
    })();
    expect(thrown).toBeInstanceOf(CloudimgError);
    expect((thrown as CloudimgError).problems[0]).toMatchObject({
      code: "image/unsupported",
      message: expect.stringMatching(/^cannot pass .+ on the kernel's command line: GRUB changes quotes/s),
      hint: expect.stringContaining('name="a b"'),
    });
  });
});
