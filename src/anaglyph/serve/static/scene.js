// The one live 3D picture of the page: one WebGL context, one or two models side by side under one camera.
// It draws when something changes and rests otherwise.

import * as three from "./vendor/three.module.min.js";
import { OrbitControls } from "./vendor/OrbitControls.js";
import { calm } from "./dom.js";
import { boxLines, placeLabels } from "./dimensions.js";

const opening = 32; // vertical degrees
const raised = 30; // pixels by which the middle lies higher, so that the buttons cover nothing
const start = new three.Vector3(0.55, 0.42, 1).normalize();

/** A picture in `holder`; throws where the browser has no WebGL. */
export class Scene {
  constructor(holder) {
    this.holder = holder;
    this.renderer = new three.WebGLRenderer({ antialias: true, alpha: true });
    this.renderer.setPixelRatio(Math.min(devicePixelRatio, 2));
    this.renderer.setScissorTest(true);
    this.canvas = this.renderer.domElement;
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "img");
    this.camera = new three.PerspectiveCamera(opening, 1, 0.01, 100);
    this.controls = new OrbitControls(this.camera, this.canvas);
    this.controls.enableDamping = !calm();
    this.controls.addEventListener("change", () => this.draw());
    this.options = { wireframe: false, up: "y", dimensions: false, scale: false };
    this.models = [];
    this.waiting = 0;
    this.canvas.addEventListener("keydown", (event) => this.orbit(event));
    this.watcher = new ResizeObserver(() => this.fit());
    holder.prepend(this.canvas);
    this.watcher.observe(holder);
    this.home();
  }

  /** Show one or two models, given as `readMesh` makes them. */
  show(meshes) {
    this.clear();
    this.models = meshes.map((mesh) => ({ ...build(mesh), holder: this.holder, labels: [] }));
    this.apply();
    this.home();
  }

  /** Change what is drawn: wireframe, up ("y" or "z"), dimensions, scale (two models at their true sizes). */
  set(options) {
    Object.assign(this.options, options);
    this.apply();
  }

  apply() {
    const { wireframe, up, dimensions, scale } = this.options;
    const largest = Math.max(...this.models.map((model) => model.radius), 1e-30);
    for (const model of this.models) {
      model.edges.color.set(getComputedStyle(this.holder).color); // that of text is seen on every ground
      model.surface.material = wireframe ? model.edges : model.lit;
      model.turned.rotation.x = up === "z" ? -Math.PI / 2 : 0;
      model.turned.scale.setScalar(1 / (scale ? largest : model.radius));
      model.lines.visible = dimensions;
    }
    this.draw();
  }

  /** Back to the first look. */
  home() {
    this.camera.position.copy(start).multiplyScalar(this.distance());
    this.controls.target.set(0, 0, 0);
    this.controls.minDistance = 0.2;
    this.controls.maxDistance = 20;
    this.controls.update();
    this.draw();
  }

  /** How far away a ball of radius 1 fills the narrower side. */
  distance() {
    const half = Math.tan((opening * Math.PI) / 360);
    const free = Math.max(0.5, 1 - (2 * raised) / Math.max(this.holder.clientHeight, 1));
    const narrow = Math.atan(half * Math.min(free, this.aspect()));
    return 1.04 / Math.sin(narrow);
  }

  aspect() {
    const { clientWidth, clientHeight } = this.holder;
    return Math.max(clientWidth, 1) / Math.max(this.models.length, 1) / Math.max(clientHeight, 1);
  }

  fit() {
    const { clientWidth, clientHeight } = this.holder;
    this.renderer.setSize(clientWidth, clientHeight, false);
    const closer = this.camera.position.distanceTo(this.controls.target) / (this.fitted ?? this.distance());
    this.fitted = this.distance();
    this.camera.position
      .sub(this.controls.target)
      .setLength(this.fitted * closer)
      .add(this.controls.target);
    this.draw();
  }

  /** Arrow keys turn, + and - go nearer and farther. */
  orbit(event) {
    const step = 0.14;
    const turns = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
    const nearer = { "+": 1 / 1.15, "=": 1 / 1.15, "-": 1.15 }[event.key];
    if (!(event.key in turns) && !nearer) return;
    event.preventDefault();
    const arm = this.camera.position.clone().sub(this.controls.target);
    const ball = new three.Spherical().setFromVector3(arm);
    const [aside, down] = turns[event.key] ?? [0, 0];
    ball.theta += aside;
    ball.phi = Math.min(Math.PI - 0.01, Math.max(0.01, ball.phi + down));
    ball.radius *= nearer ?? 1;
    this.camera.position.setFromSpherical(ball).add(this.controls.target);
    this.controls.update();
    this.draw();
  }

  draw() {
    if (this.waiting) return;
    this.waiting = requestAnimationFrame(() => {
      this.waiting = 0;
      this.controls.update(); // damping: asks for the next picture while it moves
      this.paint();
    });
  }

  paint() {
    const width = this.holder.clientWidth / Math.max(this.models.length, 1);
    const height = this.holder.clientHeight;
    this.camera.aspect = width / Math.max(height, 1);
    this.camera.setViewOffset(width, height, 0, raised, width, height);
    this.models.forEach((model, row) => {
      this.renderer.setViewport(row * width, 0, width, height);
      this.renderer.setScissor(row * width, 0, width, height);
      model.light.position.copy(this.camera.position);
      this.renderer.render(model.scene, this.camera);
      placeLabels(model, this.camera, { left: row * width, width, height, shown: this.options.dimensions });
    });
    this.canvas.dataset.frames = Number(this.canvas.dataset.frames ?? 0) + 1;
  }

  clear() {
    for (const model of this.models) {
      for (const label of model.labels) label.remove();
      model.surface.geometry.dispose();
      model.lit.dispose();
      model.edges.dispose();
      model.lines.geometry.dispose();
      model.lines.material.dispose();
    }
    this.models = [];
  }

  /** Give the context back. */
  close() {
    cancelAnimationFrame(this.waiting);
    this.watcher.disconnect();
    this.controls.dispose();
    this.clear();
    this.renderer.dispose();
    this.renderer.forceContextLoss();
    this.canvas.remove();
  }
}

