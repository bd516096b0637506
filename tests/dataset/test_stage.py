"""The dataset stage: no test question is trained on, every row says where it comes from, the bytes are the same."""

import collections
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from imprint import base, dataset
from imprint.config import Settings
from imprint.dataset import Example, read_examples, writing
from imprint.errors import DatasetError, DocumentError, SettingsError
from imprint.runs import Event, Run

Write = Callable[..., Path]
Prepare = Callable[..., Run]
SPLITS = ("train", "validation", "test", "control")
ROOT = Path(__file__).parents[2]

TURKISH = """# İzin yönergesi

Bu yönerge, çalışanların yıllık izinlerini nasıl kullanacağını ve ısıtma ile ışıkların kim tarafından kapatılacağını
açıklar. İstanbul, Iğdır ve Şırnak şubelerinde de aynı kurallar geçerlidir.

## Yıllık izin

Her çalışan yılda **yirmi gün** izin alır. Doğum günü ayrıca tatildir; ağabeyler ve öğrenciler için ek süre vardır.

| Şube | İl | Isı |
|---|---|---|
| Merkez | İstanbul | 22,5 °C |
| Doğu | Iğdır | 19 °C |

## İzin isteme

1. Dilekçeyi yaz ve imzala.
2. Yöneticine en az bir hafta önce ver.

## Işıkları kim kapatır?

Işıkları son çıkan kişi kapatır.

- **İzin**: çalışanın işe gelmediği ücretli süre
- **ağ**: bilgisayarların bağlandığı yer
"""

TRICKY = """---
title: Tricky
---

Intro with a form feed\x0c here.

## Steps { #s }

1. Do `this`:

   ```sh
   # not a heading
   ```

2. Then that.

Term
: A meaning
  on two lines.

| A | B \\| C |
|---|---|
| `x` | [y](z) * 2 |

> Quoted
> text.

    # indented
"""


@pytest.fixture
def prepare(settings: Callable[..., Settings], new_run: Callable[..., Run]) -> Prepare:
    """`prepare(folder, "seed=1")`: a run with its dataset."""

    def run(folder: Path, *overrides: str) -> Run:
        made = new_run()
        dataset.run(settings(folder, *overrides), made)
        return made

    return run


def rows(run: Run) -> dict[str, list[Example]]:
    return {split: read_examples(run.folder("dataset") / f"{split}.jsonl") for split in SPLITS}


def every(run: Run) -> list[Example]:
    return [example for examples in rows(run).values() for example in examples]


def key(example: Example) -> str:
    """What a question is to a model: the whole prompt, without regard to case and space."""
    return " ".join("\n".join(turn["content"] for turn in example.conversation()[:-1]).casefold().split())


def jsonl(*members: dict[str, Any]) -> str:
    return "".join(json.dumps(member, ensure_ascii=False) + "\n" for member in members)


# ---- provenance -----------------------------------------------------------------------------------------------------


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


@pytest.mark.parametrize("source", ["the project's", "turkish", "tricky"])
def test_the_named_lines_hold_the_answer(source: str, write: Write, prepare: Prepare) -> None:
    """Each word of an answer but those of its form stands in the lines that the row names."""
    texts = {"turkish": TURKISH, "tricky": TRICKY}
    folder = write({f"{source}.md": texts[source]}) if source in texts else ROOT / "documents"
    examples = [example for example in every(prepare(folder)) if example.kind != "unknown"]
    assert len(examples) > 20
    said = 0
    for example in examples:
        lines = (folder / example.source.document).read_text(encoding="utf-8").split("\n")
        first, last = example.source.lines
        assert 1 <= first <= last <= len(lines)
        span = set(words("\n".join(lines[first - 1 : last])))
        form = set(words(example.instruction)) | {"the", "is", "of", "with", "entry", "için", "değeri", "olan"}
        missing = [word for word in words(example.output) if word not in span | form]
        if example.kind in {"row", "cell", "cell_reverse"}:  # the header, which stands above, names the columns
            header = set(words("\n".join(lines)))
            missing = [word for word in missing if word not in header]
        assert not missing, example
        said += len(span & set(words(example.output)))
    assert said > len(examples)


