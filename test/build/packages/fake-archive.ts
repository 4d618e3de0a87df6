import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as openpgp from "openpgp";
import type { PackageRequest } from "../../../src/build/packages/request.ts";
import type { Context } from "../../../src/core/context.ts";
import type { Event } from "../../../src/core/events.ts";
import { compress, type FixturePackage, makeDeb, paragraph, sha256 } from "./fixtures.ts";

/** How a suite's Release file is made; each field makes one thing different from a good one. */
interface SuiteOptions {
  readonly codename?: string;
  readonly dateMs?: number;
  readonly validUntilMs?: number;
  readonly byHash?: boolean;
  readonly signWith?: readonly openpgp.PrivateKey[];
  readonly signedAt?: Date;
  /** Changes the signed text afterwards. */
  readonly tamper?: (text: string) => string;
}

type Answer = (request: IncomingMessage, response: ServerResponse, body: Buffer | undefined) => void;

/** A Debian archive of a test's own, signed with a key of its own, served on loopback. */
export interface FakeArchive {
  readonly url: string;
  readonly key: openpgp.PrivateKey;
  /** Served files by path: `/debian/dists/trixie/InRelease`. */
  readonly files: Map<string, Buffer>;
  /** Paths that were asked for, in order. */
  readonly requests: string[];
  /** Answers instead of the files, until it is taken away. */
  answer: Answer | undefined;
  addSuite(
    archive: "debian" | "debian-security",
    suite: string,
    packages: readonly FixturePackage[],
    options?: SuiteOptions,
  ): Promise<void>;
  /** A context with an empty cache that trusts the archive's key; `events` collects what is emitted. */
  context(cache?: string): Promise<Context & { readonly events: Event[]; readonly cache: string }>;
  stop(): Promise<void>;
}

export async function makeKey(
  options: { readonly date?: Date; readonly keyExpirationTime?: number } = {},
): Promise<openpgp.PrivateKey> {
  const { privateKey } = await openpgp.generateKey({
    type: "curve25519",
    userIDs: [{ name: "Archive of a test" }],
    // Before every signature, whatever the clock's seconds say.
    date: new Date(Date.now() - 86_400_000),
    ...options,
    format: "object",
  });
  return privateKey;
}

/** A clear-signed text whose signature expires some seconds after it was made. */
export async function signUntil(text: string, key: openpgp.PrivateKey, date: Date, seconds: number): Promise<string> {
  const signature = new openpgp.SignaturePacket();
  signature.signatureType = openpgp.enums.signature.text;
  signature.publicKeyAlgorithm = key.keyPacket.algorithm;
  signature.hashAlgorithm = openpgp.enums.hash.sha512;
  signature.signatureExpirationTime = seconds;
  signature.signatureNeverExpires = false;
  const message = await openpgp.createMessage({ text });
  // The library's type declarations lag behind its low-level interface.
  const low = signature as unknown as { sign(...parameters: unknown[]): Promise<void> };
  await low.sign(key.keyPacket, message.packets[0], date, true, openpgp.config);
  const list = new openpgp.PacketList<openpgp.SignaturePacket>();
  list.push(signature);
  const Cleartext = openpgp.CleartextMessage as unknown as new (
    text: string,
    signature: unknown,
  ) => openpgp.CleartextMessage;
  const Signature = openpgp.Signature as unknown as new (packets: unknown) => unknown;
  return new Cleartext(text, new Signature(list)).armor();
}

export async function startArchive(): Promise<FakeArchive> {
  const key = await makeKey();
  const files = new Map<string, Buffer>();
  const requests: string[] = [];
  const directories: string[] = [];
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? "");
    requests.push(path);
    const body = files.get(path);
    if (archive.answer !== undefined) archive.answer(request, response, body);
    else serve(response, body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const temporary = async (): Promise<string> => {
    const directory = await mkdtemp(join(tmpdir(), "cloudimg-archive-"));
    directories.push(directory);
    return directory;
  };
  const keyring = join(await temporary(), "key.asc");
  await writeFile(keyring, key.toPublic().armor());
  const archive: FakeArchive = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    key,
    files,
    requests,
    answer: undefined,
    addSuite: (name, suite, packages, options = {}) =>
      addSuite(files, name, suite, packages, { signWith: [key], ...options }),
    async context(cache) {
      const events: Event[] = [];
      const directory = cache ?? (await temporary());
      return {
        events,
        cache: directory,
        emit: (event) => void events.push(event),
        signal: new AbortController().signal,
        directories: { cache: directory, data: directory },
        environment: { CLOUDIMG_KEYRING: keyring },
        jobs: 2,
      };
    },
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      for (const directory of directories) await rm(directory, { recursive: true, force: true });
    },
  };
  return archive;
}

export function serve(response: ServerResponse, body: Buffer | undefined): void {
  if (body === undefined) response.writeHead(404).end("not found");
  else response.writeHead(200, { "content-length": body.length }).end(body);
}

/** A request for the archive's one suite, unless told otherwise. */
export function requestTo(archive: FakeArchive, more: Partial<PackageRequest> = {}): PackageRequest {
  return {
    arch: "amd64",
    suite: "trixie",
    components: ["main"],
    mirror: `${archive.url}/debian`,
    updates: false,
    security: false,
    include: [],
    exclude: [],
    tools: [],
    allowExpired: false,
    ...more,
  };
}

async function addSuite(
  files: Map<string, Buffer>,
  archive: string,
  suite: string,
  packages: readonly FixturePackage[],
  options: SuiteOptions & { readonly signWith: readonly openpgp.PrivateKey[] },
): Promise<void> {
  let index = "";
  for (const fixture of packages) {
    const deb = fixture.deb ?? makeDeb(fixture);
    const path = `pool/main/${fixture.name}_${fixture.version ?? "1.0-1"}.deb`;
    files.set(`/${archive}/${path}`, deb);
    index += paragraph(fixture, path, deb);
  }
  const packed = compress(Buffer.from(index || "\n"));
  const directory = `/${archive}/dists/${suite}`;
  const place = options.byHash === false ? "Packages.xz" : `by-hash/SHA256/${sha256(packed)}`;
  files.set(`${directory}/main/binary-amd64/${place}`, packed);
  const utc = (ms: number) => new Date(ms).toUTCString().replace("GMT", "UTC");
  const text = [
    "Origin: Debian",
    `Codename: ${options.codename ?? suite}`,
    `Date: ${utc(options.dateMs ?? Date.UTC(2026, 0, 1))}`,
    ...(options.validUntilMs === undefined ? [] : [`Valid-Until: ${utc(options.validUntilMs)}`]),
    ...(options.byHash === false ? [] : ["Acquire-By-Hash: yes"]),
    "Architectures: all amd64",
    "Components: main",
    "SHA256:",
    ` ${sha256(packed)} ${packed.length} main/binary-amd64/Packages.xz`,
    "",
  ].join("\n");
  const signed = await openpgp.sign({
    message: await openpgp.createCleartextMessage({ text }),
    signingKeys: [...options.signWith],
    ...(options.signedAt && { date: options.signedAt }),
  });
  files.set(`${directory}/InRelease`, Buffer.from(options.tamper?.(signed) ?? signed));
}
