import { makeAccount, makeKeyRing } from "../src/rehearsal/accounts.ts";
import { startObjectStore } from "../src/rehearsal/object-store/object-store.ts";
import { stores } from "./upload-place.ts";

// An emulated object store in a process of its own: `upload-store.ts DIALECT DIRECTORY`. It tells its parent where it is, and on demand how many bytes it has taken.
const [name, directory] = process.argv.slice(2) as [keyof typeof stores, string];
const { cloud, region } = stores[name];
const account = makeAccount(cloud);
const owner = cloud === "tencent" ? account.appId : account.accountId;
const bucket = `images-${account.appId}`;
const store = await startObjectStore(
  {
    dialect: name,
    directory,
    keys: makeKeyRing([account.key]),
    accountOf: () => owner,
    buckets: [{ name: bucket, region, storageClass: "STANDARD", acl: "private", account: owner }],
  },
  new AbortController().signal,
);
const { accessKeyId, secret } = account.key;
const sum = () => store.requests().reduce((bytes, { receivedBytes }) => bytes + receivedBytes, 0);
process.on("message", () => process.send?.(sum()));
process.on("disconnect", () => process.exit());
process.send?.({ port: store.port, bucket, accessKeyId, secretAccessKey: secret });
