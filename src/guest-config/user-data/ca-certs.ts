import type { Host } from "../initializer/host.ts";
import { asArray, asObject, type JsonObject } from "../initializer/json-values.ts";
import type { Module } from "./module.ts";
import { asFlag } from "./users-groups-normal.ts";

const localDirectory = "/usr/local/share/ca-certificates";
/** What programs of Debian read. update-ca-certificates makes it; doing that here spares the image openssl. */
const bundlePath = "/etc/ssl/certs/ca-certificates.crt";
const listPath = "/etc/ca-certificates.conf";
const pem = /-----BEGIN CERTIFICATE-----\s+[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;

/** Certificate authorities that are trusted. */
export const caCerts: Module = {
  name: "ca_certs",
  keys: ["ca_certs", "ca-certs"],
  stage: "config",
  frequency: "instance",
  run(config, { host, problem }) {
    const settings = asObject(config["ca_certs"] ?? config["ca-certs"]);
    if (settings === undefined) {
      problem("ca_certs is no object");
      return undefined;
    }
    const said: string[] = [];
    const removes = settings["remove_defaults"] ?? settings["remove-defaults"] ?? false;
    if (asFlag(removes) === undefined) problem("ca_certs: remove_defaults is neither true nor false");
    if (asFlag(removes) === true) {
      removeDefaults(host);
      said.push("removed the image's own");
    }
    const added = trust(host, readCertificates(settings, problem));
    if (added > 0) said.push(`added ${added}`);
    return said.length === 0 ? undefined : said.join(", ");
  },
};

function readCertificates(settings: JsonObject, problem: (text: string) => void): string[] {
  const trusted = settings["trusted"];
  const items = typeof trusted === "string" ? [trusted] : asArray(trusted);
  if (trusted !== undefined && trusted !== null && items.length === 0) problem("ca_certs: trusted is no list");
  return items.flatMap((item, index) => {
    const certificates = typeof item === "string" ? item.replace(/\r\n?/g, "\n").match(pem) : null;
    if (certificates === null) problem(`ca_certs: entry ${index + 1} of trusted is no certificate in PEM`);
    return certificates ?? [];
  });
}

/** How many were not trusted before. */
function trust(host: Host, certificates: readonly string[]): number {
  const before = host.readText(bundlePath) ?? "";
  let bundle = before;
  for (const [index, certificate] of certificates.entries()) {
    const path = `${localDirectory}/cloud-init-ca-cert-${index + 1}.crt`;
    host.makeDirectory(localDirectory, 0o755);
    if (host.readText(path) !== `${certificate}\n`) host.writeFile(path, `${certificate}\n`, 0o644);
    if (bundle.includes(certificate)) continue;
    bundle += `${bundle === "" || bundle.endsWith("\n") ? "" : "\n"}${certificate}\n`;
  }
  if (bundle === before) return 0;
  host.makeDirectory("/etc/ssl/certs", 0o755);
  host.writeFile(bundlePath, bundle, 0o644);
  return (bundle.match(pem)?.length ?? 0) - (before.match(pem)?.length ?? 0);
}

/** Empties the bundle and the directory beside it, and marks each in the list so that update-ca-certificates does not bring them back. */
function removeDefaults(host: Host): void {
  const list = host.readText(listPath);
  if (list !== undefined) host.writeFile(listPath, list.replace(/^(?=[^#!\s])/gm, "!"), 0o644);
  const directory = "/etc/ssl/certs";
  for (const name of host.list(directory)) host.remove(`${directory}/${name}`);
  if (host.attributes(directory) !== undefined) host.writeFile(bundlePath, "", 0o644);
}
