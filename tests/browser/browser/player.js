// What the player shows, read from the page.

/** @import { Page } from "playwright-core" */

/** The moment that is shown, or was asked for. @param {Page} page */
export const wall = (page) => page.$eval(".wall-time", (one) => Number(/** @type {HTMLElement} */ (one).dataset.wall));

/** The moment of the picture that the video shows. @param {Page} page */
export const shown = (page) => page.$eval(".pane-time", (one) => Number(/** @type {HTMLElement} */ (one).dataset.wall));

/** @param {Page} page */
export const plays = (page) => page.$eval(".pane video", (video) => !(/** @type {HTMLVideoElement} */ (video).paused));
