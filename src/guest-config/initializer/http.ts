/** One HTTP/1.1 request. `https` is for images that bring `curl`: busybox does not check certificates. */
export interface HttpRequest {
  readonly method: "GET" | "PUT" | "POST" | "HEAD";
  /** `http://169.254.169.254/openstack`, `http://[fd00:100::100:200]/…`, `http://[fe80::1%25eth0]/…` */
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: string | Uint8Array | undefined;
  /** From the first packet to the last byte. */
  readonly timeoutMs: number;
  /** A longer body is refused, not cut. */
  readonly limitBytes: number;
}

export type HttpResult = HttpResponse | HttpFailure;

export interface HttpResponse {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

export interface HttpFailure {
  /** For people: `connection refused`. */
  readonly failure: string;
  /** `unreachable`: nobody answered, perhaps not yet. `refused`: trying again brings nothing (a body too large, an URL that cannot be read). */
  readonly kind: "unreachable" | "timeout" | "refused";
}
