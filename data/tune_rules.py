"""Composes tunes for the fiddle: metre, mode and chords drawn by chance -> motifs that come back -> ABC.

A bar comes back one, two or four bars later, as it was or moved along the scale onto the next chord. What the last few
notes don't tell, the bars before do.
"""

import re
from collections import namedtuple


def rhythms(text):
    """Reads bars, each a digit a note: how many sixteenths, c for 12; below 0 a rest."""
    return [tuple(int(digit, 16) for digit in re.findall("-?.", bar)) for bar in text.split()]


Metre = namedtuple("Metre", "style bar strong beam tempos bars half_closes closes upbeats")
"""What follows from a metre: lengths in sixteenths, then rhythms. A note stands on each strong beat."""
METRES = {
    "4/4": Metre(
        *("reel", 16, (0, 8), 8, range(160, 210, 10)),
        rhythms("22222222 4222222 2222422 422422 442222 2422222 622222 211222222 22421122 313144 242242 62422 222262"),
        *(rhythms("22228 448 42244 4224-4"), rhythms("448 2248 22228 88"), rhythms("4 22")),
    ),
    "3/4": Metre(
        *("waltz", 12, (0,), 4, range(120, 160, 10)),
        rhythms("444 4422 4224 42222 2244 22224 222222 84 624 822 6222 48 462"),
        *(rhythms("c 48 224-4 44-4"), rhythms("c 48 228"), rhythms("4 22")),
    ),
    "6/8": Metre(
        *("jig", 12, (0, 6), 6, range(150, 190, 10)),
        rhythms("222222 42222 22242 4242 2112222 312222 6222 2226 2222112 31242 24222"),
        *(rhythms("2226 4242 424-2 22242"), rhythms("66 2226 426"), rhythms("2")),
    ),
    "2/4": Metre(
        *("polka", 8, (0, 4), 4, range(100, 140, 10)),
        rhythms("2222 422 224 21122 22211 11222 111122 3122 314 211211 22112 112112 3131"),
        *(rhythms("224 44 2112-2 42-2"), rhythms("8 224 44 2114"), rhythms("2 11")),
    ),
}
LAST = 4  # sixteenths of a part's last note, at least

LETTERS = "CDEFGAB"
NATURALS = (0, 2, 4, 5, 7, 9, 11)
SHARPS = {"b": -1, "": 0, "#": 1}
ACCIDENTALS = {-1: "_", 0: "=", 1: "^"}
LOW, HIGH = 26, 41
"""Places on the staff from A below middle C, which is 28, to the B two octaves above."""
SCALES = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
}
MODES = ("major",) * 4 + ("minor",) * 3 + ("dorian",) * 2 + ("mixolydian",) * 2
SUFFIXES = {"major": "", "minor": "m", "dorian": "dor", "mixolydian": "mix"}
KEYS = {
    "major": ("D", "G", "A", "C", "F", "Bb"),
    "minor": ("A", "E", "D", "B", "G", "F#"),
    "dorian": ("A", "E", "D", "G"),
    "mixolydian": ("A", "D", "G", "E"),
}
# Degrees of the scale from 0: a chord -> those that may follow.
CHORDS = {
    "major": {0: (1, 3, 4, 5), 1: (4,), 3: (0, 1, 4), 4: (0, 5), 5: (1, 3)},
    "minor": {0: (2, 3, 5, 6), 2: (3, 5, 6), 3: (0, 4, 6), 4: (0, 5), 5: (2, 3, 6), 6: (0, 2)},
    "dorian": {0: (2, 3, 4, 6), 2: (3, 6), 3: (0, 6), 4: (0, 6), 6: (0, 2, 3)},
    "mixolydian": {0: (1, 3, 4, 6), 1: (3, 4, 6), 3: (0, 6), 4: (0, 6), 6: (0, 1, 3)},
}
BEFORE_LAST = {"major": (4,), "minor": (4, 4, 6), "dorian": (4, 6), "mixolydian": (4, 6)}
DOMINANT = 4
"""Of minor it is a major chord, for which the scale's seventh is raised; of major and minor it may have a seventh."""
PLANS = ("abABabyz", "aAbBaAyz", "abahaAyz", "aabBabyz", "aAahaAyz", "aAbhbByz", "abAhabyz")
"""Bars of a part: a capital is the small letter moved to another chord, h a half close, y and z the close."""
MOVES, OCTAVE = {0: 1, 1: 8, -1: 8, 2: 3, -2: 3, 3: 1, -3: 1, 4: 0.5, -4: 0.5}, 7
"""Steps from a note to the next and how often, and how many to the first note of a bar that comes back, at most."""

