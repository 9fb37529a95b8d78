// The mock host's answers, as the contract has them.

import { live, SEGMENT, FILM, still, strip } from "./media.js";
import { chance, iso } from "./world.js";

/** @import { IncomingMessage, ServerResponse } from "node:http" */
/** @import { World } from "./world.js" */

/** @param {ServerResponse} response @param {any} body @param {number} [status] */
function json(response, body, status = 200) {
  response.writeHead(status, { "content-type": status < 400 ? "application/json" : "application/problem+json" });
  response.end(JSON.stringify(body));
}

/** @param {ServerResponse} response @param {number} status @param {string} detail */
const problem = (response, status, detail) => json(response, { type: "about:blank", title: "No", status, detail }, status);

/** @param {IncomingMessage} request @returns {Promise<any>} */
async function body(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  const text = Buffer.concat(parts).toString();
  return text ? JSON.parse(text) : {};
}

/** @param {World} world @param {string} film @param {IncomingMessage} request @param {ServerResponse} response @param {URL} url */
export async function answer(world, film, request, response, url) {
  const method = request.method ?? "GET";
  if (url.pathname === "/mock") {
    Object.assign(world, await body(request));
    return json(response, {});
  }
  const path = url.pathname.replace(/^\/api\/v1/, "");
  const query = url.searchParams;
  const time = (/** @type {string} */ name, /** @type {number} */ other) => (query.get(name) ? Date.parse(/** @type {string} */ (query.get(name))) : other);
  if (path === "/session") {
    if (method === "POST") {
      const sent = await body(request);
      if (sent.user !== world.user || sent.password !== world.password) return problem(response, 401, "this user and password do not match");
      response.writeHead(204, { "set-cookie": "wardline=1; HttpOnly; SameSite=Strict; Path=/" });
      return response.end();
    }
    if (method === "DELETE") {
      response.writeHead(204, { "set-cookie": "wardline=; Max-Age=0; Path=/" });
      return response.end();
    }
  }
  if (world.password && !(request.headers.cookie ?? "").includes("wardline=1")) return problem(response, 401, "log in");
  if (path === "/session") return json(response, { user: world.user, role: "admin", cameras: ["*"], open: !world.password });
  if (path === "/cameras") return json(response, { cameras: world.cameras(), next: null });
  if (path === "/health") return json(response, world.health());
  if (path === "/plugins") return json(response, world.plugins());
  if (path === "/plan") return json(response, world.plan());
  if (path === "/config") return json(response, world.config());
  if (path === "/events/stream") return stream(world, request, response);
  if (path === "/events") return json(response, events(world, query, time));
  if (path === "/exports" || path.startsWith("/exports/")) return exported(world, request, response, path);
  if (path === "/pins") return pins(world, request, response, query);
  if (path === "/recordings" && method === "DELETE") return json(response, { segments: 3, bytes: 12_400_000, remained: [] });
  if (path === "/live") return grid(film, request, response, query.getAll("view"));
  const picture = /^\/events\/(\d+)\/picture\.jpg$/.exec(path);
  if (picture) return jpeg(response, await still(film, Number(picture[1]) * 150_000, Number(query.get("width"))), Date.now());
  const [, name, what] = /^\/cameras\/([^/]+)\/(.+)$/.exec(path) ?? [];
  if (!name || !world.names.includes(name)) return problem(response, 404, "there is no such thing");
  if (what === "timeline") return json(response, world.timeline(name, time("from", 0), time("to", 0)));
  if (what === "availability") return json(response, { available: days(world, name, time("from", 0), time("to", 0)) });
  if (what === "playback.m3u8") return playlist(world, name, response, time("from", 0), time("to", 0));
  if (what === "trigger") return json(response, { event: "a", start: iso(Date.now()), end: iso(Date.now()) });
  const there = (/** @type {number} */ at) => world.recorded(name, at, at + 1).length > 0;
  if (what === "snapshot.jpg") {
    const at = time("at", Date.now() - 5000);
    if (!there(at)) return problem(response, 404, "nothing is recorded then");
    return jpeg(response, await still(film, at + shift(name), Number(query.get("width"))), Math.floor(at / 2000) * 2000);
  }
  if (what === "strip.jpg") {
    const step = Number.parseFloat(query.get("step") ?? "1000");
    return jpeg(response, await strip(film, time("from", 0) + shift(name), step, Number(query.get("count")), Number(query.get("width")), (at) => there(at - shift(name))), 0);
  }
  if (what === "live.mp4") return one(film, response, query.get("stream") === "second" ? 320 : 640);
  return problem(response, 404, "there is no such page");
}

