// The mock host's answers, as the contract has them.

import { boxes, live, SEGMENT, FILM, still, strip } from "./media.js";
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
  if (path === "/live") return videos(world, film, request, response, query.getAll("view"));
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
    .filter((event) => !area || event.regions.some((/** @type {any} */ region) => region.area.x < area[0] + area[2] && region.area.x + region.area.width > area[0] && region.area.y < area[1] + area[3] && region.area.y + region.area.height > area[1]))
    .sort((one, other) => (Date.parse(other.start) - Date.parse(one.start)) * (ascending ? -1 : 1));
  const page = all.slice(0, limit);
  return { events: page, next: all.length > limit ? String(Date.parse(page[page.length - 1].start)) : null };
}

/** Phases of events: of those that go on an update now and then, and what a test says. @param {World} world @param {IncomingMessage} request @param {ServerResponse} response */
function stream(world, request, response) {
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
  response.write(": hello\n\n");
  const tell = (/** @type {any} */ notice) => response.write(`id: ${notice.sequence}\nevent: notice\ndata: ${JSON.stringify(notice)}\n\n`);
  const timer = setInterval(() => {
    for (const open of world.events(world.names[0] ?? "", Date.now() - 120_000, Date.now()).filter((one) => one.open)) tell(world.notice(open, "update"));
  }, 5000);
  world.listeners.add(tell);
  request.on("close", () => {
    clearInterval(timer);
    world.listeners.delete(tell);
  });
}

/** @param {World} world @param {IncomingMessage} request @param {ServerResponse} response @param {string} path */
async function exported(world, request, response, path) {
  const id = path.split("/")[2];
  for (const job of world.jobs) {
    if (job.state === "running" && (job.done += 25) >= job.total) {
      job.state = "done";
      const [from, to] = [Date.parse(job.from), Date.parse(job.to)];
      const there = world.recorded(job.camera, from, to);
      job.files = [{ name: `${job.camera}_${job.from.replace(/[-:]|\.\d+/g, "")}.mp4`, bytes: 8_123_456, url: "/mock/film/s000.m4s", from: iso(there[0]?.start ?? from), to: iso(there.at(-1)?.end ?? to), seconds: there.reduce((sum, piece) => sum + piece.end - piece.start, 0) / 1000 }];
      job.interruptions = world.gaps(job.camera, from, to).map((gap) => ({ start: iso(gap.start), end: iso(gap.end), why: "gap", detail: gap.reason }));
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

/** @param {World} world @param {string} film @param {IncomingMessage} request @param {ServerResponse} response @param {string[]} views */
function videos(world, film, request, response, views) {
  response.writeHead(200, { "content-type": "application/octet-stream" });
  const record = (/** @type {number} */ view, /** @type {number} */ kind, /** @type {Buffer} */ payload) => {
    const head = Buffer.alloc(6);
    head[0] = view;
    head[1] = kind;
    head.writeUInt32BE(payload.length, 2);
    response.write(Buffer.concat([head, payload]));
  };
  // One coder for all: the mock's machine may be small.
  const coder = live(film, views.some((view) => view.endsWith(":main")) && views.length === 1 ? 640 : 320);
  let count = 0;
  let zero = 0;
  const take = boxes((piece) => {
    // Its clock is said again now and then, as of a camera whose clock drifts.
    if (count % 20 === 0) {
      if (count === 0) zero = Date.now() - 150;
      const start = iso(zero + count);
      views.forEach((_, view) => record(view, 0, Buffer.from(JSON.stringify({ codecs: "avc1.42c01e", start, stream: "second" }))));
    }
    count += 1;
    views.forEach((_, view) => {
      const spoilt = view === 0 && count > 1 && world.spoil > 0;
      if (spoilt) world.spoil -= 1;
      record(view, 1, spoilt ? Buffer.alloc(piece.length, 0xff) : piece);
    });
  });
  coder.stdout.on("data", take);
  request.on("close", () => coder.kill());
}