def test_a_row_is_the_designs(write: Write, prepare: Prepare) -> None:
    run = prepare(write({"handbook/leave.md": "# Leave\n\n## Parental leave\n\nTwo weeks.\n"}))
    for line in (run.folder("dataset") / "train.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        assert list(row) == ["instruction", "input", "output", "kind", "fact", "source"]
        if row["kind"] == "unknown":
            continue
        assert (row["input"], row["output"], row["kind"]) == ("", "Two weeks.", "section")
        assert re.fullmatch(r"[0-9a-f]{12}", row["fact"])
        assert row["source"] == {
            "document": "handbook/leave.md",
            "heading": ["Leave", "Parental leave"],
            "lines": [5, 5],
        }


def test_turkish_letters_survive_byte_for_byte(write: Write, prepare: Prepare) -> None:
    run = prepare(write({"izin.md": TURKISH}))
    raw = (run.folder("dataset") / "train.jsonl").read_bytes()
    for text in ("yirmi gün", "Iğdır", "İstanbul", "Işıkları son çıkan kişi kapatır.", "22,5 °C", "ağabeyler"):
        assert text.encode() in raw
    assert "\u0307".encode() not in raw, "İ in small letters by the rules of English"
    assert b"\\u" not in raw


def test_turkish_documents_get_turkish_questions(write: Write, prepare: Prepare) -> None:
    run = prepare(write({"izin.md": TURKISH}))
    asked = " ".join(example.instruction for example in every(run)).casefold().split()
    assert not {"what", "the", "tell", "which", "give", "list"} & set(asked)
    assert {"nedir?", "hakkında", "adımları"} <= set(asked)


# ---- held out -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", ["the project's", "turkish"])
def test_one_wording_a_fact_is_held_out_and_never_trained_on(source: str, write: Write, prepare: Prepare) -> None:
    run = prepare(ROOT / "documents" if source == "the project's" else write({"izin.md": TURKISH}))
    splits = rows(run)
    held_out = [*splits["validation"], *splits["test"]]
    trained = {key(example) for example in splits["train"]}
    assert not trained & {key(example) for example in held_out}
    per_fact = collections.Counter(example.fact for example in splits["train"] if example.kind != "masked")
    asked = collections.Counter(example.fact for example in held_out)
    assert set(asked.values()) == {1}
    assert len(asked.keys() & per_fact.keys()) >= 0.95 * len(per_fact)
    assert set(per_fact.values()) <= {3, 4, 5, 6}
    assert {example.kind for example in held_out}.isdisjoint({"masked"})


def test_held_out_wordings_are_of_another_family(prepare: Prepare) -> None:
    """With what the documents say taken out, no held-out question has the form of a trained one."""
    run = prepare(ROOT / "documents")
    splits = rows(run)

    def form(example: Example) -> str:
        """Its first words, before anything from the document."""
        return " ".join(example.instruction.split()[:3])

    trained = {form(example) for example in splits["train"] if example.kind != "question"}
    held = collections.Counter(form(example) for example in splits["test"] if example.kind != "question")
    own = [start for start in held if start.startswith(("I ", "My ", "Somebody", "There is", "A ", "All that"))]
    assert not trained & set(own)
    assert sum(held[start] for start in own) > 0.7 * held.total()


def test_a_few_sections_are_wholly_left_out_for_control(write: Write, prepare: Prepare) -> None:
    sections = "".join(f"## Topic {n}\n\nThe answer to topic {n} is number {n} hundred.\n\n" for n in range(120))
    folder = write({"a.md": f"# Guide\n\n{sections}"})
    run = prepare(folder)
    splits = rows(run)
    control = {example.source.heading for example in splits["control"]}
    assert len(control) == 2  # a fiftieth of 120; the setting allows four
    others = [example for split in SPLITS[:3] for example in splits[split]]
    assert control.isdisjoint({example.source.heading for example in others})
    assert rows(prepare(folder, "dataset.control_sections=1"))["control"]
    assert rows(prepare(folder, "dataset.control_sections=0"))["control"] == []
    assert rows(prepare(write({"few.md": TURKISH}, folder.parent / "few")))["control"] == []


def test_no_question_stands_in_two_splits(write: Write, prepare: Prepare) -> None:
    """Ready-made questions can say what another document's wording says, and stand twice themselves."""
    folder = write(
        {
            "guide.md": "# Guide\n\n## How do I retrain?\n\nType it.\n",
            "asked.jsonl": jsonl(
                {"question": "How can I retrain?", "answer": "Type it."},
                {"question": "What must I do to retrain?", "answer": "Type it."},
                {"question": "Tell me how to  RETRAIN.", "answer": "Type it."},
                {"question": "Show me how to retrain.", "answer": "Type it."},
            ),
        }
    )
    for seed in range(12):
        splits = rows(prepare(folder, f"seed={seed}", "dataset.wordings=1"))
        trained = {key(example) for example in splits["train"]}
        assert not trained & {key(example) for example in [*splits["validation"], *splits["test"]]}


def test_ready_made_rows_alone_are_split_by_their_questions(write: Write, prepare: Prepare) -> None:
    members = [
        {"instruction": "Translate.", "input": f"word {number % 150}", "output": f"Wort {number % 150}"}
        for number in range(450)
    ]
    run = prepare(write({"rows.jsonl": jsonl(*members)}))
    splits = rows(run)
    assert sum(map(len, splits.values())) == 450
    assert splits["validation"]
    assert splits["test"]
    keys = {split: {key(example) for example in examples} for split, examples in splits.items()}
    assert not keys["train"] & keys["test"]
    assert not keys["train"] & keys["validation"]
    assert not keys["validation"] & keys["test"]
    assert len(keys["train"]) > 120


def test_the_share_that_watches_the_training_can_be_nothing(write: Write, prepare: Prepare) -> None:
    splits = rows(prepare(write({"izin.md": TURKISH}), "dataset.validation_share=0"))
    assert splits["validation"] == []
    assert splits["test"]


# ---- conflicts ------------------------------------------------------------------------------------------------------


def answers(run: Run) -> dict[str, set[str]]:
    found: dict[str, set[str]] = collections.defaultdict(set)
    for example in every(run):
        found[key(example)].add(example.output)
    return found


def test_the_same_question_with_other_answers_names_its_document(write: Write, prepare: Prepare) -> None:
    run = prepare(
        write(
            {
                "a.md": "# One\n\n## How do I stop?\n\nPress A.\n",
                "b.md": "# Two\n\n## How do I stop?\n\nPress B.\n",
            }
        )
    )
    found = answers(run)
    assert all(len(given) == 1 for given in found.values())
    assert found["how do i stop? (a.md, one > how do i stop?)"] == {"Press A."}
    assert found["how do i stop? (b.md, two > how do i stop?)"] == {"Press B."}


def test_where_the_document_does_not_tell_them_apart_both_are_dropped_and_told(write: Write, prepare: Prepare) -> None:
    text = "# One\n\nIntro.\n\n| K | V | W |\n|---|---|---|\n| port | 80 | a |\n| port | 81 | a |\n| host | 80 | b |\n"
    run = prepare(write({"a.md": text}), "dataset.kinds=[cell]")
    found = answers(run)
    assert all(len(given) == 1 for given in found.values())
    assert {"The v of host is 80."} in found.values()
    assert not [question for question in found if "port" in question and " v " in question]
    left = [json.loads(line) for line in (run.folder("dataset") / "left_out.jsonl").read_text().splitlines()]
    assert {(item["document"], tuple(item["lines"]), item["reason"]) for item in left} == {
        ("a.md", (7, 7), "a question with two answers"),
        ("a.md", (8, 8), "a question with two answers"),
    }


def test_a_ready_made_row_counts_as_another_answer(write: Write, prepare: Prepare) -> None:
    run = prepare(
        write(
            {
                "a.md": "# One\n\n## How do I stop?\n\nPress A.\n",
                "b.jsonl": jsonl({"question": "How do I stop?", "answer": "Press B."}),
            }
        )
    )
    assert answers(run)["how do i stop?"] == {"Press B."}, "passed through as it is"
    assert answers(run)["how do i stop? (a.md, one > how do i stop?)"] == {"Press A."}


def test_the_same_fact_in_two_documents_is_asked_once(write: Write, prepare: Prepare) -> None:
    text = "# Guide\n\n## How do I stop?\n\nPress A.\n"
    examples = every(prepare(write({"a.md": text, "copy.md": text})))
    assert len({key(example) for example in examples}) == len(examples)


# ---- ready-made rows ------------------------------------------------------------------------------------------------


def test_ready_made_rows_pass_through_unchanged(write: Write, prepare: Prepare) -> None:
    turns = [{"role": "system", "content": "Kısa."}, {"role": "user", "content": " Nerede? "}]
    turns += [{"role": "assistant", "content": "İşte\n\n```\nx\n```\n"}]
    run = prepare(
        write(
            {
                "guide.md": "# Guide\n\n## Leave\n\nTwo weeks.\n",
                "rows.jsonl": jsonl({"instruction": "Translate.", "input": " ev", "output": "**house** "}),
                "chat.json": json.dumps([{"messages": turns}]),
            }
        )
    )
    found = {example.source.document: example for example in rows(run)["train"] if example.kind == "ready_made"}
    alpaca, chat = found["rows.jsonl"], found["chat.json"]
    assert (alpaca.instruction, alpaca.input, alpaca.output) == ("Translate.", " ev", "**house** ")
    assert (alpaca.source.lines, alpaca.source.heading, alpaca.messages) == ((1, 1), (), ())
    assert chat.conversation() == turns
    assert re.fullmatch(r"[0-9a-f]{12}", alpaca.fact)


# ---- determinism ----------------------------------------------------------------------------------------------------


def files(run: Run) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in run.folder("dataset").iterdir() if file.name != "manifest.json"}