/** Cameras show other parts of the film. @param {string} camera */
const shift = (camera) => Math.floor(chance(camera) * (FILM / SEGMENT)) * SEGMENT * 1000;

/** @param {ServerResponse} response @param {Buffer} bytes @param {number} at */
function jpeg(response, bytes, at) {
  response.writeHead(200, { "content-type": "image/jpeg", "cache-control": "max-age=60", ...(at ? { "x-wardline-time": iso(at) } : {}) });
  response.end(bytes);
}

/** @param {World} world @param {string} camera @param {number} from @param {number} to */
function days(world, camera, from, to) {
  const found = new Set();
  for (const piece of world.recorded(camera, from, to)) {
    for (let at = piece.start; at < piece.end; at += 3_600_000) found.add(iso(at).slice(0, 10));
  }
  return [...found];
}

/** @param {World} world @param {string} camera @param {ServerResponse} response @param {number} from @param {number} to */
function playlist(world, camera, response, from, to) {
  const lines = ["#EXTM3U", "#EXT-X-VERSION:7", `#EXT-X-TARGETDURATION:${SEGMENT}`, "#EXT-X-PLAYLIST-TYPE:VOD", "#EXT-X-INDEPENDENT-SEGMENTS", '#EXT-X-MAP:URI="/mock/film/init.mp4"'];
  const length = SEGMENT * 1000;
  let before = Number.NaN;
  for (const piece of world.recorded(camera, from, to)) {
    for (let at = Math.ceil(piece.start / length) * length; at + length <= piece.end; at += length) {
      const number = Math.floor((((at + shift(camera)) / 1000) % FILM) / SEGMENT);
      if (before !== at || number === 0) {
        if (!Number.isNaN(before)) lines.push("#EXT-X-DISCONTINUITY");
        lines.push(`#EXT-X-PROGRAM-DATE-TIME:${iso(at)}`);
      }
      lines.push(`#EXTINF:${SEGMENT}.000,`, `/mock/film/s${String(number).padStart(3, "0")}.m4s`);
      before = at + length;
    }
  }
  response.writeHead(200, { "content-type": "application/vnd.apple.mpegurl" });
  response.end(`${lines.join("\n")}\n#EXT-X-ENDLIST\n`);
}

/** @param {World} world @param {URLSearchParams} query @param {(name: string, other: number) => number} time */
function events(world, query, time) {
  const limit = Number(query.get("limit") ?? 100);
  const cameras = query.getAll("camera").filter(Boolean);
  const kinds = query.getAll("kind").filter(Boolean);
  const ascending = query.get("order") === "asc";
  const cursor = query.get("cursor") ? Number(query.get("cursor")) : null;
  const from = Math.max(time("from", Date.now() - 3 * 86_400_000), ascending && cursor !== null ? cursor + 1 : 0);
  const to = Math.min(time("to", Date.now()), !ascending && cursor !== null ? cursor : Number.MAX_SAFE_INTEGER);
  const area = query.get("area")?.split(",").map(Number);
  const all = world.names.flatMap((name) => (cameras.length === 0 || cameras.includes(name) ? world.events(name, from, to) : []))
    .filter((event) => Date.parse(event.start) >= from)
    .filter((event) => kinds.length === 0 || kinds.includes(event.kind))
    .filter((event) => event.confidence >= Number(query.get("confidence") ?? 0))
    .filter((event) => !query.get("zone") || event.zones.includes(/** @type {string} */ (query.get("zone"))))
    .filter((event) => !area || event.regions.some((region) => region.area.x < area[0] + area[2] && region.area.x + region.area.width > area[0] && region.area.y < area[1] + area[3] && region.area.y + region.area.height > area[1]))
    .sort((one, other) => (Date.parse(other.start) - Date.parse(one.start)) * (ascending ? -1 : 1));
  const page = all.slice(0, limit);
  return { events: page, next: all.length > limit ? String(Date.parse(page[page.length - 1].start)) : null };
}

