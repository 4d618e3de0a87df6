import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { cp, mkdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { environmentOf } from "../src/commands/emulating.ts";
import { directoriesOf } from "../src/commands/environment.ts";
import { inspectImport } from "../src/commands/import-inspector.ts";
import type { CloudName, Resource } from "../src/providers/cloud.ts";
import { makeClock } from "../src/rehearsal/clock.ts";
import type { MachineMaker } from "../src/rehearsal/machine-maker.ts";
import type { Rehearsal } from "../src/rehearsal/rehearsal.ts";
import { startRehearsal } from "../src/rehearsal/start-rehearsal.ts";
import { makeRunKey } from "../src/smoke/run-key.ts";
import { cloudimg, type Finished, finished, repository, startCloudimg } from "./cli/cloudimg.ts";
import { answeringMachines } from "./rehearsal/answering-machine.ts";

/**
 * Every command of the manuals is run, in the order of its page, against an emulated cloud whose instances answer without a boot. What a page lets the reader put in
 * (ids, addresses, a bucket's name) is put in from what the commands before have said, as the reader would.
 */

const words = { command: /^(?:npx )?cloudimg (.+)$/, export: /^export \w+=\S+$/, ssh: /^ssh root@\S+$/ };

/** Lines of the blocks of shell, without comments; a line that is nothing of the above is in `unknown`. */
function linesOf(page: string): string[] {
  const blocks = [...readFileSync(join(repository, page), "utf8").matchAll(/^```sh\n([\s\S]*?)^```/gm)];
  return blocks
    .flatMap(([, body = ""]) => body.split("\n"))
    .map((line) => line.replace(/\s+#.*$/, "").trim())
    .filter((line) => line !== "");
}

const rehearsed = / --rehearse\b/;
const usualBuckets = { tencent: "images-1250000000", alibaba: "my-images", huawei: "my-images" } as const;

interface Place {
  readonly directory: string;
  readonly rehearsal: Rehearsal;
  readonly environment: Record<string, string>;
}

/** Waits that a cloud asks for pass so much faster, here and in the commands. */
const speed = 20;
const nodeOptions = ["--import", join(repository, "test/quicker-clock.ts")];

/** What has been downloaded and built before. */
const { cache } = directoriesOf(process.env);

const names = ["tencent", "alibaba", "huawei"] as const;
const ending = new AbortController();
const rehearsalsUnderWay: Rehearsal[] = [];
let scratch = "";

beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), "cloudimg-manuals-"));
});

afterAll(async () => {
  for (const rehearsal of rehearsalsUnderWay) await rehearsal.close();
  ending.abort();
  rmSync(scratch, { recursive: true, force: true });
});

const answering = answeringMachines({
  page: "<title>It works</title>\n<h1>It works</h1>\n",
  commands: { "cat /etc/os-release": 'ID=debian\nIMAGE_VERSION="1"\n' },
});

/** With a screen: one black dot. */
const dot = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGNgYGAAAAAEAAH2FzhVAAAAAElFTkSuQmCC";
const machines: MachineMaker = async (...order) => ({
  ...(await answering(...order)),
  screenshot: async () => Buffer.from(dot, "base64"),
});

/** A home with keys and the profiles of the repository, and a cloud. */
async function place(page: string, cloud: CloudName): Promise<Place> {
  const directory = join(scratch, page.replace(/\W/g, "-"));
  const ssh = join(directory, "home", ".ssh");
  await mkdir(ssh, { recursive: true, mode: 0o700 });
  const { privateKey, publicKeyLine } = await makeRunKey("reader");
  await writeFile(join(ssh, "id_ed25519"), privateKey, { mode: 0o600 });
  await writeFile(join(ssh, "id_ed25519.pub"), `${publicKeyLine}\n`);
  await cp(join(repository, "cloud-profiles"), join(directory, "cloud-profiles"), { recursive: true });
  const originMs = Date.now();
  const clock = makeClock({ startMs: originMs, speed });
  const rehearsal = await startRehearsal(
    {
      cloud,
      directory: join(directory, "cloud"),
      region: { tencent: "ap-guangzhou", alibaba: "cn-hangzhou", huawei: "cn-north-4" }[cloud],
      bucket: usualBuckets[cloud],
      inspect: inspectImport,
      machines,
      clock,
    },
    ending.signal,
  );
  rehearsalsUnderWay.push(rehearsal);
  const environment = {
    ...environmentOf(rehearsal),
    CLOUDIMG_TEST_SPEED: String(speed),
    CLOUDIMG_TEST_ORIGIN: String(originMs),
    HOME: join(directory, "home"),
    CLOUDIMG_CACHE: cache,
    CLOUDIMG_DATA: join(directory, "data"),
  };
  return { directory, rehearsal, environment };
}