NAMES = "Tolvar Brenna Osmund Kilda Marrec Wenlo Fathry Ingold Perrin Sorcha Dunmel Yarrow Odhran Lisbel Corvin Hesper"
OWNED = "Fancy Delight Farewell Return Ramble Whim Complaint Slippers Kettle Goose Lantern Fiddle Garden Bargain"
WHAT = "Kettle Ladder Heron Barley Lantern Ferry Anvil Thimble Otter Bramble Weathercock Turnip Harrow Candle Saddle"
HOW = "Crooked Salted Sleepless Borrowed Painted Reluctant Rusty Late Whistling Second-hand Unlucky Three-legged Polite"
WHERE = "Loft Orchard Fog Meadow Cellar Chimney Churn Harbour Hayloft Puddle"


Bar = namedtuple("Bar", "rhythm steps roots")
"""Lengths (below 0 a rest), the notes' steps of the scale above the tonic, and one chord or one for each half."""
Tune = namedtuple("Tune", "title metre mode tonic tempo upbeats parts")
"""Two parts of 8 bars, and as bars the notes that lead into each."""


def tunes(rng, *, count, variants):
    """Writes a book of tunes, of which some are other versions of others, with their titles but not next to them."""
    book = [tune(rng, title) for title in titles(rng, count - variants)]
    book += [variant(rng, other) for other in rng.sample(book, variants)]
    rng.shuffle(book)
    return "%abc-2.1\n" + "".join(f"\nX:{number}\n{abc(one)}" for number, one in enumerate(book, 1))


def titles(rng, count):
    """Makes so many different titles."""
    names, owned, what, how, where = (words.split() for words in (NAMES, OWNED, WHAT, HOW, WHERE))
    made = {}
    while len(made) < count:
        first, second = rng.sample(what, 2)
        choices = (
            f"{rng.choice(names)}'s {rng.choice(owned)}",
            f"The {rng.choice(how)} {first}",
            f"The {first} in the {rng.choice(where)}",
            f"The {first} and the {second}",
        )
        made[rng.choice(choices)] = None
    return list(made)


def tune(rng, title):
    """Composes a tune."""
    metre, mode = rng.choice(list(METRES)), rng.choice(MODES)
    tonic, tempo = rng.choice(KEYS[mode]), rng.choice(METRES[metre].tempos)
    rhythm = rng.choice(METRES[metre].upbeats) if rng.random() < 0.3 else ()
    writer = Writer(rng, metre, mode, span(tonic), sum(rhythm))
    first = writer.part(0)
    second = writer.rhymed(writer.part(rng.choice(list(CHORDS[mode]))), first)
    upbeats = tuple(writer.upbeat(rhythm, part) for part in (first, second))
    return Tune(title, metre, mode, tonic, tempo, upbeats, (first, second))


def variant(rng, other):
    """Composes another second part to a tune, in another key if its first part can be played there."""
    steps = {step for bar in (*other.parts[0], other.upbeats[0]) for step in bar.steps}
    keys = [key for key in KEYS[other.mode] if key != other.tonic and steps <= set(span(key))]
    tonic, rhythm = rng.choice(keys or [other.tonic]), other.upbeats[0].rhythm
    writer = Writer(rng, other.metre, other.mode, span(tonic), sum(rhythm))
    second = writer.part(rng.choice(list(CHORDS[other.mode])))
    upbeats = (other.upbeats[0], writer.upbeat(rhythm, second))
    return other._replace(tonic=tonic, upbeats=upbeats, parts=(other.parts[0], second))


def span(tonic):
    """Returns the steps above the tonic that a tune may have."""
    return range(LOW - staff(tonic), HIGH - staff(tonic) + 1)


