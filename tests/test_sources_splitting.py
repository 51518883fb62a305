"""Splitting: a stratified partition by seed in which equal rows never part."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnkit.sources.splitting import LEAST_GROUPS, NONE, TEST, TRAIN, VALID, assign

ROWS = st.lists(st.tuples(st.integers(-1, 4), st.integers(0, 12)), min_size=1, max_size=80)
SHARES = st.dictionaries(st.sampled_from([VALID, TEST]), st.floats(0.05, 0.45))


def assigned(rows, shares, seed=5):
    codes, hashes = np.array(rows).T
    return codes, hashes, assign(codes.astype(np.int32), hashes.astype(np.uint64), shares, seed)


@given(ROWS, SHARES)
def test_splits_are_a_partition_of_the_rows_not_left_out(rows, shares):
    codes, _, parts = assigned(rows, shares)
    assert ((parts == NONE) == (codes < 0)).all()
    assert set(parts.tolist()) <= {TRAIN, NONE, *shares}


@given(ROWS, SHARES)
def test_equal_rows_are_in_one_split(rows, shares):
    codes, hashes, parts = assigned(rows, shares)
    for value in np.unique(hashes[codes >= 0]):
        assert len(set(parts[(hashes == value) & (codes >= 0)].tolist())) == 1


@given(ROWS, SHARES)
def test_every_class_is_in_train(rows, shares):
    codes, _, parts = assigned(rows, shares)
    assert set(codes[codes >= 0].tolist()) == set(codes[parts == TRAIN].tolist())


@given(st.lists(st.integers(0, 3), min_size=1, max_size=80), SHARES)
def test_classes_of_three_or_more_different_rows_are_in_every_split(codes, shares):
    codes, _, parts = assigned([(code, row) for row, code in enumerate(codes)], shares)
    for code in np.unique(codes):
        if (codes == code).sum() >= LEAST_GROUPS:
            assert set(parts[codes == code].tolist()) == {TRAIN, *shares}


@given(st.lists(st.integers(0, 3), min_size=1, max_size=80), SHARES)
def test_each_class_gives_its_share_to_within_a_row(codes, shares):
    codes, _, parts = assigned([(code, row) for row, code in enumerate(codes)], shares)
    for code in np.unique(codes):
        rows = (codes == code).sum()
        for split, share in shares.items():
            assert abs((parts[codes == code] == split).sum() - share * rows) <= 1


@given(ROWS, SHARES, st.integers(0, 9))
def test_the_same_seed_gives_the_same_splits(rows, shares, seed):
    assert (assigned(rows, shares, seed)[2] == assigned(rows, shares, seed)[2]).all()


def test_another_seed_gives_other_splits():
    rows = [(0, row) for row in range(50)]
    assert (assigned(rows, {TEST: 0.5}, 1)[2] != assigned(rows, {TEST: 0.5}, 2)[2]).any()


def test_the_deal_does_not_hang_on_the_values_of_the_hashes():
    rows = [(row % 3, row % 31) for row in range(60)]
    other = [(code, 1000 - value) for code, value in rows]
    assert (assigned(rows, {VALID: 0.2, TEST: 0.2})[2] == assigned(other, {VALID: 0.2, TEST: 0.2})[2]).all()


@pytest.mark.parametrize("seed", range(5))
def test_a_row_repeated_more_often_than_a_split_is_large_stays_in_train(seed):
    rows = [(0, 0)] * 30 + [(0, row) for row in range(1, 71)]
    _, hashes, parts = assigned(rows, {VALID: 0.1, TEST: 0.1}, seed)
    assert set(parts[hashes == 0].tolist()) == {TRAIN}
    assert ((parts == VALID).sum(), (parts == TEST).sum()) == (10, 10)