/** The words of a command line, as a shell would part them. */
function partWords(line: string, home: string): string[] {
  return [...line.matchAll(/'([^']*)'|(\S+)/g)].map(
    ([, quoted, plain = ""]) => quoted ?? plain.replace(/^~\//, `${home}/`),
  );
}

/** What a page has in the place of what the reader's own cloud says. */
interface Said {
  image?: string;
  instance?: string;
  address?: string;
  run?: string;
  login?: string;
}

const examples = {
  image: /\b(img-8toqc6s3|m-bp1g7004ksh0oeuc|2f6c1a3e-5d0b-4c0e-9a53-1f0c9d1e7a01)\b/g,
  instance: /\b(ins-kq5uehn0|i-bp67acfmxazb4p|9b7d4c52-8e1f-4a6b-b3d0-6c2e5f8a1b02)\b/g,
  address: /\b203\.0\.113\.7\b/g,
  run: /\b20261121-101500-abcdef\b/g,
} as const;

function filled(line: string, said: Said): string {
  return Object.entries(examples).reduce((text, [name, pattern]) => {
    if (text.search(pattern) < 0) return text;
    const value = said[name as keyof Said];
    expect(value, `${line}: no command before has said what the ${name} is`).toBeDefined();
    return text.replace(pattern, value as string);
  }, line);
}

/** Reads off what the next commands need, where the page says that the reader finds it. */
function readOff(line: string, { stdout }: Finished, said: Said): void {
  const [verb, , subject] = words.command.exec(line)?.[1]?.split(" ") ?? [];
  if (verb === "images") said.image = /^(?!ID )\S+/m.exec(stdout)?.[0] ?? "";
  if (verb === "runs" && subject === undefined) said.run = /^\d{8}-\d{6}-\w+/m.exec(stdout)?.[0] ?? "";
  if (verb === "launch") {
    said.instance = /^\S+/.exec(stdout)?.[0] ?? "";
    said.address = /root@(\S+)/.exec(stdout)?.[1] ?? "";
    said.login = /^log in: +(.+)$/m.exec(stdout)?.[1] ?? "";
  }
}

/** Runs a page's commands but the rehearsals, and gives the lines that are no commands. */
async function walk(page: string, { directory, environment }: Place): Promise<string[]> {
  const home = environment["HOME"] as string;
  const said: Said = {};
  const unknown: string[] = [];
  for (const raw of linesOf(page)) {
    if (rehearsed.test(raw) || words.export.test(raw)) continue;
    const line = filled(raw, said);
    if (words.ssh.test(line)) {
      expect(line).toBe(said.login);
      continue;
    }
    const command = words.command.exec(line)?.[1];
    if (command === undefined) {
      unknown.push(line);
      continue;
    }
    const outcome = await cloudimg(partWords(command, home), { cwd: directory, environment, nodeOptions });
    expect(outcome, `${line}\n${outcome.stderr}`).toMatchObject({ code: 0 });
    readOff(line, outcome, said);
  }
  return unknown;
}

const manuals = [
  ["docs/tencent.md", "tencent"],
  ["docs/alibaba.md", "alibaba"],
  ["docs/huawei.md", "huawei"],
  ["docs/publishing.md", "tencent"],
] as const;

