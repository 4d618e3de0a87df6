import { fail } from "../core/errors.ts";
import { readUserFile } from "../core/user-file.ts";
import type { HttpCheck, SshCheck } from "./checks.ts";
import type { Dial } from "./dial.ts";
import type { HttpTarget } from "./http-request.ts";
import type { SshTarget } from "./ssh-session.ts";

/** What to check, as given on a command line. */
export interface SmokeWords {
  /** `user@host` or `user@host:port`; an IPv6 address in brackets. */
  readonly ssh?: string;
  /** Path of a private key. */
  readonly key?: string;
  readonly hostKey?: readonly string[];
  readonly run?: readonly string[];
  readonly http?: string;
  readonly insecure?: boolean;
  readonly status?: number;
  readonly body?: string;
}

interface SmokeTargets {
  readonly ssh: SshTarget | undefined;
  readonly http: HttpTarget | undefined;
  readonly checks: { readonly ssh: SshCheck[]; readonly http: HttpCheck[] };
}

/**
 * @param dial how hosts are reached; undefined: directly
 *
 * Errors: `usage/arguments`, `usage/file`.
 */
export function smokeTargets(words: SmokeWords, dial?: Dial): SmokeTargets {
  const page = words.http === undefined ? undefined : httpTarget(words.http, words);
  return {
    ssh: words.ssh === undefined ? undefined : { ...sshTarget(words.ssh, words), dial },
    http: page && { ...page.target, dial },
    checks: {
      ssh: words.ssh === undefined ? [] : (words.run ?? ["true"]).map((run) => ({ run, exitCode: 0 })),
      http: page === undefined ? [] : [page.check],
    },
  };
}

function sshTarget(text: string, { key, hostKey }: SmokeWords): SshTarget {
  const match = /^([^@\s]+)@(\[[^\]]+\]|[^:\s]+)(?::(\d+))?$/.exec(text);
  const [, user, host, port = "22"] = match ?? [];
  if (user === undefined || host === undefined || Number(port) > 65535)
    fail("usage/arguments", `cannot log in at "${text}": it must be USER@HOST or USER@HOST:PORT`);
  if (key === undefined)
    fail("usage/arguments", "cannot log in: no key is given", { hint: "add --key ~/.ssh/id_ed25519" });
  for (const line of hostKey ?? [])
    if (!/^(ssh|ecdsa|sk)-\S+ [A-Za-z0-9+/]+={0,2}(\s|$)/.test(line))
      fail("usage/arguments", `cannot expect the host key "${line}": it must be TYPE BASE64`, {
        hint: "ssh-keyscan HOST prints such lines; leave out the host's name in front",
      });
  return {
    user,
    host: host.replace(/^\[|\]$/g, ""),
    port: Number(port),
    privateKey: readPrivateKey(key),
    ...(hostKey === undefined ? {} : { hostKeys: () => hostKey }),
  };
}

function readPrivateKey(path: string): string {
  const text = readUserFile(path);
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----|^PuTTY-User-Key-File/.test(text))
    fail("usage/file", `cannot log in with ${path}: it is not a private key`, {
      hint: "name the file without .pub that ssh-keygen made",
    });
  return text;
}

function httpTarget(
  text: string,
  { insecure, status = 200, body }: SmokeWords,
): { target: HttpTarget; check: HttpCheck } {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol))
    fail("usage/arguments", `cannot ask "${text}": it must be an http:// or https:// URL`);
  if (body !== undefined) checkPattern(body);
  const tls = url.protocol === "https:";
  return {
    target: {
      host: url.hostname.replace(/^\[|\]$/g, ""),
      port: Number(url.port || (tls ? 443 : 80)),
      acceptSelfSigned: insecure === true,
    },
    check: { path: `${url.pathname}${url.search}`, tls, status, headers: {}, ...(body === undefined ? {} : { body }) },
  };
}

function checkPattern(body: string): void {
  try {
    new RegExp(body, "m");
  } catch (error) {
    fail("usage/arguments", `cannot look for "${body}": ${(error as Error).message}`);
  }
}
