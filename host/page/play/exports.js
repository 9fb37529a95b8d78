// Exports: asked for, how far they are, and their files.

import * as api from "../api.js";
import { dialog } from "../dialog.js";
import { fill, h, icon, iconButton } from "../dom.js";
import { zoneOf } from "../state.js";
import { GAP_WORDS } from "../timeline/draw.js";
import { dateTime, length, offsetNote, SECOND } from "../time.js";
import { complain } from "../toast.js";
import { bytes } from "../units.js";

/** @import { ExportFile, ExportJob, Interruption, Why } from "../types.js" */
/** @import { Stretch } from "../timeline/scale.js" */

const LOOK = 700;
/** More interruptions than these are listed when they are asked for. */
const FEW = 5;

/**
 * The window with all exports; with a range, a new one can be begun.
 * @param {{ cameras: string[], range: Stretch }} [wish]
 */
export function exportDialog(wish) {
  const list = h("ul", { class: "jobs" });
  const gaps = h("select", {},
    h("option", { value: "hold" }, "Hold the last picture: times stay right"),
    h("option", { value: "cut" }, "Cut them out: shorter"));
  const one = h("input", { type: "checkbox", checked: true });
  const begin = h("button", { type: "button", class: "button button-main", on: { click: () => void start() } }, icon("download"), "Export");
  const zone = wish ? zoneOf(wish.cameras[0]) : "UTC";
  const form = wish ? h("div", { class: "export-form" },
    h("p", {}, `${wish.cameras.join(", ")}: ${dateTime(wish.range.from, zone)}, ${length(wish.range.to - wish.range.from)}. Nothing is coded anew.`),
    h("label", { class: "field" }, "Where video is missing", gaps),
    h("label", { class: "check" }, one, "One file, even where the camera's settings changed"),
    h("div", {}, begin)) : null;
  let running = true;
  /** @type {ExportJob[]} */
  let jobs = [];
  const none = wish ? null : h("li", { class: "quiet pad" }, "No exports. Mark a range on the time line, then export it. Files are kept here for a day.");
  const box = dialog(wish ? "Export" : "Exports", [...(form ? [form] : []), list], [], () => (running = false));

  async function start() {
    if (!wish) return;
    begin.disabled = true;
    try {
      for (const camera of wish.cameras) {
        await api.startExport({ camera, from: api.time(wish.range.from), to: api.time(wish.range.to), gaps: gaps.value === "cut" ? "cut" : "hold", one_file: one.checked });
      }
      await look();
    } catch (error) {
      complain(error, "Export");
    } finally {
      begin.disabled = false;
    }
  }

  async function look() {
    try {
      const found = await api.exports();
      found.sort((one, other) => Date.parse(other.asked ?? "") - Date.parse(one.asked ?? "") || 0);
      const ids = (/** @type {ExportJob[]} */ all) => all.map((job) => job.id).join();
      // What has not changed is left alone, so that no button goes from under a finger.
      if (list.childElementCount === 0 || ids(found) !== ids(jobs)) fill(list, found.length > 0 ? found.map((job) => jobRow(job, look)) : none);
      else found.forEach((job, at) => JSON.stringify(job) !== JSON.stringify(jobs[at]) && list.children[at].replaceWith(jobRow(job, look)));
      jobs = found;
    } catch (error) {
      jobs = [];
      fill(list, h("li", { class: "quiet" }, error instanceof Error ? error.message : String(error)));
    }
  }

  async function follow() {
    while (running && box.isConnected) {
      await look();
      await new Promise((resolve) => setTimeout(resolve, LOOK));
    }
  }
  void follow();
}

/** @param {ExportJob} job @param {() => Promise<void>} changed */
function jobRow(job, changed) {
  const zone = zoneOf(job.camera);
  const from = Date.parse(job.from);
  const title = `${job.camera}, ${dateTime(from, zone)}, ${length(Date.parse(job.to) - from)}`;
  const part = job.total > 0 ? Math.min(1, job.done / job.total) : 0;
  const drop = async () => {
    try {
      await api.dropExport(job.id);
      await changed();
    } catch (error) {
      complain(error, "Export");
    }
  };
  const running = job.state === "running" || job.state === "waiting";
  const note = { waiting: "waits for others", running: `${Math.round(part * 100)} %`, done: "", failed: job.error ?? "failed", cancelled: "cancelled" }[job.state];
  return h("li", { class: `job job-${job.state}`, data: { job: job.id, state: job.state } },
    h("div", { class: "job-line" },
      h("span", { class: "grow" }, title),
      iconButton("close", running ? "Cancel" : "Remove", drop)),
    running && h("progress", { max: 1, value: part, "aria-label": `Export of ${title}` }),
    note && h("span", { class: job.state === "failed" ? "danger" : "quiet" }, note),
    interrupted(job.interruptions ?? [], zone),
    job.files.map((file) => h("a", { class: "job-file", href: file.url, download: file.name }, icon("download"),
      h("span", { class: "job-file-text" }, h("span", {}, file.name), h("span", { class: "quiet tabular" }, facts(file, zone))))));
}

/** When a file begins, how long it plays, and how big it is. @param {ExportFile} file @param {string} zone */
function facts(file, zone) {
  const from = Date.parse(file.from ?? "");
  const begins = Number.isFinite(from) ? `from ${dateTime(from, zone)}${offsetNote(from, zone)}` : "";
  return [begins, file.seconds === undefined ? "" : length(file.seconds * SECOND), bytes(file.bytes)].filter(Boolean).join(" · ");
}

/** @type {Record<Why, string>} */
const REASONS = {
  gap: "nothing is recorded",
  "clock-stepped": "the recorder's clock was set",
  parameters: "the camera's settings changed",
  "not-decodable": "what is recorded can't be decoded",
};

/** What the store knows of a gap: its reason, and perhaps more. @param {string} detail */
function words(detail) {
  const [reason, ...more] = detail.split(": ");
  return [GAP_WORDS[reason] ?? reason, ...more].join(": ");
}

/** Where it is interrupted, for how long and why. @param {Interruption[]} all @param {string} zone */
function interrupted(all, zone) {
  if (all.length === 0) return null;
  return h("details", { class: "job-breaks", open: all.length <= FEW },
    h("summary", {}, all.length === 1 ? "It is interrupted in one place" : `It is interrupted in ${all.length} places`),
    h("ol", {}, all.map(({ start, end, why, detail }) => {
      const at = Date.parse(start);
      const missing = Date.parse(end) - at;
      const reason = `${REASONS[why] ?? why}${detail ? ` (${words(detail)})` : ""}`;
      return h("li", { class: "tabular" }, [`${dateTime(at, zone)}${offsetNote(at, zone)}`, missing === 0 ? "" : `${missing < 0 ? "back by " : ""}${length(missing)}`, reason].filter(Boolean).join(" · "));
    })));
}
