// The server's triangles -> arrays: binary glTF with one primitive, whatever the file's format is
// (`serve/mesh_glb.py`).

const sizes = { SCALAR: 1, VEC2: 2, VEC3: 3, VEC4: 4 };
const arrays = { 5121: Uint8Array, 5123: Uint16Array, 5125: Uint32Array, 5126: Float32Array };

/** {positions, indices, colours or null}: arrays with `size` numbers a row; colours are linear, to be normalised. */
export function readMesh(buffer) {
  const view = new DataView(buffer);
  if (buffer.byteLength < 20 || view.getUint32(0, false) !== 0x676c5446) {
    throw new Error("The server sent something that is no model; reload the page, it may be of another version.");
  }
  const length = view.getUint32(12, true);
  const scene = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 20, length)));
  const binary = 20 + length + 8;
  const read = (number) => {
    if (number === undefined) return null;
    const accessor = scene.accessors[number];
    const start = binary + (scene.bufferViews[accessor.bufferView].byteOffset ?? 0) + (accessor.byteOffset ?? 0);
    const size = sizes[accessor.type];
    return { array: new arrays[accessor.componentType](buffer, start, accessor.count * size), size };
  };
  const { attributes, indices } = scene.meshes[0].primitives[0];
  return { positions: read(attributes.POSITION), indices: read(indices), colours: read(attributes.COLOR_0) };
}
