"""A simulated pump station whose sensors fail: demand -> flow, pressure, temperature, vibration, and which fault it is.

What is usual is how the sensors hang together and what the clock says, not a range: the flow follows a demand by hour
and weekday, the pressure falls with the flow below a set point that wanders, the motor warms up hours later with the
air and the load, and the vibration grows with the flow. Most faults stay where the sensor is every day.
"""

import datetime
import itertools
import math

START = datetime.datetime(2023, 3, 6)  # a Monday
STEP = datetime.timedelta(minutes=10)
DAY = 144
HEADER = ["time", "temperature", "pressure", "flow", "vibration", "label"]
# sensor: digits, and about how far off it is from what the others tell, by which faults are measured
SENSORS = {"temperature": (2, 0.12), "pressure": (3, 0.014), "flow": (1, 1.3), "vibration": (3, 0.08)}
# kind of fault: fewest and most rows
LENGTHS = {"spike": (1, 3), "level_shift": (9, 30), "drift": (24, 144), "stuck": (9, 24), "lost_correlation": (18, 48)}
# kind of fault: how far off the reading is, in turn; in drifts at their end
SIZES = {"spike": (8, 11, 16, 36), "level_shift": (8, 10, 15, 32), "drift": (14, 20, 30, 48)}
INSIDE = 20  # faults up to this size stay where the sensor is every day
NOTICEABLE = 7  # how far off the reading is in other faults, at least, root mean square
EDGE = 12  # and at most where they begin and end
TRAIN, EARLY = 0.455, ("level_shift", "stuck", "spike")  # the first part of the rows has these faults only
ROUNDS = 8  # how often each kind comes after that
OUTAGES = (5, 11, 3, 18, 7, 12)  # rows that are not there at all
CELLS, STRETCHES = 0.004, 8  # share of the rows with an empty cell, and how often a sensor gives nothing for a while
WORKDAY = ((7.2, 1.5, 0.66), (12.6, 2.6, 0.30), (19.0, 2.2, 0.52))  # hour, width and height of what is asked for
WEEKEND = ((10.2, 2.3, 0.60), (14.5, 2.8, 0.22), (19.4, 2.4, 0.42))


def sensors(rng, *, rows):
    """Yields rows of texts as in `HEADER`."""
    steps = rows + sum(OUTAGES)
    right = list(itertools.islice(_station(rng), steps))
    shown, labels = [dict(measured) for measured in right], [""] * steps
    train = round(TRAIN * steps)
    _break(rng, right, shown, labels, list(EARLY), 3 * DAY, train - 2 * DAY)
    later = [kind for _ in range(ROUNDS) for kind in rng.sample(list(LENGTHS), len(LENGTHS))]
    _break(rng, right, shown, labels, later, train, steps - 10)
    absent, empty = _absent(rng, labels), _empty(rng, labels)
    for step, (measured, label) in enumerate(zip(shown, labels, strict=True)):
        if step not in absent:
            cells = ["" if (step, name) in empty else _text(name, measured[name]) for name in SENSORS]
            yield [(START + step * STEP).strftime("%Y-%m-%d %H:%M"), *cells, label]


def _text(name, value):
    return f"{value:.{SENSORS[name][0]}f}"


