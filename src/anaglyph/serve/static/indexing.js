// Indexing a folder again from the page, for those who may: start, progress, cancel.

import * as api from "./api.js";
import { button, make, say } from "./dom.js";
import { count } from "./format.js";

const pause = 1500; // milliseconds between two looks at a job

/** A button per root, for the foot of the page; `done()` is called when an index may have changed. */
export function indexAgain(status, done) {
  if (!status.authorized) return null;
  const line = make("span", { class: "indexing" });
  const idle = () =>
    line.replaceChildren(
      ...status.roots.map((root, row) =>
        make("button", {
          type: "button",
          class: "link",
          title: root.path ?? root.name,
          text: `Index “${root.name}” again`,
          on: { click: () => run(row) },
        }),
      ),
    );
  const run = async (row) => {
    try {
      await watch(await api.startJob(row), line);
      done();
    } catch (reason) {
      say(reason.message, { error: true });
    }
    idle();
  };
  idle();
  return line;
}

/** Follow a job to its end. */
async function watch(job, line) {
  const progress = make("progress", { max: 1, "aria-label": "Indexing" });
  const text = make("span", { role: "status" });
  line.replaceChildren(
    progress,
    text,
    button("Cancel", () => api.cancelJob(job.id).catch((reason) => say(reason.message, { error: true }))),
  );
  let now = job;
  while (now.state === "running") {
    if (now.total) progress.value = now.done / now.total;
    text.textContent = now.total === null ? "Looking for changes …" : `${count(now.done)} of ${count(now.total)} files`;
    await new Promise((wake) => setTimeout(wake, pause));
    now = await api.job(job.id);
  }
  say(
    now.state === "done"
      ? "The index is up to date."
      : now.state === "cancelled"
        ? "Indexing was cancelled; what was done stays."
        : now.message,
    { error: now.state === "failed" },
  );
}
