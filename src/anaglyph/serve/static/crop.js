// The part of a picture that is meant: a rectangle drawn on it, by pointer or by four sliders.

import { button, make, openDialog } from "./dom.js";

const sides = ["left", "top", "right", "bottom"];

/** Ask for a box of a picture; `give([left, top, right, bottom])` gets fractions, or undefined for all of it. */
export async function cropPicture(file, box, give) {
  const bitmap = await createImageBitmap(file);
  const scale = Math.min(1, 900 / Math.max(bitmap.width, bitmap.height));
  const canvas = make("canvas", {
    width: Math.round(bitmap.width * scale),
    height: Math.round(bitmap.height * scale),
    "aria-hidden": "true",
  });
  let now = box ?? [0, 0, 1, 1];
  const sliders = sides.map((side, row) =>
    make("input", {
      type: "range",
      min: 0,
      max: 1,
      step: 0.01,
      "aria-label": `${side} edge`,
      on: { input: (event) => set(row, Number(event.target.value)) },
    }),
  );
  const draw = () => {
    const pen = canvas.getContext("2d");
    const [left, top, right, bottom] = now.map((value, row) => value * (row % 2 ? canvas.height : canvas.width));
    pen.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    pen.fillStyle = "rgb(15 16 20 / 60%)";
    pen.beginPath();
    pen.rect(0, 0, canvas.width, canvas.height);
    pen.rect(left, top, right - left, bottom - top);
    pen.fill("evenodd");
    pen.lineWidth = 2;
    for (const [colour, shift] of [
      ["#e5322d", -1.5],
      ["#00a5b5", 1.5],
    ]) {
      pen.strokeStyle = colour;
      pen.strokeRect(left + shift, top, right - left, bottom - top);
    }
    sliders.forEach((slider, row) => (slider.value = now[row]));
  };
  const set = (row, value) => {
    const next = [...now];
    const least = 0.02;
    next[row] = row < 2 ? Math.min(value, now[row + 2] - least) : Math.max(value, now[row - 2] + least);
    now = next;
    draw();
  };
  watchPointer(canvas, (drawn) => {
    now = drawn;
    draw();
  });
  const dialog = openDialog(
    { class: "card crop", "aria-label": "The part of the picture that is meant" },
    make("p", { text: "Draw around the object, or move the edges." }),
    canvas,
    make(
      "div",
      { class: "edges" },
      sides.map((side, row) => make("label", {}, make("span", { text: side }), sliders[row])),
    ),
    make(
      "p",
      { class: "buttons" },
      button(
        "Search for this part",
        () => {
          dialog.close();
          give(now);
        },
        { class: "plain strong" },
      ),
      button("The whole picture", () => {
        dialog.close();
        give(undefined);
      }),
      button("Cancel", () => dialog.close()),
    ),
  );
  dialog.addEventListener("close", () => bitmap.close());
  draw();
}

/** Rectangles drawn on a canvas, as fractions; one of less than a fiftieth is a slip. */
function watchPointer(canvas, drawn) {
  let from = null;
  const place = (event) => {
    const { left, top, width, height } = canvas.getBoundingClientRect();
    const within = (value) => Math.min(1, Math.max(0, value));
    return [within((event.clientX - left) / width), within((event.clientY - top) / height)];
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    from = place(event);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!from) return;
    const to = place(event);
    const box = [0, 1]
      .map((axis) => Math.min(from[axis], to[axis]))
      .concat([0, 1].map((axis) => Math.max(from[axis], to[axis])));
    if (box[2] - box[0] > 0.02 && box[3] - box[1] > 0.02) drawn(box);
  });
  canvas.addEventListener("pointerup", () => (from = null));
}
