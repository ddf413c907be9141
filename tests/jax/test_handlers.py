"""The handlers that XLA gets: which versions of its interface they take, and what is said about others."""

from __future__ import annotations

import ctypes
from ctypes import POINTER, Structure, c_int, c_int64, c_size_t, c_uint32, c_void_p, pointer, sizeof

import numpy as np
import pytest

jax = pytest.importorskip("jax")

from particlegrid import _native  # noqa: E402
from particlegrid.jax import lowering  # noqa: E402


class Extension(Structure):
    _fields_ = (("size", c_size_t), ("kind", c_int), ("next", c_void_p))


class Version(Structure):
    _fields_ = (("size", c_size_t), ("extensions", c_void_p), ("major", c_int), ("minor", c_int))


class Metadata(Structure):
    _fields_ = (("size", c_size_t), ("version", Version), ("traits", c_uint32), ("state", c_int64))


class Request(Structure):
    _fields_ = (("base", Extension), ("metadata", POINTER(Metadata)))


class Api(Structure):
    _fields_ = (
        ("size", c_size_t),
        ("extensions", c_void_p),
        ("version", Version),
        ("internals", c_void_p),
        ("functions", c_void_p * 18),
    )


class Part(Structure):
    """Operands or results."""

    _fields_ = (
        ("size", c_size_t),
        ("extensions", c_void_p),
        ("count", c_int64),
        ("kinds", c_void_p),
        ("all", c_void_p),
    )


class Attributes(Structure):
    _fields_ = (*Part._fields_[:4], ("names", c_void_p), ("all", c_void_p))


class Frame(Structure):
    _fields_ = (
        ("size", c_size_t),
        ("extensions", POINTER(Request)),
        ("api", POINTER(Api)),
        ("context", c_void_p),
        ("stage", c_int),
        ("operands", Part),
        ("results", Part),
        ("attributes", Attributes),
        ("future", c_void_p),
    )


def ask_version(says_version=True, **changed):
    """Major and minor version that a handler tells a runtime of version 0.7, whose structs may have other sizes."""
    metadata = Metadata(sizeof(Metadata), Version(sizeof(Version), None, 5, 5), 5, 0)
    request = Request(Extension(sizeof(Request), 1, None), pointer(metadata))
    api = Api(sizeof(Api), None, Version(sizeof(Version), None, 0, 7), None)
    frame = Frame(sizeof(Frame) - 8, pointer(request), pointer(api) if says_version else None)
    frame.operands.size, frame.results.size, frame.attributes.size = sizeof(Part), sizeof(Part), sizeof(Attributes)
    structs = {"frame": frame, "operands": frame.operands, "attributes": frame.attributes, "api": api}
    for name, by in changed.items():
        if name == "major":
            api.version.major = by
        else:
            structs[name].size += by
    capsule = _native.list_jax_handlers(lowering.serve)["particlegrid_draw"]
    get = ctypes.pythonapi.PyCapsule_GetPointer
    get.restype, get.argtypes = c_void_p, (ctypes.py_object, ctypes.c_char_p)
    handler = ctypes.CFUNCTYPE(c_void_p, POINTER(Frame))(get(capsule, None))
    assert handler(pointer(frame)) is None
    assert metadata.traits == 0
    return metadata.version.major, metadata.version.minor


def test_versions_whose_structs_are_known_are_taken():
    assert ask_version() == (0, 7)
    assert ask_version(frame=16, api=8) == (0, 7)  # what is added at the end changes nothing
    assert ask_version(says_version=False) == (0, 1)


@pytest.mark.parametrize("changed", [{"frame": -8}, {"operands": 8}, {"attributes": 8}, {"api": -160}, {"major": 1}])
def test_other_versions_are_told_one_that_they_refuse(changed):
    assert ask_version(**changed) == (0, 0)


def test_a_refusal_says_which_jax_to_install(monkeypatch):
    def refuse(*arguments, **options):
        raise ValueError("the handler's API version (0.0) is incompatible")

    monkeypatch.setattr(jax.ffi, "register_ffi_target", refuse)
    with pytest.raises(ImportError, match=r"API version \(0.0\) is incompatible; pip install -U .*jax==0.10.2"):
        lowering.register()


def test_calls_with_arrays_of_other_shapes_are_refused():
    """The handlers check what they get, whoever calls them."""

    def call(name, *operands, **attributes):
        result = jax.ShapeDtypeStruct((1, 1, 2, 2, 2), np.float32)
        return jax.block_until_ready(jax.ffi.ffi_call(name, result)(*operands, **attributes))

    floats = [np.zeros(shape, np.float32) for shape in ((2, 3), 2, 2, (1, 3, 3), (1, 3), (1, 3, 3))]
    indices = [np.zeros(2, np.int32), np.zeros(2, np.int32), np.array([0, 2], np.int32), np.zeros((1, 3), bool)]
    common = {"density": "gaussian", "value": "integral", "threads": np.int64(1), "wanted": np.int64(0)}
    numbers = {name: np.float64(5) for name in ("cut", "sheared_cut", "tol")}
    whole = [*floats, *indices]
    for i, other in ((0, np.zeros((2, 2), np.float32)), (2, np.zeros(3, np.float32)), (8, np.zeros(3, np.int32))):
        operands = [*whole[:i], other, *whole[i + 1 :]]
        with pytest.raises(Exception, match="has another shape than it must have"):
            call("particlegrid_draw", *operands, **common, **numbers)
    with pytest.raises(Exception, match="operand 9 is missing"):
        call("particlegrid_draw", *whole[:9], **common, **numbers)
    with pytest.raises(Exception, match="atoms must be int32"):
        call("particlegrid_draw", *whole[:6], np.zeros(2, np.float32), *whole[7:], **common, **numbers)
    with pytest.raises(Exception, match="attribute tol is missing"):
        call("particlegrid_draw", *whole, **common, cut=np.float64(5), sheared_cut=np.float64(5))
    with pytest.raises(Exception, match="no native kernel for cube"):
        call("particlegrid_draw", *whole, **(common | {"density": "cube"}), **numbers)
    with pytest.raises(Exception, match="spacing must lie between"):
        call("particlegrid_draw", *whole, **common, **numbers)
