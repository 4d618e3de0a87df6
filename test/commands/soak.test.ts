import { appendFileSync, existsSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, onTestFinished, test } from "vitest";
import { durationMs } from "../../src/commands/soak.ts";
import { soakInstance } from "../../src/commands/soaking.ts";
import { type SoakOptions, soakTarget } from "../../src/commands/soaking-target.ts";
import type { Context } from "../../src/core/context.ts";
import { makeRunKey } from "../../src/smoke/run-key.ts";
import { type Finished, finished, startCloudimg, temporaryDirectory } from "../cli/cloudimg.ts";
import { readMarkup } from "../report/markup.ts";
import { type Listening, startHttpServer, startSshServer } from "../smoke/servers.ts";

interface Place {
  readonly directory: string;
  readonly options: SoakOptions;
  readonly context: Context;
  readonly said: string[];
  /** Ends the soak as Ctrl-C does. */
  readonly stop: AbortController;
}

function place(given: Partial<SoakOptions>): Place {
  const directory = temporaryDirectory();
  const stop = new AbortController();
  const said: string[] = [];
  const context: Context = {
    emit: (event) => void (event.type === "log" && said.push(event.message)),
    signal: stop.signal,
    directories: { cache: join(directory, "cache"), data: join(directory, "data") },
    environment: {},
    jobs: 1,
  };
  const times = { duration: 3600_000, interval: 100, timeout: 5_000, minAvailability: 99.9 };
  return {
    directory,
    options: { ...times, user: "root", report: join(directory, "r.html"), ...given },
    context,
    said,
    stop,
  };
}

async function until(condition: () => boolean): Promise<void> {
  for (const deadline = performance.now() + 20_000; !condition(); await sleep(10))
    if (performance.now() > deadline) throw new Error(`not seen in time: ${condition}`);
}

const page = (text = "It works") => startHttpServer((_, response) => void response.end(text));

test("an outage of a real server, and the restart of a guest and of its program, are seen", async () => {
  const host = await makeRunKey();
  const user = await makeRunKey();
  let bootId = "0b7f2c54-2f5e-4a3d-9d6f-0123456789ab";
  let pid = 12;
  const ssh = await startSshServer({
    hostKeys: [host.privateKey],
    authorizedKey: user.publicKeyLine,
    onCommand(command, channel) {
      expect(command).toContain("pidof nginx");
      channel.write(`${bootId}\n5.00 1.00\nMemTotal: 1000 kB\nMemAvailable: 400 kB\npids nginx ${pid}\n`);
      channel.exit(0);
      channel.end();
    },
  });
  onTestFinished(() => ssh.close());
  let http: Listening = await page();
  onTestFinished(() => http.close());
  const { port } = http;
  const { directory, options, context, said, stop } = place({
    ...{ http: `http://127.0.0.1:${port}/`, body: "works", process: ["nginx"] },
    ...{ ssh: `root@127.0.0.1:${ssh.port}`, hostKey: [host.publicKeyLine] },
    key: join(temporaryDirectory(), "key"),
  });
  writeFileSync(options.key as string, user.privateKey);
  const stateOf = () =>
    readFileSync(
      join(
        directory,
        "data/soaks",
        readdirSync(join(directory, "data/soaks")).find((name) => name.endsWith("jsonl")) as string,
      ),
      "utf8",
    );
  const target = soakTarget(undefined, options, context);
  const soaking = soakInstance(target, options, context);
  await until(() => existsSync(options.report as string));
  await http.close();
  await until(() => said.some((line) => /^http: cannot get /.test(line)));
  http = await startHttpServer((_, response) => void response.end("It works again"), { port });
  await until(() => said.some((line) => /^http: passes again after/.test(line)));
  pid = 99;
  await until(() => said.includes("nginx has restarted"));
  bootId = "1b7f2c54-2f5e-4a3d-9d6f-0123456789ab";
  await until(() => said.includes("the guest has restarted, 5 s before it was seen"));
  stop.abort();

  const { facts } = await soaking;
  expect(facts).toMatchObject({
    state: "interrupted",
    guest: { restarts: 1, processRestarts: 1, totalBytes: 1_024_000, leastAvailableBytes: 409_600 },
  });
  const [sshFacts, httpFacts] = facts.checks;
  expect(sshFacts).toMatchObject({ name: "ssh", failed: 0, availability: 1 });
  expect(httpFacts).toMatchObject({
    name: "http",
    outageCount: 1,
    outages: [{ fault: expect.stringMatching(/^cannot get /), toMs: expect.any(Number) }],
  });
  expect(httpFacts?.availability).toBeLessThan(1);
  expect(stateOf()).not.toContain("PRIVATE KEY");
  const shown = readMarkup(readFileSync(options.report as string, "utf8")).text;
  expect(shown).toMatch(/nginx has restarted/);
  expect(shown).toMatch(/interrupted: the same command goes on/);
});

