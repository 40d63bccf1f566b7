import pytest
from hypothesis import given
from hypothesis import strategies as st

from extract.video.nal import BitReader, nal_units, strip_emulation

UNITS = st.lists(st.binary(min_size=1).filter(lambda unit: b"\x00" not in unit), max_size=5)


@given(UNITS, st.sampled_from([1, 2, 4]))
def test_units_with_lengths_are_found(units: list[bytes], size: int) -> None:
    units = [unit[:255] for unit in units]
    packet = b"".join(len(unit).to_bytes(size, "big") + unit for unit in units)
    assert [packet[start:end] for start, end in nal_units(packet, size)] == units


@given(UNITS)
def test_units_with_start_codes_are_found(units: list[bytes]) -> None:
    packet = b"".join(b"\x00\x00\x01" + unit for unit in units)
    assert [packet[start:end] for start, end in nal_units(packet, 0)] == units


def test_a_length_beyond_the_packet_is_refused() -> None:
    with pytest.raises(ValueError, match="longer than its packet"):
        list(nal_units(b"\x00\x00\x00\x09abc", 4))


@given(st.lists(st.integers(0, 70_000)))
def test_exp_golomb_numbers_are_read_back(numbers: list[int]) -> None:
    bits = "".join(f"{number + 1:b}".rjust(2 * (number + 1).bit_length() - 1, "0") for number in numbers)
    padded = bits.ljust(-(-len(bits) // 8) * 8, "0")
    reader = BitReader(int(padded or "0", 2).to_bytes(len(padded) // 8, "big"))
    assert [reader.exp_golomb() for _ in numbers] == numbers


def test_signed_exp_golomb_numbers_alternate_in_sign() -> None:
    reader = BitReader(bytes([0b1_010_011_0, 0b0100_0010, 0b1_0000000]))
    assert [reader.signed_exp_golomb() for _ in range(5)] == [0, 1, -1, 2, -2]


def test_endless_zeros_are_no_number() -> None:
    with pytest.raises(ValueError, match="no Exp-Golomb number"):
        BitReader(b"\x00\x00").exp_golomb()


def test_emulation_prevention_is_taken_out() -> None:
    assert strip_emulation(b"\x01\x00\x00\x03\x01\x00\x00\x03\x00") == b"\x01\x00\x00\x01\x00\x00\x00"
