import type { Resource } from "../../providers/cloud.ts";
import type { Bucket } from "./store-state.ts";

/** Something that is in the store and costs money. Its `id` is `<bucket>/<key>`, of an upload `<bucket>/<key>?uploadId=<id>`. */
export interface StoreEntry extends Resource {
  readonly kind: "object" | "upload";
  readonly bucket: string;
  readonly key: string;
  /** Of an upload: of its parts. */
  readonly sizeBytes: number;
  readonly uploadId?: string | undefined;
}

export function entriesOf({ name: bucket, region, objects, uploads }: Bucket): StoreEntry[] {
  const createdAt = (timeMs: number) => new Date(timeMs).toISOString();
  return [
    ...[...objects.values()].map(({ key, contents: { sizeBytes }, modifiedMs }) => ({
      kind: "object" as const,
      id: `${bucket}/${key}`,
      region,
      bucket,
      key,
      sizeBytes,
      createdAt: createdAt(modifiedMs),
    })),
    ...[...uploads.values()].map(({ key, id, parts, startedMs }) => ({
      kind: "upload" as const,
      id: `${bucket}/${key}?uploadId=${id}`,
      region,
      bucket,
      key,
      sizeBytes: [...parts.values()].reduce((sum, { contents }) => sum + contents.sizeBytes, 0),
      uploadId: id,
      createdAt: createdAt(startedMs),
    })),
  ];
}
