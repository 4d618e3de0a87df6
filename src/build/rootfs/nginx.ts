import type { Profile } from "../../profile/schema.ts";
import type { TreeMaker } from "./tree-maker.ts";

type Http = Profile["services"]["http"];

const documentRoot = "/var/www/html";
const frontPage = `${documentRoot}/index.html`;

/** nginx's configuration in place of Debian's, and what its maintainer script would have made. */
export function addNginx(maker: TreeMaker, http: Http): void {
  maker.file("/etc/nginx/nginx.conf", configuration(http));
  maker.directory("/etc/nginx/conf.d");
  maker.directory("/var/log/nginx", { uid: 0, gid: 4 });
  maker.directory("/var/lib/nginx");
  maker.directory(documentRoot);
  if (http.page !== undefined) maker.file(frontPage, http.page);
  // Debian's example sites are for its own nginx.conf.
  for (const path of ["sites-available", "sites-enabled", "modules-enabled", "modules-available"])
    maker.tree.remove(`/etc/nginx/${path}`);
}

/** A front page that says what this is, unless the profile brings one. */
export function addFrontPage(maker: TreeMaker, imageName: string): void {
  if (!maker.tree.has(frontPage))
    maker.file(frontPage, `<!doctype html>\n<title>${imageName}</title>\n<h1>${imageName}</h1>\n`);
}

function configuration({ port, config }: Http): string {
  return `user www-data;
worker_processes auto;
daemon off;
pid /run/nginx.pid;
# run-service takes it to the console and to /var/log/http.log.
error_log stderr warn;

events {
  worker_connections 1024;
}

http {
  include /etc/nginx/mime.types;
  default_type application/octet-stream;
  sendfile on;
  tcp_nopush on;
  server_tokens off;
  access_log /var/log/nginx/access.log;
  gzip on;
  include /etc/nginx/conf.d/*.conf;

  server {
    listen ${port} default_server;
    listen [::]:${port} default_server;
    root ${documentRoot};
    index index.html;
${indented(config)}  }
}
`;
}

function indented(text: string | undefined): string {
  if (text === undefined) return "";
  return text
    .trimEnd()
    .split("\n")
    .map((line) => (line === "" ? "\n" : `    ${line}\n`))
    .join("");
}
