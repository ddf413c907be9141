"""read and iread: which record, and what happens to one that cannot be read."""

import bz2
import gzip
import lzma
import warnings

import numpy as np
import pytest

from particlegrid.errors import UnreadableRecordWarning
from particlegrid.io import iread, read

pytest.importorskip("ase")

HELIUM = "1\nhelium\nHe 0 0 0\n"
NEON = "1\nneon\nNe 0 0 1\n"
BROKEN = "1\nbroken\nNe 0 zero 1\n"


@pytest.fixture
def write(tmp_path):
    def write(name, text):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def test_one_record(write):
    structure = read(write("he.xyz", HELIUM))
    assert structure.name == "helium"
    assert structure.symbols == ["He"]
    assert read(str(write("he.xyz", HELIUM))) == structure


def test_several_records_need_an_index(write):
    path = write("three.xyz", HELIUM + NEON + HELIUM)
    with pytest.raises(ValueError, match=r"holds 3 structures: choose one with `index`.*particlegrid\.iread"):
        read(path)
    assert read(path, index=1).name == "neon"
    assert read(path, index=-1).name == "helium"
    assert read(path, index=-2).name == "neon"
    for index in (3, -4):
        with pytest.raises(IndexError, match=f"has no record {index}"):
            read(path, index=index)


def test_read_names_the_broken_record(write):
    path = write("broken.xyz", HELIUM + BROKEN)
    with pytest.raises(ValueError, match=r"broken\.xyz, record 1: .*zero"):
        read(path, index=1)
    assert read(path, index=0).name == "helium"


def test_skip_collects_and_warns_once(write):
    first = write("first.xyz", HELIUM + BROKEN + NEON)
    second = write("second.xyz", BROKEN + NEON)
    errors = []
    with pytest.warns(UnreadableRecordWarning, match=r"2 of 5 records could not be read and were skipped: ") as caught:
        names = [structure.name for structure in iread([first, second], errors=errors)]
    assert names == ["helium", "neon", "neon"]
    assert [(source, record) for source, record, _ in errors] == [(str(first), 1), (str(second), 0)]
    assert all("zero" in message for _, _, message in errors)
    assert len(caught) == 1
    assert f"{first}, record 1: " in str(caught[0].message)


def test_warning_names_the_first_few_only(write):
    with pytest.warns(UnreadableRecordWarning, match=r"9 of 9 .*record 4: [^;]*; \.\.\.$"):
        assert list(iread(write("bad.xyz", BROKEN * 9))) == []


def test_raise_stops_at_the_record(write):
    path = write("broken.xyz", HELIUM + BROKEN + NEON)
    stream = iread(path, on_error="raise")
    assert next(stream).name == "helium"
    with pytest.raises(ValueError, match=r"broken\.xyz, record 1: "):
        next(stream)


def test_nothing_wrong_no_warning(write):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(list(iread(write("two.xyz", HELIUM + NEON)))) == 2


@pytest.mark.parametrize(("suffix", "pack"), [(".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress)])
def test_compressed_and_cut_off(tmp_path, suffix, pack):
    rng = np.random.default_rng(0)
    text = "".join(f"1\n{i}\nHe {rng.random()} {rng.random()} 0\n" for i in range(2000))
    path = tmp_path / f"many.xyz{suffix}"
    path.write_bytes(pack(text.encode()))
    assert len(list(iread(path))) == 2000
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    errors = []
    with pytest.warns(UnreadableRecordWarning, match="damaged from here on"):
        kept = list(iread(path, errors=errors))
    assert len(errors) == 1
    assert errors[0][1] == len(kept)


def test_no_archive_at_all(write):
    with pytest.raises(ValueError, match=r"fake\.xyz\.gz, record 0: the compressed file is damaged"):
        read(write("fake.xyz.gz", HELIUM))


def test_missing_file_is_found_out_first(write, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no file .*absent\.xyz"):
        iread([write("he.xyz", HELIUM), tmp_path / "absent.xyz"])
    with pytest.raises(FileNotFoundError, match=r"there is no file .*absent\.cif"):
        read(tmp_path / "absent.cif")


def test_folder(tmp_path):
    with pytest.raises(ValueError, match="is a folder; give its files"):
        read(tmp_path)


def test_empty_file(write):
    path = write("empty.sdf", "")
    with pytest.raises(ValueError, match=r"empty\.sdf is empty"):
        read(path)
    with pytest.raises(ValueError, match=r"empty\.sdf is empty"):
        list(iread(path))
    with pytest.raises(ValueError, match=r"blank\.xyz holds no structure"):
        read(write("blank.xyz", "\n\n"))


def test_empty_file_among_many_is_one_unreadable_record(write):
    errors = []
    with pytest.warns(UnreadableRecordWarning, match="1 of 2 records"):
        assert len(list(iread([write("empty.xyz", ""), write("he.xyz", HELIUM)], errors=errors))) == 1
    assert errors[0][1:] == (0, "the file holds no structure")


def test_unknown_format(write):
    path = write("atoms.foo", HELIUM)
    with pytest.raises(
        ValueError, match=r"cannot tell the format of .*atoms\.foo; give `format`: known are xyz .*sdf .*cif"
    ):
        read(path)
    with pytest.raises(ValueError, match=r"`format` 'bar' is unknown; known are xyz "):
        read(path, format="bar")
    assert read(path, format="xyz").name == "helium"


def test_unknown_policy(write):
    with pytest.raises(ValueError, match="`on_error` must be one of 'skip', 'raise', got 'ignore'"):
        iread(write("he.xyz", HELIUM), on_error="ignore")


def test_missing_package_is_no_unreadable_record(write, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "ase.io", None)
    with pytest.raises(ImportError, match=r'pip install "particlegrid\[io\]"'):
        list(iread(write("he.xyz", HELIUM)))