/** @param {World} world @param {IncomingMessage} request @param {ServerResponse} response */
function stream(world, request, response) {
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
  response.write(": hello\n\n");
  const timer = setInterval(() => {
    if (!world.hasVideo) return;
    const id = `${world.names[0]}/motion/live/${Date.now()}`;
    const notice = { id, kind: "motion", phase: "instant", time: iso(Date.now()), camera: world.names[0], origin: "motion", confidence: 0.8, sequence: Math.floor(Date.now() / 1000), received: iso(Date.now()), regions: [] };
    response.write(`id: ${notice.sequence}\nevent: notice\ndata: ${JSON.stringify(notice)}\n\n`);
  }, 20_000);
  request.on("close", () => clearInterval(timer));
}

/** @param {World} world @param {IncomingMessage} request @param {ServerResponse} response @param {string} path */
async function exported(world, request, response, path) {
  const id = path.split("/")[2];
  for (const job of world.jobs) {
    if (job.state === "running" && (job.done += 25) >= job.total) {
      job.state = "done";
      job.files = [{ name: `${job.camera}.mp4`, bytes: 8_123_456, url: "/mock/film/s000.m4s" }];
    }
  }
  if (request.method === "POST") {
    const sent = await body(request);
    const job = { id: String(world.jobs.length + 1), camera: sent.camera, from: sent.from, to: sent.to, state: "running", done: 0, total: 100, error: null, files: [], interruptions: [] };
    world.jobs.unshift(job);
    return json(response, job, 202);
  }
  if (request.method === "DELETE") world.jobs = world.jobs.filter((job) => job.id !== id);
  return json(response, id ? world.jobs.find((job) => job.id === id) ?? {} : { exports: world.jobs });
}

/** @param {World} world @param {IncomingMessage} request @param {ServerResponse} response @param {URLSearchParams} query */
async function pins(world, request, response, query) {
  if (request.method === "DELETE") {
    world.pins = world.pins.filter((pin) => pin.id !== query.get("id"));
    return json(response, []);
  }
  const pin = { id: String(Date.now()), label: "", ...(await body(request)) };
  world.pins.push(pin);
  return json(response, pin);
}

/** @param {string} film @param {ServerResponse} response @param {number} width */
function one(film, response, width) {
  const coder = live(film, width);
  coder.stdout.once("data", (first) => {
    response.writeHead(200, { "content-type": "video/mp4", "x-wardline-codecs": "avc1.42c01e", "x-wardline-start": iso(Date.now() - 150) });
    response.write(first);
    coder.stdout.pipe(response);
  });
  response.on("close", () => coder.kill());
}

/** @param {string} film @param {IncomingMessage} request @param {ServerResponse} response @param {string[]} views */
function grid(film, request, response, views) {
  response.writeHead(200, { "content-type": "application/octet-stream" });
  const record = (/** @type {number} */ view, /** @type {number} */ kind, /** @type {Buffer} */ payload) => {
    const head = Buffer.alloc(6);
    head[0] = view;
    head[1] = kind;
    head.writeUInt32BE(payload.length, 2);
    response.write(Buffer.concat([head, payload]));
  };
  // One coder for all: the mock's machine may be small.
  const coder = live(film, 320);
  let begun = false;
  coder.stdout.on("data", (bytes) => {
    if (!begun) for (let view = 0; view < views.length; view += 1) record(view, 0, Buffer.from(JSON.stringify({ codecs: "avc1.42c01e", start: iso(Date.now() - 150), stream: "second" })));
    begun = true;
    for (let view = 0; view < views.length; view += 1) record(view, 1, bytes);
  });
  request.on("close", () => coder.kill());
}
