"""Pictures of meshes: one camera and shading model, several back-ends that agree."""
