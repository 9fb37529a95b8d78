// Video for the mock host: ten minutes by ffmpeg, once, played again and again; pictures from it.

import { execFile, spawn } from "node:child_process";
import { mkdir, readdir, readFile, rename, stat } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Seconds of the film, of a segment of it, and from still to still. */
export const FILM = 600;
export const SEGMENT = 4;
const STILL = 5;
const RATE = 10;

/** @param {string} folder @param {string | null} clip A film to show instead of a test picture. */
export async function makeFilm(folder, clip) {
  const film = join(folder, clip ? "clip" : "test");
  if (await stat(film).catch(() => null)) return film;
  const making = `${film}.making`;
  await mkdir(making, { recursive: true });
  const input = clip ? ["-stream_loop", "-1", "-i", clip] : ["-f", "lavfi", "-i", `testsrc2=size=640x360:rate=${RATE}`];
  await run("ffmpeg", ["-v", "error", "-y", ...input, "-t", String(FILM), "-an", "-vf", `scale=640:360,fps=${RATE}`, "-c:v", "libx264", "-preset", "ultrafast", "-crf", "30", "-g", String(2 * RATE), "-keyint_min", String(2 * RATE), "-sc_threshold", "0", "-bf", "0",
    "-f", "hls", "-hls_time", String(SEGMENT), "-hls_playlist_type", "vod", "-hls_segment_type", "fmp4", "-hls_fmp4_init_filename", "init.mp4", "-hls_segment_filename", join(making, "s%03d.m4s"), join(making, "film.m3u8")]);
  await run("ffmpeg", ["-v", "error", "-y", "-i", join(making, "film.m3u8"), "-vf", `fps=1/${STILL}`, "-q:v", "4", join(making, "still%03d.jpg")]);
  await rename(making, film);
  return film;
}

/** The number of stills. @param {string} film */
const stills = async (film) => (await readdir(film)).filter((name) => name.startsWith("still")).length;

/** The picture at a moment. @param {string} film @param {number} at @param {number} width */
export async function still(film, at, width) {
  const count = await stills(film);
  const number = (Math.floor((at / 1000 % FILM) / STILL) % count) + 1;
  const file = join(film, `still${String(number).padStart(3, "0")}.jpg`);
  if (!width || width >= 640) return readFile(file);
  return jpeg(["-i", file, "-vf", `scale=${width}:-2`]);
}

/** A row of pictures. @param {string} film @param {number} from @param {number} step @param {number} count @param {number} width @param {(at: number) => boolean} there */
export async function strip(film, from, step, count, width, there) {
  const all = await stills(film);
  const high = Math.round((width * 9) / 16 / 2) * 2;
  const inputs = [];
  const chains = [];
  for (let at = 0; at < count; at += 1) {
    const time = from + at * step;
    if (there(time)) inputs.push("-i", join(film, `still${String((Math.floor((time / 1000 % FILM) / STILL) % all) + 1).padStart(3, "0")}.jpg`));
    else inputs.push("-f", "lavfi", "-i", `color=black:size=${width}x${high}:duration=0.04`);
    chains.push(`[${at}:v]scale=${width}:${high},setsar=1[c${at}]`);
  }
  const names = Array.from({ length: count }, (_, at) => `[c${at}]`).join("");
  return jpeg([...inputs, "-filter_complex", `${chains.join(";")};${names}hstack=inputs=${count}`]);
}

/** @param {string[]} args @returns {Promise<Buffer>} */
async function jpeg(args) {
  const { stdout } = await run("ffmpeg", ["-v", "error", ...args, "-frames:v", "1", "-q:v", "5", "-f", "mjpeg", "-"], { encoding: "buffer", maxBuffer: 64 << 20 });
  return stdout;
}

/** A camera, live: fragmented MP4 as it is coded. @param {string} film @param {number} width */
export function live(film, width) {
  return spawn("ffmpeg", ["-v", "error", "-re", "-stream_loop", "-1", "-i", join(film, "film.m3u8"), "-an", "-vf", `scale=${width}:-2`, "-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-profile:v", "baseline", "-g", "10",
    "-f", "mp4", "-movflags", "frag_every_frame+empty_moov+default_base_moof", "-"], { stdio: ["ignore", "pipe", "ignore"] });
}

/**
 * Puts the bytes of fragmented MP4 together to what the host sends at a time: the head, then each
 * fragment. @param {(piece: Buffer) => void} each
 */
export function boxes(each) {
  let rest = Buffer.alloc(0);
  return (/** @type {Buffer} */ bytes) => {
    rest = Buffer.concat([rest, bytes]);
    let at = 0;
    while (rest.length - at >= 8 && rest.length - at >= rest.readUInt32BE(at)) {
      const kind = rest.toString("latin1", at + 4, at + 8);
      at += rest.readUInt32BE(at);
      if (kind !== "moov" && kind !== "mdat") continue;
      each(rest.subarray(0, at));
      rest = rest.subarray(at);
      at = 0;
    }
  };
}