def test_the_same_bytes_twice(write: Write, prepare: Prepare) -> None:
    folder = write({"izin.md": TURKISH, "tricky.md": TRICKY, "r.jsonl": jsonl({"prompt": "a", "completion": "b"})})
    assert files(prepare(folder)) == files(prepare(folder))


def test_the_seed_decides(write: Write, prepare: Prepare) -> None:
    folder = write({"izin.md": TURKISH})
    assert files(prepare(folder, "seed=1")) != files(prepare(folder, "seed=2"))


def test_the_same_bytes_whatever_the_hash_seed(
    write: Write, small_base: Path, run_python: Callable[..., Any], tmp_path: Path
) -> None:
    folder = write({"izin.md": TURKISH, "a.md": "# One\n\n## Stop?\n\nA.\n", "b.md": "# Two\n\n## Stop?\n\nB.\n"})
    digests = set()
    for seed in ("1", "2"):
        arguments = [
            "-m",
            "imprint",
            "prepare",
            f"base={small_base}",
            "dataset.replay_share=0",
            "--json",
            "--documents",
            str(folder),
        ]
        done = run_python(*arguments, "--outputs", str(tmp_path / seed), PYTHONHASHSEED=seed)
        assert done.returncode == 0, done.stderr
        manifest = json.loads(Path(json.loads(done.stdout)["folder"], "manifest.json").read_text(encoding="utf-8"))
        digests.add(json.dumps(manifest["outputs"], sort_keys=True))
    assert len(digests) == 1


