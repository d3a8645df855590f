"""The Triton kernels become machine code for NVIDIA GPUs, here and without one.

The interpreter accepts more than the compiler does (names from the module, loop variables that change their
shape), and rounds a * b + c twice whatever the options say.
"""

import os
import re

import pytest

compiler = pytest.importorskip("triton.compiler", reason="triton is not installed here")
pytestmark = pytest.mark.skipif(
    os.environ.get("TRITON_INTERPRET") == "1", reason="nothing is compiled in the process of the interpreter"
)

FLOATS, INTEGERS, ROWS = "*fp32", "*i64", "i32"
FARTHEST = {
    "planes": FLOATS,
    "distances": FLOATS,
    "start": INTEGERS,
    "chosen": INTEGERS,
    "rows": ROWS,
    "count": ROWS,
}
NEAREST_ONE = {
    "first": FLOATS, "planes": FLOATS, "distances": FLOATS, "indices": INTEGERS,
    "queries": ROWS, "rows": ROWS, "blocks": ROWS,
}  # fmt: skip
BALL = {
    "query": FLOATS, "planes": FLOATS, "chosen": INTEGERS, "queries": ROWS, "rows": ROWS, "count": ROWS,
    "bound": "fp32", "blocks": ROWS,
}  # fmt: skip
NEAREST = {
    "query": FLOATS, "planes": FLOATS, "chosen": INTEGERS, "queries": ROWS, "rows": ROWS, "neighbours": ROWS,
    "blocks": ROWS, "first": ROWS, "keys": INTEGERS, "lists": "*i32",
}  # fmt: skip
EXACT = {
    "sampler": ("fps", "_resident", FARTHEST, {"reload": False, "block": 2048}, 4),
    "sampler that reads again": ("fps", "_resident", FARTHEST, {"reload": True, "block": 2048}, 4),
    "sampler of large clouds": ("fps", "_tiled", FARTHEST, {"block": 1024}, 4),
    "nearest point": ("nearest", "_nearest_one", NEAREST_ONE, {"block": 256, "span": 8}, 4),
    "ball": ("ball", "_ball", BALL, {"block": 4, "tile": 128, "places": 32}, 1),
}
BLOCK, SLOTS, WARPS = 4, 512, 1
NEIGHBOURS = {"block": BLOCK, "slots": SLOTS, "places": 32, "with_lists": True}


@pytest.fixture
def assembly(tmp_path, monkeypatch):
    """Compiles a kernel in an empty cache and returns its PTX; ptxas has accepted it by then."""
    from triton.backends.compiler import GPUTarget

    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))

    def build(module, name, types, constants, warps, *, ones=(), options=None, capability=90):
        from anaglyph.ops.triton_kernels.tiles import OPTIONS

        kernel = getattr(__import__(f"anaglyph.ops.triton_kernels.{module}", fromlist=[name]), name)
        constants = {**constants, **dict.fromkeys(ones, 1)}
        signature = {p: "constexpr" if p in constants else types[p] for p in kernel.arg_names}
        aligned = {
            (place,): [["tt.divisibility", 16]]
            for place, p in enumerate(kernel.arg_names)
            if signature[p].startswith("*") or (p == "rows" and p not in ones)
        }
        source = compiler.ASTSource(fn=kernel, signature=signature, constexprs=constants, attrs=aligned)
        target = GPUTarget("cuda", capability, 32)
        built = compiler.compile(
            source, target=target, options={"num_warps": warps, **(OPTIONS if options is None else options)}
        )
        assert len(built.asm["cubin"]) > 1000
        return built.asm["ptx"]

    return build


def fused(ptx):
    return len(re.findall(r"\bfma\.\w+\.f32\b", ptx))


@pytest.mark.parametrize("what", EXACT)
def test_distances_are_compiled_without_fused_operations(assembly, what):
    assert fused(assembly(*EXACT[what])) == 0


def test_with_the_option_that_forbids_it_lifted_they_would_be_fused(assembly):
    assert fused(assembly(*EXACT["nearest point"], options={"enable_fp_fusion": True})) > 0


def test_the_neighbour_search_fuses_in_its_bound_alone(assembly):
    ptx = assembly("knn", "_nearest", NEAREST, NEIGHBOURS, WARPS)
    assert fused(ptx) == 2 * BLOCK * SLOTS // (32 * WARPS)  # two for each pair that a thread holds


def test_sizes_of_one_compile_where_triton_makes_them_constants(assembly):
    """Triton treats an argument of 1 as a constant, which has no methods of a tensor."""
    assert fused(assembly(*EXACT["sampler"], ones=("rows", "count"))) == 0
    assert fused(assembly(*EXACT["ball"], ones=("queries", "count", "blocks"))) == 0
    assert fused(assembly(*EXACT["nearest point"], ones=("queries", "blocks"))) == 0
    slow = {**NEIGHBOURS, "with_lists": False}
    assert (
        fused(assembly("knn", "_nearest", NEAREST, slow, WARPS, ones=("queries", "neighbours", "blocks")))
        == 0
    )


@pytest.mark.parametrize("capability", [75, 80, 120])
def test_the_sampler_compiles_for_older_and_newer_gpus(assembly, capability):
    assert fused(assembly(*EXACT["sampler"], capability=capability)) == 0