test("a server that is silent is an outage when the time of a check is up, and looks that were missed are skipped", async () => {
  const silent = await startHttpServer(() => {});
  onTestFinished(() => silent.close());
  const { options, context } = place({ http: `http://127.0.0.1:${silent.port}/`, timeout: 250, duration: 600 });
  const { facts } = await soakInstance(soakTarget(undefined, options, context), options, context);
  expect(facts.checks[0]).toMatchObject({
    passed: 0,
    availability: 0,
    outages: [{ fault: "no answer within 0.25 s" }],
  });
  // There would be six if looks did not wait for one another.
  expect(facts.samples).toBeLessThanOrEqual(4);
});

test("another host key than before is told", async () => {
  const user = await makeRunKey();
  const start = async (port?: number) =>
    await startSshServer({
      ...(port !== undefined && { port }),
      hostKeys: [(await makeRunKey()).privateKey],
      authorizedKey: user.publicKeyLine,
    });
  let server = await start();
  onTestFinished(() => server.close());
  const { port } = server;
  const { options, context, said, stop } = place({
    ssh: `root@127.0.0.1:${port}`,
    key: join(temporaryDirectory(), "key"),
  });
  writeFileSync(options.key as string, user.privateKey);
  const soaking = soakInstance(soakTarget(undefined, options, context), options, context);
  await until(() => existsSync(options.report as string));
  await server.close();
  server = await start(port);
  await until(() => said.some((line) => /^the ssh server shows the host key SHA256:/.test(line)));
  stop.abort();
  expect((await soaking).facts.guest.hostKeyChanges).toBe(1);
});

