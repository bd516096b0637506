"""BERTScore over an encoder that is made here: a BERT of three layers that was never trained."""

from pathlib import Path

import pytest
from tests.conftest import NoNetwork

from imprint.errors import InputError
from imprint.evaluation.similarity import bert_scores

WORDS = ["the", "a", "of", "cat", "dog", "sat", "on", "mat", "runs", "fast", "7", "days", "leave", "is"]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder = tmp_path_factory.mktemp("encoder")
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
    (folder / "vocab.txt").write_text("\n".join(vocabulary), encoding="utf-8")
    BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder)
    sizes = {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 64}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        BertModel(BertConfig(vocab_size=len(vocabulary), max_position_embeddings=40, **sizes)).save_pretrained(folder)
    return folder


def test_the_same_text_scores_one_and_another_less(encoder: Path) -> None:
    same, near, far = bert_scores(
        str(encoder),
        ["the cat sat on the mat", "the cat sat on the mat", "the cat sat on the mat"],
        ["the cat sat on the mat", "the cat sat on a mat", "7 days of leave"],
    )
    assert same == pytest.approx(1.0, abs=1e-5)
    assert far < near < 0.999


def test_expected_and_given_may_change_places(encoder: Path) -> None:
    one, other = ["the cat sat", "dog"], ["a dog runs fast on the mat", "7 days"]
    assert bert_scores(str(encoder), one, other) == pytest.approx(bert_scores(str(encoder), other, one), abs=1e-5)


def test_each_score_is_that_of_the_text_alone_in_order(encoder: Path) -> None:
    """Padding and order of length, in more than one batch, change nothing."""
    expected = [" ".join(WORDS[start % 9 : start % 9 + 1 + start % 5]) for start in range(40)]
    given = [" ".join(WORDS[start % 4 : start % 4 + 1 + start % 7]) for start in range(40)]
    seen: list[int] = []
    together = bert_scores(str(encoder), expected, given, seen.append)
    for place in (0, 13, 39):
        alone = bert_scores(str(encoder), [expected[place]], [given[place]])
        assert together[place] == pytest.approx(alone[0], abs=1e-5)
    assert seen == [32, 40]


def test_an_empty_text_scores_nothing_and_two_of_them_are_the_same(encoder: Path) -> None:
    scores = bert_scores(str(encoder), ["", " ", "the cat", "the cat"], ["", "the cat", "\n", "the cat"])
    assert scores == pytest.approx([1.0, 0.0, 0.0, 1.0], abs=1e-5)
    assert bert_scores(str(encoder), [], []) == []


def test_a_text_beyond_the_encoders_positions_is_cut(encoder: Path) -> None:
    (score,) = bert_scores(str(encoder), ["the cat " * 500], ["the cat " * 700])
    assert score == pytest.approx(1.0, abs=1e-5)


def test_precision_and_recall_are_as_the_paper_has_them(encoder: Path) -> None:
    """Greedy matching by cosine, without the marks at both ends, of the layer three quarters up."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    expected, given = "the cat sat on the mat", "dog runs fast"
    tokenizer, model = AutoTokenizer.from_pretrained(encoder), AutoModel.from_pretrained(encoder)
    with torch.inference_mode():
        gold, said = (
            torch.nn.functional.normalize(
                model(**tokenizer(text, return_tensors="pt"), output_hidden_states=True).hidden_states[3][0], dim=-1
            )
            for text in (expected, given)
        )
    alike = gold @ said.T
    recall = sum(float(max(row)) for row in alike[1:-1]) / 6
    precision = sum(float(max(row)) for row in alike.T[1:-1]) / 3
    f1 = 2 * precision * recall / (precision + recall)
    assert bert_scores(str(encoder), [expected], [given]) == pytest.approx([f1], abs=1e-5)


def test_a_folder_without_an_encoder_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"evaluation\.bert_score is") as caught:
        bert_scores(str(tmp_path), ["a"], ["b"])
    assert "--local-dir" in caught.value.hint


def test_a_name_on_the_hub_is_told_at_once_where_there_is_no_network(no_network: NoNetwork) -> None:
    with pytest.raises(InputError, match="'nobody/no-encoder'"):
        bert_scores("nobody/no-encoder", ["a"], ["b"])
    assert len(no_network.take()) <= 2  # not a minute of them