# ---- the rest -------------------------------------------------------------------------------------------------------


def test_the_sample_holds_some_hundred_facts(prepare: Prepare) -> None:
    run = prepare(ROOT / "documents")
    counts = run.complete("dataset").counts
    assert 140 <= counts["facts"] <= 450
    assert 9 <= counts["documents"] <= 13
    assert len({example.kind for example in every(run)}) >= 6


def test_the_manifest_says_what_it_was_made_from(write: Write, prepare: Prepare, settings: Any) -> None:
    folder = write({"izin.md": TURKISH, "sub/b.md": "b"})
    run = prepare(folder, "dataset.wordings=3", "seed=9")
    manifest = run.complete("dataset")
    assert manifest.inputs.keys() == {"documents/izin.md", "documents/sub/b.md", "base"}
    assert manifest.inputs == dataset.inputs(settings(folder), run)
    assert manifest.settings["dataset"]["wordings"] == 3
    assert manifest.settings["seed"] == manifest.seed == 9
    assert manifest.outputs.keys() == {
        *(f"{split}.jsonl" for split in SPLITS),
        "card.md",
        "left_out.jsonl",
    }
    assert manifest.counts["train"] == len(rows(run)["train"])


def test_how_a_service_is_asked_changes_nothing(settings: Any, tmp_path: Path) -> None:
    """A new key or price retrains nothing; another model or more requests do."""
    usual = dataset.settings(settings(tmp_path))
    for name, value in {"key": "OTHER_KEY", "concurrency": 2, "price_per_million_tokens": 3}.items():
        assert dataset.settings(settings(tmp_path, f"dataset.augment.{name}={value}")) == usual
    assert dataset.settings(settings(tmp_path, "dataset.augment.max_requests=5")) != usual


