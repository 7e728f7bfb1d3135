from __future__ import annotations

import gzip
import struct
import tracemalloc

import numpy as np
import pytest

from dezero.datasets import read_idx

CODES = {"u1": 0x08, "i1": 0x09, ">i2": 0x0B, ">i4": 0x0C, ">f4": 0x0D, ">f8": 0x0E}


def idx(x, code=None):
    header = struct.pack(
        f">BBBB{x.ndim}I", 0, 0, CODES[x.dtype.str.lstrip("|")] if code is None else code, x.ndim, *x.shape
    )
    return header + x.tobytes()


def write(path, content, zipped):
    path.write_bytes(gzip.compress(content) if zipped else content)
    return path


IMAGES = np.arange(2 * 3 * 4, dtype="u1").reshape(2, 3, 4)
either = pytest.mark.parametrize("zipped", [False, True], ids=["plain", "gzip"])


@either
@pytest.mark.parametrize("dtype", CODES)
@pytest.mark.parametrize("shape", [(), (5,), (2, 3), (2, 0, 3), (2, 3, 4, 2)])
def test_every_dtype_and_shape_is_read(dtype, shape, zipped, tmp_path):
    x = np.random.default_rng(0).integers(0, 100, shape).astype(dtype)
    y = read_idx(write(tmp_path / "x", idx(x), zipped))
    assert y.dtype == x.dtype.newbyteorder("=") and y.dtype.isnative and y.shape == shape
    np.testing.assert_array_equal(y, x)
    y[...] = 0  # it belongs to the caller


BAD = {
    "wrong magic": (b"\x01" + idx(IMAGES)[1:], r"is no IDX file: it starts with 01 00 08 03, not with 00 00"),
    "a picture": (b"\x89PNG" + bytes(100), r"is no IDX file: it starts with 89 50 4e 47"),
    "nothing": (b"", r"is no IDX file: it starts with nothing"),
    "unknown dtype": (idx(IMAGES, code=0x0A), r"has the dtype code 0x0a, but IDX knows 0x08, 0x09, 0x0b"),
    "another dtype": (idx(IMAGES.astype(">f4")), r"holds float32, but uint8 is wanted"),
    "other axes": (idx(IMAGES[0]), r"has 2 axes, but 3 are wanted"),
    "truncated header": (idx(IMAGES)[:10], r"ends in its header, after 10 of 16 bytes"),
    "truncated": (idx(IMAGES)[:-4], r"ends after 36 of 40 bytes"),
    "no content": (idx(IMAGES)[:16], r"ends after 16 of 40 bytes"),
    "trailing bytes": (idx(IMAGES) + b"\0", r"goes on after the 40 bytes that its header declares"),
}


@either
@pytest.mark.parametrize(("content", "text"), BAD.values(), ids=BAD.keys())
def test_a_bad_file_says_where_it_is_what_was_found_and_what_is_wanted(content, text, zipped, tmp_path):
    path = write(tmp_path / "x-idx3-ubyte", content, zipped)
    with pytest.raises(ValueError, match=f"^MNIST: x-idx3-ubyte {text}") as caught:
        read_idx(path, np.uint8, 3, who="MNIST")
    assert str(caught.value).endswith(f"({tmp_path}). Delete it and try again.")


@pytest.mark.parametrize("left_out", [1, 5, 8])
def test_a_gzip_file_without_its_end_is_an_error_even_if_the_numbers_are_all_there(left_out, tmp_path):
    path = tmp_path / "x.gz"
    path.write_bytes(gzip.compress(idx(IMAGES))[:-left_out])
    with pytest.raises(ValueError, match="breaks off in its gzip data"):
        read_idx(path)


def test_a_gzip_file_cut_in_the_middle_says_how_much_there_is(tmp_path):
    content = idx(np.random.default_rng(0).integers(0, 256, 100_000, dtype=np.uint8))
    (tmp_path / "x.gz").write_bytes(gzip.compress(content)[:50_000])
    with pytest.raises(ValueError, match=r"x.gz ends after \d+ of 100008 bytes"):
        read_idx(tmp_path / "x.gz")


@either
def test_a_header_that_lies_about_the_size_costs_no_memory(zipped, tmp_path):
    header = struct.pack(">BBBB3I", 0, 0, 0x08, 3, 2**31 - 1, 1, 1)
    path = write(tmp_path / "x", header + bytes(100), zipped)
    tracemalloc.start()
    with pytest.raises(ValueError, match="ends after 116 of 2147483663 bytes"):
        read_idx(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000


def test_more_content_than_allowed_is_not_unpacked(tmp_path):
    path = write(tmp_path / "x", idx(np.zeros(1000, np.uint8)), zipped=True)
    assert len(read_idx(path, max_bytes=1000)) == 1000
    with pytest.raises(ValueError, match=r"declares shape \(1000,\), 1000 bytes, but at most 999 are read"):
        read_idx(path, max_bytes=999)
    (tmp_path / "y").write_bytes(struct.pack(">BBBB255I", 0, 0, 0x0E, 255, *[2**32 - 1] * 255))
    with pytest.raises(ValueError, match="but at most 2147483648 are read"):
        read_idx(tmp_path / "y")


def test_a_file_that_is_not_there_is_the_usual_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_idx(tmp_path / "x")
