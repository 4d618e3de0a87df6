import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleepFor } from "node:timers/promises";
import { beforeAll, describe, expect, test } from "vitest";
import { CloudimgError, fail } from "../../src/core/errors.ts";
import { cleanRun } from "../../src/providers/clean-cloud.ts";
import type { CloudName, InstanceRequest } from "../../src/providers/cloud.ts";
import { keptRunKey } from "../../src/providers/journal-key.ts";
import { outstanding } from "../../src/providers/journal-record.ts";
import { makeFaultPlan, parseFaultRule } from "../../src/rehearsal/faults.ts";
import { cloudNames, inCloud, leftBesides, madeIn, type PlayOptions } from "./clouds-play.ts";
import { cloudsPublish, everything } from "./clouds-publish.ts";
import { writeQuickly } from "./publish-cloud-requests.ts";

// What goes wrong in the middle of a publish by the real providers: nothing is lost, and nothing is left that costs. An image and its file stay where the next try goes on with them.

/** Its thousands of files take a second to load, and half a minute on a machine that is busy. */
beforeAll(() => import("@alicloud/ecs20140526"), 180_000);

const patience = { timeout: 90_000 };
const plan = (...rules: string[]) =>
  makeFaultPlan(
    rules.map((text) => parseFaultRule(text) ?? fail("usage/arguments", text)),
    "faults",
  );
const codeOf = (error: unknown) => (error instanceof CloudimgError ? error.code : error);
const kindsOf = (left: readonly string[]) => [...new Set(left.map((line) => line.split(" ")[0]))].sort();

/** Of each cloud: the calls that make, list and end things. */
const calls = {
  tencent: { import: "ImportImage", launch: "RunInstances", end: "TerminateInstances", look: "DescribeInstances" },
  alibaba: { import: "ImportImage", launch: "RunInstances", end: "DeleteInstance", look: "DescribeInstances" },
  huawei: { import: "ims.CreateImage", launch: "CreatePostPaidServers", end: "DeleteServers", look: "ShowServer" },
} as const;
const throttling = {
  tencent: "RequestLimitExceeded",
  alibaba: "Throttling.User",
  huawei: "IMG.0060",
} as const;

/** Tencent's reason goes to the account's owner alone, so what was looked at beforehand is named. */
const silent = /IMPORTFAILED.*cloud\.tencent\.com\/message.*format, size, partition table, root, drivers/;
const noVirtio = { files: { "/usr/lib/modules/6.1/modules.builtin": "kernel/drivers/ata/ahci.ko\n" } };
const noTable = { table: "none", hasRoot: false } as const;
/** Real images that are wrong, and one that nobody can read. */
const lateFailures: Record<CloudName, [what: string, says: RegExp, PlayOptions][]> = {
  tencent: [
    ["no partition table", silent, { image: noTable }],
    ["no virtio", silent, { image: noVirtio }],
    ["damaged", silent, { troubles: ["import-fails"] }],
    ["an archive", silent, { troubles: ["archive-bucket"] }],
  ],
  alibaba: [
    ["no partition table", /no partition table \(InvalidImageFormat\.Malformed\)/, { image: noTable }],
    ["no virtio", /no virtio drivers \(ImportImageFailed\)/, { image: noVirtio }],
    ["damaged", /damaged \(InvalidImageFormat\.Malformed\)/, { troubles: ["import-fails"] }],
    ["an archive", /InvalidObjectState \(ImportImageFailed\)/, { troubles: ["archive-bucket"] }],
  ],
  // It looks at the format only.
  huawei: [["damaged", /cannot be read\. \(IMG\.0057\)/, { troubles: ["import-fails"] }]],
};