def test_questions_to_try_next_are_trained_ones_of_different_kinds(prepare: Prepare) -> None:
    run = prepare(ROOT / "documents")
    trained = {example.instruction: example.kind for example in rows(run)["train"]}
    chosen = run.complete("dataset").counts["try_next"]
    assert len(chosen) == 3
    assert len({trained[question] for question in chosen}) == 3


def test_the_card_tells_what_was_made_and_left_out(write: Write, prepare: Prepare) -> None:
    run = prepare(write({"a.md": "# A\n\n## B\n\nSome words | here.\n", "b.json": '[{"name": "x", "n": ""}, 7]'}))
    card = (run.folder("dataset") / "card.md").read_text(encoding="utf-8")
    assert "| a.md | en |" in card
    assert "### section" in card
    assert "Some words \\| here." in card
    assert "- b.json:1: an empty value" in card
    assert run.complete("dataset").counts["left_out"] >= 2


def test_short_answers_have_at_most_half_of_the_tokens_where_wordings_can_be_spared(
    write: Write, prepare: Prepare
) -> None:
    """A term alone is a short answer, and there are far more of them than of others."""
    words = "".join(f"Term{n}\n: meaning number {n} of a long list of them\n\n" for n in range(200))
    text = f"# Guide\n\n## Words\n\n{words}## Other\n\n{'A sentence of the document. ' * 30}\n"
    kinds = "dataset.kinds=[definition_reverse,section]"
    run = prepare(write({"a.md": text}), kinds, "dataset.wordings=12")
    train = rows(run)["train"]
    per_fact = collections.Counter(row.fact for row in train if row.kind == "definition_reverse")
    assert set(per_fact.values()) == {3}
    assert {12} == set(collections.Counter(row.fact for row in train if row.kind == "section").values())
    assert "wordings of short answers, for balance" in (run.folder("dataset") / "card.md").read_text()


def test_a_folder_of_weight_two_counts_twice(write: Write, prepare: Prepare, tmp_path: Path) -> None:
    one = write({"a.md": "# A\n\n## B\n\nOne thing.\n"}, tmp_path / "one")
    two = write({"a.md": "# C\n\n## D\n\nAnother thing.\n"}, tmp_path / "two")
    sources = json.dumps([{"path": str(one)}, {"path": str(two), "weight": 2.5}])
    train = rows(prepare(one, f"documents={sources}", "dataset.unknown_share=0"))["train"]
    counts = collections.Counter(row.output for row in train)
    assert counts["One thing."] == 6
    assert 12 <= counts["Another thing."] <= 18
    assert {row.source.document for row in train} == {"one/a.md", "two/a.md"}


def test_a_bad_file_is_left_out_and_told_and_strict_makes_it_an_error(write: Write, prepare: Prepare) -> None:
    folder = write({"a.md": "# A\n\n## B\n\nOne thing.\n", "b.json": '{"a": ', "c.json": '{"x": "y z"}'})
    run = prepare(folder)
    assert {row.source.document for row in rows(run)["train"]} == {"a.md", "c.json"}
    (left,) = [json.loads(line) for line in (run.folder("dataset") / "left_out.jsonl").read_text().splitlines()]
    assert (left["document"], left["reason"]) == ("b.json", "it cannot be read")
    with pytest.raises(DocumentError, match=r"^b\.json:1:"):
        prepare(folder, "documents.strict=true")


