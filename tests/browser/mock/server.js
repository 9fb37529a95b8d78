// A mock of the host's API, for the page alone: states that a real host reaches only with trouble
// (a full disk, a plugin in quarantine, a camera that is gone), and work on the page without one.
//
// `node mock/server.js [--port 8400] [--to http://127.0.0.1:8080]`: with `--to` only the page comes
// from here, as it lies on the disk, and the API from a real host. `POST /mock {"scenario": ...}`.

import { createReadStream } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import http from "node:http";
import { tmpdir } from "node:os";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { answer } from "./api.js";
import { makeFilm } from "./media.js";
import { World } from "./world.js";

const PAGE = fileURLToPath(new URL("../../../host/page/", import.meta.url));
/** As `serve/page.rs` sends it. */
const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self' blob:; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/** @type {Record<string, string>} */
const KINDS = { ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".mjs": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml", ".webmanifest": "application/manifest+json" };

/** @param {http.ServerResponse} response @param {string} name */
async function page(response, name) {
  const file = join(PAGE, normalize(`/${name}`));
  try {
    const contents = await readFile(file);
    response.writeHead(200, { "content-type": KINDS[extname(file)] ?? "text/plain", "content-security-policy": POLICY, "cache-control": "no-cache" });
    response.end(contents);
  } catch {
    response.writeHead(404).end();
  }
}

/** @param {http.IncomingMessage} request @param {http.ServerResponse} response @param {string} to */
function pass(request, response, to) {
  const target = new URL(request.url ?? "/", to);
  const headers = { ...request.headers, host: target.host };
  if (headers.origin) headers.origin = target.origin;
  const onward = http.request(target, { method: request.method, headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  });
  onward.on("error", () => response.destroy());
  response.on("close", () => onward.destroy());
  request.pipe(onward);
}

/**
 * Starts to serve; gives the address and what ends it.
 * @param {{ port?: number, to?: string, clip?: string | null }} [options]
 */
export async function serve(options = {}) {
  const folder = join(tmpdir(), "wardline-mock");
  await mkdir(folder, { recursive: true });
  const film = options.to ? "" : await makeFilm(folder, options.clip ?? null);
  const world = new World();
  const server = http.createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://mock");
    if (url.pathname === "/") return void page(response, "index.html");
    if (url.pathname.startsWith("/page/")) return void page(response, url.pathname.slice(6));
    if (options.to) return pass(request, response, options.to);
    if (url.pathname.startsWith("/mock/film/")) {
      response.writeHead(200, { "content-type": "video/mp4" });
      return void createReadStream(join(film, normalize(`/${url.pathname.slice(11)}`))).on("error", () => response.destroy()).pipe(response);
    }
    answer(world, film, request, response, url).catch((error) => {
      if (!response.headersSent) response.writeHead(500, { "content-type": "application/problem+json" });
      response.end(JSON.stringify({ status: 500, title: "Mock", detail: String(error) }));
    });
  });
  await new Promise((resolve) => server.listen(options.port ?? 0, "127.0.0.1", () => resolve(null)));
  const address = server.address();
  const port = typeof address === "object" && address ? address.port : 0;
  return {
    base: `http://127.0.0.1:${port}`, world,
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const option = (/** @type {string} */ name) => {
    const at = process.argv.indexOf(name);
    return at > 0 ? process.argv[at + 1] : undefined;
  };
  const { base } = await serve({ port: Number(option("--port") ?? 8400), to: option("--to"), clip: option("--clip") ?? null });
  console.log(base);
}
