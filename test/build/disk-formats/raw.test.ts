import { raw } from "../../../src/build/disk-formats/raw.ts";
import { describeDiskFormat } from "./disk-format-contract.ts";

describeDiskFormat(raw, {
  qemuName: "raw",
  variants: [{ name: "raw", compress: false, clusterSizeBytes: 65536 }],
});
