import type { Host } from "./host.ts";
import { parseUrl, type Target } from "./http-wire.ts";
import { waitFor } from "./processes.ts";

export interface ConsoleMessage {
  readonly url: string;
  readonly moment: string;
  readonly waitMs: number;
}

const directory = "/run/cloudimg/console";

/** See Parts. */
export function sendConsole(host: Host, { url, moment, waitMs }: ConsoleMessage): string | undefined {
  const target = parseUrl(url);
  if (target === undefined) return "the URL for the console cannot be read";
  if (target.isSecure && !["/usr/bin", "/bin"].some((path) => host.attributes(`${path}/curl`) !== undefined))
    return "the console cannot be sent by https: that needs curl, which this image does not have";
  host.makeDirectory(directory, 0o700);
  // What a link lets somebody do is no word of a command line, which every user sees.
  host.writeFile(`${directory}/head`, target.isSecure ? curlSettings(target) : requestHead(target), 0o600);
  const way = target.isSecure ? "curl" : "nc";
  const argv = ["sh", "-c", script, "sh", way, target.host, String(target.port), moment.replace(/[^\w -]/g, "")];
  const sending = host.start({ argv, isGroup: true });
  if (waitMs > 0) waitFor(host, [sending], waitMs);
  return undefined;
}

/** Its length is known later. */
function requestHead({ path, authority }: Target): string {
  const lines = ["User-Agent: cloudimg-init", "Content-Type: text/plain; charset=utf-8", "Connection: close"];
  return [`PUT ${path} HTTP/1.1`, `Host: ${authority}`, ...lines, ""].join("\r\n");
}

/** curl(1), `--config`: in quotes, a backslash takes the meaning of the next character. */
function curlSettings({ path, authority }: Target): string {
  const url = `https://${authority}${path}`.replace(/["\\]/g, "\\$&");
  return `url = "${url}"\nheader = "Content-Type: text/plain; charset=utf-8"\nheader = "Expect:"\n`;
}

const headBytes = 64 << 10;
/** With the words between: 256 KiB. */
const tailBytes = 191 << 10;
const tryLimitSeconds = 3;

/**
 * Gathers and sends, for the shell: it goes on when the initializer has ended. A later one ends the one before it, which has less to tell. The kernel's command line
 * may have cloud-config in it, and links. `nc` closes the connection when its input ends, and some servers then do not answer: so its input stays open until they have.
 */
const script = `way=$1 host=$2 port=$3 moment=$4
umask 077
cd ${directory} || exit
[ ! -s pid ] || kill -9 -"$(cat pid)" 2>/dev/null
echo $$ >pid
renice 10 $$ >/dev/null 2>&1
read -r uptime _ </proc/uptime
{
  echo "cloudimg: the boot's log, sent by the guest: $moment, after $uptime s"
  dmesg | sed -E 's/((^|[^[:alnum:]_])cc:).*/\\1 .../; s/((^|[^[:alnum:]_])(cloud-config-)?url=)[^ ]*/\\1.../'
  cat /var/log/cloudimg-init.log
  for path in /run/services/*; do
    name=\${path##*/}
    [ ! -p "$path" ] || echo "cloudimg-service: $name was started"
    grep '^cloudimg-service: ' "/var/log/$name.log" | tail -n 20
  done
  cat /run/cloudimg/status.json
} >all 2>/dev/null
size=$(wc -c <all)
if [ "$size" -gt ${headBytes + tailBytes} ]; then
  { head -c ${headBytes} all; echo; echo "... $((size - ${headBytes + tailBytes})) bytes are left out ..."; tail -c ${tailBytes} all; } >body
else
  mv all body
fi
send_nc() {
  rm -f in answer
  mkfifo in
  nc "$host" "$port" <in >answer 2>/dev/null &
  carrier=$!
  { sleep ${tryLimitSeconds}; kill -9 $carrier; } 2>/dev/null &
  guard=$!
  {
    cat head
    printf 'Content-Length: %s\\r\\n\\r\\n' "$(wc -c <body)"
    cat body
    while kill -0 $carrier && [ ! -s answer ]; do sleep 0.1; done
  } >in 2>/dev/null
  kill -9 $guard $carrier 2>/dev/null
  head -c 12 answer | grep -q '^HTTP/1.[01] 2'
}
send_curl() {
  curl -q --silent --fail --max-time ${tryLimitSeconds} --proto =https --noproxy '*' --user-agent cloudimg-init --config head --upload-file body >answer 2>/dev/null
}
send_$way || { sleep 1; send_$way; } || echo "cloudimg-init: console: not sent ($moment)" >>/var/log/cloudimg-init.log
rm -f pid in all
`;