test.concurrent.each(manuals)(
  "%s: its commands work, one after the other, and nothing but images stays behind",
  async (page, cloud) => {
    const here = await place(page, cloud);
    expect(await walk(page, here)).toEqual([]);
    const { rehearsal } = here;
    // What a reader uploads by hand is the reader's.
    const isMeant = ({ kind, id }: Resource) =>
      kind === "image" || kind === "snapshot" || (kind === "object" && id.includes("/cloudimg/uploads/"));
    expect(rehearsal.left().filter((resource) => !isMeant(resource))).toEqual([]);
    expect(rehearsal.made().map(({ kind }) => kind)).toEqual(expect.arrayContaining(["image", "instance", "object"]));
    expect(rehearsal.defects()).toEqual([]);
  },
  110_000,
);

const rehearsals = [...new Set(manuals.flatMap(([page]) => linesOf(page).filter((line) => rehearsed.test(line))))];
const [faulty, good] = [/ --fault /, /^(?!.* --fault )/].map((pattern) =>
  rehearsals.filter((line) => pattern.test(line)),
);

/** As a reader runs it: by this host's clock, without any settings. */
async function rehearse(line: string): Promise<Finished> {
  const directory = join(scratch, "rehearsals");
  await cp(join(repository, "cloud-profiles"), join(directory, "cloud-profiles"), { recursive: true });
  const environment = { CLOUDIMG_DATA: join(directory, "data"), CLOUDIMG_CACHE: cache };
  const words = (/cloudimg (.+)$/.exec(line)?.[1] ?? "").split(" ");
  return await cloudimg(words, { cwd: directory, environment });
}

test("the manuals show rehearsals of each cloud, and some that fail", () => {
  for (const name of names) expect(good).toContain(`npx cloudimg publish ${name} --rehearse`);
  expect(faulty?.length).toBeGreaterThan(2);
});

test.each(faulty ?? [])(
  "%s ends as a failure that says what to do",
  async (line) => {
    const { code, stderr } = await rehearse(line);
    expect({ code, stderr }).toMatchObject({
      code: 7,
      stderr: expect.stringMatching(/^error: .* \[cloud\/[\w-]+\]\n {2}hint: /m),
    });
  },
  60_000,
);

// Three boots in a row; the tests of boots do just that.
const leftToOthers = "npx cloudimg publish all-clouds --rehearse";

test("the rehearsal of three clouds is run by another test", () => {
  expect(good).toContain(leftToOthers);
  expect(readFileSync(join(repository, "test/boot/rehearsal.test.ts"), "utf8")).toContain('rehearse(["all-clouds"])');
});

test.each((good ?? []).filter((line) => line !== leftToOthers))(
  "%s boots the image",
  async (line) => {
    const { code, stdout, stderr } = await rehearse(line);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(stdout).toContain("A rehearsal: the clouds were played on this machine, and are gone.");
  },
  200_000,
);

test("docs/publishing.md: the session with an emulator goes as it is shown", async () => {
  const page = readFileSync(join(repository, "docs/publishing.md"), "utf8");
  const [, session = ""] = /^```console\n([\s\S]*?)^```/m.exec(page) ?? [];
  const [command = "", ...shown] = session.trim().split("\n");
  const port = String(20_000 + Math.floor(Math.random() * 30_000));
  const args = command.replace("$ npx cloudimg ", "").replace("8100", port).split(" ");
  const child = startCloudimg(args, { cwd: scratch, environment: { CLOUDIMG_CACHE: cache } });
  const ended = finished(child);
  let told = "";
  child.stdout?.on("data", (text: string) => {
    told += text;
    if (told.includes("CLOUDIMG_INSTANCE_PROXY=")) child.kill("SIGINT");
  });
  const { code, stdout } = await ended;
  expect(code).toBe(130);
  const names = (lines: readonly string[]) => lines.map((line) => /^(# bucket|export \w+=)/.exec(line)?.[0]);
  expect(names(stdout.split("\n")).slice(0, 2)).toEqual(names(shown).slice(0, 2));
  expect(stdout).toContain(`CLOUDIMG_INSTANCE_PROXY='http://127.0.0.1:${Number(port) + 2}'`);
}, 60_000);
