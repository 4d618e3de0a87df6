/** How one vendor's store differs from the others. All of them speak S3's protocol, and none of them all of it. */
export interface StoreDialect {
  readonly name: "cos" | "oss" | "obs";
  /** Of the vendor's own headers: `x-cos-`. They mean the same as those that begin with `x-amz-`. */
  readonly headerPrefix: string;
  /** The names that a region's store has: what the client is told first, then those it may also use. Each has `<region>` in it. */
  readonly endpoints: readonly string[];
  /** Allowed names of buckets, and what to call one that is not. */
  readonly bucketName: RegExp;
  /** The bucket's name ends in its owner's account: `<name>-<APPID>`. */
  readonly bucketNamesOwner: boolean;
  /** Of all parts but the last, checked when the upload is completed. */
  readonly leastPartBytes: number;
  /** Whether the signature's scope must name the bucket's region. */
  readonly signsRegion: boolean;
  /** ETags are MD5 sums; one vendor writes them in capital letters. Clients must not care. */
  readonly upperCaseEtags: boolean;
  /** `If-None-Match: *` keeps an object from being overwritten. */
  readonly ifNoneMatchOnPut: boolean;
  /** A header that does, set to `true`. */
  readonly forbidOverwriteHeader?: string | undefined;
  /** A signed link works once. */
  readonly signedUrlsWorkOnce: boolean;
  readonly lifecycleNeedsMd5: boolean;
  /** The location that GetBucketLocation tells. */
  readonly location: (region: string) => string;
  /** What HeadBucket tells besides that the bucket is there. */
  readonly bucketHeaders: (bucket: {
    readonly region: string;
    readonly storageClass: string;
  }) => Readonly<Record<string, string>>;
  readonly refusals: {
    /** A bucket named in the path instead of the host. Undefined: answered as though it were allowed. */
    readonly pathStyle: (method: string, isBucket: boolean) => DialectRefusal | undefined;
    /** `aws-chunked`, with the value of `x-amz-content-sha256`. */
    readonly chunked: (payload: string) => DialectRefusal;
    readonly wrongRegion: (endpoint: string) => DialectRefusal;
    readonly missingMd5: DialectRefusal;
    /** What it says of an access key's id that it does not know. */
    readonly unknownKey: string;
  };
}

export interface DialectRefusal {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly details?: Readonly<Record<string, string>>;
}

/** What a request's Host header says. */
export interface Place {
  readonly region: string;
  readonly endpoint: string;
  /** Undefined: the host is the region's endpoint itself. */
  readonly bucket: string | undefined;
}

/** @param host with or without a port. Undefined if it is none of this vendor's. */
export function placeOf(dialect: StoreDialect, host: string): Place | undefined {
  const name = host.replace(/:\d+$/, "").toLowerCase();
  for (const endpoint of dialect.endpoints) {
    const [before, after] = endpoint.split("<region>") as [string, string];
    const pattern = new RegExp(`^(?:(.+)\\.)?${escapePattern(before)}([a-z0-9-]+)${escapePattern(after)}$`);
    const [, bucket, region] = pattern.exec(name) ?? [];
    // The names of regions say nothing of the inside: `oss-<region>-internal` comes later in the list.
    if (region !== undefined && !region.endsWith("-internal"))
      return { region, endpoint: endpoint.replace("<region>", region), bucket };
  }
  return undefined;
}

export function endpointOf(dialect: StoreDialect, region: string): string {
  return (dialect.endpoints[0] as string).replace("<region>", region);
}

function escapePattern(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
