"""Refusals end to end: each bad input is one line on stderr, exit code 2, and nothing is written."""

import errno
import re
import shutil

import pytest

from rnnkit.cli import main

LINES = "text,label\n" + "".join(f"text {n},{('neg', 'pos')[n % 2]}\n" for n in range(12))
SMALL = ["--units", "3", "--embedding-units", "4", "--epochs", "1", "--ngrams", "0"]


@pytest.fixture
def refused(tmp_path, monkeypatch, capsys):
    """Runs a command that must be refused and returns its one line, sure that nothing was written."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        before = listing(tmp_path)
        capsys.readouterr()
        assert main([str(argument) for argument in arguments]) == 2
        out, error = capsys.readouterr()
        assert out == "" and listing(tmp_path) == before
        line = error.splitlines()[-1]
        assert line.startswith("rnnkit: ") and len(line) < 700
        return line.removeprefix("rnnkit: ")

    return run


@pytest.fixture
def file(tmp_path):
    """Writes a file into the working directory."""

    def write(name, content):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return name

    return write


def listing(folder):
    return {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


@pytest.mark.parametrize(
    ("arguments", "pattern"),
    [
        ([], r"^Say what to do: list, sample, check, run, finetune, evaluate, predict, export, show\."),
        (["prdict"], r"^There is no verb 'prdict'\. Did you mean 'predict'\? Known: list, sample, check, run"),
        (["run"], r"^Say which recipe: rnnkit run RECIPE\. Known: .*sentiment"),
        (["run", "sentimnt"], r"^There is no recipe 'sentimnt'\. Did you mean 'sentiment'\? Known: .*pip install -e"),
        (["sample"], r"^Say which: rnnkit sample RECIPE"),
        (["sample", "sentimnt"], r"^There is no recipe 'sentimnt'\. Did you mean 'sentiment'\?"),
        (["list", "all"], r"^`rnnkit list` takes nothing but --json\. Got 'all'\."),
        (["run", "sentiment", "--unts", "5"], r"^There is no setting --unts\. Did you mean --units\? `--help` lists"),
        (["run", "sentiment", "--batch_sizes=5"], r"^There is no setting --batch_sizes\. Did you mean --batch-size\?"),
        (["run", "sentiment", "--units"], r"^--units needs a value after it\."),
        (["run", "sentiment", "--units", "0"], r"^units must be at least 1\. Got 0\."),
        (["run", "sentiment", "--units", "many"], r"^units must be a whole number\. Got 'many'\."),
        (["run", "sentiment", "--units", "1.5"], r"^units must be a whole number\. Got '1\.5'\."),
        (["run", "sentiment", "--dropout", "1"], r"^dropout must be below 1\.0\. Got 1\.0\."),
        (
            ["run", "sentiment", "--cell", "gruu"],
            r"^cell must be one of 'lstm', 'gru', 'simple', 'mingru', 'minlstm', 'lru'\. Got 'gruu'\. Did you",
        ),
        (["run", "sentiment", "reviews.csv"], r"^'reviews\.csv' is one argument too many\."),
        (["run", "sentiment", "--name", "a/b"], r"^name must be letters, digits, .* Got 'a/b'\."),
        (["run", "sentiment", "--config", "s.yaml"], r"^--config 's\.yaml': there is no such file\. `--print-config`"),
        (["run", "sentiment", "--config"], r"^--config needs a value after it\."),
        (["run", "sentiment", "--encoding", "utf-9"], r"^--encoding must be one that Python knows.* Got 'utf-9'\."),
        (["run", "sentiment", "--columns", "text"], r"^--columns must be name=column pairs .* Got 'text'\."),
        (["run", "sentiment", "--vectors", "v.txt"], r"^There is no file 'v\.txt' of word vectors\."),
        (["evaluate", "nowhere"], r"^Say on which rows: rnnkit evaluate BUNDLE --data FILE\."),
        (["evaluate", "nowhere", "--data", "x.csv"], r"^There is no bundle 'nowhere'\."),
        (["show", "nowhere"], r"^There is no bundle 'nowhere'\. `rnnkit run RECIPE` makes one"),
        (["predict", "nowhere", "x"], r"^There is no bundle 'nowhere'\."),
    ],
)
def test_a_mistyped_command_is_answered_with_what_is_allowed(refused, arguments, pattern):
    assert re.search(pattern, refused(*arguments))


@pytest.mark.parametrize(
    ("content", "pattern"),
    [
        (
            "unts: 5",
            r"^s\.yaml: There is no setting 'unts'\. Did you mean 'units'\? `rnnkit run RECIPE --help` lists all\.$",
        ),
        ("units: 5\nlabel: [1", r"^s\.yaml, line 2: not YAML: "),
        ("- units", r"^s\.yaml: settings are expected, one `setting: value` a line\. Got list\."),
        (b"units: \xff", r"^s\.yaml: not YAML: "),
        ("units: 0", r"^units must be at least 1\. Got 0\."),
        ("units: wide", r"^units must be a whole number\. Got 'wide'\."),
        ("units:", r"^s\.yaml: units has no value\."),
        ("lower: 3", r"^s\.yaml: lower must be true or false\. Got 3\."),
        ("header: no", r"^s\.yaml: header is neither true nor false\. .* put the word in quotes, .* header: 'no'\."),
    ],
)
def test_a_wrong_settings_file_is_named_with_its_fault(refused, file, content, pattern):
    assert re.search(pattern, refused("run", "sentiment", "--config", file("s.yaml", content)))


@pytest.mark.parametrize(
    ("name", "content", "more", "pattern"),
    [
        ("other.csv", LINES, [], r"^There is no file 'r\.csv'\."),
        ("r.csv", "", [], r"^r\.csv is empty\. It must have a header line and rows\."),
        ("r.csv", "text,label\n", [], r"^r\.csv has no rows"),
        ("r.csv", "review,stars\nlong text,1\nmore text,2\n", [],
         r"^r\.csv has no column 'text'\. It has 'review', 'stars'\. .*--columns text=review,label=stars$"),
        ("r.csv", LINES, ["--columns", "label=stras"], r"^r\.csv has no column 'stras'\. It has 'text', 'label'\."),
        ("r.csv", LINES.replace("neg", "pos"), [], r"^r\.csv has one label only: 'pos'\."),
        ("r.csv", LINES + "one,odd\n", [], r"^r\.csv has one row only of label 'odd'\."),
        ("r.csv", LINES + ",pos\nfine,\n", [], r"^r\.csv has 2 rows that can't be used: .*\(line 14\).*\(line 15\).*"
         r"--skip-bad-rows"),
        ("r.csv", LINES.encode() + b"caf\xe9,pos\n", [], r"\(line 14: byte 0xe9\)\. .*--encoding latin-1"),
        ("r.csv", LINES + '"open,pos\n', [], r"^r\.csv, line 14: a quote opened here is never closed\."),
        ("r.csv/notes.md", "x", [], r"^r\.csv is a folder of no known layout\. It has 'notes\.md'\."),
    ],
)  # fmt: skip
def test_data_that_cannot_be_trained_on_are_refused(refused, file, name, content, more, pattern):
    file(name, content)
    line = refused("run", "sentiment", "--data", "r.csv", *more)
    assert re.search(pattern, line), line


def test_a_label_that_train_never_has_is_named_and_counted(refused, file):
    test = file("t.csv", "text,label\na,pos\nb,good\nc,good\n")
    line = refused("run", "sentiment", "--data", file("r.csv", LINES), "--test", test)
    assert re.search(r"^t\.csv has 2 rows of label 'good', which r\.csv never has\. It has 'neg', 'pos'\.", line)


def test_an_out_that_is_a_file_is_refused(refused, file):
    line = refused("run", "sentiment", "--out", file("out", "x"))
    assert re.search(r"^--out 'out' can't be written: .*out: Not a directory\. Name another folder\.", line)


def test_a_full_disk_leaves_nothing_of_the_new_version(file, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def fail(path, *_):
        path.mkdir()
        (path / "saved_model.pb").write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("rnnkit.export.saved_model.write_saved_model", fail)
    file("saved_models/sentiment/1/saved_model.pb", "an earlier one")
    before = listing(tmp_path)
    assert main(["run", "sentiment", "--data", file("r.csv", LINES), *SMALL]) == 2
    new = listing(tmp_path).keys() - before.keys() - {tmp_path / "r.csv"}
    assert new and all(".runs" in path.parts for path in new)
    line = capsys.readouterr().err.splitlines()[-1].removeprefix("rnnkit: ")
    assert line == (
        "The bundle could not be written to saved_models/sentiment: no space is left on the disk. "
        "Nothing was kept of it. Versions 1 there are whole. "
        "Its training is kept; go on with: rnnkit run sentiment --resume"
    )


def test_ctrl_c_while_training_says_what_is_kept(file, tmp_path, monkeypatch, capsys):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("rnnkit.running.fit", interrupt)
    file("r.csv", LINES)
    before = listing(tmp_path)
    assert main(["run", "sentiment", "--data", "r.csv", *SMALL]) == 130
    out, error = capsys.readouterr()
    assert out == "" and listing(tmp_path) == before
    assert error.endswith("rnnkit: interrupted. Nothing was written; earlier versions are whole.\n")


@pytest.mark.parametrize(
    ("arguments", "pattern"),
    [
        ([], r"^Give either values, or --input FILE \(- for standard input\), and not both\."),
        (["x", "--input", "r.csv"], r"^Give either values, or --input FILE"),
        (["--input", "r.csv"], r"^There is no file 'r\.csv'\."),
        (["--input", "."], r"^\. is a folder\. Name a file"),
        (["x", "--signature", "explan"], r"has no signature 'explan'\. It has 'explain', 'serving_default'\."),
        (["x", "--output", "a.pdf"], r"^--output must end in one of \.csv, \.jsonl, .*Got 'a\.pdf'\."),
        (["x", "--output", "b/a.csv"], r"^--output 'b/a\.csv': there is no folder '.*b'\."),
    ],
)
def test_predict_refuses_what_it_cannot_answer(refused, tiny, arguments, pattern):
    line = refused("predict", tiny.path, *arguments)
    assert re.search(pattern, line), line


def test_evaluate_refuses_labels_that_the_bundle_does_not_know(refused, tiny, file):
    table = file("r.csv", "text,label\n" + "a,good\nb,fine\nc,fine\n")
    line = refused("evaluate", tiny.path, "--data", table)
    assert re.search(
        r"^r\.csv has 2 rows with labels that .*tiny/1 does not know: 'fine'\. It knows 'bad', 'good'", line
    )


@pytest.mark.parametrize("verb", ["show", "predict", "evaluate"])
def test_a_folder_that_is_no_bundle_is_refused(refused, file, verb):
    more = {"show": [], "predict": ["x"], "evaluate": ["--data", "r.csv"]}[verb]
    file("folder/notes.md", "x")
    assert re.search(r"^folder is no bundle: it holds neither saved_model\.pb", refused(verb, "folder", *more))


@pytest.mark.parametrize(
    "name", ["saved_model.pb", "variables/variables.data-00000-of-00001", "assets.extra/card.json"]
)
def test_a_damaged_bundle_is_refused(refused, tiny, tmp_path, name):
    copy = shutil.copytree(tiny.path, tmp_path / "copy")
    (copy / name).write_bytes((copy / name).read_bytes()[:90])
    line = refused("predict", "copy", "x")
    assert re.search(
        r"^The bundle copy is damaged: .*\. (Run the recipe again|Copy the bundle again, or pass .*)\.$", line
    )