describe.each(cloudNames)("%s: in the middle", patience, (name) => {
  test("a name that somebody else has: told before the upload, with whose it is", async () => {
    await inCloud(name, { troubles: ["name-taken"] }, async (play) => {
      const { error, run } = await play.publish();
      expect(codeOf(error)).toBe("cloud/name-taken");
      expect((error as CloudimgError).problems[0].hint).toMatch(/remove that image.*choose another/);
      expect([leftBesides(play, undefined), madeIn(play)]).toEqual([[], {}]);
      expect(outstanding(run as NonNullable<typeof run>)).toEqual([]);
    });
  });

  test.each(lateFailures[name])(
    "an import that fails late (%s) is told as the cloud tells it, and removed",
    async (_, says, more) => {
      await inCloud(name, more, async (play) => {
        const { error, run } = await play.publish();
        expect(codeOf(error)).toBe("cloud/import-failed");
        expect((error as Error).message).toMatch(says);
        expect((error as CloudimgError).problems[0].hint).toContain(`--for ${name} says how the file looks`);
        expect([leftBesides(play, undefined), run?.state]).toEqual([[], "failed"]);
        expect(madeIn(play)).toMatchObject({ object: 1, image: 1 });
      });
    },
  );

  test("sold out everywhere: nothing that costs is left, and the next try goes on with the image", async () => {
    await inCloud(name, { faults: plan() }, async (play) => {
      const code = {
        tencent: "ResourcesSoldOut.SpecifiedInstanceType",
        alibaba: "OperationDenied.NoStock",
        huawei: "Ecs.0319",
      };
      const none = parseFaultRule(`${calls[name].launch}=${code[name]}*100`);
      if (none !== undefined) play.rehearsal.faults.add(none);
      const { error, run } = await play.publish();
      expect(codeOf(error)).toBe("cloud/sold-out");
      expect((error as Error).message).toMatch(/none of .* in .*, .* can be had now/);
      expect((error as CloudimgError).problems[0].hint).toMatch(/publish again later/);
      expect(run?.state).toBe("interrupted");
      const images = name === "alibaba" ? ["image", "object", "snapshot"] : ["image", "object"];
      expect(kindsOf(leftBesides(play, undefined))).toEqual(images);
    });
  });

  test("the first kind is sold out: the next is taken", async () => {
    await inCloud(name, { troubles: ["sold-out-first"] }, async (play) => {
      const { error, report, events } = await play.publish();
      expect(error).toBeUndefined();
      expect(events).toContainEqual(expect.objectContaining({ type: "log", level: "info" }));
      expect(madeIn(play)).toMatchObject({ image: 1, object: 1 });
      expect(leftBesides(play, report)).toEqual([]);
    });
  });

  test("a spot instance that is taken back during the checks is replaced", async () => {
    await inCloud(name, { troubles: ["spot-reclaimed"] }, async (play) => {
      const { error, report, events } = await play.publish({ machine: { isSpot: true } });
      expect(error).toBeUndefined();
      expect(events).toContainEqual(expect.objectContaining({ hint: "another one is launched" }));
      expect(report?.instance.offer?.isSpot).toBe(true);
      expect([madeIn(play)["instance"], leftBesides(play, report)]).toEqual([2, []]);
    });
  });

  test.each([
    ["never-answers", "check/failed", /no answer/],
    ["other-host-key", "check/host-key", /showed the host key SHA256:\S+, not SHA256:\S+$/],
  ] as const)("%s: the image is not published, all is removed, the console is kept", async (trouble, code, says) => {
    await inCloud(name, { troubles: [trouble] }, async (play) => {
      const { error, run } = await play.publish({ bootTimeoutMs: 1500, checks: "ssh" });
      expect([codeOf(error), (error as CloudimgError).exitCode]).toEqual([code, 8]);
      expect((error as Error).message).toMatch(says);
      expect((error as CloudimgError).problems[0].hint).toMatch(/console|somebody else/);
      expect([leftBesides(play, undefined), run?.state]).toEqual([[], "failed"]);
      const kept = join(play.order.home, "data/runs", run?.id ?? "");
      expect(readdirSync(kept)).not.toContain("key");
      if (name !== "tencent") expect(readFileSync(join(kept, "console.txt"), "utf8")).toContain("Linux version");
    });
  });

  test("what refuses to go at first goes later", async () => {
    const busy = {
      tencent: "TerminateInstances=OperationDenied.InstanceOperationInProgress*3",
      alibaba: "DeleteInstance=IncorrectInstanceStatus.Initializing*3",
      huawei: "DeleteServers=503*3",
    };
    await inCloud(name, { troubles: ["slow-cleanup"], faults: plan(busy[name]) }, async (play) => {
      const { error, report } = await play.publish();
      expect([error, report?.leftovers, leftBesides(play, report)]).toEqual([undefined, [], []]);
      expect(play.rehearsal.faults.met()).toHaveLength(3);
    });
  });

  test("what is not allowed to be removed is told, stays in the ledger, and goes when it is allowed", async () => {
    const denied = {
      tencent: "DeleteSecurityGroup=UnauthorizedOperation*1000",
      alibaba: "DeleteSecurityGroup=Forbidden.RAM*1000",
      huawei: "DeleteSecurityGroup=VPC.0614*1000",
    };
    const faults = plan();
    let isDenied = true;
    const only = {
      ...faults,
      take: (service: string, operation: string) => (isDenied ? faults.take(service, operation) : undefined),
    };
    faults.add(parseFaultRule(denied[name]) ?? fail("usage/arguments", "no rule"));
    await inCloud(name, { faults: only }, async (play) => {
      const { error, report, run } = await play.publish();
      expect(error).toBeUndefined();
      expect(report?.leftovers).toMatchObject([{ kind: "security-group", fault: expect.any(String) }]);
      isDenied = false;
      const { request, context } = await cloudsPublish(play.order, play.rehearsal);
      if (run === undefined) throw new Error("there is no run");
      expect(await cleanRun(run, request, context)).toEqual([]);
      expect(leftBesides(play, report)).toEqual([]);
    });
  });
});

