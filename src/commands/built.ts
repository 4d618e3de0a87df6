/** The options that every verb that builds has. */
export interface BuildOptions {
  readonly mirror?: string;
  readonly locked?: boolean;
  readonly allowExpired?: boolean;
  readonly output?: string;
}

export interface BuiltFile {
  readonly path: string;
  readonly format: string;
  readonly sizeBytes: number;
  /** What it takes on this host's disk: less than its size if it has holes. */
  readonly allocatedBytes: number;
}

export interface Built {
  readonly name: string;
  /** SHA-256 of the raw disk. */
  readonly identity: string;
  readonly diskSizeBytes: number;
  readonly kernelVersion: string;
  readonly files: readonly BuiltFile[];
  /** Paths of what else lies beside them: bills of materials, the build's manifest. */
  readonly sideFiles: readonly string[];
}
