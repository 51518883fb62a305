"""What is usual at a place of the season: all rows at once as row by row."""

import numpy as np
import tensorflow as tf

from rnnkit.layers.detection.usual import MOST, usual_after, usual_at, usual_of_rows


def test_all_rows_at_once_are_as_row_by_row():
    random = np.random.default_rng(0)
    season, rows, sensors = 5, 120, 2
    places = (np.cumsum(random.choice([1, 1, 1, 2, 0], rows)) % season).astype(np.int32)
    values = random.normal(size=(rows, sensors)).astype(np.float32)
    known = (random.random((rows, sensors)) > 0.2).astype(np.float32)
    values *= known
    found, counts = usual_of_rows(places, values, known, season)
    table = seen = tf.zeros([1, season, sensors])
    for row in range(rows):
        place = tf.constant(places[row : row + 1])
        usual, count = usual_at(table, seen, place)
        np.testing.assert_allclose(found[row], usual[0], atol=1e-5)
        np.testing.assert_array_equal(counts[row], count[0])
        table, seen = usual_after(
            table, seen, place, tf.constant(values[row : row + 1]), tf.constant(known[row : row + 1])
        )


def test_it_is_the_mean_of_the_first_and_fades_after():
    values = np.arange(20, dtype=np.float32)[:, None]
    found, counts = usual_of_rows(np.zeros(20, int), values, np.ones_like(values), 1)
    assert counts[:, 0].tolist() == [*range(MOST), *[MOST] * (20 - MOST)]
    np.testing.assert_allclose(found[:MOST, 0], [0, *(values[:n].mean() for n in range(1, MOST))])
    expected = values[:MOST].mean()
    for row in range(MOST, 20):
        assert found[row, 0] == np.float32(expected) or abs(found[row, 0] - expected) < 1e-5
        expected += (row - expected) / MOST
