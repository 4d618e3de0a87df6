import { publishToCloud } from "../../src/providers/publish-cloud.ts";
import { place, writeQuickly } from "./publish-cloud-requests.ts";

// A publish that kills itself at its n-th point: after what changes the cloud, and after each write of the journal.
const [directory = "", wanted = ""] = process.argv.slice(2);
let points = 0;

function point(): void {
  if (++points === Number(wanted)) process.kill(process.pid, "SIGKILL");
}

const { request, context } = place(directory, {
  point,
  async write(path, text) {
    await writeQuickly(path, text);
    point();
  },
});
await publishToCloud(request, context);
