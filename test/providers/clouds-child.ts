import type { Connection } from "../../src/providers/connection.ts";
import type { Credentials } from "../../src/providers/credentials.ts";
import { connectionOf } from "../../src/providers/led-connection.ts";
import { publishToCloud } from "../../src/providers/publish-cloud.ts";
import { type CloudsOrder, cloudsPublish } from "./clouds-publish.ts";
import { writeQuickly } from "./publish-cloud-requests.ts";

/** What the parent tells the child. */
export interface ChildOrder {
  readonly order: CloudsOrder;
  readonly environment: Readonly<Record<string, string>>;
  readonly credentials: Credentials;
  readonly nowMs: number;
  /** Kills itself when it has written the journal so often. 0: never. */
  readonly killAtWrite: number;
}

/** A sleep that the parent's clock is asked for, and that it is over. */
export type ChildMessage = { readonly sleep: number; readonly ms: number };
export type ParentMessage = { readonly woken: number; readonly nowMs: number };

// A publish in a process of its own, to a cloud that is played by its parent, by whose clock it goes.
process.once("message", async (told: ChildOrder) => {
  let aheadMs = told.nowMs - Date.now();
  const sleepers = new Map<number, () => void>();
  let sleeps = 0;
  process.on("message", ({ woken, nowMs }: ParentMessage) => {
    aheadMs = nowMs - Date.now();
    sleepers.get(woken)?.();
    sleepers.delete(woken);
  });
  const connection: Connection = {
    ...connectionOf(told.environment),
    now: () => Date.now() + aheadMs,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason), { once: true });
        sleepers.set(++sleeps, resolve);
        process.send?.({ sleep: sleeps, ms } satisfies ChildMessage);
      }),
  };
  let writes = 0;
  const { request, context } = await cloudsPublish(told.order, {
    connection,
    credentials: told.credentials,
    async write(path, text) {
      await writeQuickly(path, text);
      if (++writes === told.killAtWrite) process.kill(process.pid, "SIGKILL");
    },
  });
  await publishToCloud(request, context);
  process.disconnect();
});
