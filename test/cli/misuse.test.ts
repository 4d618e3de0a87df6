import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { cloudimg, type RunOptions, temporaryDirectory } from "./cloudimg.ts";

const profile = "extends: cloudimg:base\nimage:\n  name: probe\n";

/** A directory with a profile, and things that are not what somebody takes them for. */
function directoryWith(text = profile): string {
  const cwd = temporaryDirectory();
  writeFileSync(join(cwd, "probe.yaml"), text);
  mkdirSync(join(cwd, "folder.yaml"));
  writeFileSync(join(cwd, "disk.raw"), new Uint8Array(4096));
  symlinkSync("disk.raw", join(cwd, "link.raw"));
  writeFileSync(join(cwd, "notes.txt"), "these are notes\n");
  writeFileSync(join(cwd, "binary"), Uint8Array.of(0xff, 0xfe, 0, 1));
  return cwd;
}

type Case = readonly [args: string, code: number, message: RegExp];

/** Each ends with one clear message and its family's exit code, and makes nothing. */
const cases: readonly Case[] = [
  ["init grüße", 2, /cannot name an image "grüße"/],
  ["init notes.txt/new.yaml", 4, /cannot make the directory notes\.txt: something on the way is not a directory/],
  ["validate folder.yaml", 3, /folder\.yaml: it is a directory/],
  ["validate binary", 3, /cloud-profiles\/binary\.yaml: there is no such file/],
  ["validate ./binary", 3, /not UTF-8/],
  ["build probe.yaml --output notes.txt", 4, /cannot make the directory notes\.txt/],
  ["build probe.yaml --format iso", 2, /Allowed choices are raw, qcow2/],
  ["build probe.yaml --format vhd vhd-fixed", 2, /cannot write both kinds of vhd/],
  ["lock probe.yaml --mirror nonsense", 5, /from "nonsense": a mirror is a URL/],
  ["lock probe.yaml --mirror ftp://mirror/debian", 5, /a mirror is a URL with http/],
  ["why libc6 probe.yaml", 3, /probe\.lock\.yaml: there is no such file/],
  ["smoke", 2, /neither --ssh nor --http/],
  ["smoke --http nowhere", 2, /cannot ask "nowhere"/],
  ["smoke --http http://127.0.0.1/ --timeout 1e12", 2, /seconds up to 86400/],
  ["smoke --http http://127.0.0.1/ --body [", 2, /cannot look for "\["/],
  ["smoke --ssh root@127.0.0.1:70000 --key notes.txt", 2, /USER@HOST:PORT/],
  ["smoke --ssh root@127.0.0.1:9 --key notes.txt", 2, /notes\.txt: it is not a private key/],
  ["smoke --ssh root@127.0.0.1:9 --key notes.txt --host-key AAAA", 2, /cannot expect the host key "AAAA"/],
  ["run notes.txt", 6, /notes\.txt: it is neither a disk image nor a raw disk/],
  ["run /dev/null", 6, /not a regular file/],
  ["run probe.yaml --key notes.txt", 2, /cannot take public keys from notes\.txt: line 1 is none/],
  ["config-drive probe.yaml --key binary", 2, /binary: it is not UTF-8 text/],
  ["config-drive probe.yaml --hostname a/b", 2, /cannot name a host "a\/b"/],
  ["config-drive probe.yaml --instance-id ../up", 2, /instance id "\.\.\/up"/],
  ["config-drive probe.yaml --output folder.yaml", 4, /folder\.yaml: it is a directory/],
  ["config-drive probe.yaml --output /dev/full", 4, /not a regular file/],
  ["inspect folder.yaml", 6, /folder\.yaml: it is a directory \[/],
  ["inspect disk.raw --html disk.raw", 2, /cannot write disk\.raw: it is the image that is read/],
  ["inspect disk.raw --html link.raw", 2, /cannot write link\.raw: it is the image that is read/],
  ["convert disk.raw out.qcow2 --from foo", 2, /cannot read the format "foo"/],
  ["publish probe.yaml --provider azure", 2, /Allowed choices are local, tencent, alibaba, huawei/],
  ["publish --provider tencent tencent --rehearse", 2, /cannot publish to tencent twice/],
  ["publish probe.yaml --rehearse", 2, /cannot use --rehearse: the image is published to this machine only/],
  ["publish probe.yaml --provider huawei", 3, /probe\.yaml: cannot publish to Huawei Cloud: no bucket is named/],
  ["publish probe.yaml --provider tencent huawei --bucket b-1", 2, /cannot publish to several clouds/],
  ["publish probe.yaml --provider tencent --fault sold-out", 2, /--fault is for rehearsals/],
  ["publish probe.yaml --provider tencent --rehearse --fault sold-uot", 2, /did you mean "sold-out"/],
  ["publish probe.yaml --provider tencent --rehearse --keep", 2, /--keep is for the local provider/],
  ["publish probe.yaml --provider tencent --rehearse --report notes.txt/x", 4, /cannot make the directory notes\.txt/],
  ["console ../../etc", 4, /cannot find the instance/],
  ["screenshot nobody", 4, /cannot find the instance nobody/],
  ["clean nobody", 2, /cannot clean nobody/],
];

describe("misuse", () => {
  test.each(cases)("%s", async (args, code, message) => {
    const cwd = directoryWith();
    const before = readdirSync(cwd);
    const finished = await cloudimg(args.split(" "), { cwd, environment: { CLOUDIMG_DATA: join(cwd, "data") } });
    expect(finished.stderr).toMatch(message);
    expect(finished.stderr).not.toMatch(/bug\/internal|^\s+at /m);
    expect(finished.code).toBe(code);
    expect(finished.stdout).toBe("");
    expect(readdirSync(cwd)).toEqual(before);
  });

  test.each([
    ["disk:\n  size: 99999999999TiB\n", /disk\.size must be less than 8192TiB/],
    ["provider:\n  local:\n    bootTimeout: 9999h\n", /bootTimeout must be 24h or less/],
    ["extends: ./probe.yaml\n", /extends/],
  ])("%j in a profile", async (rest, message) => {
    const finished = await cloudimg(["validate", "probe.yaml"], { cwd: directoryWith(profile + rest) });
    expect(finished.stderr).toMatch(message);
    expect(finished.code).toBe(3);
  });

  test("with --json an error is one line of JSON with the exit code", async () => {
    const finished = await cloudimg(["validate", "missing", "--json"], { cwd: directoryWith() });
    expect(JSON.parse(finished.stdout)).toMatchObject({
      type: "error",
      exitCode: 3,
      problems: [{ code: "profile/not-found" }],
    });
    expect(finished.stderr).toBe("");
    expect(finished.code).toBe(3);
  });
});

describe("surroundings", { timeout: 120_000 }, () => {
  const plan = async (options: RunOptions) =>
    await cloudimg(["plan", "probe.yaml"], { cwd: directoryWith(), ...options });

  test("a cache that is a file", async () => {
    const cwd = directoryWith();
    const finished = await plan({ cwd, environment: { CLOUDIMG_CACHE: join(cwd, "notes.txt") } });
    expect(finished.stderr).toMatch(
      /cannot make the directory .*notes\.txt.*not a directory \[host\/not-writable\]\n {2}hint: .*CLOUDIMG_CACHE/,
    );
    expect(finished.code).toBe(4);
  });

  test("a cache that is a link to nowhere", async () => {
    const cwd = directoryWith();
    symlinkSync("/nonexistent/disk", join(cwd, "cache"));
    const finished = await plan({ cwd, environment: { CLOUDIMG_CACHE: join(cwd, "cache") } });
    expect(finished.stderr).toMatch(/cannot make the directory .*cache/);
    expect(finished.code).toBe(4);
  });

  test("clean --cache in a directory that is no cache removes nothing of it", async () => {
    const cwd = directoryWith();
    const finished = await cloudimg(["clean", "--cache"], {
      cwd,
      environment: { CLOUDIMG_CACHE: cwd, CLOUDIMG_DATA: join(cwd, "data") },
    });
    expect(finished.code).toBe(0);
    expect(existsSync(join(cwd, "notes.txt"))).toBe(true);
  });
});
