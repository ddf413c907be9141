"""Compile every launch of the Triton kernels for an H100, without one: python compile_kernels.py, prints JSON.

The interpreter takes code that the compiler refuses. Launches are recorded with the types that they would have; nothing
runs, so what the kernels would have told the host is put in their place.
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
import triton
from gaussian_sums import make_scene
from triton.backends.compiler import GPUTarget
from triton.runtime.jit import JITFunction

import particlegrid.torch.triton as kernels
from particlegrid.densities import Gaussian
from particlegrid.torch.triton import gaussian

TYPES = {torch.float32: "fp32", torch.float64: "fp64", torch.int32: "i32", torch.int64: "i64", torch.uint8: "u8"}
compiled = {}


def name_type(value):
    if isinstance(value, torch.Tensor):
        return "*" + TYPES[value.dtype]
    return "fp32" if isinstance(value, float) else "i32"


def compile_launch(self, *args, grid, warmup, **kwargs):
    values = dict(zip(self.arg_names, args)) | {name: value for name, value in kwargs.items() if name in self.arg_names}
    options = {name: value for name, value in kwargs.items() if name not in self.arg_names}
    constants = {p.name for p in self.params if p.is_constexpr} | {n for n, value in values.items() if value is None}
    signature = {name: "constexpr" if name in constants else name_type(values[name]) for name in self.arg_names}
    key = f"{self.fn.__module__.rpartition('.')[2]}.{self.fn.__name__} " + " ".join(
        str(values[name]) if name in constants else kind for name, kind in signature.items()
    )
    if key not in compiled:
        source = triton.compiler.ASTSource(
            fn=self, signature=signature, constexprs={name: values[name] for name in constants}
        )
        compiled[key] = triton.compile(source, target=GPUTarget("cuda", 90, 32), options=options)


def list_resources(kernel):
    """Registers of a thread and bytes that did not fit into them."""
    tool = Path(triton.__file__).parent / "backends" / "nvidia" / "bin" / "cuobjdump"
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(kernel.asm["cubin"])
        file.flush()
        said = subprocess.run([tool, "--dump-resource-usage", file.name], capture_output=True, text=True, check=True)
    return {name: int(re.search(rf"\b{name}:(\d+)", said.stdout)[1]) for name in ("REG", "STACK", "SHARED")}


def main():
    JITFunction.run = compile_launch
    for oblique in (0, 1):
        for repeats in (False, True):
            scene = make_scene(0, periodic=(repeats,) * 3, sheared=0.3 * oblique)
            gaussian.survey = lambda scene, flags=oblique + 2 * repeats: [flags] * len(scene.axes)
            for what in (Gaussian(), Gaussian(value="mean"), Gaussian(value="point")):
                for dtype in (torch.float32, torch.float64):
                    kernels.draw(what, scene, (6, 7, 9), 2, dtype, 1e-6)
                    kernels.pull_back(what, scene, torch.zeros((2, 2, 6, 7, 9), dtype=dtype), 1e-6)
    from particlegrid.torch.triton.survey import survey

    survey(scene)
    json.dump({name: list_resources(kernel) for name, kernel in compiled.items()}, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
