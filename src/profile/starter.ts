import { existsSync } from "node:fs";
import { dirname, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import type { Context } from "../core/context.ts";
import { fail } from "../core/errors.ts";
import { makeDirectory } from "../core/make-directory.ts";
import { writeAt, writeOutput } from "../core/output.ts";

/**
 * A profile to start from, with comments: valid as it is, wherever it lies.
 *
 * @param schemaPath what the editor's comment points at
 */
export function starterProfile(name: string, schemaPath: string): string {
  // A name like 2024 or true would be no text to YAML.
  const nameScalar = /^[a-z]/.test(name) && !["true", "false", "null"].includes(name) ? name : `"${name}"`;
  return `# yaml-language-server: $schema=${schemaPath}
#
# Check it:    cloudimg validate ${name}
# Build it:    cloudimg build ${name}
# Try it:      cloudimg publish ${name} --provider local

# A small Debian with busybox, ssh (dropbear) and nginx. Maps below are merged with it, lists like packages.include are added to it.
extends: cloudimg:base

image:
  name: ${nameScalar}
  version: "1"

packages:
  include: [] # Debian packages, for example: [curl, jq]

# Your own files: \`source\` is relative to this profile, \`content\` stands right here.
files:
  - target: /etc/motd
    content: |
      This is ${name}.

services:
  http:
    page: |
      <!doctype html>
      <title>${name}</title>
      <h1>Hello from ${name}</h1>
  commands: [] # for example: [{ name: hello, command: exec /usr/local/bin/hello }]

users:
  - name: root
    authorizedKeys: [] # for example: ["\${env:SSH_PUBLIC_KEY}"]

# What must work before a publish counts as done. Texts are regular expressions.
smoke:
  ssh:
    - run: cat /etc/motd
      stdout: This is ${name}
  http:
    - path: /
      body: Hello from ${name}
`;
}

/**
 * Writes a starter profile, never over an existing file.
 *
 * @throws CloudimgError usage/exists, host/not-writable, host/no-space
 */
export async function writeStarterProfile(path: string, name: string, context: Pick<Context, "signal">): Promise<void> {
  if (existsSync(path))
    fail("usage/exists", `cannot write ${path}: it exists already`, { hint: "choose another name, or edit that file" });
  const directory = dirname(resolve(path));
  const schema = fileURLToPath(new URL("../../docs/profile.schema.json", import.meta.url));
  const text = starterProfile(name, relative(directory, schema).split(sep).join("/"));
  makeDirectory(dirname(path), { hint: "change to a directory of your own" });
  await writeOutput(path, context, (fd) => writeAt(fd, Buffer.from(text), 0));
}
