// The number that the simulated camera writes into each picture, read from a video on the page.

/** @import { Page } from "playwright-core" */

/** @typedef {{ number: number | null, wall: number, width: number, at: number }} Seen */

/** Reads the code of what a video or picture shows, of that size where it is known better. Runs in the page. */
export const READER = `globalThis.readCode = (video, size = {}) => {
  const canvas = globalThis.codeCanvas ??= new OffscreenCanvas(1, 1);
  const width = size.width || video.videoWidth || video.naturalWidth, height = size.height || video.videoHeight || video.naturalHeight;
  if (!width) return null;
  if (canvas.width !== width || canvas.height !== height) { canvas.width = width; canvas.height = height; }
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(video, 0, 0, width, height);
  const row = context.getImageData(0, 8, width, 1).data;
  const light = (block) => row[(block * 16 + 8) * 4] > 128;
  if (!light(0) || light(1)) return null;
  let number = 0, ones = 0;
  for (let block = 2; block < 18; block += 1) { const bit = light(block) ? 1 : 0; number = number * 2 + bit; ones += bit; }
  return light(18) === (ones % 2 === 1) ? number : null;
};`;

/**
 * Notes the number and the wall clock of every picture that a video shows from now on.
 * @param {Page} page @param {string} video @param {string} clock What has \`data-wall\`.
 */
export async function watch(page, video, clock) {
  await page.evaluate(READER);
  await page.evaluate(([video, clock]) => {
    const LATE = 50;
    const page = /** @type {any} */ (globalThis);
    page.seen = [];
    const element = /** @type {HTMLVideoElement} */ (document.querySelector(video));
    /** @type {VideoFrameRequestCallback} */
    const each = (_, picture) => {
      if (!element.isConnected) return;
      element.requestVideoFrameCallback(each);
      // One who is told late draws a picture after the one he is told of.
      const late = performance.now() - picture.expectedDisplayTime > LATE;
      // Where the size changes, the element may say the one before a little longer.
      const number = late ? null : page.readCode(element, picture);
      const at = Date.now();
      const width = picture.width;
      // The page hears of the picture in the same turn, before or after this.
      queueMicrotask(() => setTimeout(() => {
        const shown = /** @type {HTMLElement | null} */ (document.querySelector(clock));
        page.seen.push({ number, wall: Number(shown?.dataset.wall), width, at });
      }));
    };
    element.requestVideoFrameCallback(each);
  }, [video, clock]);
}

/** @param {Page} page @returns {Promise<Seen[]>} */
export const seen = (page) => page.evaluate(() => /** @type {any} */ (globalThis).seen);

/** The number and wall clock of what is shown now. @param {Page} page @param {string} video @param {string} clock @returns {Promise<Seen>} */
export async function now(page, video, clock) {
  await page.evaluate(READER);
  return page.evaluate(([video, clock]) => {
    const element = /** @type {HTMLVideoElement} */ (document.querySelector(video));
    const shown = /** @type {HTMLElement | null} */ (document.querySelector(clock));
    return { number: /** @type {any} */ (globalThis).readCode(element), wall: Number(shown?.dataset.wall), width: element.videoWidth, at: Date.now() };
  }, [video, clock]);
}
