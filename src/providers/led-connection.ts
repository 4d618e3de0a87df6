import { request } from "node:http";
import type { Socket } from "node:net";
import { fail } from "../core/errors.ts";
import type { Connection, ServiceAddress } from "./connection.ts";
import { directConnection } from "./direct-connection.ts";
import type { Endpoint } from "./provider.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * As `directConnection`, but where the environment says so, hosts are led elsewhere, as with curl's `--resolve`, and instances are reached through a proxy.
 *
 * - `CLOUDIMG_RESOLVE`: `HOST=URL`, several separated by spaces, the first that fits counts; `*` stands for anything: `*.myqcloud.com=http://127.0.0.1:9000`
 * - `CLOUDIMG_INSTANCE_PROXY`: an HTTP proxy (CONNECT, RFC 9110 §9.3.6) to the instances' public addresses: `http://10.0.0.1:3128`
 *
 * Errors: `usage/arguments`
 */
export function connectionOf(environment: Environment): Connection {
  const rules = readRules(environment["CLOUDIMG_RESOLVE"] ?? "");
  const proxy = environment["CLOUDIMG_INSTANCE_PROXY"];
  if (rules.length === 0 && !proxy) return directConnection;
  const proxyUrl = proxy ? readUrl("CLOUDIMG_INSTANCE_PROXY", proxy) : undefined;
  return {
    ...directConnection,
    resolve: (host) => rules.find(({ isMeant }) => isMeant(host))?.place,
    ...(proxyUrl && { dial: (endpoint, signal) => dialThrough(proxyUrl, endpoint, signal) }),
  };
}

/** How instances are reached, if the environment says that it is through a proxy. Errors: `usage/arguments`. */
export function instanceDial(environment: Environment): Connection["dial"] | undefined {
  return environment["CLOUDIMG_INSTANCE_PROXY"] ? connectionOf(environment).dial : undefined;
}

interface Rule {
  readonly isMeant: (host: string) => boolean;
  readonly place: ServiceAddress;
}

function readRules(text: string): Rule[] {
  return text
    .split(/[\s,]+/)
    .filter((word) => word !== "")
    .map((word) => {
      const [, pattern, url] = /^([A-Za-z0-9.*-]+)=(.+)$/.exec(word) ?? [];
      if (pattern === undefined || url === undefined)
        fail("usage/arguments", `cannot use CLOUDIMG_RESOLVE: "${word}" is not HOST=URL`, {
          hint: "for example *.myqcloud.com=http://127.0.0.1:9000",
        });
      const whole = new RegExp(`^${pattern.replaceAll(".", "\\.").replaceAll("*", ".+")}$`, "i");
      return { isMeant: (host) => whole.test(host), place: readUrl("CLOUDIMG_RESOLVE", url) };
    });
}

function readUrl(variable: string, text: string): ServiceAddress {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== "http:" && url.protocol !== "https:"))
    fail("usage/arguments", `cannot use ${variable}: "${text}" is no http:// or https:// URL`);
  const { protocol, hostname, port } = url;
  return {
    protocol,
    address: hostname.replace(/^\[|\]$/g, ""),
    port: Number(port || (protocol === "http:" ? 80 : 443)),
  };
}

/** Rejects as a direct connection would: with a `code`. */
function dialThrough({ address, port }: ServiceAddress, to: Endpoint, signal: AbortSignal): Promise<Socket> {
  const host = to.host.includes(":") ? `[${to.host}]` : to.host;
  return new Promise((resolve, reject) => {
    const asked = request({ host: address, port, method: "CONNECT", path: `${host}:${to.port}`, signal, agent: false });
    asked.on("error", (error) => reject(signal.aborted ? signal.reason : error));
    asked.on("connect", ({ statusCode }, socket, head) => {
      if (statusCode === 200) {
        if (head.length > 0) socket.unshift(head);
        return resolve(socket as Socket);
      }
      socket.destroy();
      const code = statusCode === 504 ? "ETIMEDOUT" : "ECONNREFUSED";
      reject(Object.assign(new Error(`the proxy answers ${statusCode} for ${host}:${to.port}`), { code }));
    });
    asked.end();
  });
}