describe("the command", () => {
  const soak = (directory: string, ...args: string[]) =>
    startCloudimg(["soak", ...args], { cwd: directory, environment: { CLOUDIMG_DATA: join(directory, "data") } });
  const samplesIn = (path: string) =>
    existsSync(path)
      ? readFileSync(path, "utf8")
          .split("\n")
          .filter((line) => /^\{"at".*\}$/.test(line)).length
      : 0;

  test("goes on after it was killed, a line cut off; begins anew when told to", async () => {
    const http = await page();
    onTestFinished(() => http.close());
    const directory = temporaryDirectory();
    const state = join(directory, "s.jsonl");
    const args = [
      "--http",
      `http://127.0.0.1:${http.port}/`,
      "--interval",
      "100ms",
      "--state",
      state,
      "--report",
      "r.html",
    ];
    const first = soak(directory, ...args, "--duration", "1h");
    const killed = finished(first);
    await until(() => samplesIn(state) >= 5);
    const other = await finished(soak(directory, ...args, "--duration", "1h"));
    expect(other).toMatchObject({
      code: 4,
      stderr: expect.stringMatching(/another soak is at work on it \(process \d+\)/),
    });
    first.kill("SIGKILL");
    await killed;
    const before = samplesIn(state);
    appendFileSync(state, '{"at":17952923');

    const second = soak(directory, ...args, "--duration", "1h", "--json");
    const ended = finished(second);
    await until(() => samplesIn(state) >= before + 3);
    second.kill("SIGINT");
    const { code, stdout }: Finished = await ended;
    expect(code).toBe(130);
    const lines = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines[0]).toMatchObject({ message: "a line of the file of samples was cut off, and is left out" });
    const { value } = lines.find(({ type }) => type === "result");
    expect(value).toMatchObject({
      state: "interrupted",
      gapCount: 1,
      checks: [{ name: "http", failed: 0, availability: 1 }],
    });
    expect(value.samples).toBe(samplesIn(state));
    expect(value.samples).toBeGreaterThanOrEqual(before + 3);

    const third = await finished(soak(directory, ...args, "--duration", "200ms"));
    expect(third.code).toBe(0);
    expect(third.stderr).toMatch(/nothing to do: .* have been observed\n {2}hint: --restart begins anew/);
    const anew = await finished(soak(directory, ...args, "--duration", "200ms", "--restart"));
    expect(anew).toMatchObject({ code: 0, stdout: expect.stringMatching(/ of 200 ms, \d looks/) });
    expect(samplesIn(state)).toBeLessThan(5);
    expect(samplesIn(`${state}.before`)).toBe(value.samples);
    readMarkup(readFileSync(join(directory, "r.html"), "utf8"));
  });

  test("ends with 8 when the instance was not available enough", async () => {
    const http = await page();
    await http.close();
    const directory = temporaryDirectory();
    const args = ["--http", `http://127.0.0.1:${http.port}/`, "--duration", "100ms", "--interval", "100ms"];
    const { code, stdout } = await finished(soak(directory, ...args));
    expect(code).toBe(8);
    expect(stdout).toMatch(/http +0 % +1 +100 ms/);
    expect(stdout).toMatch(/^FAILED: http: less available than 99\.9 %$/m);
    expect((await finished(soak(directory, ...args, "--min-availability", "0"))).code).toBe(0);
    expect(
      readdirSync(directory).filter((name) => /^soak-127\.0\.0\.1-\d+-[0-9a-f]{8}\.html$/.test(name)),
    ).toHaveLength(1);
  });

  test("a file that is no soak's, or another target's, is left as it is", async () => {
    const directory = temporaryDirectory();
    writeFileSync(join(directory, "letter.txt"), "Dear Sir");
    writeFileSync(join(directory, "other.jsonl"), '{"soak":1,"target":["http://192.0.2.7/"]}\n');
    const args = ["--http", "http://127.0.0.1:9/", "--duration", "100ms", "--interval", "100ms", "--state"];
    for (const [name, reason] of [
      ["letter.txt", /it is not the file of a soak/],
      ["other.jsonl", /another target, http:\/\/192\.0\.2\.7\//],
    ] as const) {
      const before = readFileSync(join(directory, name), "utf8");
      const { code, stderr } = await finished(soak(directory, ...args, name));
      expect([code, stderr]).toEqual([2, expect.stringMatching(reason)]);
      expect(readFileSync(join(directory, name), "utf8")).toBe(before);
    }
  });

  test("a device is no file of samples, and a directory is none", async () => {
    const directory = temporaryDirectory();
    symlinkSync("/dev/zero", join(directory, "zero"));
    for (const name of ["zero", "."]) {
      const { code, stderr } = await finished(soak(directory, "--http", "http://127.0.0.1:9/", "--state", name));
      expect([code, stderr]).toEqual([4, expect.stringMatching(/host\/not-writable/)]);
    }
  });

  test.each([
    [[], 2, /neither an instance nor --ssh or --http is given/],
    [["local-nothing"], 4, /cannot watch local-nothing: there is no such instance \[host\/no-instance\]/],
    [["--http", "http://h/", "--duration", "72"], 2, /a time with a unit/],
    [["--http", "http://h/", "--interval", "1ms"], 2, /from 100ms to 24h/],
    [["--http", "http://h/", "--min-availability", "101"], 2, /from 0 to 100/],
    [["--http", "http://h/", "--process", "a; rm -rf /"], 2, /no name that pidof knows/],
    [["--http", "http://h/", "--state", "/dev/null/x"], 4, /host\/not-writable/],
  ])("%j is refused", async (args, code, reason) => {
    const outcome = await finished(soak(temporaryDirectory(), ...args));
    expect([outcome.code, outcome.stderr]).toEqual([code, expect.stringMatching(reason)]);
  });
});

test("times", () => {
  expect(["90s", "1.5h", "7d", "100ms", "30 m"].map(durationMs)).toEqual([
    90_000, 5_400_000, 604_800_000, 100, 1_800_000,
  ]);
  for (const text of ["", "5", "-1s", "1w", "400d", "0s", "NaNs"])
    expect(() => durationMs(text)).toThrow(/a time with a unit/);
});
