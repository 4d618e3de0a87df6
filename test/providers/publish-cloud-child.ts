import { publishToCloud } from "../../src/providers/publish-cloud.ts";
import { place, writeQuickly } from "./publish-cloud-requests.ts";

// A publish that kills itself at its n-th point, or at one of that name: after what changes the cloud, and after each write of the journal.
const [directory = "", wanted = ""] = process.argv.slice(2);
let points = 0;

function point(name?: string): void {
  if (++points === Number(wanted) || name === wanted) process.kill(process.pid, "SIGKILL");
}

const { request, context } = place(directory, {
  point,
  async write(path, text) {
    await writeQuickly(path, text);
    point();
  },
});
await publishToCloud(request, context);
