import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryDirectory } from "../cli/cloudimg.ts";
import { expectNoSecrets } from "./clouds-secrets.ts";

// What looks for secrets in the tests of the clouds does find them.

const secret = "a-secret-of-an-account";

function home(files: Readonly<Record<string, string>>): string {
  const directory = temporaryDirectory();
  mkdirSync(join(directory, "runs"));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
  return directory;
}

test.each([
  ["a secret in a file", { "runs/run.json": `{"x":"${secret}"}` }, []],
  ["a link of COS in a file", { "runs/run.json": "https://b.cos/k?x=1&q-signature=12" }, []],
  ["a link of S3 in a file", { "runs/upload.json": "https://b.oss/k?X-Amz-Signature=12" }, []],
  ["a private key in a file", { "runs/console.txt": "-----BEGIN OPENSSH PRIVATE KEY-----" }, []],
  ["a secret in an error's cause", {}, [new Error("cannot", { cause: { headers: { token: secret } } })]],
  ["a secret in an event", {}, [[{ type: "log", message: `asked with ${secret}` }]]],
  ["a secret deep in a report", {}, [{ a: { b: [{ c: { d: secret } }] } }]],
] as const)("%s is found", (_, files, said) => {
  expect(() => expectNoSecrets([secret], home(files), said)).toThrow();
});

test("the run's own key is where it belongs", () => {
  expectNoSecrets([secret], home({ "runs/key": "-----BEGIN OPENSSH PRIVATE KEY-----" }), [{ ok: true }]);
});
