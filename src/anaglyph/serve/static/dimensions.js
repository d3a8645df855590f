// The box around a model and the lengths of its sides, in the file's own units.

import * as three from "./vendor/three.module.min.js";
import { number } from "./format.js";
import { make } from "./dom.js";

/** The twelve edges of a box around the origin. */
export function boxLines(size) {
  const box = new three.BoxGeometry(size.x, size.y, size.z);
  const lines = new three.LineSegments(new three.EdgesGeometry(box), new three.LineBasicMaterial({ color: 0x009bab }));
  box.dispose();
  lines.visible = false;
  return lines;
}

/** Put three labels where the camera sees the middle of the box's edges that are nearest to it. */
export function placeLabels(model, camera, { left, width, height, shown }) {
  if (!shown) {
    for (const label of model.labels) label.hidden = true;
    return;
  }
  if (!model.labels.length) {
    model.labels = ["x", "y", "z"].map((axis) => make("span", { class: "length", text: number(model.size[axis]) }));
    model.holder.append(...model.labels);
  }
  const eye = model.turned.worldToLocal(camera.position.clone());
  const half = model.size.clone().multiplyScalar(0.5);
  const side = (axis) => (eye[axis] >= 0 ? half[axis] : -half[axis]);
  const low = -half.y;
  const middles = [
    new three.Vector3(0, low, side("z")),
    new three.Vector3(-side("x"), 0, side("z")),
    new three.Vector3(side("x"), low, 0),
  ];
  middles.forEach((middle, row) => {
    const at = model.turned.localToWorld(middle).project(camera);
    const label = model.labels[row];
    label.hidden = at.z > 1;
    label.style.left = `${left + ((at.x + 1) / 2) * width}px`;
    label.style.top = `${((1 - at.y) / 2) * height}px`;
  });
}