/** A model in a scene of its own: centred, inside `turned`, which is turned and scaled. */
function build({ positions, colours, indices }) {
  const geometry = new three.BufferGeometry();
  geometry.setAttribute("position", new three.BufferAttribute(positions.array, positions.size));
  geometry.setIndex(new three.BufferAttribute(indices.array, 1));
  if (colours) geometry.setAttribute("color", new three.BufferAttribute(colours.array, colours.size, true));
  geometry.computeBoundingBox();
  const size = geometry.boundingBox.getSize(new three.Vector3());
  const centre = geometry.boundingBox.getCenter(new three.Vector3());
  geometry.translate(-centre.x, -centre.y, -centre.z);
  geometry.computeBoundingSphere();
  const lit = new three.MeshStandardMaterial({
    color: colours ? 0xffffff : 0xb9bdc6,
    vertexColors: Boolean(colours),
    roughness: 0.82,
    metalness: 0,
    flatShading: true,
    side: three.DoubleSide,
  });
  const edges = new three.MeshBasicMaterial({ wireframe: true });
  const surface = new three.Mesh(geometry, lit);
  const lines = boxLines(size);
  const turned = new three.Group();
  turned.add(surface, lines);
  const light = new three.DirectionalLight(0xffffff, 1.75);
  const scene = new three.Scene();
  scene.add(turned, light, light.target, new three.HemisphereLight(0xffffff, 0x8a8f99, 1.1));
  return { scene, turned, surface, lit, edges, lines, light, size, radius: size.length() / 2 || 1 };
}