def _station(rng):
    """Yields what the sensors tell without faults, without end."""
    custom, haste, weather, ambient = 0.0, 0.0, 0.0, 8.0
    flow, load, aim, point = 75.0, 75.0, 5.3, 5.3
    for step in itertools.count():
        hour = step % DAY / 6
        custom = 0.996 * custom + rng.gauss(0, 0.005)
        haste = 0.6 * haste + rng.gauss(0, 0.06)
        asked = 150 * _demand(step // DAY % 7, hour) * (1 + custom + haste)
        flow += 0.8 * (asked - flow)
        if rng.random() < 1 / 250:
            aim = rng.uniform(5.05, 5.55)
        point += (aim - point) / 70
        weather = 0.996 * weather + rng.gauss(0, 0.2)
        air = 11 + weather + 4.5 * math.cos(2 * math.pi * (hour - 15) / 24)
        ambient += (air - ambient) / 12
        load += (flow - load) / 14
        yield {
            "temperature": 18 + ambient + 0.05 * load + 0.07 * flow + rng.gauss(0, 0.08),
            "pressure": point - 0.009 * flow - 1.5e-5 * flow**2 + rng.gauss(0, 0.008),
            "flow": flow + rng.gauss(0, 0.9),
            "vibration": 0.3 + 0.024 * flow + 3e-5 * flow**2 + 0.05 * (0.5 + flow / 150) * _shock(rng),
        }


def _demand(weekday, hour):
    bumps = WORKDAY if weekday < 5 else WEEKEND
    # The evening goes on after midnight.
    course = sum(
        height * math.exp(-0.5 * (((hour - middle + 12) % 24 - 12) / width) ** 2) for middle, width, height in bumps
    )
    return (0.4 + course) * (0.92 if weekday == 6 else 1.0)


def _shock(rng):
    """Draws from Student's t with 5 degrees of freedom, of variance 1, but no more than 5 off."""
    square = sum(rng.gauss(0, 1) ** 2 for _ in range(5))
    return min(max(rng.gauss(0, 1) * math.sqrt(3 / square), -5.0), 5.0)


def _break(rng, right, shown, labels, kinds, first, stop):
    """Puts faults of these kinds, in this order, into the steps from `first` to `stop`, about evenly."""
    lengths = [_length(rng, *LENGTHS[kind]) for kind in kinds]
    turns = {kind: _turns(rng, list(SENSORS)) for kind in LENGTHS}
    sizes = {kind: _turns(rng, list(SIZES.get(kind, (0,)))) for kind in LENGTHS}
    for number, (kind, length) in enumerate(zip(kinds, lengths, strict=True)):
        spare = stop - first - sum(lengths[number:])
        name, size = next(turns[kind]), next(sizes[kind])
        # Where hardly anything moves, some faults are none: they are moved to where they are.
        for _ in range(200):
            start = first + min(round(spare / (len(kinds) - number) * rng.uniform(0.5, 1.3)), spare)
            wrong = _wrong(rng, right, name, kind, size, range(start, start + length))
            if size or _shows(wrong, [measured[name] for measured in right[start : start + len(wrong)]], name):
                break
        for step, value in enumerate(wrong, start):
            shown[step][name] = value
        labels[start : start + length] = [kind] * length
        first = start + length


def _shows(wrong, right, name):
    off = [(one - other) / SENSORS[name][1] for one, other in zip(wrong, right, strict=True)]
    return sum(one**2 for one in off) >= NOTICEABLE**2 * len(off) and max(abs(off[0]), abs(off[-1])) <= EDGE


def _length(rng, fewest, most):
    """Draws a length, short ones more often."""
    return round(fewest * (most / fewest) ** rng.random())


def _turns(rng, choices):
    """Yields all choices in any order, again and again."""
    while True:
        yield from rng.sample(choices, len(choices))


def _wrong(rng, right, name, kind, size, steps):
    """Returns what the sensor tells from the first of the steps on.

    All but a spike end one step before the last: the jump back to what is right belongs to the fault.
    """
    there = [right[step][name] for step in (steps if kind == "spike" else steps[:-1])]
    if kind == "stuck":
        return [there[0]] * len(there)
    if kind == "lost_correlation":
        back = DAY + rng.randint(-6, 6)
        return [right[step - back][name] for step in steps[:-1]]
    usual = [measured[name] for measured in right[: DAY * 14]]
    inwards = 1 if sum(there) / len(there) < sum(usual) / len(usual) else -1
    most = size * SENSORS[name][1] * (inwards if size <= INSIDE else -inwards)
    most = abs(most) if min(there) + most < 0 else most
    if kind == "drift":
        return [value + most * (place + 1) / len(there) for place, value in enumerate(there)]
    return [value + most for value in there]


def _absent(rng, labels):
    """Returns the steps of the outages, which are away from faults and from each other."""
    absent = set()
    for count in OUTAGES:
        first = _free(rng, labels, absent, count)
        absent |= set(range(first, first + count))
    return absent


def _free(rng, labels, absent, count):
    while True:
        first = rng.randrange(DAY, len(labels) - DAY)
        around = range(first - 30, first + count + 30)
        if not any(labels[step] or step in absent for step in around):
            return first


def _empty(rng, labels):
    """Returns (step, column) of the cells without a value, none of them in a fault."""
    empty = {(step, rng.choice(list(SENSORS))) for step in range(len(labels)) if rng.random() < CELLS}
    for _ in range(STRETCHES):
        first, name = rng.randrange(len(labels)), rng.choice(list(SENSORS))
        empty |= {(step, name) for step in range(first, min(first + rng.randint(2, 6), len(labels)))}
    return {(step, name) for step, name in empty if not labels[step]}