test.each([
  ["tencent", /LimitExceeded\.CvmInstanceQuota.*request [\w-]{36}/],
  ["alibaba", /QuotaExceed\.ElasticQuota, request [\w-]{36}/],
] as const)("%s: a quota of instances that only the launch tells", patience, async (name, says) => {
  await inCloud(name, { troubles: ["instance-quota"] }, async (play) => {
    const { error, run } = await play.publish();
    expect([codeOf(error), run?.state]).toEqual(["cloud/quota", "interrupted"]);
    expect((error as Error).message).toMatch(says);
    expect((error as CloudimgError).problems[0].hint).toMatch(/remove what is not needed/);
    const kinds = kindsOf(leftBesides(play, undefined));
    expect(kinds.filter((kind) => kind !== "snapshot")).toEqual(["image", "object"]);
  });
});

test("huawei: without the agency that copies need, the image waits for it", patience, async () => {
  await inCloud("huawei", { troubles: ["no-role"] }, async (play) => {
    const { error, run } = await play.publish({ configuration: everything("huawei") });
    expect([codeOf(error), run?.state]).toEqual(["cloud/copy-failed", "interrupted"]);
    expect((error as Error).message).toMatch(/agency does not exist.*\(IMG\.0026, request/);
    expect((error as CloudimgError).problems[0].hint).toMatch(/only what is missing is copied/);
    expect(leftBesides(play, undefined).map((line) => line.split(" ")[0])).toEqual(["image", "object"]);
  });
});

test.each(cloudNames)(
  "%s: what is made again under the same name is removed again, unknown to the journal",
  patience,
  async (name) => {
    await inCloud(name, {}, async (play) => {
      const stop = new AbortController();
      const { run } = await play.publish(
        {},
        {
          signal: stop.signal,
          async smoke(_, context) {
            stop.abort(new Error("interrupted"));
            context.signal.throwIfAborted();
            return { results: [] };
          },
        },
      );
      if (run === undefined) throw new Error("there is no run");
      expect(run.state).toBe("interrupted");
      // As if the next try had been killed as soon as it had launched.
      const { request, context } = await cloudsPublish(play.order, play.rehearsal);
      const { cloud, connection, configuration } = request;
      const { publicKeyLine } = await keptRunKey(join(context.directories.data, "runs", run.id));
      const [imageId] = play.rehearsal.left().flatMap(({ kind, id }) => (kind === "image" ? [id] : []));
      const tags = { "cloudimg:run": run.id, "cloudimg:image": play.order.identity.slice(0, 32) };
      const wish: InstanceRequest = {
        ...{ imageId: imageId ?? "", name: `cloudimg-${run.id}`, publicKeyLine, tags, token: "another" },
        ...{
          architecture: configuration.architecture,
          firmware: configuration.firmware,
          ...configuration.machine,
          endsAtMs: connection.now() + 3_600_000,
        },
      };
      const [offer] = await cloud.instances.offers(wish, context);
      if (offer === undefined) throw new Error("there is no offer");
      await cloud.instances.launch(wish, offer, async () => {}, context);
      expect(madeIn(play)["instance"]).toBe(2);
      expect(await cleanRun(run, request, context)).toEqual([]);
      expect(leftBesides(play, undefined)).toEqual([]);
    });
  },
);

describe.each(cloudNames)("%s: on the wire", patience, (name) => {
  const vendor = calls[name];
  const slow = throttling[name];

  test("a storm of 503, 500, cut connections and throttling ends nothing, and makes nothing twice", async () => {
    // One in six, by chance of a seed; what makes things loses an answer besides.
    const storm = ["*=503%6", "*=drop%5", `${vendor.look}=${name === "huawei" ? "500*2" : `${slow}*2`}`, "s3.*=500%6"];
    await inCloud(name, { faults: plan(...storm) }, async (play) => {
      const { error, report } = await play.publish({ configuration: everything(name) });
      expect(error).toBeUndefined();
      expect(play.rehearsal.faults.met().length).toBeGreaterThan(5);
      expect(madeIn(play)).toMatchObject({ object: 1, image: 2, instance: 1 });
      expect([report?.leftovers, leftBesides(play, report)]).toEqual([[], []]);
    });
  });

  test.each(["import", "launch", "end"] as const)("the answer to %s is lost: it is not done twice", async (what) => {
    await inCloud(name, { faults: plan(`${vendor[what]}=lost`) }, async (play) => {
      const { error, report } = await play.publish();
      expect(error).toBeUndefined();
      expect(play.rehearsal.faults.met()).toHaveLength(1);
      expect(madeIn(play)).toMatchObject({ object: 1, image: 1, instance: 1 });
      expect(leftBesides(play, report)).toEqual([]);
    });
  });

  test.each(["CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"])(
    "the upload is cut at %s, and its answer lost",
    async (step) => {
      const image = { format: "raw", diskSizeBytes: 17 * 1024 ** 2 } as const;
      for (const fault of ["drop*2", "lost", "503*2@1"]) {
        await inCloud(name, { image, faults: plan(`s3.${step}=${fault}`) }, async (play) => {
          const { error, report } = await play.publish();
          expect([fault, error]).toEqual([fault, undefined]);
          expect(madeIn(play)["object"]).toBe(1);
          expect(leftBesides(play, report)).toEqual([]);
        });
      }
    },
  );

  test("a store that is down: it is told, nothing is left, and the next try goes on", async () => {
    const faults = plan();
    let isDown = true;
    const only = {
      ...faults,
      take: (service: string, operation: string) =>
        isDown && service === "s3" && operation.startsWith("Put")
          ? { kind: "status" as const, status: 503 }
          : faults.take(service, operation),
    };
    await inCloud(name, { faults: only }, async (play) => {
      const { error, run } = await play.publish();
      expect(codeOf(error)).toBe("cloud/unreachable");
      expect((error as CloudimgError).problems[0].hint).toBeTruthy();
      expect([run?.state, leftBesides(play, undefined)]).toEqual(["interrupted", []]);
      isDown = false;
      const again = await play.publish();
      expect([again.error, again.run?.id]).toEqual([undefined, run?.id]);
      expect(leftBesides(play, again.report)).toEqual([]);
    });
  });
});

describe.each(cloudNames)("%s: on this host", patience, (name) => {
  /** Named moments of a publish, by what it shows. */
  test.each(["upload", "import", "launch", "smoke"])(
    "a Ctrl-C during the step %s: nothing that costs is left, and the next try goes on",
    async (step) => {
      await inCloud(name, {}, async (play) => {
        const stop = new AbortController();
        const events: never[] = [];
        const watched = Object.assign(events, {
          push(event: { type: string; id?: string }) {
            if (event.type === "step-start" && event.id?.startsWith(step))
              setImmediate(() => stop.abort(new Error("interrupted by SIGINT")));
            return 0;
          },
        });
        const { error, run } = await play.publish({}, { signal: stop.signal, events: watched });
        expect(error).toMatchObject({ message: "interrupted by SIGINT" });
        expect(run?.state).toBe("interrupted");
        expect(
          kindsOf(leftBesides(play, undefined)).filter(
            (kind) => kind !== undefined && !["image", "object", "snapshot", "upload"].includes(kind),
          ),
        ).toEqual([]);
        const again = await play.publish();
        expect([again.error, again.run?.id]).toEqual([undefined, run?.id]);
        expect(madeIn(play)).toMatchObject({ image: 1, object: 1 });
        expect(leftBesides(play, again.report)).toEqual([]);
      });
    },
  );

  test("the disk is full from some write on: nothing is lost, nothing that costs is left", async () => {
    for (const full of [2, 6, 11, 14, 17, 20]) {
      await inCloud(name, {}, async (play) => {
        let writes = 0;
        const { error } = await play.publish(
          {},
          {
            write: async (path, text) =>
              ++writes >= full
                ? fail("host/no-space", "cannot write run.json: no space is left")
                : await writeQuickly(path, text),
          },
        );
        expect([full, codeOf(error)]).toEqual([full, "host/no-space"]);
        expect(
          kindsOf(leftBesides(play, undefined)).filter((kind) => kind === "instance" || kind === "address"),
        ).toEqual([]);
        const again = await play.publish();
        expect(again.error).toBeUndefined();
        expect(madeIn(play)).toMatchObject({ image: 1, object: 1 });
        expect(leftBesides(play, again.report)).toEqual([]);
      });
    }
  });

  test("two publishes of the same profile at once: one after the other, of the same image", async () => {
    await inCloud(name, {}, async (play) => {
      const { connection } = play.rehearsal;
      let isFirstDone = false;
      const patient = {
        ...connection,
        // While it waits for the other, the cloud's clock must not run.
        sleep: (ms: number, signal: AbortSignal) => (isFirstDone ? connection.sleep(ms, signal) : sleepFor(5)),
      };
      const first = play.publish().finally(() => {
        isFirstDone = true;
      });
      const [one, two] = await Promise.all([first, play.publish({}, { connection: patient })]);
      expect([one.error, two.error]).toEqual([undefined, undefined]);
      expect(two.report?.images.map(({ id }) => id)).toEqual(one.report?.images.map(({ id }) => id));
      expect(madeIn(play)).toMatchObject({ image: 1, object: 1 });
      expect(leftBesides(play, two.report)).toEqual([]);
    });
  });
});
