import { appendFileSync } from "node:fs";
import { registerHooks } from "node:module";

// Loaded before the program, in each of its threads: writes the URL of each module that is loaded, imported or required, to the file that the test names.
const path = process.env["CLOUDIMG_TEST_MODULES"] ?? "";
registerHooks({
  load(url, context, nextLoad) {
    if (url.startsWith("file:")) appendFileSync(path, `${url}\n`);
    return nextLoad(url, context);
  },
});
