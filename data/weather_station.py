"""A simulated weather station: season, day, passing fronts and a flawed logger -> one row an hour.

What makes it more than a daily cycle is the fronts. Each announces itself for half a day by falling pressure, and what
follows depends on where the wind comes from meanwhile: after a southerly wind the air turns colder, after an easterly
one warmer, after a westerly one it only rains. So neither pressure nor wind alone tells what will happen.
"""

import datetime
import math

START = datetime.datetime(2022, 2, 1)
HEADER = ["time", "temperature", "pressure", "humidity", "wind_speed", "wind_direction", "rain"]
SECTORS = ["N", "NE", "E", "SE", "S", "SW", "W", "NW"]
# kind: how often, degrees per hectopascal of fall, wind before and after in degrees, hours of rain
FRONTS = {
    "cold": (0.42, -0.62, 175, 320, 5),
    "warm": (0.33, 0.62, 85, 215, 8),
    "trough": (0.25, 0.0, 265, 300, 4),
}
OUTAGES = ((1870, 31), (5210, 9), (8150, 14))  # rows that are not there at all: first hour and how many
GAPS = 14  # stretches of hours in which one sensor gives nothing
MOVED, MOVED_BY = 5900, 1.3  # from this hour on the thermometer hangs on the roof
SPIKES = 22


def weather(rng, *, hours):
    """Yields rows of texts as in `HEADER`."""
    air = list(_air(rng, hours))
    _break(rng, air)
    missing = _missing(rng, hours)
    absent = {first + hour for first, count in OUTAGES for hour in range(count)}
    for hour, measured in enumerate(air):
        if hour in absent:
            continue
        stamp = START + datetime.timedelta(hours=hour)
        cells = ["NA" if (hour, name) in missing else _text(name, measured[name]) for name in HEADER[1:]]
        yield [stamp.strftime("%Y-%m-%d %H:%M"), *cells]


def _text(name, value):
    return value if name == "wind_direction" else f"{value + 0.0:.1f}"


def _air(rng, hours):
    """Yields what the sensors would tell without faults."""
    anomaly, noise, dew, cloud, gust, basis, shown = 0.0, 0.0, 0.0, 0.4, 0.0, 0.0, 0.0
    heading, wandering = 200.0, 200.0
    front, passage, due, shift = None, 0, 30, 0.0
    for hour in range(hours):
        if front is None and hour >= due:
            front = _front(rng)
            passage = hour + front["lead"]
        pressing = front is not None and hour < passage
        if front is not None and hour == passage:
            shift = front["change"]
        if front is not None and hour >= passage + front["after"]:
            front, due = None, hour + rng.randint(6, 44)
        # The air mass changes within a few hours and is forgotten within two days.
        step = shift * 0.4
        shift -= step
        anomaly = anomaly * 0.982 + step
        noise = 0.9 * noise + rng.gauss(0, 0.28)
        basis = 0.995 * basis + rng.gauss(0, 0.3)
        fall = _fall(front, hour, passage)
        shown = 0.6 * shown + 0.4 * fall
        raining = front is not None and passage - front["rain"] // 2 <= hour < passage + (front["rain"] + 1) // 2
        cloud += 0.2 * ((0.95 if raining else 0.65 if pressing else 0.3) - cloud) + rng.gauss(0, 0.05)
        cloud = min(max(cloud, 0.0), 1.0)
        if rng.random() < 0.05:
            wandering = rng.uniform(0, 360)
        aim = wandering if front is None else front["winds"][0 if pressing else 1]
        heading = (heading + 0.35 * ((aim - heading + 180) % 360 - 180) + rng.gauss(0, 14)) % 360
        gust = 0.8 * gust + rng.gauss(0, 0.5)
        speed = max(0.0, 3.0 + 0.22 * abs(fall) + gust + (3.0 if raining else 0.0))
        rain = max(0.0, rng.gauss(1.6, 1.2)) if raining else 0.0
        temperature = _season(hour) + _day(hour, cloud) + anomaly + noise - (0.5 if rain else 0.0)
        dew = 0.97 * dew + (0.25 if rain else -0.05) + rng.gauss(0, 0.2)
        spread = temperature - (_season(hour) - 4.0 + 0.75 * anomaly + dew)
        yield {
            "temperature": temperature + rng.gauss(0, 0.1),
            "pressure": 1015.0 + basis - shown + rng.gauss(0, 0.15),
            "humidity": min(100.0, max(15.0, 100.0 * math.exp(-0.065 * max(spread, 0.0)) + rng.gauss(0, 1.0))),
            "wind_speed": speed,
            "wind_direction": SECTORS[round(heading / 45) % 8],
            "rain": rain,
        }


def _front(rng):
    kind = rng.choices(list(FRONTS), [often for often, *_ in FRONTS.values()])[0]
    _, per_fall, before, after, rain = FRONTS[kind]
    fall = rng.uniform(7, 19)
    return {
        "lead": rng.randint(13, 18),
        "after": rng.randint(12, 24),
        "fall": fall,
        "change": per_fall * fall,
        "winds": (before, after),
        "rain": rng.randint(rain - 1, rain + 2),
    }


def _fall(front, hour, passage):
    """Returns by how many hectopascals the front has pressed the air down."""
    if front is None:
        return 0.0
    share = 1 - (passage - hour) / front["lead"] if hour < passage else 1 - (hour - passage) / front["after"]
    # Most of the fall comes early, so that it is seen well before the front is there.
    return front["fall"] * (math.sin(math.pi / 2 * share) if hour < passage else share**2)


def _season(hour):
    return 9.5 + 9.0 * math.cos(2 * math.pi * (hour / 24 + 31 - 205) / 365.25)


def _day(hour, cloud):
    sun = 0.5 + 0.5 * math.cos(2 * math.pi * (hour / 24 + 31 - 172) / 365.25)
    clock = 2 * math.pi * (hour % 24 - 14.5) / 24
    return (1.5 + 3.5 * sun) * (1 - 0.75 * cloud) * (math.cos(clock) + 0.2 * math.cos(2 * clock))


def _break(rng, air):
    """Adds what goes wrong at the station: a sensor that was moved, one that hung, and spikes."""
    for measured in air[MOVED:]:
        measured["temperature"] += MOVED_BY
    stuck = rng.randrange(2500, 4500)
    for measured in air[stuck : stuck + 18]:
        measured["humidity"] = air[stuck]["humidity"]
    for _ in range(SPIKES):
        name, size = rng.choice((("temperature", 14), ("temperature", -11), ("pressure", -25), ("humidity", -30)))
        measured = air[rng.randrange(len(air))]
        measured[name] = max(measured[name] + size * rng.uniform(0.7, 1.2), -35.0)
        if name == "humidity":
            measured[name] = max(measured[name], 3.0)


def _missing(rng, hours):
    """Returns (hour, column) of the cells without a value."""
    missing = set()
    for _ in range(GAPS):
        first, name = rng.randrange(hours), rng.choice(HEADER[1:])
        missing |= {(hour, name) for hour in range(first, first + rng.randint(2, 20))}
    for hour in range(hours):
        if rng.random() < 0.012:
            missing.add((hour, rng.choice(HEADER[1:])))
    return missing