def staff(tonic):
    return 28 + LETTERS.index(tonic[0])


class Writer:
    """Composes parts of one tune, with three rhythms that the tune keeps to."""

    def __init__(self, rng, metre, mode, reach, upbeat):
        self.rng, self.metre, self.mode, self.reach = rng, METRES[metre], mode, reach
        self.rhythms = rng.sample(self.metre.bars, 3)
        self.closes = [rhythm for rhythm in self.metre.closes if rhythm[-1] - upbeat >= LAST]

    def part(self, first):
        """Composes 8 bars from a chord on, until what comes back and what is moved stay within reach."""
        while True:
            plan = self.rng.choice(PLANS)
            roots = self.roots(plan, first)
            if self.follows([root for letter in plan for root in roots[letter]]):
                bars = self.bars(plan, roots)
                line = [step for bar in bars for step in bar.steps]
                leaps = (abs(after - before) for before, after in zip(line, line[1:], strict=False))
                if set(line) <= set(self.reach) and max(leaps) <= OCTAVE:
                    return bars

    def roots(self, plan, first):
        """Draws the chords of a plan's letters, a capital's another one than its small letter's."""
        known, ends = list(CHORDS[self.mode]), BEFORE_LAST[self.mode]
        roots = {letter: (self.rng.choice(known),) for letter in sorted(set(plan.lower()))}
        roots |= {"a": (first,), "h": (self.rng.choice(ends),), "z": (0,)}
        split = len(self.metre.strong) > 1 and self.rng.random() < 0.4
        roots["y"] = (*(roots["y"] if split else ()), self.rng.choice(ends))
        for letter in sorted(set(plan) - set(roots)):
            roots[letter] = (self.rng.choice([root for root in known if root not in roots[letter.lower()]]),)
        return roots

    def follows(self, line):
        """Says whether each chord may follow the one before; one that goes on may always."""
        may = CHORDS[self.mode]
        return all(after == before or after in may[before] for before, after in zip(line, line[1:], strict=False))

    def bars(self, plan, roots):
        made, before = {}, self.rng.choice(range(6))
        for letter in plan:
            if letter not in made:
                made[letter] = moved(made, letter, roots) if letter.isupper() else self.bar(letter, roots, before)
            # A bar moved out of reach is found out later.
            before = min(max(made[letter].steps[-1], self.reach[0]), self.reach[-1])
        return tuple(made[letter] for letter in plan)

    def bar(self, letter, chords, before):
        """Composes a new bar that goes on from a step."""
        choices = {"h": self.metre.half_closes, "y": self.metre.bars, "z": self.closes}.get(letter, self.rhythms)
        rhythm, roots, steps, place = self.rng.choice(choices), chords[letter], [], 0
        for length in rhythm:
            if length > 0:
                root = roots[place * len(roots) // self.metre.bar]
                before = self.step(before, root, chord_only=place in self.metre.strong)
                steps.append(before)
            place += abs(length)
        if letter == "z":
            steps[-1] = min({-7, 0, 7} & set(self.reach), key=lambda tonic: abs(tonic - before))
        return Bar(rhythm, tuple(steps), roots)

    def step(self, before, root, *, chord_only):
        """Draws the next note: a chord's note on a strong beat, and elsewhere more often than others."""
        weights = {}
        for move, weight in MOVES.items():
            of_chord = (before + move - root) % 7 in (0, 2, 4)
            if before + move in self.reach and (of_chord or not chord_only):
                weights[before + move] = weight * (2 if of_chord else 1)
        return self.rng.choices(list(weights), list(weights.values()))[0]

    def rhymed(self, second, first):
        """Gives the second part the close of the first one, perhaps."""
        close = first[-2:]
        fits = self.follows([second[5].roots[-1], close[0].roots[0]])
        return (*second[:6], *close) if fits and self.rng.random() < 0.6 else second

    def upbeat(self, rhythm, part):
        """Composes the notes that lead into a part, from the last to the first."""
        steps = [part[0].steps[0]]
        for _ in rhythm:
            steps.append(self.step(steps[-1], 0, chord_only=False))
        return Bar(rhythm, tuple(steps[:0:-1]), (0,))


def moved(bars, letter, roots):
    """Returns a bar moved along the scale to the chord of its capital, the shorter way."""
    bar, root = bars[letter.lower()], roots[letter][0]
    by = (root - bar.roots[0] + 3) % 7 - 3
    return Bar(bar.rhythm, tuple(step + by for step in bar.steps), (root,))


def abc(one):
    """Writes a tune: its fields, then 4 bars a line."""
    fields = {"T": one.title, "R": METRES[one.metre].style, "M": one.metre, "L": "1/8", "Q": f"1/4={one.tempo}"}
    head = "".join(f"{name}:{text}\n" for name, text in fields.items()) + f"K:{one.tonic}{SUFFIXES[one.mode]}\n"
    bars, text, chord = [bar for part in one.parts for bar in part], "", ""
    if one.upbeats[0].rhythm:
        text += written(one, one.upbeats[0], [""]) + "|"
    for number, bar in enumerate(bars, 1):
        names = [chord_name(one, root, number) for root in bar.roots]
        if number % 8 == 0 and one.upbeats[0].rhythm:
            bar = shortened(bar, one.upbeats[1], last=number == len(bars))
        shown = [name if name != before else "" for name, before in zip(names, [chord, *names], strict=False)]
        chord = names[-1]
        text += written(one, bar, shown) + {8: "||", 16: "|]"}.get(number, "|") + "\n" * (number % 4 == 0)
    return head + text


def shortened(bar, upbeat, *, last):
    """Takes an upbeat's length from a part's last note, and in the middle of the tune puts the next part's there."""
    bar = bar._replace(rhythm=(*bar.rhythm[:-1], bar.rhythm[-1] - sum(upbeat.rhythm)))
    return bar if last else Bar(bar.rhythm + upbeat.rhythm, bar.steps + upbeat.steps, bar.roots)


def signed(one, degree):
    """Returns a degree's letter, as a place among `LETTERS`, and how many semitones the key sharpens it."""
    start = LETTERS.index(one.tonic[0])
    letter = (start + degree) % 7
    pitch = NATURALS[start] + SHARPS[one.tonic[1:]] + SCALES[one.mode][degree % 7]
    return letter, (pitch - NATURALS[letter] + 6) % 12 - 6


def chord_name(one, root, number):
    letter, sign = signed(one, root)
    third = (SCALES[one.mode][(root + 2) % 7] - SCALES[one.mode][root]) % 12
    dominant = root == DOMINANT and one.mode in ("major", "minor")
    quality = "m" if third == 3 and not dominant else "7" if dominant and number % 8 == 7 else ""
    return LETTERS[letter] + {-1: "b", 0: "", 1: "#"}[sign] + quality


def written(one, bar, names):
    """Writes a bar, with the names that aren't empty where their chords begin."""
    text, place, steps, metre = "", 0, iter(bar.steps), METRES[one.metre]
    for length in bar.rhythm:
        text += " " if place and place % metre.beam == 0 else ""
        chord, begins = divmod(place * len(names), metre.bar)
        text += f'"{names[chord]}"' if not begins and names[chord] else ""
        text += (note(one, next(steps), bar.roots[chord], bar) if length > 0 else "z") + size(abs(length))
        place += abs(length)
    return text


def note(one, step, root, bar):
    """Writes a pitch; where a bar raises the seventh, each has its sign, as readers differ on other octaves."""
    letter, sign = signed(one, step)
    seventh = one.mode == "minor" and step % 7 == 6 and DOMINANT in bar.roots
    mark = ACCIDENTALS[sign + (root == DOMINANT)] if seventh else ""
    octave = (staff(one.tonic) + step) // 7 - 4
    name = LETTERS[letter].lower() if octave > 0 else LETTERS[letter]
    return mark + name + ("'" * (octave - 1) if octave > 0 else "," * -octave)


def size(sixteenths):
    """Writes a length in eighths, as ABC does."""
    number, part = (sixteenths, "/2") if sixteenths % 2 else (sixteenths // 2, "")
    return (str(number) if number > 1 else "") + part
