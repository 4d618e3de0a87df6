import { defineConfig } from "vitest/config";

const report = process.env["CLOUDIMG_TEST_REPORT"];

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // Files run two at a time: boots under TCG are CPU-bound, and the machines that test this have two cores.
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 300_000,
    reporters: report === undefined ? ["default"] : ["default", ["json", { outputFile: report }]],
  },
});
