import type { Command, Host, Process } from "./host.ts";
import type { HttpFailure, HttpRequest, HttpResult } from "./http.ts";
import {
  bodyBytes,
  formatRequest,
  headerLines,
  parseUrl,
  type ResponseReader,
  refused,
  responseReader,
  type Target,
} from "./http-wire.ts";

const directory = "/run/cloudimg/http";
const largestRequestBytes = 32 << 10;

/**
 * One HTTP request where there are no sockets: busybox's `nc` carries the bytes; for https it is `curl`, which checks certificates, if the image has it. The answer is read
 * while it arrives, and the program ended as soon as the answer is whole, too large, or too late.
 */
export function fetchThroughPrograms(host: Host, request: HttpRequest): HttpResult {
  const target = parseUrl(request.url);
  if (target === undefined) return refused("the URL cannot be read");
  const own = headerLines(request.headers);
  if (own === undefined) return refused("a header has characters that headers cannot have");
  try {
    host.makeDirectory(directory, 0o700);
    const command = target.isSecure ? curlCommand(host, request, target, own) : ncCommand(request, target, own);
    return "failure" in command ? command : converse(host, command, request);
  } catch (error) {
    return refused((error as Error).message);
  } finally {
    for (const name of host.list(directory)) host.remove(`${directory}/${name}`);
  }
}

type Call = Pick<Command, "argv" | "inputPath" | "openInput">;

/** `nc` closes its side when its input ends, and some servers then think that nobody waits for the answer: so its input stays open. */
function ncCommand(request: HttpRequest, target: Target, own: readonly string[]): Call | HttpFailure {
  const openInput = formatRequest(request, target, own);
  if (openInput.length > largestRequestBytes) return refused("the request is too large");
  return { argv: ["nc", target.host, String(target.port)], openInput };
}

function curlCommand(host: Host, request: HttpRequest, target: Target, own: readonly string[]): Call | HttpFailure {
  if (!["/usr/bin", "/bin"].some((path) => host.attributes(`${path}/curl`) !== undefined))
    return refused("https needs curl, which this image does not have");
  const body = bodyBytes(request);
  const bodyPath = `${directory}/body`;
  if (body !== undefined) host.writeFile(bodyPath, body, 0o600);
  const url = `https://${target.authority}${target.path}`;
  return {
    // -q: no file of settings. --raw: the answer as it comes, for our own reader.
    argv: [
      ...["curl", "-q", "--silent", "--show-error", "--include", "--raw", "--http1.1", "--globoff", "--path-as-is"],
      ...["--proto", "=https", "--noproxy", "*", "--user-agent", "cloudimg-init", "--connect-timeout", "10"],
      ...(request.method === "HEAD" ? ["--head"] : ["--request", request.method]),
      ...own.flatMap((line) => ["--header", line.replace(/: $/, ";")]),
      ...(body === undefined ? [] : ["--header", "Expect:", "--data-binary", "@-"]),
      url,
    ],
    inputPath: body === undefined ? undefined : bodyPath,
  };
}

/** Lets the program run and reads what it brings. */
function converse(host: Host, call: Call, { method, timeoutMs, limitBytes }: HttpRequest): HttpResult {
  const deadlineMs = host.nowMs() + timeoutMs;
  const paths = { outputPath: `${directory}/answer`, errorPath: `${directory}/errors` };
  const process = host.start({ ...call, ...paths });
  try {
    return readAnswer(host, process, paths, responseReader(method, limitBytes), deadlineMs, timeoutMs);
  } finally {
    if (process.poll() === undefined) {
      process.kill();
      // It is gone at once; this lets the system forget it, and closes its input.
      for (let tries = 0; tries < 20 && process.poll() === undefined; tries++) host.sleepMs(1);
    }
  }
}

const readBytes = 256 << 10;
/** What a shell and QuickJS say of a program that is not there. */
const notFound = 127;

function readAnswer(
  host: Host,
  process: Process,
  { outputPath, errorPath }: { readonly outputPath: string; readonly errorPath: string },
  reader: ResponseReader,
  deadlineMs: number,
  timeoutMs: number,
): HttpResult {
  let offset = 0;
  for (let waits = 0; ; waits++) {
    // In this order: what a program has written before its end is read after it.
    const status = process.poll();
    for (;;) {
      const sizeBytes = host.attributes(outputPath)?.sizeBytes ?? 0;
      const bytes =
        sizeBytes > offset ? host.readBytes(outputPath, offset, Math.min(readBytes, sizeBytes - offset)) : undefined;
      if (bytes === undefined || bytes.length === 0) break;
      offset += bytes.length;
      const result = reader.push(bytes);
      if (result !== undefined) return result;
      if (host.nowMs() >= deadlineMs) break;
    }
    if (status !== undefined) {
      if (offset > 0) return reader.end();
      if (status === notFound) return refused("the program that carries it, nc or curl, cannot be started");
      const said = host.readText(errorPath)?.trim().split("\n").at(-1) ?? "";
      // curl's exit codes for certificates and TLS: asking again brings the same.
      const kind = [35, 51, 58, 60, 77].includes(status) && /curl/.test(said) ? "refused" : "unreachable";
      return said === "" ? reader.end() : { failure: said.replace(/^\w+: (\(\d+\) )?/, ""), kind };
    }
    if (host.nowMs() >= deadlineMs)
      return { failure: `no whole answer within ${Math.round(timeoutMs / 100) / 10} s`, kind: "timeout" };
    host.sleepMs(Math.min(25, 1 + waits));
  }
}
