import { setTimeout as sleep } from "node:timers/promises";
import { fail } from "../core/errors.ts";
import { formatDuration } from "../core/format.ts";
import type { BootTimeline, InitializerTimes } from "./provider.ts";

/** Follows a boot by its console, whatever the provider: what the initrd and the initializer of our images print there. */
export interface BootObserver {
  /** Takes the next console line, now. */
  line(text: string): void;
  timeline(): BootTimeline;
  /** Public host keys that the guest has printed: `ssh-ed25519 AAAA…`. */
  hostKeys(): readonly string[];
  lastLines(count: number): readonly string[];
  /**
   * Waits until the initializer is done.
   *
   * Errors: `cloud/instance-died`, `cloud/boot-timeout`, both with the last console lines.
   */
  ready(options: { timeoutMs: number; died: Promise<string>; signal: AbortSignal }): Promise<void>;
}

const linesInErrors = 12;
const mostLines = 10_000;

/** @param now milliseconds since power-on */
export function observeBoot(now: () => number = clockFromHere()): BootObserver {
  const lines: string[] = [];
  const hostKeys = new Set<string>();
  let inHostKeys = false;
  let timeline: BootTimeline = {};
  let announceReady: () => void = () => {};
  const isReady = new Promise<true>((resolve) => {
    announceReady = () => resolve(true);
  });

  const line = (text: string) => {
    lines.push(text);
    if (lines.length > mostLines) lines.splice(0, mostLines / 2);
    timeline = { ...timelineOfLine(text, now()), ...timeline };
    if (timeline.readyMs !== undefined) announceReady();
    if (text.includes("-----BEGIN SSH HOST KEY KEYS-----")) inHostKeys = true;
    else if (text.includes("-----END SSH HOST KEY KEYS-----")) inHostKeys = false;
    else if (inHostKeys) {
      // The kernel may print into the middle of a block: take what is a whole key, leave the rest.
      const key = /(?:ssh|ecdsa|sk)-[\w@.-]+ [A-Za-z0-9+/]{40,}={0,2}/.exec(text)?.[0];
      if (key !== undefined) hostKeys.add(key);
    }
  };
  const lastLines = (count: number) => lines.filter((text) => text.trim() !== "").slice(-count);
  const shown = () => {
    const last = lastLines(linesInErrors);
    if (last.length === 0) return "the console shows nothing";
    return `the console's last lines:\n${last.map((text) => `  ${text}`).join("\n")}`;
  };

  return {
    line,
    timeline: () => timeline,
    hostKeys: () => [...hostKeys],
    lastLines,
    async ready({ timeoutMs, died, signal }) {
      const timer = new AbortController();
      const either = AbortSignal.any([signal, timer.signal]);
      try {
        const outcome = await Promise.race([isReady, died, sleep(timeoutMs, false, { signal: either })]);
        if (typeof outcome === "string")
          fail("cloud/instance-died", `cannot boot the instance: ${outcome}`, { hint: shown() });
        if (!outcome)
          fail("cloud/boot-timeout", `cannot boot the instance: it was not ready within ${formatDuration(timeoutMs)}`, {
            hint: shown(),
          });
      } catch (error) {
        signal.throwIfAborted();
        throw error;
      } finally {
        timer.abort();
      }
    },
  };
}

function timelineOfLine(text: string, atMs: number): BootTimeline {
  if (/\bLinux version \d/.test(text)) return { firstOutputMs: atMs, kernelMs: atMs };
  // A kernel that is told to be quiet says nothing before the initrd does, which tells how long ago it started.
  const root = /cloudimg-initrd: root \S+ on \S+(?: after ([\d.]+) s)?/.exec(text);
  if (root !== null) {
    const uptimeMs = Number(root[1] ?? Number.NaN) * 1000;
    return { firstOutputMs: atMs, rootMs: atMs, ...(uptimeMs <= atMs && { kernelMs: atMs - uptimeMs }) };
  }
  const ready = /cloudimg-init: ready:(.*)/.exec(text)?.[1];
  if (ready === undefined) return text.trim() === "" ? {} : { firstOutputMs: atMs };
  return { firstOutputMs: atMs, readyMs: atMs, initializer: initializerTimes(ready) };
}

/** `source=<s> instance=<id> nics=<…> total=<n> ms cpu=<n> ms uptime=<s>`, in any order, with more or less. */
function initializerTimes(text: string): InitializerTimes {
  const word = (name: string) => new RegExp(`(?:^|\\s)${name}=(\\S+)`).exec(text)?.[1];
  const number = (name: string, scale: number) => {
    const value = Number.parseFloat(word(name) ?? "");
    return Number.isFinite(value) ? value * scale : undefined;
  };
  return {
    source: word("source") ?? "unknown",
    totalMs: number("total", 1),
    cpuMs: number("cpu", 1),
    uptimeMs: number("uptime", 1000),
  };
}

function clockFromHere(): () => number {
  const startMs = performance.now();
  return () => performance.now() - startMs;
}