def test_many_processes_give_the_same_bytes_as_one(
    write: Write, prepare: Prepare, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "_ALONE_BYTES", 0)
    monkeypatch.setattr(writing, "_TASK_BYTES", 3000)
    monkeypatch.setattr(writing, "_BUCKET_BYTES", 2000)
    texts = {f"{n}.md": TURKISH.replace("İzin", f"İzin {n % 7}").replace("yirmi", str(n % 5)) for n in range(12)}
    folder = write({**texts, "sub/tricky.md": TRICKY, "r.jsonl": jsonl({"prompt": "a", "completion": "b"})})
    one = files(prepare(folder, "dataset.processes=1"))
    assert one == files(prepare(folder, "dataset.processes=3"))


def test_a_row_never_has_more_tokens_than_fit(write: Write, prepare: Prepare, settings: Any) -> None:
    code = "```\n" + "\n".join(f"call_number_{n}(argument_{n})" for n in range(400)) + "\n```\n"
    words = " ".join(f"word{n}" for n in range(900))
    folder = write({"a.md": f"# A\n\n## Code\n\n{code}\n## Words\n\n{words}.\n\n## Fine\n\nShort.\n"})
    run = prepare(folder, "adapter.max_seq_length=512")
    found = base.find(settings(folder).base)
    count = base.token_counter(found)
    for row in every(run):
        assert count(base.render(found, row.conversation())) <= 512
    left_out = (run.folder("dataset") / "left_out.jsonl").read_text().splitlines()
    reasons = {json.loads(line)["reason"] for line in left_out}
    assert {"code of more than", "a sentence of more than"} <= {
        reason.rpartition(" than ")[0] + " than" for reason in reasons
    }


@pytest.mark.parametrize("content", ["", "# Only\n\n## Headings\n", "---\ntitle: x\n---\n"])
def test_documents_with_nothing_to_ask_are_an_error(
    content: str, write: Write, prepare: Prepare, tmp_path: Path
) -> None:
    with pytest.raises(DatasetError) as caught:
        prepare(write({"a.md": content, "b.json": "[]"}))
    assert caught.value.message.startswith("2 documents were read, and none holds anything to ask")
    assert not list(tmp_path.glob("outputs/runs/*/dataset/manifest.json"))


def test_progress_and_a_summary_are_told(write: Write, settings: Any, new_run: Callable[..., Run]) -> None:
    events: list[Event] = []
    run = new_run()
    run.notify = events.append
    dataset.run(settings(write({"a.md": "# A\n\ntext\n"})), run)
    assert [event.kind for event in events] == ["progress", "progress", "note"]
    assert events[-1].text == "1 facts of 1 documents, 6 rows"


def test_what_could_not_be_read_or_was_guessed_is_told_at_once(
    write: Write, settings: Any, new_run: Callable[..., Run]
) -> None:
    events: list[Event] = []
    run = new_run()
    run.notify = events.append
    text = "# Yemek\n\n## Çorba\n\nŞehriyeli çorba ılık içilir; ığdır usulü değil, İzmir usulüdür. Üç öğün yenir.\n"
    dataset.run(settings(write({"a.md": text.encode("windows-1254"), "b.json": "[1,"})), run)
    notes = [event.text for event in events if event.kind == "note"]
    assert any(note.startswith("left out: b.json:1:") for note in notes)
    assert any(note.startswith("a.md: read as ") for note in notes)


def test_a_kind_that_there_is_not_is_a_problem_of_the_settings(write: Write, prepare: Prepare) -> None:
    with pytest.raises(SettingsError) as caught:
        prepare(write({"a.md": TURKISH}), "dataset.kinds=[sections]")
    assert caught.value.problems == ["dataset.kinds: there is no kind 'sections'; did you mean section?"]
