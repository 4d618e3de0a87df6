import type { Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import { observeBoot } from "../../src/providers/boot-observer.ts";
import type { MachineOrder, PublicNetwork } from "../../src/rehearsal/machine-maker.ts";
import { runSmoke, type SmokeRequest } from "../../src/smoke/run.ts";
import { makeRunKey, type RunKey } from "../../src/smoke/run-key.ts";
import { type AnsweringOptions, answeringMachines } from "./answering-machine.ts";

const address = "203.0.113.7";
const bases: MachineOrder = {
  cloud: "huawei",
  instanceId: "i-1",
  hostname: "probe",
  imagePath: "/nowhere",
  firmware: "bios",
  diskBus: "virtio",
  cpus: 1,
  memoryBytes: 2 ** 29,
  diskSizeBytes: 2 ** 33,
  publicAddress: address,
  privateAddress: "192.168.0.5",
  openPorts: [22, 80],
  publicKeyLine: undefined,
  userData: undefined,
};

type Connect = Parameters<PublicNetwork["attach"]>[2];
const attached = new Map<string, Connect>();
const network: PublicNetwork = {
  attach(at, _ports, connect) {
    attached.set(at, connect);
    return () => void attached.delete(at);
  },
};
const ending: { abort(): void }[] = [];
afterEach(() => {
  for (const each of ending.splice(0)) each.abort();
  expect([...attached]).toEqual([]);
});

async function start(order: Partial<MachineOrder>, options: AnsweringOptions = {}) {
  const controller = new AbortController();
  ending.push(controller);
  return await answeringMachines(options)({ ...bases, ...order }, network, controller.signal);
}

async function dial({ host, port }: { host: string; port: number }, signal: AbortSignal): Promise<Socket> {
  const connect = attached.get(host);
  if (connect === undefined) throw new Error(`nobody is at ${host}`);
  return await connect(port, signal);
}

/** Which of the checks went well, by ssh with that key. */
async function smoke(key: RunKey, hostKeys: () => readonly string[], more: Partial<SmokeRequest["checks"]> = {}) {
  const { results } = await runSmoke({
    checks: { ssh: [{ run: "true", exitCode: 0 }], http: [], ...more },
    defaultTimeoutMs: 2_000,
    signal: new AbortController().signal,
    ssh: { host: address, port: 22, user: "root", privateKey: key.privateKey, hostKeys, dial },
    http: { host: address, port: 80, dial },
  });
  return results.map(({ ok }) => ok);
}

function hostKeysOn(console: string): readonly string[] {
  const boot = observeBoot();
  for (const line of console.split("\n")) boot.line(line);
  expect(boot.timeline().readyMs).toBeDefined();
  return boot.hostKeys();
}

test("ssh by the order's key, with the host key on its console; HTTP; the status of its cloud", async () => {
  const key = await makeRunKey();
  const machine = await start({ publicKeyLine: key.publicKeyLine, cloud: "tencent" });
  const keys = hostKeysOn(await machine.console());
  expect(keys).toHaveLength(1);
  const checks = {
    ssh: [
      { run: "cat /run/cloudimg/status.json", exitCode: 0, stdout: '"source": "config-drive"' },
      { run: "unheard-of", exitCode: 127 },
    ],
    http: [{ tls: false, path: "/", status: 200, headers: {}, body: "probe" }],
  };
  expect(await smoke(key, () => keys, checks as never)).toEqual([true, true, true]);
  expect(await smoke(await makeRunKey(), () => keys)).toEqual([false]);
  await machine.end();
  await machine.end();
  expect(attached.has(address)).toBe(false);
});

test("keys and host key of the user data, in a part of a message too", async () => {
  const [key, host] = [await makeRunKey(), await makeRunKey("host")];
  const config = [
    "#cloud-config",
    `ssh_authorized_keys: ["${key.publicKeyLine}"]`,
    `ssh_keys:\n  ed25519_private: |\n${host.privateKey.trim().replace(/^/gm, "    ")}\n`,
  ].join("\n");
  const message = [
    'Content-Type: multipart/mixed; boundary="b"\nMIME-Version: 1.0\n',
    "--b\nContent-Type: text/x-shellscript\n\n#!/bin/sh\n",
    `--b\nContent-Type: text/cloud-config\nContent-Transfer-Encoding: base64\n\n${Buffer.from(config).toString("base64")}`,
    "--b--\n",
  ].join("\n");
  for (const text of [config, message]) {
    const machine = await start({ userData: Buffer.from(text) });
    const told = hostKeysOn(await machine.console()).join();
    expect(host.publicKeyLine).toContain(told);
    expect(await smoke(key, () => [host.publicKeyLine])).toEqual([true]);
    await machine.end();
  }
});

test("another host key than the console's is refused; a custom page and command are answered", async () => {
  const key = await makeRunKey();
  const options: AnsweringOptions = { hostKey: "other", page: "mine", commands: { probe: { exitCode: 3 } } };
  const machine = await start({ publicKeyLine: key.publicKeyLine }, options);
  const keys = hostKeysOn(await machine.console());
  expect(await smoke(key, () => keys)).toEqual([false]);
  const checks = { http: [{ tls: false, path: "/", status: 200, headers: {}, body: "^mine$" }] };
  const plain = { ...checks, ssh: [] };
  expect(await smoke(key, () => keys, plain as never)).toEqual([true]);
});

test("one that dies tells it and is not reachable any more; one that never answers keeps a connection waiting", async () => {
  const dying = await start({}, { diesAfterMs: 5 });
  expect(await dying.died).toContain("died");
  await expect(dial({ host: address, port: 22 }, new AbortController().signal)).rejects.toThrow("nobody");
  const silent = await start({}, { neverAnswers: true });
  expect(await silent.console()).not.toContain("ready");
  const giveUp = new AbortController();
  const waiting = dial({ host: address, port: 22 }, giveUp.signal);
  giveUp.abort(new Error("given up"));
  await expect(waiting).rejects.toThrow("given up");
});

test("without a public address nothing is attached", async () => {
  await start({ publicAddress: undefined });
  expect(attached.size).toBe(0);
});
