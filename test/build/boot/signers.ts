import { X509Certificate } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { readAll } from "../../../src/core/byte-source.ts";
import { loaderPackages } from "./loader-packages.ts";

async function fileOf(packageName: string, path: string): Promise<Buffer> {
  const node = (await loaderPackages("amd64", [packageName])).get(path);
  if (node?.type !== "file") throw new Error(`${packageName} has no ${path}`);
  return Buffer.from(readAll(node.content));
}

function writePem(directory: string, name: string, certificate: X509Certificate): string {
  const path = join(directory, name);
  writeFileSync(path, certificate.toString());
  return path;
}

/** The certificate authority that Debian signs with and that its shim trusts, as a PEM file. */
export async function debianAuthority(directory: string): Promise<string> {
  const der = await fileOf("shim-unsigned", "/usr/share/shim/debian-uefi-ca.der");
  return writePem(directory, "debian.pem", new X509Certificate(der));
}

/** UEFI specification 2.10, section 32.4.1, EFI_CERT_X509_GUID, as it is stored. */
const x509List = Buffer.from("a159c0a5e494a74a87b5ab155c2bf072", "hex");
const listHeaderBytes = 28;
const ownerBytes = 16;

/** Whom machines trust to sign what their firmware starts, by the variables of OVMF that have Microsoft's keys, as a PEM file. */
export async function microsoftAuthority(directory: string): Promise<string> {
  const variables = await fileOf("ovmf", "/usr/share/OVMF/OVMF_VARS_4M.ms.fd");
  for (let at = variables.indexOf(x509List); at >= 0; at = variables.indexOf(x509List, at + 1)) {
    const start = at + listHeaderBytes + variables.readUInt32LE(at + 20) + ownerBytes;
    const certificate = new X509Certificate(variables.subarray(start, at + variables.readUInt32LE(at + 16)));
    if (certificate.subject.includes("CN=Microsoft Corporation UEFI CA 2011"))
      return writePem(directory, "microsoft.pem", certificate);
  }
  throw new Error("OVMF's variables have no key of Microsoft's for other people's programs");
}
